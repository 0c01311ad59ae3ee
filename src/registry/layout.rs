//! Where everything is kept. The one place that spells a key.
//!
//! ```text
//! docker/registry/v2/                                                    the tree of registry:2, shared with it
//!   blobs/<alg>/<2 hex>/<hex>/data                                       every blob and every manifest, once
//!   blobs/<alg>/<2 hex>/<hex>/data.<batch>                               the same, in the trash
//!   repositories/<name>/
//!     _layers/<alg>/<hex>/link                                           this repository may serve that blob
//!     _manifests/revisions/<alg>/<hex>/link                              … and that manifest
//!     _manifests/tags/<tag>/current/link                                 tag -> digest
//!     _manifests/tags/<tag>/index/<alg>/<hex>/link                       what the tag has pointed at
//!     _uploads/<uuid>.small                                              what has arrived of a small upload, for a moment
//!     _uploads/<uuid>/startedat                                          when the upload began
//!     _uploads/<uuid>/data                                               what has arrived of it
//!     _uploads/<uuid>/hashstates/<alg>/<offset>                          the running hash after that many bytes
//! wharf/                                                                 ours alone, derived or harmless to lose
//!   repositories/<name>/
//!     _referrers/<alg>/<hex of subject>/<alg>:<hex>                      a manifest that refers to the subject
//!     _types/<alg>:<hex>                                                 a manifest's media type, if its bytes do not say it
//!     _left/<alg>:<hex>                                                  when a manifest lost what it belonged to
//!     _history/<tag>+                                                    the moves of a tag, one JSON text for each line
//!     _looked/<alg>                                                      which manifests have been looked at for a subject
//!     _pulls                                                             when its tags and manifests were pulled last, and how often
//!     _gone                                                              when a collection saw that nothing is left of it
//!   collected                                                            when garbage was collected last, of how much
//!   collecting-since                                                     when the first collection's process began
//!   trash/<batch>/
//!     log                                                                what one action has removed
//!     repositories/<name>/{_manifests,_layers}                           a repository that was removed as a whole
//!   unsettled/<alg>:<hex>                                                a blob that would not survive a power cut yet
//!   quarantine/<alg>/<hex>                                               what has rotted, moved aside by a check
//!   scrubbed                                                             when the server last ended a check by itself
//!   counted-since                                                        when the counting of pulls began
//!   counted-until                                                        until when they were counted
//! ```
//!
//! A component that starts with `_` cannot be part of a repository's name, so `a/_layers` is never the repository
//! `a/_layers`.

use crate::oci::{Algorithm, Digest, RepositoryName, Tag};
use crate::storage::Key;

use super::{BatchId, UploadId};

/// The directory of repositories, to be walked.
pub(super) const MANIFESTS: &str = "_manifests";
/// Below that, the manifests that the repository holds, its tags, and of a tag what it has pointed at and where it points.
pub(super) const REVISIONS: &str = "revisions";
pub(super) const TAGS: &str = "tags";
pub(super) const INDEX: &str = "index";
pub(super) const CURRENT: &str = "current";
/// The directory of blobs that a repository holds.
pub(super) const LAYERS: &str = "_layers";
/// The directory of uploads under way.
pub(super) const UPLOADS: &str = "_uploads";

fn v2() -> Key {
    Key::new("docker").descend(["registry", "v2"])
}

fn ours() -> Key {
    Key::new("wharf")
}

/// The directories that a start tries to write in.
pub(super) fn tops() -> [Key; 3] {
    [v2().child("blobs"), repositories(), ours()]
}

/// The name of a link below its directory.
pub(super) const LINK: &str = "link";

/// The name of a content below its directory.
pub(super) const DATA: &str = "data";

/// All content that is named by an algorithm, in a directory for each of its first two digits.
pub(super) fn blobs(algorithm: Algorithm) -> Key {
    v2().descend(["blobs", algorithm.as_str()])
}

/// How the name of content begins that is in the trash.
pub(super) const TRASHED: &str = "data.";

/// The content of a digest in the trash. It stays where it is, so that no file system has to be left for it.
pub(super) fn trashed_blob(digest: &Digest, batch: &BatchId) -> Key {
    blob_directory(digest).child(&format!("{TRASHED}{batch}"))
}

