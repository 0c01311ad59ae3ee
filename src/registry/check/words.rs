//! What a defect means and what to do about it, in sentences for whoever runs the registry.

use std::fmt;

use crate::oci::Digest;

use super::defect::{Damage, Defect, Remedy, UploadDamage};

impl fmt::Display for Defect {
    /// What is wrong, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Defect::Rotten { digest, size } => write!(f, "the {size} bytes of {digest} do not hash to that name"),
            Defect::EmptyBlob { digest } => write!(f, "the directory of {digest} is empty"),
            Defect::Foreign { .. } => f.write_str("something that is not the registry's lies beside a content"),
            Defect::TrashOrphan { digest, batch, size } => {
                write!(f, "the {size} bytes of {digest} are in the trash for the batch {batch}, which is gone")
            }
            Defect::InTrash { repository, digest } => {
                write!(f, "{repository} has a link to {digest}, whose content is in the trash")
            }
            Defect::Stray { .. } => f.write_str("a file that was begun more than a day ago and never finished"),
            Defect::LayerDamaged { repository, digest, damage } => {
                write!(f, "the link of {repository} to the blob {digest} {damage}")
            }
            Defect::LayerDangling { repository, digest } => {
                write!(f, "{repository} has a link to the blob {digest}, whose content is gone")
            }
            Defect::RevisionDamaged { repository, digest, damage } => {
                write!(f, "the link of {repository} to the manifest {digest} {damage}")
            }
            Defect::RevisionDangling { repository, digest } => {
                write!(f, "{repository} has a link to the manifest {digest}, whose content is gone")
            }
            Defect::NotAManifest { repository, digest } => {
                write!(f, "{digest} is linked as a manifest in {repository}, and nothing says that it is one")
            }
            Defect::Incomplete { repository, digest, missing, missing_count, .. } => {
                let named: Vec<String> = missing.iter().map(Digest::to_string).collect();
                write!(f, "the manifest {digest} in {repository} refers to what is missing: {}", named.join(", "))?;
                match missing_count - missing.len() {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Defect::TagDamaged { repository, tag, damage, .. } => {
                write!(f, "the link of the tag {repository}:{tag} {damage}")
            }
            Defect::TagNowhere { repository, tag, digest } => {
                write!(f, "the tag {repository}:{tag} points at {digest}, which the repository cannot serve")
            }
            Defect::TagUnlisted { repository, tag, digest } => {
                write!(f, "the history of the tag {repository}:{tag} does not list {digest}, which it points at")
            }
            Defect::ReferrerMissing { repository, subject, digest } => {
                write!(f, "{digest} in {repository} refers to {subject} and is not noted there")
            }
            Defect::ReferrerWrong { repository, subject, digest } => {
                write!(
                    f,
                    "the note that {digest} in {repository} refers to {subject} is damaged or about something else"
                )
            }
            Defect::ReferrerOrphan { repository, subject, digest } => {
                write!(f, "there is a note that {digest} refers to {subject}, but {repository} does not hold it")
            }
            Defect::TypeDamaged { repository, digest } => {
                write!(f, "the note of the type of {digest} in {repository} is damaged")
            }
            Defect::TypeOrphan { repository, digest } => {
                write!(f, "there is a note of the type of {digest}, but {repository} does not hold it")
            }
            Defect::UploadDamaged { repository, upload, damage } => match damage {
                UploadDamage::NoStart => write!(f, "the upload {upload} in {repository} does not say when it began"),
                UploadDamage::Short => {
                    write!(f, "the upload {upload} in {repository} has fewer bytes than were hashed")
                }
            },
            Defect::Unsettled { digest, size } => {
                write!(f, "the blob {digest} of {size} bytes was pushed before the last stop and is not in its place")
            }
            Defect::Unreadable { reason, .. } => write!(f, "it cannot be read: {reason}"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Empty => f.write_str("is empty"),
            Damage::NoDigest => f.write_str("holds no digest"),
            Damage::Names(other) => write!(f, "holds another digest, {other}"),
        }
    }
}

impl Defect {
    /// What it means for those who pull and push.
    pub fn means(&self) -> String {
        let means = match self {
            Defect::Rotten { .. } => {
                "Clients that pull it refuse what they get, or are told that it is not there. The disk or the memory of the \
                 machine has changed it."
            }
            Defect::EmptyBlob { .. } | Defect::Stray { .. } => "It takes a little room and does no harm.",
            Defect::TrashOrphan { .. } => "It takes room that emptying the trash does not free.",
            Defect::InTrash { .. } => {
                "Whoever asks for it gets it back, unless the registry is read-only; when the trash is emptied it is lost."
            }
            Defect::Foreign { .. } => "It is neither served nor removed.",
            Defect::LayerDamaged { .. } => {
                "The repository does not serve the blob. registry:2 leaves such links when it is stopped hard."
            }
            Defect::LayerDangling { .. } => "The blob counts as absent. No manifest of the repository needs it.",
            Defect::RevisionDamaged { .. } => "The repository does not serve the manifest.",
            Defect::RevisionDangling { .. } => {
                "The manifest counts as absent, and registry:2's garbage collection stops at it."
            }
            Defect::NotAManifest { .. } => "Who asks for it is answered 500.",
            Defect::Incomplete { tags, .. } => {
                let named: Vec<&str> = tags.iter().map(|tag| tag.as_str()).collect();
                return match named.as_slice() {
                    [] => "It cannot be pulled whole. No tag leads to it.".to_owned(),
                    [tag] => format!("The tag {tag} cannot be pulled whole."),
                    tags => format!("These tags cannot be pulled whole: {}.", tags.join(", ")),
                };
            }
            Defect::TagDamaged { newest: Some(newest), .. } => {
                return format!("The tag counts as absent. The newest in its history that is still there is {newest}.");
            }
            Defect::TagDamaged { newest: None, .. } => {
                "The tag counts as absent, and nothing that it pointed at is there any more."
            }
            Defect::TagNowhere { .. } => "The tag is listed, but cannot be pulled.",
            Defect::TagUnlisted { .. } => {
                "It can be pulled, but registry:2's garbage collection goes by the history and may remove what it points at."
            }
            Defect::ReferrerMissing { .. } => "It can be pulled, but is not listed as a referrer of its subject.",
            Defect::ReferrerWrong { .. } => {
                "It is listed as a referrer by what the manifest itself says, or not at all."
            }
            Defect::ReferrerOrphan { .. } | Defect::TypeOrphan { .. } => {
                "It is not looked at any more and does no harm."
            }
            Defect::TypeDamaged { .. } => "The manifest is served as what its bytes say, if they say it.",
            Defect::UploadDamaged { .. } => "Its client may have to begin anew. What is finished is not touched by it.",
            Defect::Unsettled { .. } => {
                "The next start of the server hashes it and puts it in its place if it is whole."
            }
            Defect::Unreadable { .. } => {
                "It is not known whether it is well, and who asks for it is answered 500. The disk may be failing, or the \
                 file may belong to another user."
            }
        };
        means.to_owned()
    }

    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Defect::Rotten { .. } => {
                Remedy::Repair("moves it aside into wharf/quarantine, so that the next push of it makes it whole")
            }
            Defect::EmptyBlob { .. } => Remedy::Repair("removes the directory"),
            Defect::TrashOrphan { .. } => Remedy::Repair(
                "removes it, or, if the content is not in its place, puts it there, where the next collection finds it",
            ),
            Defect::InTrash { .. } => Remedy::Repair("brings it back"),
            Defect::Foreign { .. } => Remedy::ByHand("Move it away if you know what it is."),
            Defect::Stray { .. } => Remedy::Repair("removes the file"),
            Defect::LayerDamaged { .. } | Defect::LayerDangling { .. } => {
                Remedy::Repair("removes the link; the next push of the blob makes it anew")
            }
            Defect::RevisionDamaged { .. } | Defect::RevisionDangling { .. } => {
                Remedy::Repair("removes the link; the next push of the manifest makes it anew")
            }
            Defect::NotAManifest { .. } => Remedy::ByHand("Push it again, or delete it by its digest."),
            Defect::Incomplete { .. } => Remedy::ByHand("Push the image again from where it was built, or delete it."),
            Defect::TagDamaged { newest: Some(_), .. } => {
                Remedy::ByHand("Push the tag again; if that digest is the right one, put its manifest under the tag.")
            }
            Defect::TagDamaged { newest: None, .. } | Defect::TagNowhere { .. } => {
                Remedy::ByHand("Push the tag again, or delete it.")
            }
            Defect::TagUnlisted { .. } => Remedy::Repair("adds it to the history"),
            Defect::ReferrerMissing { .. } => Remedy::Repair("notes it"),
            Defect::ReferrerWrong { .. } => Remedy::Repair("makes the note anew from the manifest, or removes it"),
            Defect::ReferrerOrphan { .. } | Defect::TypeDamaged { .. } | Defect::TypeOrphan { .. } => {
                Remedy::Repair("removes the note")
            }
            Defect::UploadDamaged { .. } => {
                Remedy::ByHand("Nothing has to be done: it is purged with other uploads that nobody finished.")
            }
            Defect::Unsettled { .. } => Remedy::ByHand("Nothing has to be done: start the server."),
            Defect::Unreadable { .. } => {
                Remedy::ByHand("Look at the system's log for errors of the disk, and at who owns the file.")
            }
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self.remedy() {
            Remedy::Repair(does) => format!("--repair {does}."),
            Remedy::ByHand(help) => help.to_owned(),
        }
    }
}
