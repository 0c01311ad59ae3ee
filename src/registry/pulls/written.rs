//! What was pulled of a repository, as its file says.
//!
//! ```json
//! {"tags": {"latest": [1767225600, 42]}, "manifests": {"sha256:…": [1767225600, 7]}}
//! ```
//!
//! Each pair is the second of the last pull, since 1970, and how many there were.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::oci::{Digest, Reference, Tag};

use super::Pulled;
use super::table::{self, Counts};

/// As many tags and manifests as a file has, so that it stays below what is read at once.
const MOST: usize = 90_000;

/// What was pulled of a repository, and since when that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPulls {
    pub(super) since: SystemTime,
    pub(super) counts: Counts,
}

/// The same as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Written {
    /// Since when it is known what was pulled, if something older was forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    tags: BTreeMap<Tag, (u64, u64)>,
    manifests: BTreeMap<Digest, (u64, u64)>,
}

impl RepositoryPulls {
    /// How often a tag that points there was pulled, and when last: by its name, or that manifest by its digest, which is
    /// what clients do that have asked where the tag points. If several tags point there, such a pull is one of each.
    pub fn of(&self, tag: &Tag, digest: &Digest) -> Option<Pulled> {
        let by = |reference: Reference| self.counts.get(&reference).copied();
        Pulled::both(by(tag.clone().into()), by((*digest).into()))
    }

    /// Since when it is known. What was pulled before and not since may be missing.
    pub fn since(&self) -> SystemTime {
        self.since
    }

    pub(super) fn add(&mut self, counts: Counts) {
        for (reference, pulled) in counts {
            table::add(&mut self.counts, reference, pulled);
        }
    }

    /// Forgets what was pulled longest ago if there is too much, and that it knows of it.
    pub(super) fn forget_oldest(&mut self) {
        self.forget_to(MOST);
    }

    fn forget_to(&mut self, most: usize) {
        let Some(over) = self.counts.len().checked_sub(most).filter(|over| *over > 0) else { return };
        let mut times: Vec<SystemTime> = self.counts.values().map(|pulled| pulled.last).collect();
        let (_, last, _) = times.select_nth_unstable(over - 1);
        let last = *last;
        self.counts.retain(|_, pulled| pulled.last > last);
        // What was forgotten was pulled in that second at the latest.
        self.since = self.since.max(last + Duration::from_secs(1));
    }

    /// What a file says, which was complete since then if it does not say otherwise; none if it is damaged.
    pub(super) fn read(bytes: &[u8], since: SystemTime) -> Option<RepositoryPulls> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let tags = written.tags.into_iter().map(|(tag, pair)| (Reference::Tag(tag), pair));
        let manifests = written.manifests.into_iter().map(|(digest, pair)| (Reference::Digest(digest), pair));
        let counts = tags
            .chain(manifests)
            .filter_map(|(reference, (last, pulls))| Some((reference, Pulled { last: at(last)?, pulls })));
        let known = written.since.and_then(at);
        Some(RepositoryPulls { counts: counts.collect(), since: known.map_or(since, |known| known.max(since)) })
    }

    /// The file, for who knows that counting began in all repositories then.
    pub(super) fn written(&self, since_everywhere: SystemTime) -> serde_json::Result<Vec<u8>> {
        let since = Some(self.since).filter(|since| *since > since_everywhere).map(second);
        let mut written = Written { since, ..Written::default() };
        for (reference, pulled) in &self.counts {
            let pair = (second(pulled.last), pulled.pulls);
            match reference {
                Reference::Tag(tag) => written.tags.insert(tag.clone(), pair),
                Reference::Digest(digest) => written.manifests.insert(*digest, pair),
            };
        }
        serde_json::to_vec(&written)
    }
}

fn second(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// None if no calendar has it, as a damaged file may say.
fn at(second: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(second)).filter(|_| second < 1 << 40)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::samples::{digest, tag};

    fn moment(second: u64) -> SystemTime {
        at(second).unwrap()
    }

    fn pulls(counts: &[(Reference, u64, u64)]) -> RepositoryPulls {
        let pulled = |(reference, last, pulls): &(Reference, u64, u64)| {
            (reference.clone(), Pulled { last: moment(*last), pulls: *pulls })
        };
        RepositoryPulls { since: moment(10), counts: counts.iter().map(pulled).collect() }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let pulls = pulls(&[(tag("latest").into(), 100, 3), (digest("a").into(), 200, 1)]);
        let written = pulls.written(moment(10)).unwrap();
        let text = String::from_utf8(written.clone()).unwrap();
        assert_eq!(text, format!("{{\"tags\":{{\"latest\":[100,3]}},\"manifests\":{{\"{}\":[200,1]}}}}", digest("a")));
        assert_eq!(RepositoryPulls::read(&written, moment(10)), Some(pulls.clone()));
        assert_eq!(RepositoryPulls::read(&pulls.written(moment(5)).unwrap(), moment(1)).unwrap().since, moment(10));
        for damaged in [
            "",
            "{",
            "{}",
            "[]",
            "{\"tags\":{\"/\":[1,1]},\"manifests\":{}}",
            "{\"tags\":{\"a\":[1]},\"manifests\":{}}",
        ] {
            assert_eq!(RepositoryPulls::read(damaged.as_bytes(), moment(1)), None, "{damaged}");
        }
        let absurd =
            RepositoryPulls::read(b"{\"tags\":{\"a\":[18446744073709551615,1]},\"manifests\":{}}", moment(1)).unwrap();
        assert_eq!(absurd.counts, Counts::new());
    }

    #[test]
    fn a_pull_by_digest_is_one_of_the_tags_that_point_there() {
        let pulls = pulls(&[(tag("a").into(), 100, 3), (digest("a").into(), 200, 1)]);
        let of = |name: &str, content: &str| pulls.of(&tag(name), &digest(content));
        assert_eq!(of("a", "a"), Some(Pulled { last: moment(200), pulls: 4 }));
        assert_eq!(of("a", "b"), Some(Pulled { last: moment(100), pulls: 3 }));
        assert_eq!(of("b", "a"), Some(Pulled { last: moment(200), pulls: 1 }));
        assert_eq!(of("b", "b"), None);
    }

    /// Whoever asks whether something was pulled since a time must not be told no when it was forgotten.
    #[test]
    fn what_is_forgotten_is_known_to_be() {
        let mut many = pulls(&[(tag("a").into(), 20, 1), (tag("b").into(), 30, 1), (tag("c").into(), 30, 1)]);
        many.counts.insert(tag("d").into(), Pulled { last: moment(40), pulls: 1 });
        let all = many.counts.clone();
        for most in 0..=4 {
            let mut left = many.clone();
            left.forget_to(most);
            assert!(left.counts.len() <= most);
            let forgotten = all.iter().filter(|(reference, _)| !left.counts.contains_key(*reference));
            for (reference, pulled) in forgotten {
                assert!(pulled.last < left.since, "{most} {reference}");
            }
        }
        many.forget_to(4);
        assert_eq!((many.counts, many.since), (all, moment(10)));
    }

    /// The longest that a file can be is read in one piece.
    #[test]
    fn no_file_is_longer_than_what_is_read_at_once() {
        let longest = format!("\"sha512:{}\":[{},{}],", "0".repeat(128), 1_u64 << 40, u64::MAX);
        assert!(((longest.len() * MOST) as u64) < crate::storage::GET_MAX);
    }
}
