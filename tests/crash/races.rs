//! Two clients at the same thing at the same time, again and again, over connections of their own.

use std::sync::{Barrier, Mutex};

use crate::chance::{self, Chance};
use crate::check::{Check, Ending, Extent};
use crate::images::{Blob, Image};
use crate::model::{Model, TAGS, look};
use crate::pushes::{self, Pending};
use crate::support::Wharf;
use crate::support::content::sha256;
use crate::wire::Wire;

/// How often each race is run.
const TIMES: usize = 60;

/// Does both at the same moment.
pub(crate) fn at_once<A: Send, B: Send>(one: impl FnOnce() -> A + Send, two: impl FnOnce() -> B + Send) -> (A, B) {
    let both = Barrier::new(2);
    std::thread::scope(|scope| {
        let two = scope.spawn(|| {
            both.wait();
            two()
        });
        both.wait();
        let one = one();
        (one, two.join().expect("the other client found something wrong"))
    })
}

/// A server, two clients, and chance.
struct Race {
    wharf: Wharf,
    one: Wire,
    two: Wire,
    chance: Chance,
}

impl Race {
    #[expect(clippy::print_stdout, reason = "the seed repeats the run")]
    fn start() -> Race {
        let wharf = Wharf::start();
        let seed = chance::seed();
        println!("WHARF_CRASH_SEED={seed}");
        let (one, two) = (Wire::new(wharf.address()), Wire::new(wharf.address()));
        Race { wharf, one, two, chance: Chance::new(seed) }
    }
}

#[test]
fn of_two_pushes_of_one_blob_both_succeed_and_readers_see_all_of_it_or_nothing() {
    let Race { wharf, mut one, mut two, mut chance } = Race::start();
    let mut reader = Wire::new(wharf.address());
    for number in 0..chance::times(TIMES) {
        let blob = if number % 10 == 0 { Blob::large(&mut chance) } else { Blob::small(&mut chance) };
        let path = format!("/v2/race/blobs/{}", blob.digest);
        let (mut first, mut second) = (chance.fork(), chance.fork());
        std::thread::scope(|scope| {
            let pushing = scope.spawn(|| {
                let push = |wire: &mut Wire, chance: &mut Chance| pushes::push(wire, chance, "race", &blob).is_ok();
                at_once(|| push(&mut one, &mut first), || push(&mut two, &mut second))
            });
            while !pushing.is_finished() {
                let got = reader.get(&path).unwrap();
                assert!(got.is_one_of(&[200, 404]) == 404 || sha256(&got.body) == blob.digest, "it is torn");
            }
            assert_eq!(pushing.join().unwrap(), (true, true));
        });
        assert!(sha256(&reader.get(&path).unwrap().is(200).body) == blob.digest);
    }
}

/// Puts what two clients were answered for a chunk that both sent into what is known of the upload.
pub(crate) fn after_two_chunks(pending: &mut Pending, to: usize, answers: [Option<u16>; 2]) {
    for status in answers.into_iter().flatten() {
        // One is told that the other took over, or that the upload is elsewhere by now.
        assert!([202, 409, 416].contains(&status), "{status}");
    }
    if answers.contains(&Some(202)) {
        pending.acknowledged = to;
    }
    pending.sent = to;
}

#[test]
fn of_two_chunks_for_one_place_at_most_one_is_taken_and_the_upload_goes_on() {
    let Race { wharf: _running, mut one, mut two, mut chance } = Race::start();
    for number in 0..chance::times(TIMES) {
        let blob = if number % 4 == 0 { Blob::large(&mut chance) } else { Blob::small(&mut chance) };
        let mut pending = pushes::begin(&mut one, "race", &blob).unwrap();
        let to = chance.between(2, blob.content.len() - 20);
        let range = format!("0-{}", to - 1);
        let send = |wire: &mut Wire| {
            let headers = [("content-range", range.as_str())];
            wire.ask("PATCH", &pending.location, &headers, &blob.content[..to]).unwrap().status
        };
        let (first, second) = at_once(|| send(&mut one), || send(&mut two));
        assert_ne!((first, second), (202, 202), "one chunk was taken twice");
        after_two_chunks(&mut pending, to, [Some(first), Some(second)]);
        pushes::go_on(&mut one, &mut chance, pending).unwrap();
    }
}