/// The batch that has a content by this name in the trash.
pub(super) fn batch_of_trashed(name: &str) -> Option<BatchId> {
    name.strip_prefix(TRASHED)?.parse().ok()
}

pub(super) fn trash() -> Key {
    ours().child("trash")
}

pub(super) fn batch(id: &BatchId) -> Key {
    trash().child(id.as_str())
}

/// The name of a batch's log below its directory.
pub(super) const BATCH_LOG: &str = "log";

pub(super) fn batch_log(id: &BatchId) -> Key {
    batch(id).child(BATCH_LOG)
}

/// When garbage was collected last.
pub(super) fn collected() -> Key {
    ours().child("collected")
}

/// When the process began that was the first to collect garbage here.
pub(super) fn collecting_since() -> Key {
    ours().child("collecting-since")
}

/// What is in the trash of a repository that was removed as a whole.
pub(super) fn trashed_repository(id: &BatchId, name: &RepositoryName) -> Key {
    trashed_repositories(id).descend(name.components())
}

pub(super) fn trashed_revision_link(id: &BatchId, name: &RepositoryName, digest: &Digest) -> Key {
    link(&trashed_repository(id, name).descend([MANIFESTS, REVISIONS]), digest)
}

pub(super) fn trashed_repositories(id: &BatchId) -> Key {
    batch(id).child("repositories")
}

/// The directory of the contents whose names begin as this one's.
pub(super) fn blob_prefix(digest: &Digest) -> Key {
    blobs(digest.algorithm()).child(&digest.hex()[..2])
}

/// The directory of one content.
pub(super) fn blob_directory(digest: &Digest) -> Key {
    blob_prefix(digest).child(&digest.hex())
}

pub(super) fn blob(digest: &Digest) -> Key {
    blob_directory(digest).child(DATA)
}

/// Where a content is moved that has rotted.
pub(super) fn quarantine(digest: &Digest) -> Key {
    ours().descend(["quarantine", digest.algorithm().as_str(), &digest.hex()])
}

/// When the server last ended a check by itself.
pub(super) fn scrubbed() -> Key {
    ours().child("scrubbed")
}

/// When the counting of pulls began.
pub(super) fn counted_since() -> Key {
    ours().child("counted-since")
}

/// Until when pulls were counted.
pub(super) fn counted_until() -> Key {
    ours().child("counted-until")
}

/// Where a blob waits until it survives a power cut.
pub(super) fn unsettled(digest: &Digest) -> Key {
    all_unsettled().child(&digest.to_string())
}

pub(super) fn all_unsettled() -> Key {
    ours().child("unsettled")
}

pub(super) fn repositories() -> Key {
    v2().child("repositories")
}

pub(super) fn repository(name: &RepositoryName) -> Key {
    repositories().descend(name.components())
}

/// The link to a digest in a directory of blobs or of manifests that a repository holds.
pub(super) fn link(below: &Key, digest: &Digest) -> Key {
    below.descend([digest.algorithm().as_str(), &digest.hex(), LINK])
}

pub(super) fn layer_link(name: &RepositoryName, digest: &Digest) -> Key {
    link(&repository(name).child(LAYERS), digest)
}

pub(super) fn revisions(name: &RepositoryName, algorithm: Algorithm) -> Key {
    repository(name).descend([MANIFESTS, REVISIONS, algorithm.as_str()])
}

pub(super) fn revision_link(name: &RepositoryName, digest: &Digest) -> Key {
    link(&repository(name).descend([MANIFESTS, REVISIONS]), digest)
}

/// The blobs that a repository holds.
pub(super) fn layers(name: &RepositoryName, algorithm: Algorithm) -> Key {
    repository(name).descend([LAYERS, algorithm.as_str()])
}

pub(super) fn tags(name: &RepositoryName) -> Key {
    repository(name).descend([MANIFESTS, TAGS])
}

pub(super) fn tag(name: &RepositoryName, tag: &Tag) -> Key {
    tags(name).child(tag.as_str())
}

pub(super) fn tag_current_directory(name: &RepositoryName, of: &Tag) -> Key {
    tag(name, of).child(CURRENT)
}

