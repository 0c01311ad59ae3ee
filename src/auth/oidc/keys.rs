//! A provider's keys, kept for a while, and when they are fetched again.
//!
//! They are fetched when a token needs them first. After an hour the next token has them fetched in the background, while it
//! is verified with the old ones; those serve for a day if the provider does not answer. A token with an unknown key has
//! them fetched too, since providers change their keys, but not within ten seconds of the last time: whoever makes up names
//! of keys makes us ask six times in a minute at most.
//!
//! At any time one fetch is under way. It runs in a task of its own and holds the lock on `last` until the keys are in place,
//! so that a client that goes away leaves nothing half done. A request that had to wait for the lock sees by `ends` that a
//! fetch has ended meanwhile, and takes what that found, good or bad, instead of fetching once more; so a crowd that waits
//! for a provider that is down is answered together when one fetch has failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio::time::Instant;

use super::fetch::Fetcher;
use super::{FetchError, OidcError};
use crate::auth::jwt::KeySet;

/// After this, keys are fetched again.
const FRESH: Duration = Duration::hours(1);
/// After this, keys are not used any more.
const USABLE: Duration = Duration::hours(24);
/// The least time between two fetches.
const PAUSE: Duration = Duration::seconds(10);
/// As many requests wait for a fetch.
const MOST_WAITING: usize = 64;

/// The keys of one provider.
#[derive(Debug)]
pub(super) struct Keys {
    fetcher: Fetcher,
    current: ArcSwapOption<Kept>,
    last: Arc<Mutex<Last>>,
    /// How many fetches have ended.
    ends: AtomicU64,
    waiting: Semaphore,
}

/// Keys, and when they were asked for.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) set: KeySet,
    fetched: OffsetDateTime,
}

/// How the last fetch ended.
#[derive(Debug, Default)]
struct Last {
    at: Option<OffsetDateTime>,
    failure: Option<Arc<FetchError>>,
}

impl Keys {
    pub(super) fn of(fetcher: Fetcher) -> Keys {
        Keys {
            fetcher,
            current: ArcSwapOption::empty(),
            last: Arc::default(),
            ends: AtomicU64::new(0),
            waiting: Semaphore::new(MOST_WAITING),
        }
    }

    /// The keys at hand, or, if there are none that are young enough, those that the provider has now.
    pub(super) async fn current(self: &Arc<Self>, now: OffsetDateTime) -> Result<Arc<Kept>, OidcError> {
        if let Some(kept) = self.usable(now) {
            if now - kept.fetched >= FRESH {
                self.fetch_in_background(now);
            }
            return Ok(kept);
        }
        match self.fetched(None, now).await? {
            Some(kept) => Ok(kept),
            // A fetch without a failure leaves keys; it must have been a day ago by another clock.
            None => Err(OidcError::Busy),
        }
    }

    /// Keys that are newer than these, if there are and if it is not too early to ask.
    pub(super) async fn newer_than(
        self: &Arc<Self>,
        known: &Arc<Kept>,
        now: OffsetDateTime,
    ) -> Result<Option<Arc<Kept>>, OidcError> {
        self.fetched(Some(known), now).await
    }

    fn usable(&self, now: OffsetDateTime) -> Option<Arc<Kept>> {
        self.current.load_full().filter(|kept| now - kept.fetched < USABLE)
    }

    /// What the fetch under way finds, or else a new one.
    async fn fetched(
        self: &Arc<Self>,
        known: Option<&Arc<Kept>>,
        now: OffsetDateTime,
    ) -> Result<Option<Arc<Kept>>, OidcError> {
        let ends = self.ends.load(Ordering::Acquire);
        let _place = self.waiting.try_acquire().map_err(|_| OidcError::Busy)?;
        let last = Arc::clone(&self.last).lock_owned().await;
        let is_early = self.ends.load(Ordering::Acquire) != ends || last.is_recent(now);
        let failure = if is_early {
            last.failure.clone()
        } else {
            let fetching = tokio::spawn(Arc::clone(self).fetch(last, now));
            fetching.await.unwrap_or_else(|_| Some(Arc::new(FetchError::Stopped)))
        };
        let found = self.usable(now).filter(|found| known.is_none_or(|known| !Arc::ptr_eq(found, known)));
        match (found, failure) {
            (Some(found), _) => Ok(Some(found)),
            (None, Some(failure)) => Err(OidcError::Keys(failure)),
            (None, None) => Ok(None),
        }
    }

    fn fetch_in_background(self: &Arc<Self>, now: OffsetDateTime) {
        if let Ok(last) = Arc::clone(&self.last).try_lock_owned()
            && !last.is_recent(now)
        {
            tokio::spawn(Arc::clone(self).fetch(last, now));
        }
    }

    /// Fetches, and says why it failed if it did. Holds the lock until all is in place.
    async fn fetch(self: Arc<Self>, mut last: OwnedMutexGuard<Last>, now: OffsetDateTime) -> Option<Arc<FetchError>> {
        let began = Instant::now();
        let fetched = self.fetcher.keys().await;
        let had_failed = last.failure.is_some();
        let failure = match fetched {
            Ok(set) => {
                self.current.store(Some(Arc::new(Kept { set, fetched: now })));
                None
            }
            Err(failure) => Some(Arc::new(failure)),
        };
        self.say(failure.as_deref(), had_failed);
        *last = Last { at: Some(now + began.elapsed()), failure: failure.clone() };
        self.ends.fetch_add(1, Ordering::Release);
        failure
    }

    fn say(&self, failure: Option<&FetchError>, had_failed: bool) {
        let issuer = self.fetcher.issuer();
        match failure {
            Some(failure) if !had_failed => {
                let error: &dyn std::error::Error = failure;
                tracing::warn!(issuer, error, "the keys of an issuer of tokens cannot be fetched");
            }
            None if had_failed => tracing::info!(issuer, "the keys of an issuer of tokens can be fetched again"),
            Some(_) | None => {}
        }
    }
}

impl Last {
    /// Whether it is too early for another. The clock may have been set, in either direction.
    fn is_recent(&self, now: OffsetDateTime) -> bool {
        self.at.is_some_and(|at| (now - at).abs() < PAUSE)
    }
}
