//! Room for something that is on its way: reserved while it comes, given back when it is there or not.

use std::error::Error;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::oci::{Digest, RepositoryName};
use crate::registry::{Body, Registry, RegistryError, Result};

use super::Asked;
use super::count::PATIENCE;

/// As often each namespace is counted for one request at most, where others remove something meanwhile.
const MOST_COUNTS: usize = 3;

/// Room in the namespaces of a repository. What is reserved is given back when this is dropped.
#[derive(Debug)]
pub(in crate::registry) struct Room {
    registry: Registry,
    repository: RepositoryName,
    /// All namespaces with a quota.
    namespaces: Vec<RepositoryName>,
    /// Those that do not hold it yet.
    paying: Vec<RepositoryName>,
    reserved: Mutex<u64>,
    /// Until when it waits for counts: once for all its bytes, not for each piece.
    until: OnceLock<Instant>,
}

impl Registry {
    /// Reserves room for so many bytes that are about to come to a repository; none where it holds the content already.
    ///
    /// # Errors
    ///
    /// When they do not fit ([`RegistryError::QuotaExceeded`]).
    pub(in crate::registry) async fn room(
        &self,
        repository: &RepositoryName,
        digest: Option<&Digest>,
        bytes: u64,
    ) -> Result<Arc<Room>> {
        let namespaces = self.usage.namespaces(&self.settings.quotas, repository);
        let paying = match digest {
            Some(digest) => self.usage.without(&namespaces, digest),
            // Nobody knows what it will be.
            None => namespaces.clone(),
        };
        let (registry, repository) = (self.clone(), repository.clone());
        let room = Arc::new(Room {
            registry,
            repository,
            namespaces,
            paying,
            reserved: Mutex::default(),
            until: OnceLock::new(),
        });
        room.reach(bytes).await?;
        Ok(room)
    }
}

impl Room {
    /// Reserves as much as is missing to so many bytes. What may be too much only because something went since the last count
    /// is counted first, for some seconds; if that is not over by then, what it has found so far counts, so nothing is refused that
    /// would fit.
    async fn reach(&self, bytes: u64) -> Result<()> {
        if self.paying.is_empty() {
            return Ok(());
        }
        for _ in 0..MOST_COUNTS * self.paying.len() {
            let Asked::Unsure(namespace) = self.try_reach(bytes, false)? else { return Ok(()) };
            let until = *self.until.get_or_init(|| Instant::now() + PATIENCE);
            if Instant::now() >= until {
                break;
            }
            self.registry.usage.namespaces(&self.registry.settings.quotas, &self.repository);
            self.registry.count_again(&namespace, until).await;
        }
        // Whatever is still unsure by now, a ledger is not: those that are asked have one.
        self.try_reach(bytes, true).map(drop)
    }

    fn try_reach(&self, bytes: u64, anyway: bool) -> Result<Asked> {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let more = bytes.saturating_sub(*reserved);
        if more == 0 {
            return Ok(Asked::Reserved);
        }
        let asked = self.registry.usage.reserve(&self.paying, *reserved, more, anyway)?;
        if let Asked::Reserved = asked {
            *reserved = bytes;
        }
        Ok(asked)
    }

    /// The same bytes, for as long as there is room for them behind those that came before. Where there is none, it breaks
    /// off with the refusal.
    pub(in crate::registry) fn metered(self: &Arc<Self>, body: Body, before: u64) -> Body {
        if self.paying.is_empty() {
            return body;
        }
        let begun = Some((Arc::clone(self), body, before));
        stream::unfold(begun, |state| async {
            let (room, mut body, came) = state?;
            match body.next().await? {
                Ok(piece) => {
                    let came = came.saturating_add(piece.len() as u64);
                    match room.reach(came).await {
                        Ok(()) => Some((Ok(piece), Some((room, body, came)))),
                        Err(refused) => Some((Err(refused.into()), None)),
                    }
                }
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    /// Takes down how the link to what was on its way was written: if it was, the namespaces hold the content from now on.
    /// If that failed, it may be there or not.
    pub(in crate::registry) fn conclude<T>(&self, linked: &Result<T>, digest: &Digest, size: u64) {
        let reserved = std::mem::take(&mut *self.reserved.lock().unwrap_or_else(PoisonError::into_inner));
        let usage = &self.registry.usage;
        usage.release(&self.paying, reserved, &self.namespaces, linked.is_ok().then_some((digest, size)));
        if linked.is_err() {
            usage.changed(&self.repository);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let reserved = *self.reserved.get_mut().unwrap_or_else(PoisonError::into_inner);
        if reserved > 0 {
            self.registry.usage.release(&self.paying, reserved, &[], None);
        }
    }
}

/// Why a body broke off: it was refused, or the client went away.
pub(in crate::registry) fn broken(error: Box<dyn Error + Send + Sync>) -> RegistryError {
    match error.downcast::<RegistryError>() {
        Ok(refused) => *refused,
        Err(error) => RegistryError::BodyBroken(error),
    }
}