pub(super) fn tag_current(name: &RepositoryName, of: &Tag) -> Key {
    tag_current_directory(name, of).child(LINK)
}

pub(super) fn tag_index_directory(name: &RepositoryName, of: &Tag, algorithm: Algorithm) -> Key {
    tag(name, of).descend([INDEX, algorithm.as_str()])
}

pub(super) fn tag_index(name: &RepositoryName, of: &Tag, digest: &Digest) -> Key {
    link(&tag(name, of).child(INDEX), digest)
}

pub(super) fn uploads(name: &RepositoryName) -> Key {
    repository(name).child(UPLOADS)
}

pub(super) fn upload(name: &RepositoryName, id: &UploadId) -> Key {
    uploads(name).child(&id.to_string())
}

pub(super) fn upload_started(name: &RepositoryName, id: &UploadId) -> Key {
    upload(name, id).child("startedat")
}

pub(super) fn upload_data(name: &RepositoryName, id: &UploadId) -> Key {
    upload(name, id).child("data")
}

/// How the name of a small upload ends.
pub(super) const SMALL: &str = ".small";

pub(super) fn upload_small(name: &RepositoryName, id: &UploadId) -> Key {
    uploads(name).child(&format!("{id}{SMALL}"))
}

pub(super) fn hash_states(name: &RepositoryName, id: &UploadId, algorithm: Algorithm) -> Key {
    upload(name, id).descend(["hashstates", algorithm.as_str()])
}

/// What is noted of repositories.
pub(super) fn all_notes() -> Key {
    ours().child("repositories")
}

/// The directory of what is noted of a repository, and of those below it.
pub(super) fn notes_of(name: &RepositoryName) -> Key {
    all_notes().descend(name.components())
}

/// What is noted of a repository, all of it.
pub(super) fn notes(name: &RepositoryName) -> [Key; 7] {
    ["_referrers", "_types", "_looked", "_left", "_history", PULLS, GONE].map(|notes| notes_of(name).child(notes))
}

pub(super) fn all_referrers(name: &RepositoryName, algorithm: Algorithm) -> Key {
    notes_of(name).descend(["_referrers", algorithm.as_str()])
}

pub(super) fn referrers(name: &RepositoryName, subject: &Digest) -> Key {
    all_referrers(name, subject.algorithm()).child(&subject.hex())
}

pub(super) fn referrer(name: &RepositoryName, subject: &Digest, manifest: &Digest) -> Key {
    referrers(name, subject).child(&manifest.to_string())
}

/// When a manifest that has no tag lost what it belonged to.
pub(super) fn left_alone(name: &RepositoryName, digest: &Digest) -> Key {
    notes_of(name).descend(["_left", &digest.to_string()])
}

pub(super) fn looked(name: &RepositoryName, algorithm: Algorithm) -> Key {
    notes_of(name).descend(["_looked", algorithm.as_str()])
}

pub(super) fn manifest_types(name: &RepositoryName) -> Key {
    notes_of(name).child("_types")
}

pub(super) fn manifest_type(name: &RepositoryName, digest: &Digest) -> Key {
    manifest_types(name).child(&digest.to_string())
}

const PULLS: &str = "_pulls";

/// When what is in a repository was pulled last.
pub(super) fn pulls(name: &RepositoryName) -> Key {
    notes_of(name).child(PULLS)
}

pub(super) const GONE: &str = "_gone";

/// When a collection first saw that nothing of a repository is left, not even in the trash.
pub(super) fn gone(name: &RepositoryName) -> Key {
    notes_of(name).child(GONE)
}

pub(super) fn tag_histories(name: &RepositoryName) -> Key {
    notes_of(name).child("_history")
}

pub(super) fn tag_history(name: &RepositoryName, of: &Tag) -> Key {
    tag_histories(name).child(&history_name(of.as_str()))
}

/// No tag has this sign, so what a crash leaves beside a history is not taken for one of another tag. It stands before every
/// sign that a tag has, so histories are in the order of their tags.
const HISTORY: char = '+';

pub(super) fn history_name(tag: &str) -> String {
    format!("{tag}{HISTORY}")
}

/// The tag whose history has this name.
pub(super) fn tag_of_history(name: &str) -> Option<Tag> {
    name.strip_suffix(HISTORY)?.parse().ok()
}
