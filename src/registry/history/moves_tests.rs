//! What is told from lines, as tables.

use std::time::Duration;

use super::*;
use crate::registry::samples::digest;

fn line(second: u64, from: &str, to: &str, how: How) -> Line {
    let manifest = |text: &str| (!text.is_empty()).then(|| digest(text));
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    Line { at, from: manifest(from), to: manifest(to), by: Actor::named("alice"), how }
}

fn put(second: u64, from: &str, to: &str) -> Line {
    line(second, from, to, How::Put)
}

#[test]
fn a_move_that_was_not_made_is_known_by_what_comes_behind_it() {
    let (one, two, three) = (put(1, "", "a"), put(2, "a", "b"), put(3, "b", "c"));
    let (vain, gone) = (put(2, "a", "x"), line(4, "c", "", How::Delete));
    for (what, lines, current, expected) in [
        ("all were made", vec![&one, &two, &three], "c", vec![&one, &two, &three]),
        ("the last was not", vec![&one, &two, &three], "b", vec![&one, &two]),
        ("one between was not", vec![&one, &vain, &two, &three], "c", vec![&one, &two, &three]),
        ("none of the last two was", vec![&one, &vain, &two], "a", vec![&one]),
        ("the first was not", vec![&one], "", vec![]),
        ("the tag is gone", vec![&one, &two, &three, &gone], "", vec![&one, &two, &three, &gone]),
        ("the tag was not removed", vec![&one, &two, &three, &gone], "c", vec![&one, &two, &three]),
        ("somebody else moved it on", vec![&one, &two], "z", vec![&one, &two]),
        ("somebody else removed it", vec![&one, &two], "", vec![&one, &two]),
        ("somebody else moved it in between", vec![&one, &three], "c", vec![&one, &three]),
    ] {
        let lines: Vec<Line> = lines.into_iter().cloned().collect();
        let current = (!current.is_empty()).then(|| digest(current));
        assert_eq!(made(&lines, current).iter().collect::<Vec<_>>(), expected, "{what}");
    }
}

#[test]
fn a_vain_attempt_that_is_made_again_is_dropped_and_nothing_else() {
    let all = [put(1, "", "b"), put(2, "b", "a"), put(3, "a", "b"), put(4, "a", "c"), put(5, "a", "b")];
    let now = |text| Some(digest(text));
    let mut lines = all.to_vec();
    drop_vain_attempts(&mut lines, now("a"), now("b"));
    assert_eq!(lines, [&all[..2], &all[3..4]].concat());
    let mut lines = all.to_vec();
    drop_vain_attempts(&mut lines, now("b"), now("c"));
    assert_eq!(lines, all);
}

#[test]
fn as_many_are_written_as_are_kept_the_last_ones() {
    let lines: Vec<Line> = (0..MOST as u64 + 7).map(|n| put(n, &n.to_string(), &(n + 1).to_string())).collect();
    let bytes = written(&lines).unwrap();
    assert_eq!(read(&bytes), (lines[7..].to_vec(), 0));
    assert!(bytes.len() < MOST * 270, "{} bytes", bytes.len());
}

#[test]
fn of_a_damaged_file_what_can_be_read_counts() {
    let lines = [put(1, "", "a"), put(2, "a", "b"), put(3, "b", "c")];
    let bytes = written(&lines).unwrap();
    let torn = &bytes[..bytes.len() - 10];
    assert_eq!(read(torn), (lines[..2].to_vec(), 1));
    let mut garbled = b"\0\0\xff\n{}\n".to_vec();
    garbled.extend(&bytes);
    garbled.extend(b"\n\n{\"at\":\"yesterday\",\"from\":null,\"to\":null,\"by\":null,\"how\":\"put\"}");
    assert_eq!(read(&garbled), (lines.to_vec(), 3));
    assert_eq!(read(b""), (Vec::new(), 0));
}

#[test]
fn what_was_found_stands_where_its_time_is_and_once() {
    let ours = vec![put(10, "b", "c"), put(20, "c", "d")];
    let found = |second, to| Line { by: Actor::unknown(), ..line(second, "", to, How::Found) };
    let all = vec![found(5, "a"), found(6, "b"), found(15, "x"), found(30, "d"), found(40, "y")];
    let expected = [found(5, "a"), found(6, "b"), ours[0].clone(), found(15, "x"), ours[1].clone(), found(40, "y")];
    let known = destinations(&ours);
    assert_eq!(merged(ours, all, &known), expected);
}
