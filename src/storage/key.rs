//! The names under which bytes are kept.

use std::fmt;

/// A path of plain components below the storage's root, such as `blobs/sha256/ab/abcd/data`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The key of one component.
    ///
    /// # Panics
    /// As [`Key::child`].
    pub fn new(component: &str) -> Key {
        assert_plain(component);
        Key(component.to_owned())
    }

    /// The key one level below.
    ///
    /// # Panics
    /// If the component is empty, `.`, `..` or holds a slash or a NUL. Components come from parsed values and from
    /// directory entries, which cannot be any of these; failing here is the last wall before the file system.
    #[must_use]
    pub fn child(&self, component: &str) -> Key {
        assert_plain(component);
        Key(format!("{}/{component}", self.0))
    }

    /// The key several levels below.
    ///
    /// # Panics
    /// As [`Key::child`].
    #[must_use]
    pub fn descend<'a>(&self, components: impl IntoIterator<Item = &'a str>) -> Key {
        components.into_iter().fold(self.clone(), |key, component| key.child(component))
    }

    /// The key as a relative path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn assert_plain(component: &str) {
    let plain = !matches!(component, "" | "." | "..") && !component.contains(['/', '\0']);
    assert!(plain, "{component:?} cannot be part of a storage key");
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_the_root() {
        for component in ["", ".", "..", "a/b", "/", "a\0"] {
            assert!(std::panic::catch_unwind(|| Key::new("a").child(component)).is_err(), "{component:?}");
        }
        assert_eq!(Key::new("a").descend(["b", "..c"]).as_str(), "a/b/..c");
    }
}
