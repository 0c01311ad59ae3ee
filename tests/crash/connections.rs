//! Clients that go away in the middle, by the hundred: what they leave is an upload to go on with, and nothing else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::chance::{self, Chance};
use crate::images::Blob;
use crate::pushes::{self, Pending};
use crate::support::Wharf;
use crate::support::client::PATIENCE;
use crate::wire::Wire;

const DROPS: usize = 200;
/// Clients that are there at once.
const TOGETHER: usize = 10;
/// What the allocator may keep of what was used.
const KEPT: u64 = 16 * 1024 * 1024;

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Holds {
    descriptors: usize,
    threads: usize,
}

fn holds(wharf: &Wharf) -> Holds {
    let count = |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", wharf.pid())).unwrap().count();
    Holds { descriptors: count("fd"), threads: count("task") }
}

/// Waits until the server holds no more than this. Nobody tells us when; asking the server would use what we count.
fn comes_back_to(wharf: &Wharf, before: Holds, patience: Duration) {
    let begun = Instant::now();
    loop {
        let now = holds(wharf);
        if now.descriptors <= before.descriptors && now.threads <= before.threads {
            return;
        }
        assert!(begun.elapsed() < patience, "the server holds {now:?} and held {before:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drop {
    /// In order, so that everything arrives that was sent.
    Closed,
    /// With a reset, which may overtake what was sent.
    Reset,
}

/// Begins an upload, announces more than comes, and goes away.
fn drop_in_the_middle(wharf: &Wharf, chance: &mut Chance, how: Drop, says_where: bool) -> Pending {
    let blob = Blob::fresh(chance.between(20_000, 1_500_000));
    let mut wire = Wire::new(wharf.address());
    let mut pending = pushes::begin(&mut wire, "drops", &blob).unwrap();
    let mut stream = TcpStream::connect(wharf.address()).unwrap();
    let length = blob.content.len();
    let range = if says_where { format!("content-range: 0-{}\r\n", length - 1) } else { String::new() };
    let headers = format!("host: a\r\n{range}content-length: {length}\r\n");
    let head = format!("PATCH {} HTTP/1.1\r\n{headers}\r\n", pending.location);
    stream.write_all(head.as_bytes()).unwrap();
    pending.sent = chance.between(2, length - 20);
    stream.write_all(&blob.content[..pending.sent]).unwrap();
    if how == Drop::Reset {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
    pending
}

/// Several at once, each of which goes away; their number is a multiple of those at once.
fn drops(wharf: &Wharf, chance: &mut Chance, count: usize) -> Vec<(Pending, Drop)> {
    let mut left = Vec::new();
    for _ in 0..count / TOGETHER {
        let forks: Vec<Chance> = (0..TOGETHER).map(|_| chance.fork()).collect();
        std::thread::scope(|scope| {
            let dropping = forks.into_iter().map(|mut chance| {
                scope.spawn(move || {
                    let how = if chance.one_in(3) { Drop::Reset } else { Drop::Closed };
                    let says_where = chance.one_in(2);
                    (drop_in_the_middle(wharf, &mut chance, how, says_where), how)
                })
            });
            let dropping: Vec<_> = dropping.collect();
            left.extend(dropping.into_iter().map(|dropping| dropping.join().unwrap()));
        });
    }
    left
}

#[test]
fn two_hundred_clients_that_drop_leave_uploads_to_go_on_with_and_nothing_else() {
    let wharf = Wharf::start();
    let mut chance = Chance::new(chance::seed());
    Wire::new(wharf.address()).get("/v2/").unwrap().is(200);
    // What a server at rest holds; the runtime ends threads that it has no work for after some seconds.
    let at_rest = holds(&wharf);
    drops(&wharf, &mut chance, 5 * TOGETHER);
    let used_before = wharf.resident();
    let left = drops(&wharf, &mut chance, DROPS);
    comes_back_to(&wharf, Holds { threads: usize::MAX, ..at_rest }, PATIENCE);
    let used = wharf.resident();
    assert!(used < used_before + KEPT, "{used_before} bytes were resident, and after {DROPS} drops {used}");

    let mut wire = Wire::new(wharf.address());
    for (number, (mut pending, how)) in left.into_iter().enumerate() {
        let sent = pending.sent;
        assert!(pushes::find(&mut wire, &mut pending).unwrap());
        match how {
            Drop::Closed => assert_eq!(pending.acknowledged, sent, "all of it is kept"),
            Drop::Reset => assert!(pending.acknowledged <= sent),
        }
        if number % 5 == 0 {
            pushes::go_on(&mut wire, &mut chance, pending).unwrap();
        }
    }
    drop(wire);
    comes_back_to(&wharf, at_rest, 2 * PATIENCE);
    assert!(!wharf.log().contains("panicked"), "{}", wharf.log());
}

/// The client comes back before the server has noticed that it went.
#[test]
fn a_client_that_drops_and_comes_back_at_once_goes_on() {
    let wharf = Wharf::start();
    let mut chance = Chance::new(chance::seed());
    let mut wire = Wire::new(wharf.address());
    for _ in 0..chance::times(20) {
        // It says where its bytes belong: one that is read when all others are done is else taken for one that goes on.
        let mut pending = drop_in_the_middle(&wharf, &mut chance, Drop::Closed, true);
        // It may be told that the upload is elsewhere by now, once what arrived is kept; or that another request goes on
        // with it, which is its own from before: a server may come to read the later one first, and even in its middle.
        let mut told = Vec::new();
        loop {
            pushes::find(&mut wire, &mut pending).unwrap();
            if pending.acknowledged == pending.blob.content.len() {
                // It was told so right behind its last byte.
                break;
            }
            let range = format!("{}-{}", pending.acknowledged, pending.blob.content.len() - 1);
            let rest = &pending.blob.content[pending.acknowledged..];
            let answer = wire.ask("PATCH", &pending.location, &[("content-range", &range)], rest).unwrap();
            if answer.is_one_of(&[202, 409, 416]) == 202 {
                break;
            }
            pending.sent = pending.blob.content.len();
            told.push(format!("{range}: {}", String::from_utf8_lossy(&answer.body)));
            assert!(told.len() < 4, "the upload is elsewhere each time: {told:#?}");
        }
        pending.acknowledged = pending.blob.content.len();
        pending.sent = pending.acknowledged;
        pushes::go_on(&mut wire, &mut chance, pending).unwrap();
    }
}

#[test]
fn clients_that_drop_in_the_middle_of_a_pull_leave_nothing() {
    let wharf = Wharf::start();
    let mut wire = Wire::new(wharf.address());
    let blob = Blob::fresh(8 << 20);
    let path = format!("/v2/pulls/blobs/uploads/?digest={}", blob.digest);
    wire.ask("POST", &path, &[], &blob.content).unwrap().is(201);
    drop(wire);
    let at_rest = Holds { threads: usize::MAX, descriptors: holds(&wharf).descriptors };
    for _ in 0..5 {
        let connections: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(wharf.address()).unwrap()).collect();
        for mut stream in &connections {
            let head = format!("GET /v2/pulls/blobs/{} HTTP/1.1\r\nhost: a\r\n\r\n", blob.digest);
            stream.write_all(head.as_bytes()).unwrap();
        }
        for mut stream in &connections {
            stream.read_exact(&mut [0; 1000]).unwrap();
        }
    }
    comes_back_to(&wharf, at_rest, PATIENCE);
    Wire::new(wharf.address()).get(&format!("/v2/pulls/blobs/{}", blob.digest)).unwrap().is(200);
}
