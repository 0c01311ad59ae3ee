//! What was acknowledged to a client, held against what is there.

use std::collections::BTreeSet;

use crate::oci::Digest;
use crate::registry::samples::{name, tag};
use crate::registry::{Registry, layout};

use super::client::{Client, Fate};

impl Client {
    /// Holds what was acknowledged against what is there.
    pub(super) async fn check(&self, registry: &Registry, seed: u64) {
        let (tags, referrers) = {
            let known = self.known();
            (known.tags.clone(), known.referrers.clone())
        };
        for ((repository, text), fate) in tags {
            let found = registry.resolve(&name(&repository), &tag(&text)).await.unwrap();
            assert!(fate.contains(&found), "seed {seed}: {repository}:{text} is {found:?}, not {fate:?}");
            // From here on it is known.
            self.known().tags.insert((repository.clone(), text), Fate::from([found]));
            if let Some(digest) = found {
                self.is_whole(registry, &repository, digest, seed).await;
            }
        }
        self.known().forget_referrers();
        for (repository, digest) in referrers {
            if self.known().referrers.contains(&(repository.clone(), digest)) {
                self.is_whole(registry, &repository, digest, seed).await;
            }
        }
    }

    async fn is_whole(&self, registry: &Registry, repository: &str, digest: Digest, seed: u64) {
        let repository = name(repository);
        let mut open = vec![digest];
        while let Some(digest) = open.pop() {
            let stored = registry.read_manifest(&repository, &digest).await.unwrap();
            let there = stored.is_some();
            assert!(there, "seed {seed}: {repository} has lost manifest {digest}");
            let sent = self.known().sent[&digest].clone();
            for blob in sent.blobs {
                // Not by a HEAD, which would pin it.
                let target = registry.held_blob(&repository, &blob).await.unwrap();
                let there = registry.storage.stat(&layout::blob(&blob)).await.is_ok()
                    || registry.storage.stat(&layout::unsettled(&blob)).await.is_ok();
                assert!(target == Some(blob) && there, "seed {seed}: {digest} in {repository} has lost {blob}");
            }
            open.extend(sent.children);
        }
    }

    /// Everything that what its tags point at leads to.
    pub(super) fn reached(&self) -> BTreeSet<Digest> {
        let known = self.known();
        let mut reached = BTreeSet::new();
        let mut open: Vec<Digest> = known.tags.values().flatten().copied().flatten().collect();
        while let Some(digest) = open.pop() {
            if !reached.insert(digest) {
                continue;
            }
            if let Some(sent) = known.sent.get(&digest) {
                open.extend(sent.blobs.iter().chain(&sent.children).chain(&sent.subject));
            }
            let about = known.sent.iter().filter(|(_, sent)| sent.subject == Some(digest));
            open.extend(about.map(|(digest, _)| *digest));
        }
        reached
    }
}
