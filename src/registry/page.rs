//! Lists that are given out in pages.

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most this many entries; `None` for as many as the registry gives at once.
    pub limit: Option<usize>,
    /// Only entries behind this one, which need not exist.
    pub last: Option<String>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The entries, in order.
    pub entries: Vec<T>,
    /// Whether there are more behind them.
    pub more: bool,
}

impl<T> Listing<T> {
    /// The first `limit` of the entries, of which there may be more.
    pub(super) fn cut(mut entries: Vec<T>, limit: usize) -> Listing<T> {
        // An empty page has no entry to continue behind, so it is the end (distribution-spec: n=0 has no Link).
        let more = entries.len() > limit && limit > 0;
        entries.truncate(limit);
        Listing { entries, more }
    }
}
