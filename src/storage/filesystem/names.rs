//! The names directly below a directory: sorted, and in little memory.

/// The names, and what the directory said of each.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// All of them, one behind the other, and some that were removed.
    text: String,
    spans: Vec<Span>,
    longest: usize,
}

/// A name in the text.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    length: u16,
    seen: Seen,
}

/// What a directory says of an entry without another look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seen {
    File,
    Directory,
    Other,
}

impl Names {
    /// None yet. It is too much once they have more bytes than this, and one name more.
    pub(super) fn no_longer_than(longest: usize) -> Names {
        Names { text: String::new(), spans: Vec::new(), longest }
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Adds a name at the end; false if it was too much before.
    pub(super) fn push(&mut self, name: &str, seen: Seen) -> bool {
        let at = self.spans.len();
        self.add(at, name, seen)
    }

    fn add(&mut self, at: usize, name: &str, seen: Seen) -> bool {
        let (Ok(start), Ok(length)) = (u32::try_from(self.text.len()), u16::try_from(name.len())) else {
            return false;
        };
        let fits = self.text.len() <= self.longest;
        self.text.push_str(name);
        self.spans.insert(at, Span { start, length, seen });
        fits
    }

    /// Sorts them; a system may name one twice that was replaced while its directory was read.
    pub(super) fn sort(&mut self) {
        let text = &self.text;
        self.spans.sort_unstable_by(|one, other| one.text(text).cmp(other.text(text)));
        self.spans.dedup_by(|one, other| one.text(text) == other.text(text));
    }

    /// Makes a name of sorted ones be there, or not; false if it was too much before.
    pub(super) fn set(&mut self, name: &str, becomes: Option<Seen>) -> bool {
        match (self.spans.binary_search_by(|span| span.text(&self.text).cmp(name)), becomes) {
            (Err(at), Some(seen)) => self.add(at, name, seen),
            (Ok(at), None) => {
                self.spans.remove(at);
                true
            }
            // Where it was a link, it is looked at each time.
            (Ok(_), Some(_)) | (Err(_), None) => true,
        }
    }

    /// Those of the sorted names that come behind one.
    pub(super) fn behind(&self, after: Option<&str>) -> impl Iterator<Item = (&str, Seen)> {
        let begin = after.map_or(0, |after| self.spans.partition_point(|span| span.text(&self.text) <= after));
        self.spans[begin..].iter().map(|span| (span.text(&self.text), span.seen))
    }
}

impl Span {
    fn text(self, all: &str) -> &str {
        let start = self.start as usize;
        &all[start..start + usize::from(self.length)]
    }
}
