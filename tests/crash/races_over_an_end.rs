//! Races in whose middle the program ends: each is decided one way or the other when it is back.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::chance::{self, Chance};
use crate::check::Ending;
use crate::disk::Disk;
use crate::images::Blob;
use crate::pushes::{self, Pending};
use crate::races::{after_two_chunks, at_once};
use crate::support::Wharf;
use crate::support::content::sha256;
use crate::wire::Wire;

const ENDS: usize = 8;
const REPOSITORY: &str = "race/over";

/// What the two clients of a race were answered; `None` if the server was gone.
type Answers = [Option<u16>; 2];

/// A race that is over.
enum Race {
    /// One finishes the upload, the other gives it up.
    FinishOrCancel(Pending, Answers),
    /// Both send the first chunk.
    Chunks(Pending, Answers),
    /// Both push the blob; whether each succeeded.
    Pushes(Blob, [bool; 2]),
}

#[test]
fn races_in_whose_middle_the_program_is_killed_are_decided() {
    race_over_ends(Ending::Kill);
}

#[test]
fn races_in_whose_middle_the_program_is_stopped_are_decided() {
    race_over_ends(Ending::Stop);
}

#[expect(clippy::print_stdout, reason = "the seed repeats the run")]
fn race_over_ends(ending: Ending) {
    let seed = chance::seed();
    println!("{ending:?}, WHARF_CRASH_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut disk = Disk::default();
    let mut wharf = Wharf::start();
    for _ in 0..chance::times(ENDS) {
        let address = wharf.address().to_owned();
        let moment = Duration::from_millis(chance.between(10, 250) as u64);
        let mut racing = chance.fork();
        let (races, start) = std::thread::scope(|scope| {
            let races = scope.spawn(|| race_until_the_end(&address, &mut racing));
            // Not an event that could be waited for: any moment will do, and this is it.
            std::thread::sleep(moment);
            if ending == Ending::Stop {
                let pid = Pid::from_raw(i32::try_from(wharf.pid()).unwrap()).unwrap();
                kill_process(pid, Signal::TERM).unwrap();
                assert_eq!(wharf.child().wait().unwrap().code(), Some(0), "it stops well: {}", wharf.log());
            }
            let start = wharf.crash();
            (races.join().expect("a race was decided wrongly"), start)
        });
        wharf = start.go();
        disk.check(wharf.volume());
        let mut wire = Wire::new(wharf.address());
        for race in races {
            decided(&mut wire, &mut chance, ending, race);
        }
        disk.check(wharf.volume());
    }
}

/// Runs one race after the other until the server is gone.
fn race_until_the_end(address: &str, chance: &mut Chance) -> Vec<Race> {
    let (mut one, mut two) = (Wire::new(address), Wire::new(address));
    let mut races = Vec::new();
    loop {
        let blob = if chance.one_in(5) { Blob::large(chance) } else { Blob::small(chance) };
        let race = if chance.one_in(3) {
            let (mut first, mut second) = (chance.fork(), chance.fork());
            let push = |wire: &mut Wire, chance: &mut Chance| pushes::push(wire, chance, REPOSITORY, &blob).is_ok();
            let (first, second) = at_once(|| push(&mut one, &mut first), || push(&mut two, &mut second));
            Race::Pushes(blob, [first, second])
        } else {
            let Ok(pending) = pushes::begin(&mut one, REPOSITORY, &blob) else { return races };
            match chance.one_in(2) {
                true => finish_or_cancel(&mut one, &mut two, pending),
                false => {
                    let to = chance.between(2, blob.content.len() - 20);
                    chunks(&mut one, &mut two, pending, to)
                }
            }
        };
        let gone = match &race {
            Race::FinishOrCancel(_, answers) | Race::Chunks(_, answers) => answers.contains(&None),
            Race::Pushes(_, pushed) => pushed.contains(&false),
        };
        races.push(race);
        if gone {
            return races;
        }
    }
}

fn finish_or_cancel(one: &mut Wire, two: &mut Wire, mut pending: Pending) -> Race {
    let to = pending.blob.content.len() - 10;
    if pushes::chunk(one, &mut pending, to).is_err() {
        return Race::Chunks(pending, [None; 2]);
    }
    let finish = format!("{}?digest={}", pending.location, pending.blob.digest);
    let rest = &pending.blob.content[to..];
    let answers = at_once(
        || one.ask("PUT", &finish, &[], rest).ok().map(|reply| reply.status),
        || two.ask("DELETE", &pending.location, &[], b"").ok().map(|reply| reply.status),
    );
    pending.sent = pending.blob.content.len();
    // Whichever came first, it may have been interrupted when the content was gone from the upload.
    pending.finishing = true;
    Race::FinishOrCancel(pending, answers.into())
}

fn chunks(one: &mut Wire, two: &mut Wire, mut pending: Pending, to: usize) -> Race {
    let range = format!("0-{}", to - 1);
    let send = |wire: &mut Wire| {
        let headers = [("content-range", range.as_str())];
        let sent = wire.ask("PATCH", &pending.location, &headers, &pending.blob.content[..to]);
        sent.ok().map(|reply| reply.status)
    };
    let answers: Answers = at_once(|| send(one), || send(two)).into();
    after_two_chunks(&mut pending, to, answers);
    Race::Chunks(pending, answers)
}

/// Holds a server that was started again to what the server before had answered.
fn decided(wire: &mut Wire, chance: &mut Chance, ending: Ending, race: Race) {
    let path = |blob: &Blob| format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
    match race {
        Race::FinishOrCancel(pending, [finished, cancelled]) => {
            assert_ne!((finished, cancelled), (Some(201), Some(204)), "it was finished and given up");
            if finished == Some(201) {
                wire.get(&pending.location).unwrap().is(404);
                acknowledged(wire, &path(&pending.blob), &pending.blob, ending);
            } else if cancelled == Some(204) {
                wire.get(&pending.location).unwrap().is(404);
                wire.get(&path(&pending.blob)).unwrap().is(404);
            } else {
                pushes::go_on(wire, chance, pending).unwrap();
            }
        }
        Race::Chunks(pending, _) => pushes::go_on(wire, chance, pending).unwrap(),
        Race::Pushes(blob, pushed) => {
            if pushed.contains(&true) {
                acknowledged(wire, &path(&blob), &blob, ending);
            }
            assert!(pushes::push(wire, chance, REPOSITORY, &blob).is_ok());
            assert!(sha256(&wire.get(&path(&blob)).unwrap().is(200).body) == blob.digest);
        }
    }
}

/// A blob that was acknowledged is whole; after a kill it may be gone, as no manifest refers to it.
fn acknowledged(wire: &mut Wire, path: &str, blob: &Blob, ending: Ending) {
    let got = wire.get(path).unwrap();
    let there = got.is_one_of(&[200, 404]) == 200;
    assert!(there || ending == Ending::Kill, "{path} was acknowledged and is gone after a stop");
    assert!(!there || sha256(&got.body) == blob.digest, "{path} is torn");
}
