//! The trash: what was removed, until it is removed for good.
//!
//! Each action that removes something makes a batch ([`batch`]). Content stays beside its place under the batch's name, a
//! repository that was deleted as a whole is moved into the batch, and what a manifest or a link was is written down in it.

mod batch;
mod batch_id;
mod contents;
mod empty;
mod job;
mod log;
mod restore;
mod restore_manifests;
mod restore_repository;
mod whole;

pub(super) use batch::Batch;
pub use batch::{Action, Removed, What};
pub use batch_id::{BatchId, BatchIdError};
pub use contents::Contents;
pub use empty::{Emptied, Emptying};
pub(super) use log::Log;
pub use restore::Restored;
