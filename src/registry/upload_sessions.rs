//! Who works on an upload: one request at a time, and the latest wins.
//!
//! A client whose connection died comes back and goes on, often before we have noticed the death. Were the first request
//! to keep the upload, the second would wait for a socket that never speaks again. So the second tells the first to stop,
//! waits until what the first received is kept, and goes on from there. It has to say where its bytes belong.
//!
//! Between two requests it is remembered how far an upload has come, so that the next need not look on disk.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use crate::oci::RepositoryName;

use super::UploadId;
use super::upload_place::Place;
use super::upload_progress::Progress;

type Name = (RepositoryName, UploadId);

/// Of how many uploads it is remembered how far they have come. Others are looked up on disk.
const REMEMBERED: usize = 4096;

/// The uploads that requests work on right now.
#[derive(Default)]
pub(super) struct Sessions {
    /// Each with the number of those who are interested.
    open: Mutex<HashMap<Name, (usize, Arc<Session>)>>,
    /// Written only by whoever has the claim, and by the one who began the upload.
    remembered: Mutex<HashMap<Name, Progress>>,
}

#[derive(Debug, Default)]
struct Session {
    busy: Arc<tokio::sync::Mutex<()>>,
    /// What tells the latest request that a later one has come.
    latest: Mutex<CancellationToken>,
    /// How many requests work on it or wait for it.
    requests: AtomicUsize,
    /// Whether a request works on it that began when nothing of the upload was on disk.
    beginning: AtomicBool,
}

/// An upload that this request alone works on.
pub(super) struct Claim {
    superseded: CancellationToken,
    took_over: bool,
    _request: Option<Request>,
    _busy: OwnedMutexGuard<()>,
    _interest: Interest,
}

impl Claim {
    /// Fires when a later request wants the upload.
    pub(super) fn superseded(&self) -> &CancellationToken {
        &self.superseded
    }

