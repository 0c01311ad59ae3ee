//! Keys that mean something to registry:2 and nothing here. They are accepted, so that its files need no change, and
//! noted once each.

use super::document::Document;
use super::warning::Warning;

/// The keys and why nothing depends on them.
const KEYS: [(&str, &str); 13] = [
    ("http.secret", "an upload's state is kept on the volume and never handed to the client"),
    ("http.relativeurls", "every Location is relative"),
    ("storage.filesystem.maxthreads", "reads and writes need no such bound"),
    ("storage.cache", "Wharf keeps its own cache"),
    ("storage.redirect", "a directory has nowhere to redirect to"),
    ("storage.tag", "tags are looked up without such a bound"),
    ("redis", "nothing is kept in Redis"),
    ("policy", "content of every class is accepted"),
    ("log.reportcaller", "every line names what it is about"),
    ("log.hooks", "none of them is enabled"),
    ("notifications", "none of its endpoints is enabled"),
    ("reporting", "errors go to the log alone"),
    ("compatibility", "manifests of schema 1 are not served"),
];

/// A note for each such key that was written.
pub(super) fn note(document: &Document) -> Vec<Warning> {
    let written = |key: &'static str, why| {
        document.find(key).map(|node| Warning::NoMeaning { origin: node.origin.clone(), key, why })
    };
    KEYS.iter().filter_map(|(key, why)| written(key, why)).collect()
}
