//! The laws that the fuzzer holds everything to, held for its seeds and for what it once found (`fuzz/README.md`).

#![expect(clippy::panic, reason = "a law fails by panicking")]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[expect(unreachable_pub, reason = "there it is a library")]
#[path = "../fuzz/src/lib.rs"]
mod laws;

#[test]
fn every_seed_keeps_the_law_of_its_target() {
    let mut broken = Vec::new();
    for (target, law) in laws::TARGETS {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
        let mut seeds: Vec<_> = fs::read_dir(seeds).unwrap().map(|seed| seed.unwrap().path()).collect();
        assert!(!seeds.is_empty(), "{target} has no seeds");
        seeds.sort();
        for seed in seeds {
            let content = fs::read(&seed).unwrap();
            if catch_unwind(|| law(&content)).is_err() {
                broken.push(seed.display().to_string());
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
