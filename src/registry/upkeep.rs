//! Who works on the volume as a whole: one at a time.
//!
//! A collection takes long and can be ended at any moment; bringing something back takes moments, and somebody waits for it.
//! So a collection makes room for whoever wants to bring something back.

use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::{RegistryError, Result};

/// The right to work on the volume as a whole.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    lock: Mutex<()>,
    /// How many repositories were removed since the process began. Held while the note of the last collection is changed.
    pub(super) removed: Mutex<u64>,
    /// Ends what has the right and can be ended.
    interrupt: std::sync::Mutex<CancellationToken>,
}

impl Upkeep {
    /// Waits for the right, to do something that can be interrupted.
    pub(super) async fn alone(&self, stop: &CancellationToken) -> Result<MutexGuard<'_, ()>> {
        stop.run_until_cancelled(self.lock.lock()).await.ok_or(RegistryError::Stopped)
    }

    /// What ends the work that has the right: when it is to stop, or somebody else wants it.
    pub(super) fn interrupted(&self, stop: &CancellationToken) -> CancellationToken {
        let token = stop.child_token();
        *self.interrupt.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = token.clone();
        token
    }

    /// Interrupts whoever can be, and takes the right.
    pub(super) async fn now(&self) -> MutexGuard<'_, ()> {
        loop {
            self.interrupt.lock().unwrap_or_else(std::sync::PoisonError::into_inner).cancel();
            // Somebody who waited longer may come first, and has to be interrupted as well.
            if let Ok(held) = tokio::time::timeout(std::time::Duration::from_millis(100), self.lock.lock()).await {
                return held;
            }
        }
    }
}
