//! One of every defect, made on a volume that is whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::oci::{Algorithm, Digest, MediaType};
use crate::registry::samples::{described, digest, image, index, name, new, push, put, tag};
use crate::registry::{BatchId, Registry, UploadId, layout};
use crate::storage::Key;

use super::{Damage, Defect, UploadDamage};

/// The kinds of defects, one for each variant of [`Defect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rotten,
    EmptyBlob,
    TrashOrphan,
    InTrash,
    Foreign,
    Stray,
    LayerDamaged,
    LayerDangling,
    RevisionDamaged,
    RevisionDangling,
    NotAManifest,
    Incomplete,
    TagDamaged,
    TagNowhere,
    TagUnlisted,
    ReferrerMissing,
    ReferrerWrong,
    ReferrerOrphan,
    TypeDamaged,
    TypeOrphan,
    UploadDamaged,
    Unsettled,
    Unreadable,
}

impl Kind {
    const COUNT: usize = Kind::Unreadable as usize + 1;

    /// All of them. A kind that is missing here does not compile, and neither does a defect that has no kind.
    pub(super) const ALL: [Kind; Kind::COUNT] = [
        Kind::Rotten,
        Kind::EmptyBlob,
        Kind::TrashOrphan,
        Kind::InTrash,
        Kind::Foreign,
        Kind::Stray,
        Kind::LayerDamaged,
        Kind::LayerDangling,
        Kind::RevisionDamaged,
        Kind::RevisionDangling,
        Kind::NotAManifest,
        Kind::Incomplete,
        Kind::TagDamaged,
        Kind::TagNowhere,
        Kind::TagUnlisted,
        Kind::ReferrerMissing,
        Kind::ReferrerWrong,
        Kind::ReferrerOrphan,
        Kind::TypeDamaged,
        Kind::TypeOrphan,
        Kind::UploadDamaged,
        Kind::Unsettled,
        Kind::Unreadable,
    ];

    pub(super) fn of(defect: &Defect) -> Kind {
        match defect {
            Defect::Rotten { .. } => Kind::Rotten,
            Defect::EmptyBlob { .. } => Kind::EmptyBlob,
            Defect::TrashOrphan { .. } => Kind::TrashOrphan,
            Defect::InTrash { .. } => Kind::InTrash,
            Defect::Foreign { .. } => Kind::Foreign,
            Defect::Stray { .. } => Kind::Stray,
            Defect::LayerDamaged { .. } => Kind::LayerDamaged,
            Defect::LayerDangling { .. } => Kind::LayerDangling,
            Defect::RevisionDamaged { .. } => Kind::RevisionDamaged,
            Defect::RevisionDangling { .. } => Kind::RevisionDangling,
            Defect::NotAManifest { .. } => Kind::NotAManifest,
            Defect::Incomplete { .. } => Kind::Incomplete,
            Defect::TagDamaged { .. } => Kind::TagDamaged,
            Defect::TagNowhere { .. } => Kind::TagNowhere,
            Defect::TagUnlisted { .. } => Kind::TagUnlisted,
            Defect::ReferrerMissing { .. } => Kind::ReferrerMissing,
            Defect::ReferrerWrong { .. } => Kind::ReferrerWrong,
            Defect::ReferrerOrphan { .. } => Kind::ReferrerOrphan,
            Defect::TypeDamaged { .. } => Kind::TypeDamaged,
            Defect::TypeOrphan { .. } => Kind::TypeOrphan,
            Defect::UploadDamaged { .. } => Kind::UploadDamaged,
            Defect::Unsettled { .. } => Kind::Unsettled,
            Defect::Unreadable { .. } => Kind::Unreadable,
        }
    }
}

/// A volume on which something is broken. Its blobs are in their places as soon as they are pushed.
pub(super) struct Broken<'a> {
    pub(super) registry: &'a Registry,
    pub(super) root: &'a Path,
}

