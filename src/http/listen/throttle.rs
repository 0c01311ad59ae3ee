//! One log line where a misconfigured client would cause a thousand.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the same trouble of the same peer is not said again.
const QUIET: Duration = Duration::from_secs(600);
/// How many troubles are remembered: peers choose how many there are.
const REMEMBERED: usize = 1024;

/// Remembers what was said about whom.
#[derive(Debug)]
pub(super) struct Throttle<Trouble> {
    said: Mutex<HashMap<(Option<IpAddr>, Trouble), Instant>>,
}

impl<Trouble: Eq + Hash> Throttle<Trouble> {
    pub(super) fn new() -> Self {
        Self { said: Mutex::new(HashMap::new()) }
    }

    /// Whether to say it now.
    pub(super) fn allows(&self, peer: Option<IpAddr>, trouble: Trouble, now: Instant) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= REMEMBERED {
            said.retain(|_, then| is_recent(*then, now));
        }
        let key = (peer, trouble);
        if said.get(&key).is_some_and(|then| is_recent(*then, now)) {
            return false;
        }
        // With so many peers in trouble, the lines that there already are will do.
        if said.len() >= REMEMBERED {
            return false;
        }
        said.insert(key, now);
        true
    }
}

fn is_recent(then: Instant, now: Instant) -> bool {
    now.saturating_duration_since(then) < QUIET
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn peer(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::from(number)))
    }

    #[test]
    fn the_same_trouble_of_the_same_peer_is_said_once_in_a_while() {
        let throttle = Throttle::new();
        let start = Instant::now();
        assert!(throttle.allows(peer(1), "a", start));
        assert!(!throttle.allows(peer(1), "a", start + QUIET - Duration::from_secs(1)));
        assert!(throttle.allows(peer(1), "b", start));
        assert!(throttle.allows(peer(2), "a", start));
        assert!(throttle.allows(peer(1), "a", start + QUIET));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_in_time() {
        let throttle = Throttle::new();
        let start = Instant::now();
        let mut said = 0;
        for number in 0..10_000 {
            said += usize::from(throttle.allows(peer(number), "a", start));
        }
        assert_eq!(said, REMEMBERED);
        assert!(throttle.allows(peer(10_000), "a", start + QUIET));
        assert_eq!(throttle.said.lock().unwrap().len(), 1);
    }
}
