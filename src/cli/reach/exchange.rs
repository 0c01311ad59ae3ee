//! An answer, by whichever way it came.

use bytes::Bytes;

/// The longest answer that is read, in bytes.
pub(super) const LONGEST: usize = 64 * 1024 * 1024;

/// Status and body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Bytes,
}
