//! Guesses in time that the test makes.

use proptest::prelude::*;

use super::*;

fn at(number: u32) -> Option<IpAddr> {
    Some(IpAddr::V4(number.into()))
}

fn credential(number: u64) -> [u8; 32] {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    digest
}

fn attempt(address: Option<IpAddr>, account: &str, number: u64) -> Attempt<'_> {
    Attempt { address, account, credential: credential(number) }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Admits and fails each of the numbers, whatever the schedule says.
fn fail(guesses: &Guesses, address: Option<IpAddr>, account: &str, numbers: std::ops::Range<u64>, now: Instant) {
    for number in numbers {
        guesses.failed(&attempt(address, account, number), now);
    }
}

#[test]
fn an_account_at_an_address_is_refused_from_the_fifth_failure_on_for_a_doubling_time() {
    let guesses = Guesses::new();
    let mut now = Instant::now();
    let schedule = [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60];
    for (number, refused) in (0..).zip(schedule) {
        assert_eq!(guesses.admit(&attempt(at(1), "alice", number), now), Admit::Now, "{number}");
        guesses.failed(&attempt(at(1), "alice", number), now);
        let again = guesses.admit(&attempt(at(1), "alice", 99), now + seconds(refused) / 2);
        if refused == 0 {
            assert_eq!(again, Admit::Now);
            guesses.state().under_way.clear();
        } else {
            assert_eq!(again, Admit::Refused { retry_after: seconds(refused) / 2 }, "{number}");
        }
        now += seconds(refused);
        // From the tenth on the account itself would wait too; here it is the pair that is looked at.
        guesses.state().accounts = Aging::new(MOST_FAILED, FAILURE_LIFE);
    }
}

#[test]
fn a_success_forgives_the_account_at_the_address() {
    let guesses = Guesses::new();
    let now = Instant::now();
    fail(&guesses, at(1), "alice", 0..4, now);
    guesses.succeeded(&attempt(at(1), "alice", 100), now);
    fail(&guesses, at(1), "alice", 10..14, now);
    assert_eq!(guesses.admit(&attempt(at(1), "alice", 20), now), Admit::Now);
}

#[test]
fn an_address_is_refused_from_the_twentieth_failure_on_and_one_good_account_does_not_help() {
    let guesses = Guesses::new();
    let now = Instant::now();
    for number in 0..20 {
        let account = format!("user{number}");
        assert_eq!(guesses.admit(&attempt(at(1), &account, number), now), Admit::Now, "{number}");
        guesses.failed(&attempt(at(1), &account, number), now);
        guesses.succeeded(&attempt(at(1), "mallory", 100), now);
    }
    assert_eq!(guesses.admit(&attempt(at(1), "bob", 50), now), Admit::Refused { retry_after: seconds(1) });
    assert_eq!(guesses.admit(&attempt(at(2), "bob", 50), now), Admit::Now);
}

#[test]
fn an_account_that_fails_everywhere_waits_and_is_never_refused() {
    let guesses = Guesses::new();
    let now = Instant::now();
    let schedule = [100, 200, 400, 800, 1600, 3000, 3000];
    for number in 0..10 {
        guesses.failed(&attempt(at(number), "alice", number.into()), now);
    }
    for (number, wait) in (10..).zip(schedule) {
        let guess = attempt(at(number), "alice", number.into());
        assert_eq!(guesses.admit(&guess, now), Admit::After(Duration::from_millis(wait)));
        guesses.failed(&guess, now);
    }
    for number in 100..5000 {
        guesses.failed(&attempt(at(number), "alice", number.into()), now);
    }
    assert_eq!(guesses.admit(&attempt(at(9999), "alice", 9999), now), Admit::After(seconds(3)));
}

#[test]
fn a_refused_attempt_makes_nothing_worse() {
    let guesses = Guesses::new();
    let now = Instant::now();
    fail(&guesses, at(1), "alice", 0..5, now);
    for number in 10..1000 {
        let refused = guesses.admit(&attempt(at(1), "alice", number), now + Duration::from_millis(900));
        assert_eq!(refused, Admit::Refused { retry_after: Duration::from_millis(100) });
    }
    assert_eq!(guesses.admit(&attempt(at(1), "alice", 10), now + seconds(1)), Admit::Now);
}