#[test]
fn puts_and_deletions_of_one_tag_and_of_its_manifests_leave_what_was_acknowledged_last() {
    let Race { wharf, mut one, mut two, mut chance } = Race::start();
    let mut model = Model::new(&["race"]);
    let numbers: Vec<usize> = (0..2)
        .map(|_| {
            let blobs = [Blob::small(&mut chance), Blob::small(&mut chance)];
            for blob in &blobs {
                assert!(pushes::push(&mut one, &mut chance, "race", blob).is_ok());
            }
            model.add(Image::of(&blobs))
        })
        .collect();
    let images = model.images.clone();
    let model = Mutex::new(model);
    let tag = TAGS[0];
    let put = |wire: &mut Wire, number: usize| {
        let request = look(&model).putting("race", number, Some(tag));
        let headers = [("content-type", images[number].media_type())];
        let path = format!("/v2/race/manifests/{tag}");
        wire.ask("PUT", &path, &headers, &images[number].manifest.bytes).unwrap().is(201);
        look(&model).answered(request, true);
    };
    let delete = |wire: &mut Wire, number: Option<usize>| {
        let request = match number {
            Some(number) => look(&model).deleting("race", number),
            None => look(&model).untagging("race", tag),
        };
        let reference = number.map_or(tag, |number| &images[number].digest);
        let path = format!("/v2/race/manifests/{reference}");
        let done = wire.ask("DELETE", &path, &[], b"").unwrap().is_one_of(&[202, 404]) == 202;
        look(&model).answered(request, done);
    };
    for number in numbers.clone() {
        put(&mut one, number);
    }
    for _ in 0..chance::times(TIMES / 3) {
        let (mut first, mut second) = (chance.fork(), chance.fork());
        at_once(
            || (0..4).for_each(|_| put(&mut one, *first.pick(&numbers))),
            || {
                for _ in 0..3 {
                    let number = second.one_in(3).then(|| *second.pick(&numbers));
                    delete(&mut two, number);
                }
            },
        );
        let mut wire = Wire::new(wharf.address());
        let mut check = Check { wire: &mut wire, chance: &mut chance, ending: Ending::Stop, extent: Extent::All };
        check.run(&mut look(&model));
    }
}

#[test]
fn a_mount_that_succeeds_holds_whatever_becomes_of_the_source() {
    let Race { wharf: _running, mut one, mut two, mut chance } = Race::start();
    let mut mounted = 0;
    for _ in 0..chance::times(TIMES) {
        let blob = Blob::small(&mut chance);
        assert!(pushes::push(&mut one, &mut chance, "source", &blob).is_ok());
        let mount = format!("/v2/target/blobs/uploads/?mount={}&from=source", blob.digest);
        let delete = format!("/v2/source/blobs/{}", blob.digest);
        let (mount, delete) =
            at_once(|| one.ask("POST", &mount, &[], b"").unwrap(), || two.ask("DELETE", &delete, &[], b"").unwrap());
        delete.is(202);
        one.get(&format!("/v2/source/blobs/{}", blob.digest)).unwrap().is(404);
        let got = one.get(&format!("/v2/target/blobs/{}", blob.digest)).unwrap();
        match mount.is_one_of(&[201, 202]) {
            201 => {
                assert!(sha256(&got.is(200).body) == blob.digest);
                let image = Image::of(&[blob.clone(), blob]);
                let headers = [("content-type", image.media_type())];
                let path = format!("/v2/target/manifests/{}", image.digest);
                two.ask("PUT", &path, &headers, &image.manifest.bytes).unwrap().is(201);
                mounted += 1;
            }
            _ => {
                got.is(404);
                two.ask("DELETE", mount.header("location").unwrap(), &[], b"").unwrap().is(204);
            }
        }
    }
    assert!(mounted > 0, "some mounts come first");
}

#[test]
fn an_upload_is_finished_or_given_up_and_never_both() {
    let Race { wharf: _running, mut one, mut two, mut chance } = Race::start();
    for number in 0..chance::times(TIMES) {
        let blob = if number % 8 == 0 { Blob::large(&mut chance) } else { Blob::small(&mut chance) };
        let mut pending = pushes::begin(&mut one, "race", &blob).unwrap();
        let from = if chance.one_in(2) { blob.content.len() - 10 } else { 0 };
        if from > 0 {
            pushes::chunk(&mut one, &mut pending, from).unwrap();
        }
        let finish = format!("{}?digest={}", pending.location, blob.digest);
        let (finished, cancelled) = at_once(
            || one.ask("PUT", &finish, &[], &blob.content[from..]).unwrap().status,
            || two.ask("DELETE", &pending.location, &[], b"").unwrap().status,
        );
        let there = two.get(&format!("/v2/race/blobs/{}", blob.digest)).unwrap().status;
        match (finished, cancelled) {
            (201, 404) => assert_eq!(there, 200),
            // It was told that it was taken over, or found no upload any more.
            (409 | 404, 204) => assert_eq!(there, 404),
            other => panic!("finished and cancelled were answered {other:?}"),
        }
        two.get(&pending.location).unwrap().is(404);
    }
}
