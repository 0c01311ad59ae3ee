//! Guessing passwords is slowed down, and no stranger locks anybody out by it.
//!
//! Failures are counted three times. An account at an address, and an address alone, are refused for a growing time once
//! they have failed too often. An account alone is never refused, since others can make it fail: its attempts wait a
//! little before they are verified, so that guesses from many addresses are slow and the owner still gets in. A credential
//! that was verified lately is no guess, and goes on whatever others do.
//!
//! What is under way counts as if it had failed, or a thousand guesses would be made before the first has failed. The same
//! credential again is the same guess, however many connections bring it.
//!
//! Everything is bounded, and neither names nor credentials are kept: only hashes under a key of this process. Knows
//! nothing of how a credential is verified; time is an argument.

mod aging;

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aging::Aging;

/// After how many failures an account is refused at an address, an address at all, and an account has to wait.
const PAIR_FAILURES: u32 = 5;
const ADDRESS_FAILURES: u32 = 20;
const ACCOUNT_FAILURES: u32 = 10;
/// The first refusal, which doubles with each failure, and the longest.
const REFUSAL: Duration = Duration::from_secs(1);
const LONGEST_REFUSAL: Duration = Duration::from_secs(60);
/// The first wait of an account, which doubles with each failure, and the longest.
const WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// How long failures are remembered after the last of them, and of how many accounts, addresses and pairs.
const FAILURE_LIFE: Duration = Duration::from_secs(15 * 60);
const MOST_FAILED: usize = 8192;
/// How long a credential that was verified is no guess, and how many of them are remembered.
const GOOD_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const MOST_GOOD: usize = 4096;
/// How many attempts may be under way: in all, of an address that has not failed yet, and waiting.
const MOST_UNDER_WAY: usize = 1024;
const ADDRESS_UNDER_WAY: u32 = 16;
const MOST_WAITING: u32 = 256;
/// When an attempt of which nothing was heard is taken for given up: its client may have gone.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// Somebody says who they are.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Where from; `None` is this host, over a Unix socket. The hosts of an IPv6 network (/64) count as one.
    pub address: Option<IpAddr>,
    /// As whom: the name, as it was typed.
    pub account: &'a str,
    /// A digest of the credential.
    pub credential: [u8; 32],
}

/// Whether a credential may be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// At once.
    Now,
    /// After a while, which is not long enough for a client to give up.
    After(Duration),
    /// Not now.
    Refused {
        /// When it is worth another try.
        retry_after: Duration,
    },
}

/// What is remembered of failures.
#[derive(Debug)]
pub struct Guesses {
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    good: Aging<()>,
    pairs: Aging<Pair>,
    addresses: Aging<u32>,
    accounts: Aging<u32>,
    under_way: Vec<UnderWay>,
}

/// An account at an address.
#[derive(Clone, Copy, Debug)]
struct Pair {
    failures: u32,
    /// The credential that failed last: again, it is no other guess.
    last: u64,
}

/// An attempt, as hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Keys {
    credential: u64,
    pair: u64,
    address: u64,
    account: u64,
}

/// An attempt that was admitted, by one connection or several.
#[derive(Debug)]
struct UnderWay {
    keys: Keys,
    since: Instant,
    /// When it is verified.
    from: Instant,
    holders: u32,
    /// Whether it has failed already, for one of the connections.
    counted: bool,
}

impl Default for Guesses {
    fn default() -> Self {
        Guesses::new()
    }
}

impl Guesses {
    /// Nobody has failed yet.
    pub fn new() -> Self {
        let state = State {
            good: Aging::new(MOST_GOOD, GOOD_LIFE),
            pairs: Aging::new(MOST_FAILED, FAILURE_LIFE),
            addresses: Aging::new(MOST_FAILED, FAILURE_LIFE),
            accounts: Aging::new(MOST_FAILED, FAILURE_LIFE),
            under_way: Vec::new(),
        };
        Guesses { hasher: RandomState::new(), state: Mutex::new(state) }
    }

