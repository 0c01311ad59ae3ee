//! When manifests were last pointed at by a tag. For the collector, which keeps for a while what has lost its last tag.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::oci::{Digest, RepositoryName, Tag};

use super::{How, Line, Registry, Result, SIDE_BY_SIDE, layout};

/// A tag as it is now: where it points, and since when.
type Current = Option<(Digest, SystemTime)>;

impl Registry {
    /// For every manifest that a tag of the repository is known to have pointed at: when the last tag left it, or a later
    /// time where that is not known exactly; the present for those that a tag points at. What cannot be read is an error;
    /// damaged lines of a history are passed over.
    ///
    /// Not known any more is what a tag left more than as many moves ago as a history keeps, if it was deleted since.
    pub(in crate::registry) async fn last_pointed_at(
        &self,
        repository: &RepositoryName,
    ) -> Result<HashMap<Digest, SystemTime>> {
        let now = self.clock.now();
        let histories = self.names(&layout::tag_histories(repository)).await?;
        let tags: HashSet<Tag> =
            self.names(&layout::tags(repository)).await?.iter().filter_map(|name| name.parse().ok()).collect();
        let gone = histories.iter().filter_map(|name| layout::tag_of_history(name)).filter(|tag| !tags.contains(tag));
        let all: Vec<(Tag, bool)> =
            tags.iter().cloned().map(|tag| (tag, true)).chain(gone.map(|tag| (tag, false))).collect();
        let looked = stream::iter(all).map(|(tag, is_there)| self.left_by(repository, tag, is_there, now));
        let mut looked = looked.buffer_unordered(SIDE_BY_SIDE);
        let mut times: HashMap<Digest, SystemTime> = HashMap::new();
        while let Some(left) = looked.try_next().await? {
            for (digest, at) in left {
                let last = times.entry(digest).or_insert(at);
                *last = at.max(*last);
            }
        }
        Ok(times)
    }

    /// When a tag left what it has pointed at. Of one that was not there a moment ago, which most of those are that have a
    /// history, no index is looked for.
    async fn left_by(
        &self,
        repository: &RepositoryName,
        tag: Tag,
        is_there: bool,
        now: SystemTime,
    ) -> Result<Vec<(Digest, SystemTime)>> {
        let _moving = self.locks.moving(repository, std::slice::from_ref(&tag)).await;
        let current = match self.resolve(repository, &tag).await? {
            Some(digest) => Some((digest, self.pointed_since(repository, &tag).await?.unwrap_or(now))),
            None => None,
        };
        let lines = self.written_down(repository, &tag).await?;
        let found = if is_there || current.is_some() { self.found(repository, &tag).await? } else { Vec::new() };
        Ok(last_pointed(&lines, &found, current, now))
    }
}

/// When a tag left each of the manifests at the latest, perhaps several times for one.
fn last_pointed(lines: &[Line], found: &[Line], current: Current, now: SystemTime) -> Vec<(Digest, SystemTime)> {
    let (ours, adopted): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(|line| line.how != How::Found);
    let mut times = Vec::new();
    times.extend(current.map(|(digest, _)| (digest, now)));
    // Behind the last line is the tag itself.
    let ends = |digest: Digest, at: SystemTime| match current {
        Some((current, since)) if current != digest => since.max(at),
        Some(_) | None => at,
    };
    for (number, line) in ours.iter().enumerate() {
        times.extend(line.from.map(|from| (from, line.at)));
        let left = |to| ours.get(number + 1).map_or_else(|| ends(to, line.at), |next| next.at.max(line.at));
        times.extend(line.to.map(|to| (to, left(to))));
    }
    let mentioned: HashSet<Digest> = ours.iter().flat_map(|line| [line.from, line.to]).flatten().collect();
    let found = adopted.into_iter().chain(found);
    for (digest, at) in found.filter_map(|line| Some((line.to?, line.at))) {
        if mentioned.contains(&digest) {
            continue;
        }
        // From the first line that was written after it on, the tag is known to have been elsewhere.
        let next = ours.iter().find(|line| line.at >= at);
        times.push((digest, next.map_or_else(|| ends(digest, at), |next| next.at)));
    }
    times
}

#[cfg(test)]
#[path = "last_pointed_tests.rs"]
mod tests;