#[test]
fn failures_are_forgotten_when_there_were_none_for_a_while() {
    let guesses = Guesses::new();
    let now = Instant::now();
    fail(&guesses, at(1), "alice", 0..30, now);
    let before = now + FAILURE_LIFE - seconds(1);
    assert!(matches!(guesses.admit(&attempt(at(9), "alice", 50), before), Admit::After(_)));
    guesses.state().under_way.clear();
    fail(&guesses, at(1), "alice", 50..51, now + FAILURE_LIFE);
    assert_eq!(guesses.admit(&attempt(at(1), "alice", 51), now + FAILURE_LIFE), Admit::Now);
}

#[test]
fn a_stranger_elsewhere_cannot_lock_a_user_out() {
    let guesses = Guesses::new();
    let now = Instant::now();
    fail(&guesses, at(1), "alice", 0..1000, now);
    assert!(matches!(guesses.admit(&attempt(at(2), "alice", 5000), now), Admit::After(wait) if wait <= LONGEST_WAIT));
}

#[test]
fn a_stranger_at_the_same_address_cannot_lock_out_who_was_let_in_before() {
    let guesses = Guesses::new();
    let now = Instant::now();
    let owner = attempt(at(1), "alice", 7777);
    guesses.succeeded(&owner, now);
    fail(&guesses, at(1), "alice", 0..1000, now);
    assert_eq!(guesses.admit(&owner, now), Admit::Now);
    assert_eq!(guesses.admit(&Attempt { address: at(2), ..owner }, now), Admit::Now);
    assert!(matches!(guesses.admit(&attempt(at(1), "alice", 1), now), Admit::Refused { .. }));
    // Somebody else with the same password is somebody else.
    assert!(matches!(guesses.admit(&attempt(at(1), "bob", 7777), now), Admit::Refused { .. }));
    assert!(matches!(guesses.admit(&owner, now + GOOD_LIFE), Admit::Now), "the failures are over as well");
    fail(&guesses, at(1), "alice", 0..1000, now + GOOD_LIFE);
    guesses.state().under_way.clear();
    assert!(matches!(guesses.admit(&owner, now + GOOD_LIFE), Admit::Refused { .. }));
}

#[test]
fn a_good_credential_that_fails_is_good_no_longer() {
    let guesses = Guesses::new();
    let now = Instant::now();
    let old = attempt(at(1), "alice", 7777);
    guesses.succeeded(&old, now);
    guesses.failed(&old, now);
    fail(&guesses, at(1), "alice", 0..5, now);
    assert!(matches!(guesses.admit(&old, now), Admit::Refused { .. }));
}

#[test]
fn a_program_that_repeats_a_stale_password_is_slowed_and_nobody_else_is() {
    let guesses = Guesses::new();
    let now = Instant::now();
    for _ in 0..100 {
        guesses.failed(&attempt(at(1), "ci", 1), now);
    }
    assert!(matches!(guesses.admit(&attempt(at(1), "ci", 1), now), Admit::Refused { .. }));
    assert_eq!(guesses.admit(&attempt(at(1), "alice", 2), now), Admit::Now);
    assert_eq!(guesses.admit(&attempt(at(2), "ci", 3), now), Admit::Now);
}

#[test]
fn guesses_at_the_same_moment_do_not_get_past_the_schedule() {
    let guesses = Guesses::new();
    let now = Instant::now();
    let admitted = |address: u32, account: &str, now| {
        let admit = |number| guesses.admit(&attempt(at(address), account, number), now);
        (0..2000).filter(|number| !matches!(admit(*number), Admit::Refused { .. })).count()
    };
    assert_eq!(admitted(1, "alice", now), 5);
    let accounts: Vec<String> = (0..2000).map(|number| format!("user{number}")).collect();
    let sprayed = accounts.iter().filter(|account| guesses.admit(&attempt(at(2), account, 1), now) == Admit::Now);
    assert_eq!(u32::try_from(sprayed.count()), Ok(ADDRESS_UNDER_WAY));
    fail(&guesses, at(3), "bob", 0..30, now);
    assert_eq!(admitted(3, "bob", now + LONGEST_REFUSAL), 1);
    // What is never heard of again stands in nobody's way for long.
    assert_eq!(admitted(1, "alice", now + GIVEN_UP), 5);
}

#[test]
fn the_same_credential_on_many_connections_is_one_guess() {
    let guesses = Guesses::new();
    let now = Instant::now();
    for _ in 0..50 {
        assert_eq!(guesses.admit(&attempt(at(1), "alice", 1), now), Admit::Now);
    }
    for _ in 0..50 {
        guesses.failed(&attempt(at(1), "alice", 1), now);
    }
    assert!(guesses.state().under_way.is_empty());
    let pair = guesses.keys(&attempt(at(1), "alice", 1)).pair;
    assert_eq!(guesses.state().pairs.get(pair, now).unwrap().1.failures, 1);
}