impl Broken<'_> {
    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn write(&self, key: &Key, content: impl AsRef<[u8]>) {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn remove(&self, key: &Key) {
        fs::remove_file(self.path(key)).unwrap();
    }

    fn remove_all(&self, key: &Key) {
        fs::remove_dir_all(self.path(key)).unwrap();
    }

    /// Makes a defect of a kind, in a repository of its own, and says what a check has to find.
    pub(super) async fn make(&self, kind: Kind) -> Defect {
        let (registry, label) = (self.registry, format!("{kind:?}").to_lowercase());
        let repository = name(&format!("broken/{label}"));
        // A whole image, without a tag, and another that is its referrer.
        let layer = push(registry, &repository, format!("layer of {label}").as_bytes()).await;
        let config = push(registry, &repository, format!("{{\"config\":\"{label}\"}}").as_bytes()).await;
        let whole = image(config, &[layer]);
        let manifest = put(registry, &repository, new(&whole, &[])).await;
        let mut about = whole.clone();
        about["subject"] = described(MediaType::OCI_MANIFEST, manifest);
        let referrer = put(registry, &repository, new(&about, &[])).await;
        registry.complete_referrers().await.unwrap();
        // Nothing refers to this one.
        let loose = push(registry, &repository, format!("loose in {label}").as_bytes()).await;
        let nothing = digest(format!("nothing of {label}"));
        let size = format!("loose in {label}").len() as u64;
        match kind {
            Kind::Rotten => {
                self.write(&layout::blob(&loose), vec![b'x'; usize::try_from(size).unwrap()]);
                Defect::Rotten { digest: loose, size }
            }
            Kind::EmptyBlob => {
                fs::create_dir_all(self.path(&layout::blob_directory(&nothing))).unwrap();
                Defect::EmptyBlob { digest: nothing }
            }
            Kind::TrashOrphan => {
                let batch: BatchId = "20010909T014640.000Z-1f2e3d4c".parse().unwrap();
                self.write(&layout::trashed_blob(&nothing, &batch), format!("nothing of {label}"));
                Defect::TrashOrphan { digest: nothing, batch, size: format!("nothing of {label}").len() as u64 }
            }
            Kind::InTrash => {
                let batch: BatchId = "20010909T014640.000Z-5a6b7c8d".parse().unwrap();
                self.write(&layout::batch_log(&batch), "");
                let (from, to) = (layout::blob(&loose), layout::trashed_blob(&loose, &batch));
                fs::rename(self.path(&from), self.path(&to)).unwrap();
                Defect::InTrash { repository, digest: loose }
            }
            Kind::Foreign => {
                let key = layout::blob_directory(&loose).child("notes.txt");
                self.write(&key, "keep me");
                Defect::Foreign { path: key.to_string() }
            }
            Kind::Stray => {
                let path = layout::layers(&repository, Algorithm::Sha256)
                    .descend([loose.hex().as_str(), "link.0196f0c4-5f5f-4a7e-8a35-2d9b3c1f8f11.tmp"]);
                self.write(&path, "sha2");
                Defect::Stray { path }
            }
            Kind::LayerDamaged => {
                self.write(&layout::layer_link(&repository, &loose), layer.to_string());
                Defect::LayerDamaged { repository, digest: loose, damage: Damage::Names(layer) }
            }
            Kind::LayerDangling => {
                self.remove_all(&layout::blob_directory(&loose));
                Defect::LayerDangling { repository, digest: loose }
            }
            Kind::RevisionDamaged => {
                self.write(&layout::revision_link(&repository, &nothing), "");
                Defect::RevisionDamaged { repository, digest: nothing, damage: Damage::Empty }
            }
            Kind::RevisionDangling => {
                self.write(&layout::revision_link(&repository, &nothing), nothing.to_string());
                Defect::RevisionDangling { repository, digest: nothing }
            }
            Kind::NotAManifest => {
                self.write(&layout::revision_link(&repository, &loose), loose.to_string());
                Defect::NotAManifest { repository, digest: loose }
            }
            Kind::Incomplete => {
                let broken = put(registry, &repository, new(&image(loose, &[layer]), &["direct"])).await;
                put(registry, &repository, new(&index(&[broken]), &["by-index"])).await;
                self.remove(&layout::layer_link(&repository, &loose));
                let tags = vec![tag("by-index"), tag("direct")];
                Defect::Incomplete { repository, digest: broken, missing: vec![loose], missing_count: 1, tags }
            }
            Kind::TagDamaged => {
                let (of, later) = (tag("v1"), put(registry, &repository, new(&image(loose, &[]), &["v1"])).await);
                let earlier = put(registry, &repository, new(&whole, &["v1"])).await;
                // Clocks tick more slowly than puts follow each other.
                let past = SystemTime::now() - Duration::from_secs(60);
                let listed =
                    fs::File::options().write(true).open(self.path(&layout::tag_index(&repository, &of, &earlier)));
                listed.unwrap().set_modified(past).unwrap();
                self.write(&layout::tag_current(&repository, &of), "latest");
                Defect::TagDamaged { repository, tag: of, damage: Damage::NoDigest, newest: Some(later) }
            }
            Kind::TagNowhere => {
                let lost = put(registry, &repository, new(&image(loose, &[]), &["v1"])).await;
                self.remove(&layout::revision_link(&repository, &lost));
                Defect::TagNowhere { repository, tag: tag("v1"), digest: lost }
            }
            Kind::TagUnlisted => {
                let lost = put(registry, &repository, new(&image(loose, &[]), &["v1"])).await;
                self.remove(&layout::tag_index(&repository, &tag("v1"), &lost));
                Defect::TagUnlisted { repository, tag: tag("v1"), digest: lost }
            }
            Kind::ReferrerMissing => {
                self.remove(&layout::referrer(&repository, &manifest, &referrer));
                Defect::ReferrerMissing { repository, subject: manifest, digest: referrer }
            }
            Kind::ReferrerWrong => {
                self.write(&layout::referrer(&repository, &manifest, &referrer), "{}");
                Defect::ReferrerWrong { repository, subject: manifest, digest: referrer }
            }
            Kind::ReferrerOrphan => {
                self.write(&layout::referrer(&repository, &manifest, &nothing), "{}");
                Defect::ReferrerOrphan { repository, subject: manifest, digest: nothing }
            }
            Kind::TypeDamaged => {
                self.write(&layout::manifest_type(&repository, &manifest), "no type");
                Defect::TypeDamaged { repository, digest: manifest }
            }
            Kind::TypeOrphan => {
                self.write(&layout::manifest_type(&repository, &nothing), MediaType::OCI_MANIFEST);
                Defect::TypeOrphan { repository, digest: nothing }
            }
            Kind::UploadDamaged => {
                let upload: UploadId = "0196f0c4-5f5f-4a7e-8a35-2d9b3c1f8f11".parse().unwrap();
                self.write(&layout::upload_data(&repository, &upload), "ab");
                self.write(&layout::upload_started(&repository, &upload), "2024-05-06T07:08:09Z");
                let states = layout::hash_states(&repository, &upload, Algorithm::Sha256);
                self.write(&states.child("3"), "state");
                Defect::UploadDamaged { repository, upload, damage: UploadDamage::Short }
            }
            Kind::Unsettled => {
                self.write(&layout::unsettled(&nothing), "nothing");
                Defect::Unsettled { digest: nothing, size: 7 }
            }
            Kind::Unreadable => {
                Defect::Unreadable { path: layout::blob(&loose).to_string(), reason: unreadable(&loose) }
            }
        }
    }
}

/// What is said of a blob that a broken disk does not give back.
fn unreadable(digest: &Digest) -> String {
    format!("the storage failed: cannot open {}: Input/output error (os error 5)", layout::blob(digest))
}
