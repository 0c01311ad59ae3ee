//! What a tag or a manifest may be, after changes that went on at once and of which some were never answered.
//!
//! A change takes effect at one moment between its request and its answer; one without an answer takes effect at some
//! moment after its request, or never. So a value is possible unless another change was acknowledged that began after the
//! answer to it.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<V> {
    /// It is this.
    Put(V),
    /// It is nothing.
    Delete,
    /// If it is this, it is nothing; what the deletion of a manifest does to a tag.
    DeleteIf(V),
}

#[derive(Clone, Copy, Debug)]
struct Event<V> {
    change: Change<V>,
    begun: u64,
    /// When the answer came.
    ended: Option<u64>,
}

/// All changes since it was last looked at while nothing changed.
#[derive(Clone, Debug)]
pub(crate) struct History<V> {
    /// `None` are those that were refused.
    events: Vec<Option<Event<V>>>,
}

/// A moment. Each is later than those that were asked for before.
fn now() -> u64 {
    static NOW: AtomicU64 = AtomicU64::new(1);
    NOW.fetch_add(1, Ordering::SeqCst)
}

impl<V: Copy + Eq> History<V> {
    /// It is this, for certain.
    pub(crate) fn starting(value: Option<V>) -> History<V> {
        let change = value.map_or(Change::Delete, Change::Put);
        History { events: vec![Some(Event { change, begun: 0, ended: Some(0) })] }
    }

    /// A request goes out. Returns its number.
    pub(crate) fn begin(&mut self, change: Change<V>) -> usize {
        self.events.push(Some(Event { change, begun: now(), ended: None }));
        self.events.len() - 1
    }

    /// The request was answered: it is done.
    pub(crate) fn done(&mut self, number: usize) {
        self.events[number].as_mut().unwrap().ended = Some(now());
    }

    /// The request was answered: it changes nothing.
    pub(crate) fn refused(&mut self, number: usize) {
        self.events[number] = None;
    }

    /// Whether there were requests since the start.
    pub(crate) fn is_touched(&self) -> bool {
        self.events.len() > 1
    }

    /// What it may be once nothing changes any more.
    pub(crate) fn possible(&self) -> Vec<Option<V>> {
        let last = self.events().filter(|event| self.is_last(event, u64::MAX));
        let mut possible = Vec::new();
        for event in last {
            let value = match event.change {
                Change::Put(value) => Some(value),
                Change::Delete => None,
                Change::DeleteIf(value) if self.meets(event, value) => None,
                Change::DeleteIf(_) => continue,
            };
            if !possible.contains(&value) {
                possible.push(value);
            }
        }
        possible
    }

    fn events(&self) -> impl Iterator<Item = &Event<V>> {
        self.events.iter().flatten()
    }

    /// Whether no change that was acknowledged before that moment is certain to have come after the event.
    fn is_last(&self, event: &Event<V>, before: u64) -> bool {
        let Some(ended) = event.ended else { return true };
        !self.events().any(|later| {
            let undoes = match later.change {
                Change::Put(_) | Change::Delete => true,
                Change::DeleteIf(value) => event.change == Change::Put(value),
            };
            undoes && later.begun > ended && later.ended.is_some_and(|end| end < before)
        })
    }

    /// Whether the deletion may have found this value.
    fn meets(&self, deletion: &Event<V>, value: V) -> bool {
        let end = deletion.ended.unwrap_or(u64::MAX);
        let puts = self.events().filter(|event| event.change == Change::Put(value));
        puts.into_iter().any(|put| put.begun < end && self.is_last(put, deletion.begun))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_last_is_all_that_is_possible() {
        let mut tag = History::starting(Some(1));
        for change in [Change::Put(2), Change::Delete, Change::Put(3)] {
            let number = tag.begin(change);
            tag.done(number);
        }
        assert_eq!(tag.possible(), [Some(3)]);
    }

    #[test]
    fn a_request_without_an_answer_may_have_been_done_or_not() {
        let mut tag = History::starting(Some(1));
        tag.begin(Change::Delete);
        tag.begin(Change::Put(2));
        assert_eq!(tag.possible(), [Some(1), None, Some(2)]);
        let refused = tag.begin(Change::Put(4));
        tag.refused(refused);
        let put = tag.begin(Change::Put(3));
        tag.done(put);
        assert_eq!(tag.possible(), [None, Some(2), Some(3)], "the first is over, the open ones may come last");
    }

    #[test]
    fn of_two_at_once_either_may_be_last() {
        let mut tag = History::starting(None);
        let (one, two) = (tag.begin(Change::Put(1)), tag.begin(Change::Put(2)));
        tag.done(one);
        tag.done(two);
        assert_eq!(tag.possible(), [Some(1), Some(2)]);
    }

    #[test]
    fn the_deletion_of_a_manifest_takes_the_tags_that_point_at_it_and_no_others() {
        let mut tag = History::starting(Some(1));
        let other = tag.begin(Change::DeleteIf(2));
        tag.done(other);
        assert_eq!(tag.possible(), [Some(1)]);
        let own = tag.begin(Change::DeleteIf(1));
        assert_eq!(tag.possible(), [Some(1), None], "it is under way");
        tag.done(own);
        assert_eq!(tag.possible(), [None]);
    }

    #[test]
    fn a_tag_that_moved_on_before_a_manifest_is_deleted_stays() {
        let mut tag = History::starting(Some(1));
        let moved = tag.begin(Change::Put(2));
        tag.done(moved);
        tag.begin(Change::DeleteIf(1));
        assert_eq!(tag.possible(), [Some(2)]);
    }
}
