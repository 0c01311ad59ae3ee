//! How many requests are under way on a connection that carries several at once.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::body::UnderWay;
use super::turns::Turn;

/// Counts the requests of one connection.
#[derive(Clone, Debug)]
pub(super) struct Requests(Arc<watch::Sender<usize>>);

/// A request that is under way: from its head to the end of its answer.
#[derive(Debug)]
pub(super) struct Counted(Arc<watch::Sender<usize>>);

impl Requests {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Counts another request, until what is returned is dropped.
    pub(super) fn begin(&self) -> Counted {
        self.0.send_modify(|count| *count += 1);
        Counted(Arc::clone(&self.0))
    }

    /// Waits until none has been under way for so long.
    pub(super) async fn idle_for(&self, limit: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // The sender is ours, so waiting ends with a count and never with its loss.
            let _ = count.wait_for(|count| *count == 0).await;
            if timeout(limit, count.wait_for(|count| *count > 0)).await.is_err() {
                return;
            }
        }
    }
}

/// HTTP/2 asks for no more than its windows allow.
impl UnderWay for Counted {
    fn arriving(&self) -> Option<Turn> {
        None
    }

    fn gave(&self, _: usize) {}

    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_only_after_its_last_request() {
        let start = Instant::now();
        let requests = Requests::new();
        let (first, second) = (requests.begin(), requests.begin());
        let ending = async {
            tokio::time::sleep(Duration::from_secs(40)).await;
            drop(first);
            tokio::time::sleep(Duration::from_secs(40)).await;
            drop(second);
        };
        tokio::join!(requests.idle_for(Duration::from_secs(30)), ending);
        assert_eq!(start.elapsed(), Duration::from_secs(110));
    }
}