#[test]
fn only_so_many_wait_at_once() {
    let guesses = Guesses::new();
    let now = Instant::now();
    fail(&guesses, at(0), "alice", 0..50, now);
    let admit = |number: u32, now| guesses.admit(&attempt(at(number), "alice", number.into()), now);
    let waiting = (1000..2000).filter(|number| matches!(admit(*number, now), Admit::After(_))).count();
    assert_eq!(waiting, 256);
    assert!(matches!(admit(5000, now), Admit::Refused { .. }));
    assert!(matches!(admit(5000, now + LONGEST_WAIT), Admit::After(_)));
}

#[test]
fn hosts_of_one_ipv6_network_count_as_one_and_other_spellings_of_an_account_too() {
    let guesses = Guesses::new();
    let now = Instant::now();
    let host = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    for (number, name) in (0..).zip(["alice", "ALICE", "alice ", "Alice", "a lice"]) {
        guesses.failed(&attempt(host(&format!("2001:db8::{number}")), name, number), now);
    }
    let refused = |address| matches!(guesses.admit(&attempt(address, "alice", 50), now), Admit::Refused { .. });
    assert!(refused(host("2001:db8::ffff:0:0:9")));
    assert!(!refused(host("2001:db8:0:1::1")));
    let mapped = guesses.keys(&attempt(host("::ffff:10.0.0.1"), "alice", 1));
    assert_eq!(mapped, guesses.keys(&attempt(host("10.0.0.1"), "alice", 1)));
    assert_ne!(mapped.address, guesses.keys(&attempt(None, "alice", 1)).address);
}

#[test]
fn memory_stays_bounded_under_very_many_strangers() {
    let guesses = Guesses::new();
    let start = Instant::now();
    for number in 0..200_000_u32 {
        let account = number.to_string();
        let guess = attempt(at(number), &account, number.into());
        let now = start + Duration::from_micros(number.into());
        if number % 64 == 0 {
            guesses.admit(&guess, now);
        }
        match number % 4 {
            0 => {}
            1 => guesses.succeeded(&guess, now),
            _ => guesses.failed(&guess, now),
        }
    }
    let state = guesses.state();
    assert_eq!([state.pairs.len(), state.addresses.len(), state.accounts.len()], [MOST_FAILED; 3]);
    assert_eq!(state.good.len(), MOST_GOOD);
    assert_eq!(state.under_way.len(), MOST_UNDER_WAY);
}

/// How many guesses a patient stranger makes in an hour who always asks again when they may.
#[test]
fn an_hour_is_enough_for_few_guesses() {
    let guesses = Guesses::new();
    let start = Instant::now();
    let (mut now, mut made) = (start, 0);
    while now < start + seconds(3600) {
        let guess = attempt(at(1), "alice", made);
        now += match guesses.admit(&guess, now) {
            Admit::Refused { retry_after } => retry_after,
            Admit::After(wait) => wait,
            Admit::Now => Duration::ZERO,
        };
        if guesses.admit(&guess, now) == Admit::Now {
            guesses.failed(&guess, now);
            made += 1;
        }
    }
    assert!((50..80).contains(&made), "{made}");
}

proptest! {
    #[test]
    fn whatever_happens_nobody_waits_longer_than_is_promised_and_the_owner_gets_in(
        events in prop::collection::vec((0_u32..3, 0_usize..3, 0_u64..6, 0_u8..4, 0_u64..20_000), 1..200),
    ) {
        let guesses = Guesses::new();
        let mut now = Instant::now();
        let owner = attempt(at(0), "alice", 1_000_000);
        guesses.succeeded(&owner, now);
        for (address, account, number, outcome, pause) in events {
            now += Duration::from_millis(pause);
            let guess = attempt(at(address), ["alice", "bob", "carol"][account], number);
            match guesses.admit(&guess, now) {
                Admit::Refused { retry_after } => {
                    prop_assert!(retry_after > Duration::ZERO && retry_after <= LONGEST_REFUSAL);
                    continue;
                }
                Admit::After(wait) => prop_assert!(wait > Duration::ZERO && wait <= LONGEST_WAIT),
                Admit::Now => {}
            }
            match outcome {
                0 => guesses.succeeded(&guess, now),
                1 => {}
                _ => guesses.failed(&guess, now),
            }
            prop_assert_eq!(guesses.admit(&owner, now), Admit::Now);
        }
    }
}
