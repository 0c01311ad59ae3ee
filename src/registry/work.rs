//! Changes that are done to their end, whoever goes away meanwhile.

use super::{Registry, RegistryError, Result};

impl Registry {
    /// Does the work to its end even if the one who asked for it goes away. A change that was dropped in the middle would let
    /// go of its locks while the disk is still at it.
    pub(super) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let done = self.work.spawn(work).await;
        done.unwrap_or_else(|error| Err(RegistryError::Damaged(format!("the work stopped: {error}"))))
    }

    /// Removes something. What that is has to be written down first, for which on a full disk there is room that was set
    /// aside: nobody can free a disk by deleting if nothing can be deleted.
    pub(super) async fn despite_a_full_disk<T, W>(&self, work: impl Fn() -> W) -> Result<T>
    where
        W: Future<Output = Result<T>>,
    {
        match work().await {
            Err(RegistryError::Full(_)) if self.storage.make_room().await.unwrap_or(false) => work().await,
            done => done,
        }
    }

    /// Does something that can wait for the next start; none if this server ends. What was begun, its end waits for.
    pub(super) async fn before_the_end<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let _waited_for = self.work.token();
        if self.unsettled.is_ending() { None } else { Some(work.await) }
    }

    /// Waits until every change that was begun is done. For the end of a server, when nothing is accepted any more.
    pub async fn finish(&self) {
        self.jobs.end();
        self.unsettled.end();
        self.work.close();
        self.work.wait().await;
        // Behind the others, one of which may have had an upload in hand.
        self.keep_uploads().await;
        if let Err(error) = self.flush_pulls().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "cannot keep when tags were pulled last; what was not kept is forgotten");
        }
    }
}

/// Input up to this many bytes is worked on at once; what takes longer would keep other requests waiting.
const QUICK: usize = 64 * 1024;

/// Works on input of this length where it may take its time.
pub(super) async fn at_length<T: Send + 'static>(
    length: usize,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if length <= QUICK {
        return work();
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(RegistryError::Damaged(format!("the work stopped: {error}"))))
}
