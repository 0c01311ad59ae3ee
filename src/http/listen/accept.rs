//! Takes connections off a socket, and outlives everything that can go wrong with that.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Door, Trouble};
use super::service::Application;
use super::socket::Listening;

/// How long to wait when the system is short of something: long enough not to spin, short for a client.
const SHORTAGE: Duration = Duration::from_millis(200);

/// What ends connections: first those that do nothing, then all.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// No new requests are taken.
    pub(super) stopping: CancellationToken,
    /// Requests under way are dropped.
    pub(super) cutting: CancellationToken,
}

/// Serves every connection in a task of its own until the server stops; then the socket is closed.
pub(super) async fn accept<A>(listening: Listening, door: Arc<Door<A>>, connections: TaskTracker, ends: Ends)
where
    A: Application,
{
    loop {
        let accepted = tokio::select! {
            biased;
            () = ends.stopping.cancelled() => return,
            accepted = listening.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let door = Arc::clone(&door);
                // Of its own, so that connections do not meet at one lock each time they are woken.
                let stopping = ends.stopping.child_token();
                let cutting = ends.cutting.child_token();
                // Written out, since what takes a future holds it twice: in its argument, and where it runs.
                connections.spawn(async move {
                    tokio::select! {
                        () = cutting.cancelled() => {}
                        () = door.serve(stream, address, &stopping) => {}
                    }
                });
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                if door.throttle.allows(None, Trouble::Accept, Instant::now()) {
                    tracing::error!(
                        %error, listener = &*door.name,
                        "connections cannot be accepted for now; if too many files are open, allow more (ulimit -n)"
                    );
                }
                let waited = tokio::time::sleep(SHORTAGE);
                ends.stopping.run_until_cancelled(waited).await;
            }
        }
    }
}

/// Whether a connection ended before it was accepted, which is no reason to wait.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};

    [ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted].contains(&error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_of_files_is_waited_out_and_a_lost_connection_is_not() {
        let shortage = rustix::io::Errno::MFILE.raw_os_error();
        let lost = rustix::io::Errno::CONNABORTED.raw_os_error();
        assert!(!is_the_peers(&io::Error::from_raw_os_error(shortage)));
        assert!(is_the_peers(&io::Error::from_raw_os_error(lost)));
    }
}