    /// Whether another request worked on the upload when this one came.
    pub(super) fn took_over(&self) -> bool {
        self.took_over
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Whether another upload may be remembered that is nowhere else.
    pub(super) fn has_room(&self) -> bool {
        self.remembered().len() < REMEMBERED
    }

    /// Remembers how far an upload has come, until it is asked for.
    pub(super) fn remember(&self, repository: &RepositoryName, id: UploadId, progress: Progress) {
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED {
            // What is on disk can be forgotten.
            let on_disk =
                |(name, progress): (&Name, &Progress)| (progress.place == Place::Directory).then(|| name.clone());
            if let Some(any) = remembered.iter().find_map(on_disk) {
                remembered.remove(&any);
            }
        }
        remembered.insert((repository.clone(), id), progress);
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<Name, Progress>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of an upload; it is forgotten with that.
    pub(super) fn recall(&self, repository: &RepositoryName, id: UploadId) -> Option<Progress> {
        let name = (repository.clone(), id);
        let progress = self.remembered().remove(&name)?;
        if let Place::Nowhere { .. } = progress.place
            && let Some((_, session)) = self.open().get(&name)
        {
            session.beginning.store(true, Ordering::Relaxed);
        }
        Some(progress)
    }

    /// Up to where a remembered upload has come.
    pub(super) fn remembered_offset(&self, repository: &RepositoryName, id: UploadId) -> Option<u64> {
        self.remembered().get(&(repository.clone(), id)).map(|progress| progress.offset)
    }

    /// Whether a request works on an upload that was nowhere on disk when it began.
    pub(super) fn is_beginning(&self, repository: &RepositoryName, id: UploadId) -> bool {
        let open = self.open();
        open.get(&(repository.clone(), id)).is_some_and(|(_, session)| session.beginning.load(Ordering::Relaxed))
    }

    /// Whether anything is known of an upload: a request works on it, or it is remembered how far it has come.
    pub(super) fn is_known(&self, repository: &RepositoryName, id: UploadId) -> bool {
        let name = (repository.clone(), id);
        self.remembered().contains_key(&name) || self.open().contains_key(&name)
    }

    /// Nothing is left of an upload.
    pub(super) fn forget(&self, repository: &RepositoryName, id: UploadId) {
        let name = (repository.clone(), id);
        self.remembered().remove(&name);
        if let Some((_, session)) = self.open().get(&name) {
            session.beginning.store(false, Ordering::Relaxed);
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Name, (usize, Arc<Session>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is remembered.
    pub(super) fn all_remembered(&self) -> Vec<(RepositoryName, UploadId)> {
        self.remembered().keys().cloned().collect()
    }

    /// What has no directory yet.
    /// Whether any upload of the repository is remembered or worked on.
    pub(super) fn are_under_way_in(&self, repository: &RepositoryName) -> bool {
        self.remembered().keys().chain(self.open().keys()).any(|(name, _)| name == repository)
    }

    pub(super) fn without_directory(&self) -> Vec<(RepositoryName, UploadId)> {
        let remembered = self.remembered();
        remembered
            .iter()
            .filter(|(_, progress)| progress.place != Place::Directory)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Takes an upload that no request works on.
    pub(super) fn claim_idle(self: &Arc<Self>, repository: &RepositoryName, id: UploadId) -> Option<Claim> {
        let (interest, session) = Interest::in_upload(self, (repository.clone(), id));
        let busy = Arc::clone(&session.busy).try_lock_owned().ok()?;
        let superseded = session.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(Claim { superseded, took_over: false, _request: None, _busy: busy, _interest: interest })
    }

    /// Takes the upload over from whoever works on it.
    pub(super) async fn claim(self: &Arc<Self>, repository: &RepositoryName, id: UploadId) -> Claim {
        let (interest, session) = Interest::in_upload(self, (repository.clone(), id));
        let superseded = CancellationToken::new();
        let before =
            std::mem::replace(&mut *session.latest.lock().unwrap_or_else(PoisonError::into_inner), superseded.clone());
        before.cancel();
        // If yet another request comes while this one waits, this one is told as well and stops at its first byte.
        let (request, took_over) = Request::on(&session);
        let busy = Arc::clone(&session.busy).lock_owned().await;
        Claim { superseded, took_over, _request: Some(request), _busy: busy, _interest: interest }
    }
}

/// One of the requests that work on an upload or wait for it.
struct Request(Arc<Session>);

impl Request {
    /// And whether there were others.
    fn on(session: &Arc<Session>) -> (Request, bool) {
        let others = session.requests.fetch_add(1, Ordering::Relaxed) > 0;
        (Request(Arc::clone(session)), others)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Keeps a session in the table for as long as a request works on it or waits for it.
struct Interest {
    sessions: Arc<Sessions>,
    name: Name,
}

impl Interest {
    fn in_upload(sessions: &Arc<Sessions>, name: Name) -> (Interest, Arc<Session>) {
        let mut open = sessions.open();
        let (interested, session) = open.entry(name.clone()).or_default();
        *interested += 1;
        (Interest { sessions: Arc::clone(sessions), name }, Arc::clone(session))
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let mut open = self.sessions.open();
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
        let first_took_over = first.took_over();
        assert!(!second.is_finished());
        drop(first);
        let second = second.await.unwrap();
        assert!(!second.superseded().is_cancelled());
        assert!(second.took_over() && !first_took_over);
        drop(second);
        assert!(sessions.open.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_request_that_waits_for_the_housekeeping_takes_over_from_nobody() {
        let sessions = Arc::new(Sessions::default());
        let (name, id): (RepositoryName, _) = ("a".parse().unwrap(), UploadId::random());
        let keeping = sessions.claim_idle(&name, id).unwrap();
        let mut request = Box::pin(sessions.claim(&name, id));
        assert!(futures_util::poll!(&mut request).is_pending());
        drop(keeping);
        assert!(!request.await.took_over());
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
