//! Who works on an upload: one request at a time, and the latest wins.
//!
//! A client whose connection died comes back and goes on, often before we have noticed the death. Were the first request
//! to keep the upload, the second would wait for a socket that never speaks again. So the second tells the first to stop,
//! waits until what the first received is kept, and goes on from there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use crate::oci::RepositoryName;

use super::UploadId;

type Name = (RepositoryName, UploadId);

/// The uploads that requests work on right now.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Each with the number of requests that are interested.
    open: Mutex<HashMap<Name, (usize, Arc<Session>)>>,
}

#[derive(Debug, Default)]
struct Session {
    busy: Arc<tokio::sync::Mutex<()>>,
    /// What tells the latest request that a later one has come.
    latest: Mutex<CancellationToken>,
}

/// An upload that this request alone works on.
pub(super) struct Claim {
    superseded: CancellationToken,
    _busy: OwnedMutexGuard<()>,
    _interest: Interest,
}

impl Claim {
    /// Fires when a later request wants the upload.
    pub(super) fn superseded(&self) -> &CancellationToken {
        &self.superseded
    }
}

impl Sessions {
    /// Takes the upload over from whoever works on it.
    pub(super) async fn claim(self: &Arc<Self>, repository: &RepositoryName, id: UploadId) -> Claim {
        let (interest, session) = Interest::in_upload(self, (repository.clone(), id));
        let superseded = CancellationToken::new();
        let before =
            std::mem::replace(&mut *session.latest.lock().unwrap_or_else(PoisonError::into_inner), superseded.clone());
        before.cancel();
        // If yet another request comes while this one waits, this one is told as well and stops at its first byte.
        let busy = Arc::clone(&session.busy).lock_owned().await;
        Claim { superseded, _busy: busy, _interest: interest }
    }
}

/// Keeps a session in the table for as long as a request works on it or waits for it.
struct Interest {
    sessions: Arc<Sessions>,
    name: Name,
}

impl Interest {
    fn in_upload(sessions: &Arc<Sessions>, name: Name) -> (Interest, Arc<Session>) {
        let mut open = sessions.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (interested, session) = open.entry(name.clone()).or_default();
        *interested += 1;
        (Interest { sessions: Arc::clone(sessions), name }, Arc::clone(session))
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let mut open = self.sessions.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((interested, _)) = open.get_mut(&self.name) {
            *interested -= 1;
            if *interested == 0 {
                open.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_later_request_is_served_as_soon_as_the_earlier_lets_go_and_nothing_is_left() {
        let sessions = Arc::new(Sessions::default());
        let (name, id): (RepositoryName, _) = ("a".parse().unwrap(), UploadId::random());
        let first = sessions.claim(&name, id).await;
        let second = tokio::spawn({
            let (sessions, name) = (Arc::clone(&sessions), name.clone());
            async move { sessions.claim(&name, id).await }
        });
        first.superseded().cancelled().await;
        assert!(!second.is_finished());
        drop(first);
        let second = second.await.unwrap();
        assert!(!second.superseded().is_cancelled());
        drop(second);
        assert!(sessions.open.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_request_that_gives_up_waiting_leaves_nothing_behind() {
        let sessions = Arc::new(Sessions::default());
        let (name, id): (RepositoryName, _) = ("a".parse().unwrap(), UploadId::random());
        let first = sessions.claim(&name, id).await;
        let mut second = Box::pin(sessions.claim(&name, id));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        drop(second);
        assert!(sessions.open.lock().unwrap().is_empty());
    }
}