    /// Whether a credential may be verified. Unless it is refused, what came of it is told to [`Guesses::failed`],
    /// [`Guesses::succeeded`], [`Guesses::dropped`] or [`Guesses::abandoned`].
    pub fn admit(&self, attempt: &Attempt<'_>, now: Instant) -> Admit {
        let keys = self.keys(attempt);
        self.state().admit(keys, now)
    }

    /// Whether the credential was right lately.
    pub fn is_good(&self, attempt: &Attempt<'_>, now: Instant) -> bool {
        let keys = self.keys(attempt);
        self.state().good.get(keys.credential, now).is_some()
    }

    /// The credential was wrong.
    pub fn failed(&self, attempt: &Attempt<'_>, now: Instant) {
        let keys = self.keys(attempt);
        self.state().failed(keys, now);
    }

    /// The credential was right. It is no guess from now on, and the account has not failed at this address. The address
    /// has, or whoever has one account could guess at others without end; so has the account elsewhere.
    pub fn succeeded(&self, attempt: &Attempt<'_>, now: Instant) {
        let keys = self.keys(attempt);
        let mut state = self.state();
        state.settle(keys);
        state.pairs.remove(keys.pair);
        state.good.put(keys.credential, (), now);
    }

    /// The client has gone before it was known. It counts as wrong, or whoever goes each time could have passwords checked
    /// without end; and it is over, or a few who come and go would be all that may be under way. One that was right lately
    /// stays right.
    pub fn abandoned(&self, attempt: &Attempt<'_>, now: Instant) {
        let keys = self.keys(attempt);
        let mut state = self.state();
        match state.good.get(keys.credential, now) {
            Some(_) => _ = state.settle(keys),
            None => state.failed(keys, now),
        }
    }

    /// It could not be found out: what knows could not be asked. It is as if the attempt had never been.
    pub fn dropped(&self, attempt: &Attempt<'_>) {
        let keys = self.keys(attempt);
        self.state().settle(keys);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self, attempt: &Attempt<'_>) -> Keys {
        let address = self.hasher.hash_one(("address", attempt.address.map(network)));
        // Directories compare names without regard to case and spaces; another spelling is no other account.
        let folded: String =
            attempt.account.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
        let account = self.hasher.hash_one(("account", folded));
        Keys {
            credential: self.hasher.hash_one(("credential", account, attempt.credential)),
            pair: self.hasher.hash_one(("pair", address, account)),
            address,
            account,
        }
    }
}

/// An address as it counts: a host has a whole /64 of IPv6 (RFC 4291 §2.5.4).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// What so many failures cost, once there are enough of them.
fn growing(failures: u32, free: u32, first: Duration, longest: Duration) -> Option<Duration> {
    let over = failures.checked_sub(free)?;
    // It is the longest long before this.
    Some(first.saturating_mul(1 << over.min(16)).min(longest))
}

impl State {
    fn admit(&mut self, keys: Keys, now: Instant) -> Admit {
        if self.good.get(keys.credential, now).is_some() {
            return Admit::Now;
        }
        self.under_way.retain(|attempt| now.saturating_duration_since(attempt.from) < GIVEN_UP);
        let waiting: u32 =
            self.under_way.iter().filter(|attempt| attempt.from > now).map(|attempt| attempt.holders).sum();
        if let Some(same) = self.under_way.iter_mut().find(|attempt| attempt.keys == keys) {
            let wait = same.from.saturating_duration_since(now);
            if wait > Duration::ZERO && waiting >= MOST_WAITING {
                return Admit::Refused { retry_after: wait };
            }
            same.holders = same.holders.saturating_add(1);
            return if wait.is_zero() { Admit::Now } else { Admit::After(wait) };
        }
        let refusal = self.pair_refusal(keys, now).max(self.address_refusal(keys, now));
        if let Some(retry_after) = refusal {
            return Admit::Refused { retry_after };
        }
        if self.under_way.len() >= MOST_UNDER_WAY {
            return Admit::Refused { retry_after: REFUSAL };
        }
        let wait = self.account_wait(keys, now);
        if wait.is_some() && waiting >= MOST_WAITING {
            return Admit::Refused { retry_after: LONGEST_WAIT };
        }
        let from = now + wait.unwrap_or_default();
        self.under_way.push(UnderWay { keys, since: now, from, holders: 1, counted: false });
        wait.map_or(Admit::Now, Admit::After)
    }

