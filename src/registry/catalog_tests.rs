//! The catalog shows what may be seen, and costs what may be seen.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::registry::Settings;
use crate::registry::samples::open;
use crate::storage::{Call, Filesystem, Watch};

/// Shows these, and knows exactly where they are.
struct Only<'a>(&'a BTreeSet<String>);

impl Visible for Only<'_> {
    fn shows(&self, repository: &RepositoryName) -> bool {
        self.0.contains(repository.as_str())
    }

    fn may_show_below(&self, path: &str) -> bool {
        self.0.iter().any(|shown| shown.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// Shows some, and does not know where they may be.
struct Anywhere<'a>(&'a BTreeSet<String>);

impl Visible for Anywhere<'_> {
    fn shows(&self, repository: &RepositoryName) -> bool {
        self.0.contains(repository.as_str())
    }

    fn may_show_below(&self, _path: &str) -> bool {
        true
    }
}

fn make(root: &Path, repositories: impl IntoIterator<Item = impl AsRef<str>>) {
    for name in repositories {
        let key = layout::repository(&name.as_ref().parse().unwrap()).child(layout::MANIFESTS);
        fs::create_dir_all(root.join(key.as_str())).unwrap();
    }
}

/// Everything, page by page.
async fn pages(registry: &Registry, limit: usize, visible: &dyn Visible) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut last = None;
    loop {
        let page = Page { limit: Some(limit), last: last.take() };
        let listing = registry.repositories(&page, visible).await.unwrap();
        let names: Vec<String> = listing.entries.iter().map(|name| name.as_str().to_owned()).collect();
        last = names.last().cloned();
        pages.push(names);
        if !listing.more {
            return pages;
        }
    }
}

/// Directories that were read.
#[derive(Debug, Default)]
struct Reads(Mutex<Vec<PathBuf>>);

impl Watch for Reads {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        if let Call::List(path) = call {
            self.0.lock().unwrap().push(path.to_owned());
        }
        Ok(())
    }
}

impl Reads {
    fn take(&self) -> Vec<PathBuf> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn who_sees_little_of_a_large_registry_pays_for_little() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let others = (0..300).flat_map(|number| ["", "/a", "/a/b"].map(|below| format!("other{number:03}{below}")));
    let alices = ["alice/app", "alice/app/web", "alice/web"].map(str::to_owned);
    make(root, others.chain(alices.clone()));
    let reads = Arc::new(Reads::default());
    let settings = storage::Settings::of(root);
    let filesystem = Filesystem::open_watched(&settings, Arc::clone(&reads) as Arc<dyn Watch>).unwrap();
    let registry = Registry::new(Arc::new(filesystem), Settings::default());
    reads.take();

    let shown = BTreeSet::from(alices);
    assert_eq!(pages(&registry, 100, &Only(&shown)).await, [Vec::from_iter(shown.clone())]);
    let read = reads.take();
    let top = root.join(layout::repositories().as_str());
    let (tops, below): (Vec<_>, Vec<_>) = read.into_iter().partition(|path| *path == top);
    assert!(below.iter().all(|path| path.starts_with(top.join("alice"))), "{below:?}");
    assert!(tops.len() <= 3 && below.len() <= 6, "{tops:?} {below:?}");

    // The same tree seen whole, so that this counts something.
    pages(&registry, 1000, &Everything).await;
    assert!(reads.take().len() > 900);
}

/// The next page would say by being empty that something is hidden.
#[tokio::test]
async fn nothing_hints_at_what_is_hidden_behind_the_last() {
    let (directory, registry) = crate::registry::samples::volume();
    make(directory.path(), ["a", "b", "c", "d/e", "f"]);
    let shown = BTreeSet::from(["a", "b", "d"].map(str::to_owned));
    for visible in [&Only(&shown) as &dyn Visible, &Anywhere(&shown)] {
        let page = |limit, last: Option<&str>| Page { limit: Some(limit), last: last.map(str::to_owned) };
        let all = registry.repositories(&page(2, None), visible).await.unwrap();
        assert_eq!((all.entries.len(), all.more), (2, false));
        let first = registry.repositories(&page(1, None), visible).await.unwrap();
        assert!(first.more);
        // Whatever a page begins behind, hidden or not there at all.
        for last in ["b", "b/x", "c", "d", "d/e", "e", "f", "g"] {
            let rest = registry.repositories(&page(1, Some(last)), visible).await.unwrap();
            assert_eq!((rest.entries.len(), rest.more), (0, false), "{last}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_pages_together_are_what_may_be_seen_in_order(
        names in prop::collection::btree_map("[ab]([.-]?[ab]){0,1}(/[ab]([.-]?[ab]){0,1}){0,3}", any::<bool>(), 0..14),
        limit in 1_usize..6,
        last in "[ab]([.-]?[ab]){0,1}(/[ab]){0,2}",
    ) {
        let directory = tempfile::tempdir().unwrap();
        make(directory.path(), names.keys());
        let registry = open(directory.path(), Settings::default());
        let shown: BTreeSet<String> = names.into_iter().filter_map(|(name, shown)| shown.then_some(name)).collect();
        let mut expected: Vec<String> = shown.iter().cloned().collect();
        expected.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for visible in [&Only(&shown) as &dyn Visible, &Anywhere(&shown)] {
            let pages = runtime.block_on(pages(&registry, limit, visible));
            let (end, full) = pages.split_last().unwrap();
            prop_assert!(full.iter().all(|page| page.len() == limit), "{:?}", pages);
            prop_assert!(end.len() <= limit && (!end.is_empty() || full.is_empty()), "{:?}", pages);
            prop_assert_eq!(pages.concat(), &expected[..]);
            let page = Page { limit: None, last: Some(last.clone()) };
            let rest = runtime.block_on(registry.repositories(&page, visible)).unwrap();
            let behind = expected.iter().filter(|name| name.split('/').gt(last.split('/')));
            prop_assert!(rest.entries.iter().map(RepositoryName::as_str).eq(behind));
        }
    }
}
