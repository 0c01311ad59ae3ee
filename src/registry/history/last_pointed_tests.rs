//! When tags left manifests, as tables.

use std::time::Duration;

use super::*;
use crate::registry::Actor;
use crate::registry::samples::digest;

fn second(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

fn put(at: u64, from: &str, to: &str) -> Line {
    let manifest = |text: &str| (!text.is_empty()).then(|| digest(text));
    Line { at: second(at), from: manifest(from), to: manifest(to), by: Actor::unknown(), how: How::Put }
}

fn found(at: u64, to: &str) -> Line {
    Line::found(digest(to), second(at))
}

#[test]
fn a_manifest_is_left_when_the_next_move_is_made_or_no_later_than_that() {
    let now = 1000;
    let ours = [put(10, "", "a"), put(20, "a", "b"), put(30, "b", "c")];
    let gone = [put(10, "", "a"), put(20, "a", "")];
    let again = [put(10, "", "a"), put(20, "a", "b"), put(30, "b", "a"), put(40, "a", "c")];
    let adopted = [found(1, "o"), found(5, "a"), put(20, "a", "b")];
    for (what, lines, indexed, current, expected) in [
        ("the tag moved on", &ours[..], vec![], Some(("c", 30)), vec![("a", 20), ("b", 30), ("c", now)]),
        ("the tag is gone", &gone, vec![], None, vec![("a", 20)]),
        ("the tag came back", &again, vec![], Some(("c", 40)), vec![("a", 40), ("b", 30), ("c", now)]),
        ("somebody moved it who writes nothing", &ours, vec![], Some(("z", 70)), vec![("c", 70), ("z", now)]),
        ("the last move was not made", &ours, vec![], Some(("b", 20)), vec![("a", 20), ("b", now), ("c", 30)]),
        ("there is only an index", &[], vec![found(3, "x"), found(9, "y")], Some(("y", 9)), vec![("x", 9), ("y", now)]),
        ("only an index is left", &[], vec![found(3, "x")], None, vec![("x", 3)]),
        ("an index has what is older", &ours, vec![found(3, "x"), found(10, "a")], Some(("c", 30)), vec![("x", 10)]),
        ("an index has what came between", &ours, vec![found(25, "x")], Some(("c", 30)), vec![("x", 30), ("a", 20)]),
        ("an index has what came behind", &ours, vec![found(50, "x")], Some(("z", 60)), vec![("x", 60), ("c", 60)]),
        ("it was found once", &adopted, vec![], None, vec![("o", 20), ("a", 20), ("b", 20)]),
    ] {
        let current = current.map(|(to, since)| (digest(to), second(since)));
        let mut times: HashMap<Digest, SystemTime> = HashMap::new();
        for (digest, at) in last_pointed(lines, &indexed, current, second(now)) {
            let last = times.entry(digest).or_insert(at);
            *last = at.max(*last);
        }
        for (manifest, at) in expected {
            assert_eq!(times.get(&digest(manifest)), Some(&second(at)), "{what}: {manifest}");
        }
    }
}
