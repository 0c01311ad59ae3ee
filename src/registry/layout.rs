//! Where everything is kept. The one place that spells a key.
//!
//! ```text
//! docker/registry/v2/                                                    the tree of registry:2, shared with it
//!   blobs/<alg>/<2 hex>/<hex>/data                                       every blob and every manifest, once
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
//!     _history/<tag>+                                                    the moves of a tag, one JSON text for each line
//!     _looked/<alg>                                                      which manifests have been looked at for a subject
//!   unsettled/<alg>:<hex>                                                a blob that would not survive a power cut yet
//! ```
//!
//! A component that starts with `_` cannot be part of a repository's name, so `a/_layers` is never the repository
//! `a/_layers`.

use crate::oci::{Algorithm, Digest, RepositoryName, Tag};
use crate::storage::Key;

use super::UploadId;

/// The directory of repositories, to be walked.
pub(super) const MANIFESTS: &str = "_manifests";
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

pub(super) fn blob(digest: &Digest) -> Key {
    let hex = digest.hex();
    v2().descend(["blobs", digest.algorithm().as_str(), &hex[..2], &hex, "data"])
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

fn link(below: &Key, digest: &Digest) -> Key {
    below.descend([digest.algorithm().as_str(), &digest.hex(), "link"])
}

pub(super) fn layer_link(name: &RepositoryName, digest: &Digest) -> Key {
    link(&repository(name).child(LAYERS), digest)
}

pub(super) fn revisions(name: &RepositoryName, algorithm: Algorithm) -> Key {
    repository(name).descend([MANIFESTS, "revisions", algorithm.as_str()])
}

pub(super) fn revision_link(name: &RepositoryName, digest: &Digest) -> Key {
    link(&repository(name).descend([MANIFESTS, "revisions"]), digest)
}

pub(super) fn tags(name: &RepositoryName) -> Key {
    repository(name).descend([MANIFESTS, "tags"])
}

pub(super) fn tag(name: &RepositoryName, tag: &Tag) -> Key {
    tags(name).child(tag.as_str())
}

pub(super) fn tag_current(name: &RepositoryName, of: &Tag) -> Key {
    tag(name, of).descend(["current", "link"])
}

pub(super) fn tag_index(name: &RepositoryName, of: &Tag, digest: &Digest) -> Key {
    link(&tag(name, of).child("index"), digest)
}

pub(super) fn tag_indexed(name: &RepositoryName, of: &Tag, algorithm: Algorithm) -> Key {
    tag(name, of).descend(["index", algorithm.as_str()])
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

fn our_repository(name: &RepositoryName) -> Key {
    ours().child("repositories").descend(name.components())
}

pub(super) fn referrers(name: &RepositoryName, subject: &Digest) -> Key {
    our_repository(name).descend(["_referrers", subject.algorithm().as_str(), &subject.hex()])
}

pub(super) fn referrer(name: &RepositoryName, subject: &Digest, manifest: &Digest) -> Key {
    referrers(name, subject).child(&manifest.to_string())
}

pub(super) fn looked(name: &RepositoryName, algorithm: Algorithm) -> Key {
    our_repository(name).descend(["_looked", algorithm.as_str()])
}

pub(super) fn manifest_type(name: &RepositoryName, digest: &Digest) -> Key {
    our_repository(name).descend(["_types", &digest.to_string()])
}

pub(super) fn tag_histories(name: &RepositoryName) -> Key {
    our_repository(name).child("_history")
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
