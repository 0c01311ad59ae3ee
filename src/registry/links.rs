//! Link files: one digest each, and how they are read when they are damaged.

use bytes::Bytes;
use tracing::warn;

use crate::oci::Digest;
use crate::storage::{Key, Storage};

use super::Result;

/// What a link file holds.
pub(super) fn content(digest: &Digest) -> Bytes {
    Bytes::from(digest.to_string())
}

/// The digest that a link holds. `None` if there is no link, or if what is there cannot be read as one: registry:2 leaves
/// empty link files behind when it is stopped hard, and what was linked is simply pushed again.
pub(super) async fn read(storage: &dyn Storage, key: &Key) -> Result<Option<Digest>> {
    let bytes = match storage.get(key).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let digest = parse(&bytes);
    if digest.is_none() {
        warn!(link = %key, length = bytes.len(), "a link file is empty or damaged and is treated as absent");
    }
    Ok(digest)
}

/// The digest that the bytes of a link are, if they are not damaged.
pub(super) fn parse(bytes: &[u8]) -> Option<Digest> {
    std::str::from_utf8(bytes).ok()?.trim_end().parse().ok()
}
