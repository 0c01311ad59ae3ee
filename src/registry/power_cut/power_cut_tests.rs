//! For pushes, re-pushes, moved tags, deletes and mounts, with a power cut at every point: each manifest that was acknowledged
//! is there with all that it refers to, each acknowledged tag points where it was put, whatever is visible hashes to its
//! name, and start-up and the next push work.

use super::client::Step;
use super::replay::{MODES, cut_everywhere};
use super::scenarios;

async fn survives(steps: Vec<Step>) {
    for mode in MODES {
        let began = std::time::Instant::now();
        let tried = cut_everywhere(&steps, mode).await;
        println!("{mode:?}: {tried} disks in {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_in_chunks_survives_a_power_cut_at_every_point() {
    survives(scenarios::chunks()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_again_survives_a_power_cut_at_every_point() {
    survives(scenarios::again()).await;
}

#[tokio::test(start_paused = true)]
async fn blobs_that_wait_long_for_their_manifest_survive_a_power_cut_at_every_point() {
    survives(scenarios::slowly()).await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_moved_survives_a_power_cut_at_every_point() {
    survives(scenarios::moves()).await;
}

#[tokio::test(start_paused = true)]
async fn referrers_and_indexes_survive_a_power_cut_at_every_point() {
    survives(scenarios::relations()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_stays_so_after_a_power_cut_at_every_point() {
    survives(scenarios::removals()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_collected_and_restored_survives_a_power_cut_at_every_point() {
    survives(scenarios::collections()).await;
}

#[tokio::test(start_paused = true)]
async fn mounts_survive_a_power_cut_at_every_point() {
    survives(scenarios::mounts()).await;
}

#[tokio::test(start_paused = true)]
async fn two_pushes_at_once_survive_a_power_cut_at_every_point() {
    survives(scenarios::two_at_once()).await;
}
