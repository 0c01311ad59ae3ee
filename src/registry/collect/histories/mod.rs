//! Histories at random: pushes, mounts, retags, deletions, restorations, collections and kills, interleaved at every call of
//! the storage, while a clock runs that the test moves. After each, what was acknowledged has to be whole, and when all is over
//! and old, nothing may be left that nobody refers to.

mod client;
mod expected;
mod memory;
mod random;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::oci::{Algorithm, Digest};
use crate::registry::{
    Actor, Clock, Collected, CollectionTerms, Effort, Emptying, Registry, RegistryError, Settings, Unfollowed, Untagged,
};
use crate::storage::Storage;

use client::Client;
use memory::{Memory, Played};
use random::Random;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const STAYS: Untagged = Untagged::StayFor(Duration::from_secs(14 * 24 * 3600));

/// A volume and its clock.
struct World {
    clock: Arc<Played>,
    memory: Arc<Memory>,
}

impl World {
    fn new(seed: u64) -> World {
        let clock = Arc::new(Played::new());
        let memory = Arc::new(Memory::new(&clock, seed));
        World { clock, memory }
    }

    /// A registry that knows nothing yet.
    fn open(&self) -> Registry {
        let storage = Arc::clone(&self.memory) as Arc<dyn Storage>;
        Registry::by_the_clock(storage, Settings::default(), Arc::clone(&self.clock) as Arc<dyn Clock>)
    }
}

async fn collect(
    registry: &Registry,
    grace: Duration,
    untagged: Untagged,
    effort: Effort,
) -> Result<Collected, RegistryError> {
    let terms = CollectionTerms { grace, untagged, dry_run: false };
    registry.collect(terms, effort, &Actor::unknown(), &Unfollowed, &CancellationToken::new()).await
}

/// What goes on while clients push: collections back to back, the trash is emptied, time passes.
async fn keep_up(registry: Registry, clock: Arc<Played>, mut random: Random, grace: Option<Duration>) {
    loop {
        let grace = grace.unwrap_or([Duration::ZERO, HOUR][random.below(2)]);
        let untagged = [STAYS, Untagged::Go][random.below(2)];
        // One that holds back reads in another way, and rests in the middle.
        let effort = [Effort::FULL, Effort::percent(25).unwrap()][random.below(2)];
        match collect(&registry, grace, untagged, effort).await {
            Ok(_) | Err(RegistryError::Stopped) => {}
            Err(error) => panic!("{error}"),
        }
        if random.below(4) == 0 {
            empty(&registry, &clock, DAY * 7).await;
        }
        if random.below(3) == 0 {
            clock.pass([HOUR * 2, DAY * 8, DAY * 30][random.below(3)]);
        }
        for _ in 0..random.below(40) {
            tokio::task::yield_now().await;
        }
    }
}

async fn empty(registry: &Registry, clock: &Played, keep: Duration) {
    let stop = CancellationToken::new();
    registry.empty_trash(Emptying::All, keep, clock.now(), &stop).await.unwrap();
}

/// Runs something until it ends, or is killed at some point with everything that it has begun.
fn run(work: impl Future<Output = ()>, kill_after: Option<usize>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let killed = async {
            match kill_after {
                Some(turns) => {
                    for _ in 0..turns {
                        tokio::task::yield_now().await;
                    }
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = work => {}
            () = killed => {}
        }
    });
}

/// One history; its clients.
fn history(seed: u64, grace: Option<Duration>, kills: bool) -> Vec<Client> {
    let mut random = Random::of(seed);
    let world = World::new(seed);
    let clients: Vec<Client> = (0..3).map(Client::new).collect();
    for _ in 0..=random.below(3) {
        let kill_after = (kills && random.below(2) == 0).then(|| random.below(2000));
        let seeds: Vec<u64> = (0..4).map(|_| random.next()).collect();
        let steps = 2 + random.below(6);
        run(
            async {
                let registry = world.open();
                registry.recover_blobs().await.unwrap();
                for client in &clients {
                    client.check(&registry, seed).await;
                }
                let keeping_up = keep_up(registry.clone(), Arc::clone(&world.clock), Random::of(seeds[3]), grace);
                let keeping_up = tokio::spawn(keeping_up);
                let mut working = JoinSet::new();
                for (client, seed) in clients.iter().cloned().zip(seeds.clone()) {
                    let registry = registry.clone();
                    working.spawn(async move { client.work(&registry, &mut Random::of(seed), steps).await });
                }
                while let Some(worked) = working.join_next().await {
                    worked.unwrap();
                }
                assert!(!keeping_up.is_finished(), "seed {seed}: a collection has failed");
                keeping_up.abort();
            },
            kill_after,
        );
    }
    run(in_the_end(&world, &clients, seed), None);
    clients
}

/// When all is over and old, what was acknowledged is whole and nothing else is left.
async fn in_the_end(world: &World, clients: &[Client], seed: u64) {
    let registry = world.open();
    registry.recover_blobs().await.unwrap();
    for client in clients {
        client.check(&registry, seed).await;
    }
    world.clock.pass(DAY * 60);
    registry.purge_uploads(world.clock.now(), HOUR, false).await.unwrap();
    tokio::time::sleep(HOUR).await;
    for _ in 0..2 {
        collect(&registry, HOUR, Untagged::Go, Effort::FULL).await.unwrap();
        world.clock.pass(DAY);
    }
    empty(&registry, &world.clock, Duration::ZERO).await;
    for client in clients {
        client.check(&registry, seed).await;
    }
    let reached: BTreeSet<Digest> = clients.iter().flat_map(Client::reached).collect();
    let keys = world.memory.keys();
    for key in keys.iter().filter(|key| key.contains("/blobs/sha256/") || key.contains("/_layers/")) {
        let hex = key.split('/').rev().nth(1).unwrap();
        let digest = Digest::from_hex(Algorithm::Sha256, hex).unwrap();
        assert!(reached.contains(&digest) && !key.contains("data."), "seed {seed}: {key} is left");
    }
    assert_eq!(keys.iter().filter(|key| key.contains("/trash/")).count(), 0, "seed {seed}");
}

/// Plays so many histories, or as many as WHARF_HISTORIES says, on all processors.
fn play(usual: u64, play: impl Fn(u64) + Sync) {
    let count = std::env::var("WHARF_HISTORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        break;
                    }
                    play(seed);
                }
            });
        }
    });
}

#[test]
fn whatever_happens_in_whichever_order_what_was_acknowledged_is_whole_and_what_nobody_needs_goes() {
    let acknowledged = AtomicUsize::new(0);
    play(1500, |seed| {
        let pushes = history(seed, None, true).iter().map(Client::acknowledged).sum();
        acknowledged.fetch_add(pushes, Ordering::Relaxed);
    });
    let acknowledged = acknowledged.into_inner();
    assert!(acknowledged > 1500, "{acknowledged} pushes say nothing");
}

/// What a client was told is there is still there when it puts the manifest, as long as that is within the time of grace.
#[test]
fn no_push_that_is_quick_enough_is_refused_because_of_a_collection() {
    play(300, |seed| {
        for client in history(seed, Some(DAY * 3650), false) {
            assert_eq!(client.refused(), 0, "seed {seed}");
        }
    });
}