    /// How many attempts are under way that may yet fail, and when the last of them began.
    fn under_way(&self, which: impl Fn(&Keys) -> bool) -> (u32, Option<Instant>) {
        let attempts = self.under_way.iter().filter(|attempt| !attempt.counted && which(&attempt.keys));
        attempts.fold((0, None), |(count, last), attempt| (count + 1, last.max(Some(attempt.since))))
    }

    fn pair_refusal(&self, keys: Keys, now: Instant) -> Option<Duration> {
        let failed = self.pairs.get(keys.pair, now).map(|(at, pair)| (at, pair.failures));
        refusal(failed, self.under_way(|other| other.pair == keys.pair), PAIR_FAILURES, now)
    }

    fn address_refusal(&self, keys: Keys, now: Instant) -> Option<Duration> {
        let failed = self.addresses.get(keys.address, now);
        let (count, last) = self.under_way(|other| other.address == keys.address);
        if failed.is_some_and(|(_, failures)| failures >= ADDRESS_FAILURES) {
            return refusal(failed, (count, last), ADDRESS_FAILURES, now);
        }
        // Many may be behind one address, and all come at once after a restart.
        (count >= ADDRESS_UNDER_WAY).then_some(REFUSAL)
    }

    fn account_wait(&self, keys: Keys, now: Instant) -> Option<Duration> {
        let failures = self.accounts.get(keys.account, now).map_or(0, |(_, failures)| failures);
        // The same credential from many addresses is one guess.
        let others = |other: &Keys| other.account == keys.account && other.credential != keys.credential;
        let (count, _) = self.under_way(others);
        growing(failures.saturating_add(count), ACCOUNT_FAILURES, WAIT, LONGEST_WAIT)
    }

    fn failed(&mut self, keys: Keys, now: Instant) {
        self.good.remove(keys.credential);
        if self.settle(keys) {
            return;
        }
        let before = self.pairs.get(keys.pair, now).map(|(_, pair)| pair);
        let failures = before.map_or(0, |pair| pair.failures).saturating_add(1);
        self.pairs.put(keys.pair, Pair { failures, last: keys.credential }, now);
        // A program that repeats what once was right guesses nothing, and the others at its address shall not pay for it.
        if before.is_none_or(|pair| pair.last != keys.credential) {
            for (failed, key) in [(&mut self.addresses, keys.address), (&mut self.accounts, keys.account)] {
                let failures = failed.get(key, now).map_or(0, |(_, failures)| failures);
                failed.put(key, failures.saturating_add(1), now);
            }
        }
    }

    /// One connection's attempt is over; whether the same attempt had been counted as a failure before.
    fn settle(&mut self, keys: Keys) -> bool {
        let Some(index) = self.under_way.iter().position(|attempt| attempt.keys == keys) else {
            return false;
        };
        let attempt = &mut self.under_way[index];
        attempt.holders = attempt.holders.saturating_sub(1);
        let counted = std::mem::replace(&mut attempt.counted, true);
        if attempt.holders == 0 {
            self.under_way.swap_remove(index);
        }
        counted
    }
}

/// How much longer nothing is admitted, if so.
fn refusal(
    failed: Option<(Instant, u32)>,
    (under_way, began): (u32, Option<Instant>),
    free: u32,
    now: Instant,
) -> Option<Duration> {
    let failures = failed.map_or(0, |(_, failures)| failures).saturating_add(under_way);
    let last = failed.map(|(at, _)| at).max(began)?;
    let until = last + growing(failures, free, REFUSAL, LONGEST_REFUSAL)?;
    let left = until.saturating_duration_since(now);
    (!left.is_zero()).then_some(left)
}

#[cfg(test)]
mod tests;
