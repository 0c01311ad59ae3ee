//! What of a repository goes and what stays: a pure function of what was read of it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use crate::oci::Digest;

/// The manifests of a repository and what leads to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// What its tags point at.
    pub(super) tagged: Vec<Digest>,
    /// Every manifest, with what it refers to.
    pub(super) manifests: HashMap<Digest, Refers>,
}

/// What a manifest refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refers {
    /// What may be manifests of the same repository.
    pub(super) parts: Vec<Digest>,
    /// Everything else, of which there is much, in eight bytes each ([`Digest::leading`]).
    pub(super) blobs: Box<[u64]>,
    /// The manifest that it says something about.
    pub(super) subject: Option<Digest>,
}

/// What is known of a manifest that no tag leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loose {
    /// It was put, or somebody was told that it is there, too lately.
    pub(super) is_young: bool,
    /// When the last tag left it, or what listed it was removed; `None` if nothing ever led to it as far as is known.
    pub(super) left: Option<SystemTime>,
}

/// What is to happen to manifests that no tag leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untagged {
    /// They stay for this long after the last tag left them. Those that never had a tag stay.
    StayFor(Duration),
    /// They stay.
    Stay,
    /// They go, as `registry garbage-collect --delete-untagged` wants it, unless they are young.
    Go,
}

/// Why a manifest goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No tag has led to it since then, or ever as far as is known.
    Untagged {
        /// Since when.
        since: Option<SystemTime>,
    },
    /// What it belongs to goes: an index that lists it, or the manifest that it says something about.
    With(Digest),
}

/// What becomes of a repository's manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) kept: HashSet<Digest>,
    /// Those that list others before those that are listed, and what is spoken about before what speaks about it: whoever
    /// stops in the middle leaves nothing without its parts.
    pub(super) going: Vec<(Digest, Why)>,
}

impl Held {
    /// Everything that the roots lead to: children, subjects, referrers.
    pub(super) fn reached(&self, roots: impl IntoIterator<Item = Digest>) -> HashSet<Digest> {
        let referrers = self.referrers();
        let mut reached = HashSet::new();
        let mut open: Vec<Digest> = roots.into_iter().collect();
        while let Some(digest) = open.pop() {
            let Some(edges) = self.manifests.get(&digest) else { continue };
            if !reached.insert(digest) {
                continue;
            }
            open.extend(edges.parts.iter().chain(&edges.subject));
            open.extend(referrers.get(&digest).into_iter().flatten());
        }
        reached
    }

    /// The manifests that no tag leads to.
    pub(super) fn loose(&self) -> Vec<Digest> {
        let reached = self.reached(self.tagged.iter().copied());
        let mut loose: Vec<Digest> =
            self.manifests.keys().filter(|digest| !reached.contains(digest)).copied().collect();
        loose.sort_unstable();
        loose
    }

    /// Decides what goes. `loose` is what is known of those that no tag leads to.
    pub(super) fn decide(&self, loose: &HashMap<Digest, Loose>, untagged: Untagged, now: SystemTime) -> Decided {
        let belongs_to = self.belongs_to();
        let is_root = |digest: &Digest, known: &Loose| match (untagged, known.left) {
            _ if known.is_young => true,
            (Untagged::Go, _) => false,
            (Untagged::Stay, Some(_)) => true,
            // A time that has not come yet is one of a clock that was wrong.
            (Untagged::StayFor(time), Some(left)) => {
                now.duration_since(left).is_ok_and(|since| since < time) || left > now
            }
            // What belongs to something shares its fate.
            (Untagged::Stay | Untagged::StayFor(_), None) => !belongs_to.contains_key(digest),
        };
        let roots = loose.iter().filter(|(digest, known)| is_root(digest, known)).map(|(digest, _)| *digest);
        let kept = self.reached(self.tagged.iter().copied().chain(roots));
        let mut going: Vec<Digest> = self.manifests.keys().filter(|digest| !kept.contains(digest)).copied().collect();
        going.sort_unstable();
        let why = |digest: Digest| {
            let left = loose.get(&digest).and_then(|known| known.left);
            match belongs_to.get(&digest).filter(|_| left.is_none()) {
                Some(other) => Why::With(*other),
                None => Why::Untagged { since: left },
            }
        };
        let going = self.in_order(&going).into_iter().map(|digest| (digest, why(digest))).collect();
        Decided { kept, going }
    }

    /// The manifests that say something about others.
    fn referrers(&self) -> HashMap<Digest, Vec<Digest>> {
        let mut referrers: HashMap<Digest, Vec<Digest>> = HashMap::new();
        for (digest, edges) in &self.manifests {
            if let Some(subject) = edges.subject {
                referrers.entry(subject).or_default().push(*digest);
            }
        }
        referrers
    }

    /// What lists a manifest, or what it says something about, as far as that is there.
    fn belongs_to(&self) -> HashMap<Digest, Digest> {
        let mut belongs = HashMap::new();
        for (digest, edges) in &self.manifests {
            if let Some(subject) = edges.subject.filter(|subject| self.manifests.contains_key(subject)) {
                belongs.insert(*digest, subject);
            }
            for part in edges.parts.iter().filter(|part| self.manifests.contains_key(part)) {
                belongs.insert(*part, *digest);
            }
        }
        belongs
    }

    /// Puts manifests into an order in which each stands before what it lists and what says something about it.
    fn in_order(&self, some: &[Digest]) -> Vec<Digest> {
        let referrers = self.referrers();
        let wanted: HashSet<Digest> = some.iter().copied().collect();
        let below = |digest: &Digest| {
            let parts = self.manifests.get(digest).map(|edges| edges.parts.clone()).unwrap_or_default();
            let about = referrers.get(digest).cloned().unwrap_or_default();
            parts.into_iter().chain(about).filter(|digest| wanted.contains(digest)).collect::<Vec<_>>()
        };
        // Depth first; what is left last comes first. A circle, which two kinds of edges can make, is cut somewhere.
        let (mut seen, mut order) = (HashSet::new(), Vec::with_capacity(some.len()));
        for digest in some {
            let mut open = vec![(*digest, false)];
            while let Some((digest, is_left)) = open.pop() {
                if is_left {
                    order.push(digest);
                } else if seen.insert(digest) {
                    open.push((digest, true));
                    open.extend(below(&digest).into_iter().map(|digest| (digest, false)));
                }
            }
        }
        order.reverse();
        order
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
