//! The trash: what was removed, until it is removed for good.
//!
//! Each action that removes something makes a batch ([`batch`]). Content stays beside its place under the batch's name, a
//! repository that was deleted as a whole is moved into the batch, and what a manifest or a link was is written down in it.

mod batch;
mod contents;
mod empty;
mod forget;
mod job;
mod restore;

pub(super) use batch::Batch;
pub use batch::{Action, BatchId, BatchIdError, Removed, What};
pub use contents::Contents;
pub use empty::Emptied;
pub use restore::Restored;
