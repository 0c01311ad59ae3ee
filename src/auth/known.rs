//! Credentials that were verified a moment ago, so that not every request of a push costs what a password does.
//!
//! What is kept is a keyed hash of what the client sent, under a key that this process alone has and never writes down:
//! neither passwords nor tokens are in here, and nothing that could be tried against a list of them.

use std::sync::Arc;
use std::time::Instant;

use hmac::{Hmac, KeyInit, Mac};
use quick_cache::sync::Cache;
use sha2::Sha256;

use super::Caller;

/// Of how many credentials it is remembered whose they are.
const MOST: usize = 4096;

/// As much may a token open that is remembered. A push with a mount from elsewhere opens two repositories.
const MOST_OPENED: usize = 8;

/// A keyed hash of what a client sent.
pub(super) type Sent = [u8; 32];

/// Whose the credentials are that were verified last.
pub(super) struct Known {
    hash: Hmac<Sha256>,
    callers: Cache<Sent, Entry>,
}

#[derive(Clone)]
struct Entry {
    caller: Arc<Caller>,
    until: Instant,
}

impl Known {
    pub(super) fn new() -> Result<Known, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Known { hash: keyed(&key), callers: Cache::new(MOST) })
    }

    /// The name under which something that was sent is remembered. Of two kinds, equal bytes have two names.
    pub(super) fn name(&self, kind: Kind, sent: &[u8]) -> Sent {
        self.hash.clone().chain_update([kind as u8]).chain_update(sent).finalize().into_bytes().into()
    }

    pub(super) fn get(&self, name: &Sent, now: Instant) -> Option<Arc<Caller>> {
        let entry = self.callers.get(name)?;
        (now < entry.until).then_some(entry.caller)
    }

    /// Remembers whose something is. A token that opens much is not remembered: to verify it costs little, and anybody can
    /// have as many of those as there is room for.
    pub(super) fn remember(&self, name: Sent, caller: Arc<Caller>, until: Instant) {
        if caller.opens().is_none_or(|opened| opened.len() <= MOST_OPENED) {
            self.callers.insert(name, Entry { caller, until });
        }
    }

    pub(super) fn forget(&self, name: &Sent) {
        self.callers.remove(name);
    }
}

/// What was sent.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The value of `Authorization`.
    Authorization,
    /// A certificate.
    Certificate,
}

/// A keyed hash.
pub(super) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::caller::Scope;

    #[test]
    fn what_was_verified_is_known_for_its_time_and_holds_nothing_of_what_was_sent() {
        let known = Known::new().unwrap();
        let now = Instant::now();
        let name = known.name(Kind::Authorization, b"Basic secret");
        assert!(known.get(&name, now).is_none());
        known.remember(name, Arc::new(Caller::anonymous(Scope::Everything)), now + Duration::from_secs(5));
        assert!(known.get(&name, now + Duration::from_secs(4)).is_some());
        assert!(known.get(&name, now + Duration::from_secs(5)).is_none());
        assert!(known.get(&known.name(Kind::Certificate, b"Basic secret"), now).is_none());
        assert_ne!(name, Known::new().unwrap().name(Kind::Authorization, b"Basic secret"), "each process has its key");
    }

    #[test]
    fn a_token_that_opens_much_takes_no_memory() {
        let known = Known::new().unwrap();
        let now = Instant::now();
        let name = known.name(Kind::Authorization, b"Bearer");
        for (opened, is_remembered) in [(MOST_OPENED + 1, false), (MOST_OPENED, true)] {
            let scope = Scope::Only(vec![crate::auth::Access::catalog(); opened]);
            known.remember(name, Arc::new(Caller::anonymous(scope)), now + Duration::from_secs(5));
            assert_eq!(known.get(&name, now).is_some(), is_remembered, "{opened}");
        }
    }
}
