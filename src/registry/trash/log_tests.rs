//! What is written into a log is read back, and what cannot be read is noticed.

use time::OffsetDateTime;

use crate::oci::Tag;
use crate::registry::samples::{digest, name};
use crate::registry::{Actor, TrashedBy};

use super::*;

fn action() -> Action {
    Action { at: OffsetDateTime::UNIX_EPOCH, by: Actor::named("alice"), what: TrashedBy::Collection }
}

fn manifest(of: &str, tags: usize, layers: usize) -> Removed {
    let tags = (0..tags).map(|n| format!("{n:0128}").parse::<Tag>().unwrap()).collect();
    let layers = (0..layers).map(|n| (digest(n.to_string()), digest(n.to_string()))).collect();
    Removed::Manifest { repository: name("team/app"), digest: digest(of), media_type: None, tags, layers }
}

fn written(removed: &[Removed]) -> Vec<u8> {
    let mut lines = Vec::new();
    write_line(&mut lines, &action()).unwrap();
    removed.iter().for_each(|removed| write_removed(&mut lines, removed).unwrap());
    lines
}

async fn read(log: &[u8], at_once: usize) -> (Log, Vec<Removed>) {
    let pieces: Vec<_> = log.chunks(at_once).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut reader = Reader { pieces: stream::iter(pieces).fuse().boxed(), reading: Reading::default() };
    let mut removed = Vec::new();
    while let Some(some) = reader.next().await.unwrap() {
        removed.extend(some);
    }
    (reader.reading.end(), removed)
}

#[tokio::test]
async fn a_manifest_of_many_tags_and_blobs_takes_many_lines_and_is_read_as_one() {
    let blob = Removed::Blob { digest: digest("blob"), size: 4 };
    let all = [manifest("large", 20_000, 3500), manifest("tags", 129, 0), blob, manifest("small", 0, 65)];
    let log = written(&all);
    let longest = log.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
    assert!(longest < 40 * 1024, "{longest}");
    for at_once in [1000, 65_536, log.len()] {
        assert_eq!(read(&log, at_once).await, (Log::Whole(action()), all.to_vec()));
    }
}

#[tokio::test]
async fn a_last_line_that_is_cut_short_is_no_damage_and_every_other_that_cannot_be_read_is() {
    let all = [Removed::Blob { digest: digest("one"), size: 1 }, Removed::Blob { digest: digest("two"), size: 2 }];
    let log = written(&all);
    assert_eq!(read(&log[..log.len() - 7], 100).await, (Log::Whole(action()), all[..1].to_vec()));
    let text = String::from_utf8(log).unwrap();
    let damaged = |action, line| Log::Damaged { action, line };
    let later = text.replacen("\"blob\"", "\"signature\"", 1);
    assert_eq!(read(later.as_bytes(), 100).await, (damaged(Some(action()), 2), all[1..].to_vec()));
    let later = text.replace("\"collection\"", "\"retirement\"");
    assert_eq!(read(later.as_bytes(), 100).await, (damaged(None, 1), all.to_vec()));
    assert_eq!(read(b"", 100).await.0, damaged(None, 1));
    assert_eq!(read(&text.as_bytes()[..9], 100).await.0, damaged(None, 1));
}

#[tokio::test]
async fn a_line_without_an_end_is_damage_and_is_not_kept_in_memory() {
    let mut log = written(&[]);
    log.resize(log.len() + LONGEST_LINE + (2 << 20), b'x');
    let first = Removed::Blob { digest: digest("behind"), size: 1 };
    log.push(b'\n');
    write_removed(&mut log, &first).unwrap();
    assert_eq!(read(&log, 1 << 20).await, (Log::Damaged { action: Some(action()), line: 2 }, Vec::new()));
}
