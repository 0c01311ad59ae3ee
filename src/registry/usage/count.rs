//! Counting what namespaces hold.

use std::error::Error;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::oci::RepositoryName;
use crate::registry::effort::{Effort, Pacer};
use crate::registry::{Registry, RegistryError, Result, Visible, layout};
use crate::storage::EntryKind;

use super::ledger::Ledger;
use super::{ByteSize, Pace};

/// How busy a count may be.
const EFFORT: Option<Effort> = Effort::percent(50);
/// How long somebody who asks waits for a count.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How much of its quota a namespace uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// The namespace.
    pub namespace: RepositoryName,
    /// The key of its quota in the configuration.
    pub key: String,
    /// How much it may hold.
    pub quota: ByteSize,
    /// What it holds, each content once.
    pub used: ByteSize,
    /// Whether that is counted. If not, a count is under way, and this is what is known so far.
    pub is_counted: bool,
}

impl QuotaUse {
    /// How much of the quota is used, in percent, rounded down; more than a hundred if too much is there.
    pub fn percent(&self) -> u64 {
        let percent = u128::from(self.used.0) * 100 / u128::from(self.quota.0.max(1));
        u64::try_from(percent).unwrap_or(u64::MAX)
    }
}

/// A count that somebody waits for; over, however it ends.
struct Counting {
    registry: Registry,
    namespace: RepositoryName,
}

impl Drop for Counting {
    fn drop(&mut self) {
        let over = self.registry.usage.lock().get_mut(&self.namespace).and_then(|ledger| {
            ledger.end(false);
            ledger.under_way.take()
        });
        if let Some(over) = over {
            over.cancel();
        }
    }
}

impl Registry {
    /// What the namespaces with a quota hold of which anything may be shown, in the order of their names. Waits some seconds
    /// for what is not counted.
    pub async fn quotas(&self, visible: &dyn Visible) -> Result<Vec<QuotaUse>> {
        self.open_ledgers().await?;
        let is_shown = |name: &RepositoryName| visible.shows(name) || visible.may_show_below(name.as_str());
        let until = Instant::now() + PATIENCE;
        for namespace in self.ledgers().iter().filter(|name| is_shown(name)) {
            self.count_again(namespace, until).await;
        }
        let mut known = self.quotas_known();
        known.retain(|quota| is_shown(&quota.namespace));
        Ok(known)
    }

    /// Counts what is not counted yet; for the background of a server's start.
    pub async fn count_quotas(&self) -> Result<()> {
        self.open_ledgers().await?;
        for namespace in self.ledgers() {
            if let Some(over) = self.begin_count(&namespace) {
                over.cancelled().await;
            }
        }
        Ok(())
    }

    /// What is known without counting.
    pub(in crate::registry) fn quotas_known(&self) -> Vec<QuotaUse> {
        let ledgers = self.usage.lock();
        let as_use = |(name, ledger): (&RepositoryName, &Ledger)| QuotaUse {
            namespace: name.clone(),
            key: ledger.key.clone(),
            quota: ByteSize(ledger.most),
            used: ByteSize(ledger.used()),
            is_counted: ledger.is_exact(),
        };
        let mut uses: Vec<QuotaUse> = ledgers.iter().map(as_use).collect();
        uses.sort_by(|one, other| one.namespace.cmp(&other.namespace));
        uses
    }

    fn ledgers(&self) -> Vec<RepositoryName> {
        let mut namespaces: Vec<RepositoryName> = self.usage.lock().keys().cloned().collect();
        namespaces.sort_unstable();
        namespaces
    }

    /// Opens a ledger for each namespace with a quota that there is.
    async fn open_ledgers(&self) -> Result<()> {
        let quotas = &self.settings.quotas;
        for namespace in quotas.named() {
            self.usage.namespaces(quotas, namespace);
        }
        if quotas.has_each_first() {
            for entry in self.storage.list(&layout::repositories(), None, usize::MAX).await? {
                if entry.kind == EntryKind::Directory
                    && let Ok(first) = entry.name.parse::<RepositoryName>()
                {
                    self.usage.namespaces(quotas, &first);
                }
            }
        }
        Ok(())
    }

    /// Waits until a namespace is counted, at most until then.
    pub(super) async fn count_again(&self, namespace: &RepositoryName, until: Instant) {
        if let Some(over) = self.begin_count(namespace) {
            let _ = timeout_at(until, over.cancelled()).await;
        }
    }

    /// Begins to count a namespace, unless somebody does; what fires when that is over. None if what is known is what there is.
    fn begin_count(&self, namespace: &RepositoryName) -> Option<CancellationToken> {
        let mut ledgers = self.usage.lock();
        let ledger = ledgers.get_mut(namespace).filter(|ledger| !ledger.is_exact())?;
        if let Some(over) = &ledger.under_way {
            return Some(over.clone());
        }
        let over = CancellationToken::new();
        ledger.under_way = Some(over.clone());
        ledger.begin();
        drop(ledgers);
        let counting = Counting { registry: self.clone(), namespace: namespace.clone() };
        // The end of the registry waits for it, and it for nothing.
        self.work.spawn(async move {
            match counting.registry.count(&counting.namespace).await {
                Ok(()) | Err(RegistryError::Stopped) => {}
                Err(error) => {
                    let (namespace, error) = (&counting.namespace, &error as &dyn Error);
                    warn!(%namespace, error, "what a namespace holds cannot be counted; what was known before counts");
                }
            }
        });
        Some(over)
    }

    async fn count(&self, namespace: &RepositoryName) -> Result<()> {
        let is_over = || self.unsettled.is_ending();
        let _alone = self.usage.counting.lock().await;
        let mut pace =
            Pace { pacer: Pacer::new(self.clock.as_ref(), EFFORT.unwrap_or(Effort::FULL)), is_over: &is_over };
        self.count_repository(namespace, namespace, &mut pace).await?;
        let mut walk = self.walk_strictly_below(namespace);
        while let Some(repository) = walk.next(self).await? {
            self.count_repository(namespace, &repository, &mut pace).await?;
            pace.breathe().await?;
        }
        self.in_ledger(namespace, |ledger| ledger.end(true));
        Ok(())
    }

    async fn count_repository(
        &self,
        namespace: &RepositoryName,
        repository: &RepositoryName,
        pace: &mut Pace<'_>,
    ) -> Result<()> {
        for linked in self.linked(repository, pace).await? {
            let target = linked.target;
            let known = self.in_ledger(namespace, |ledger| ledger.size_of(&target)).flatten();
            let size = match known {
                Some(size) => Some(size),
                None => {
                    pace.breathe().await?;
                    self.size_of(&target).await?
                }
            };
            if let Some(size) = size {
                self.in_ledger(namespace, |ledger| ledger.found(&target, size));
            }
        }
        Ok(())
    }

    fn in_ledger<T>(&self, namespace: &RepositoryName, work: impl FnOnce(&mut Ledger) -> T) -> Option<T> {
        self.usage.lock().get_mut(namespace).map(work)
    }
}
