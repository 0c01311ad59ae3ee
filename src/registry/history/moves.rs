//! The moves of a tag as they are written down, one JSON text for each line, and what can be told from them.
//!
//! A move is written down before it is made. Whether it was made is seen from what comes behind it: the next move says
//! where the tag was by then, and behind the last one the tag itself does. Where that is still the place that it was to
//! leave, the move was not made: the program ended in between, or the disk refused. Were it not so, and somebody without a
//! history moved the tag back, a line of the history is lost and nothing else.

use std::collections::HashSet;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::oci::Digest;

use super::super::Actor;
use super::stamp;

/// As many moves as are kept of a tag; older ones drop out. With two digests and a name a line has about 250 bytes.
pub(in crate::registry) const MOST: usize = 200;

/// How a tag came to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// A manifest was put under it.
    Put,
    /// It was deleted.
    Delete,
    /// The manifest that it pointed at was deleted.
    DeleteManifest,
    /// No rule of retention kept it.
    Retention,
    /// It was pointed at a manifest that was there.
    RollBack,
    /// It was not there, and was pointed at a manifest that was.
    Restore,
    /// Nobody wrote it down. registry:2 lists what its tags have pointed at, without saying in which order or by whom: the
    /// time is that of the last push of this digest, and `from` is not known.
    Found,
}

/// A move, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::registry) struct Line {
    #[serde(with = "stamp")]
    pub(in crate::registry) at: SystemTime,
    pub(in crate::registry) from: Option<Digest>,
    pub(in crate::registry) to: Option<Digest>,
    pub(in crate::registry) by: Actor,
    pub(in crate::registry) how: How,
}

impl Line {
    /// What nobody wrote down.
    pub(super) fn found(digest: Digest, at: SystemTime) -> Line {
        Line { at, from: None, to: Some(digest), by: Actor::unknown(), how: How::Found }
    }

    /// The manifest that going back to this move leads to: the one that it led to, or, if it removed the tag, the one
    /// that the tag was taken from.
    pub(in crate::registry) fn manifest(&self) -> Option<Digest> {
        self.to.or(self.from)
    }

    fn was_made(&self, then: Option<Digest>) -> bool {
        self.how == How::Found || then == self.to || then != self.from
    }
}

/// The moves that can be read, oldest first, and how many lines cannot. A file may be torn or damaged: what is left of it
/// is better than nothing.
pub(super) fn read(bytes: &[u8]) -> (Vec<Line>, usize) {
    let mut damaged = 0;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read = lines.filter_map(|line| {
        let line = serde_json::from_slice(line).ok();
        damaged += usize::from(line.is_none());
        line
    });
    (read.collect(), damaged)
}

/// The moves as they are kept, of which there are at most [`MOST`].
pub(super) fn written(lines: &[Line]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for line in &lines[lines.len().saturating_sub(MOST)..] {
        serde_json::to_writer(&mut bytes, line)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// The moves that were made, of a tag that points there now.
pub(super) fn made(lines: &[Line], current: Option<Digest>) -> Vec<Line> {
    let mut then = current;
    let mut made = Vec::with_capacity(lines.len());
    for line in lines.iter().rev() {
        if line.was_made(then) {
            made.push(line.clone());
        }
        if line.how != How::Found {
            then = line.from;
        }
    }
    made.reverse();
    made
}

/// Drops attempts at the end to move the tag there that were in vain, which are made again now. Else a client that tries for
/// hours what the disk refuses would drive out what did happen. Attempts to move it elsewhere stay: the tag's index lists
/// where they were to lead, and without their lines that would pass for where the tag has been.
pub(super) fn drop_vain_attempts(lines: &mut Vec<Line>, current: Option<Digest>, to: Option<Digest>) {
    let vain = lines.iter().rev().take_while(|line| !line.was_made(current)).count();
    let attempts = lines.split_off(lines.len() - vain);
    lines.extend(attempts.into_iter().filter(|attempt| attempt.to != to));
}

/// What was written down, and between it, by time, what was found of other digests than those it is known to lead to. All
/// oldest first.
pub(super) fn merged(ours: Vec<Line>, found: Vec<Line>, known: &HashSet<Digest>) -> Vec<Line> {
    let mut found = found.into_iter().filter(|line| line.to.is_none_or(|to| !known.contains(&to))).peekable();
    let mut all = Vec::new();
    for line in ours {
        while let Some(earlier) = found.next_if(|found| found.at < line.at) {
            all.push(earlier);
        }
        all.push(line);
    }
    all.extend(found);
    all
}

/// Where the moves lead, those that were not made too.
pub(super) fn destinations(lines: &[Line]) -> HashSet<Digest> {
    lines.iter().filter_map(|line| line.to).collect()
}

#[cfg(test)]
#[path = "moves_tests.rs"]
mod tests;
