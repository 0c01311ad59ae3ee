//! When manifests were last pointed at by a tag. For the collector, which keeps for a while what has lost its last tag.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use crate::oci::{Digest, RepositoryName, Tag};

use super::{How, Line, Registry, Result, layout};

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
        let histories = self.storage.list(&layout::tag_histories(repository), None, usize::MAX).await?;
        let tags = self.storage.list(&layout::tags(repository), None, usize::MAX).await?;
        let tags = tags.iter().filter_map(|entry| entry.name.parse().ok());
        let tags: HashSet<Tag> =
            histories.iter().filter_map(|entry| layout::tag_of_history(&entry.name)).chain(tags).collect();
        let mut times: HashMap<Digest, SystemTime> = HashMap::new();
        for tag in tags {
            let (current, lines, found) = {
                let _moving = self.locks.moving(repository, std::slice::from_ref(&tag)).await;
                let current = match self.resolve(repository, &tag).await? {
                    Some(digest) => Some((digest, self.pointed_since(repository, &tag).await?.unwrap_or(now))),
                    None => None,
                };
                (current, self.written_down(repository, &tag).await?, self.found(repository, &tag).await?)
            };
            for (digest, at) in last_pointed(&lines, &found, current, now) {
                let last = times.entry(digest).or_insert(at);
                *last = at.max(*last);
            }
        }
        Ok(times)
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
