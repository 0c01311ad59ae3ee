//! What an operator decides about the registry's behaviour. `config` fills these in.

use std::time::Duration;

use regex::Regex;

use super::{Effort, ImmutableTags, Quotas, Retention, Scrub, Untagged};

/// The registry's settings; [`Settings::default`] is a registry where everything is allowed and everything is checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether manifests, tags and blobs may be deleted (`storage.delete.enabled`).
    pub delete_enabled: bool,
    /// Whether every change is refused (`storage.maintenance.readonly.enabled`).
    pub read_only: bool,
    /// What is demanded of a manifest that is put.
    pub validation: Validation,
    /// The longest page of the catalog, in repositories (`catalog.maxentries`).
    pub catalog_page_max: usize,
    /// The longest page of tags, in tags; `None` is no limit (`tags.maxtags`).
    pub tags_page_max: Option<usize>,
    /// Which tags stay where they are (`tags.immutable`).
    pub immutable_tags: ImmutableTags,
    /// How much namespaces may hold (`quotas`).
    pub quotas: Quotas,
    /// How abandoned uploads go away; `None` keeps them (`storage.maintenance.uploadpurging`).
    pub upload_purging: Option<UploadPurging>,
    /// On which terms garbage is collected (`storage.maintenance.garbagecollection`).
    pub collection: Collection,
    /// Which tags go by themselves (`retention`).
    pub retention: Retention,
    /// How long what was removed can be brought back (`storage.maintenance.trash.keep`).
    pub trash_keep: Duration,
    /// How the server checks its volume by itself; `None` is not at all (`storage.maintenance.scrub`).
    pub scrub: Option<Scrub>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            delete_enabled: true,
            read_only: false,
            validation: Validation::default(),
            catalog_page_max: 1000,
            tags_page_max: None,
            immutable_tags: ImmutableTags::default(),
            quotas: Quotas::default(),
            upload_purging: Some(UploadPurging::default()),
            collection: Collection::default(),
            retention: Retention::default(),
            trash_keep: Duration::from_secs(7 * 24 * 3600),
            scrub: Some(Scrub::default()),
        }
    }
}

/// How garbage is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collection {
    /// How often the server does it by itself; `None` for never.
    pub interval: Option<Duration>,
    /// What was pushed, or what a client was told is there, within this time is left alone.
    pub grace: Duration,
    /// What happens to manifests that no tag leads to.
    pub untagged: Untagged,
    /// How busy the server may be with it.
    pub effort: Effort,
}

impl Default for Collection {
    fn default() -> Self {
        Collection {
            interval: Some(Duration::from_secs(24 * 3600)),
            grace: Duration::from_secs(3600),
            untagged: Untagged::StayFor(Duration::from_secs(14 * 24 * 3600)),
            effort: Effort::percent(25).unwrap_or(Effort::FULL),
        }
    }
}

/// What is demanded of a manifest that is put (`validation`).
#[derive(Clone, Debug)]
pub struct Validation {
    /// Whether what a manifest refers to must be in its repository.
    pub references: References,
    /// Which children of an index must be in its repository.
    pub index_platforms: IndexPlatforms,
    /// Which foreign-layer URLs are accepted.
    pub urls: UrlRules,
}

impl Default for Validation {
    fn default() -> Self {
        Validation {
            references: References::MustExist,
            index_platforms: IndexPlatforms::All,
            urls: UrlRules::default(),
        }
    }
}

/// Whether what a manifest refers to must be in its repository (`validation.disabled`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    /// A manifest whose blobs or children are absent is refused.
    MustExist,
    /// Sparse images are accepted, for any platform and with any URLs: nothing is looked at.
    MayBeAbsent,
}

/// Which children of an index must exist (`validation.manifests.indexes.platforms`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexPlatforms {
    /// Every child.
    All,
    /// No child.
    None,
    /// The children for these platforms.
    List(Vec<Platform>),
}

/// A platform that an index entry may be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The operating system, as in `GOOS`.
    pub os: String,
    /// The processor, as in `GOARCH`.
    pub architecture: String,
}

/// Which foreign-layer URLs are accepted (`validation.manifests.urls`): those that match one of `allow` and none of
/// `deny`. With both lists empty, none.
#[derive(Clone, Debug, Default)]
pub struct UrlRules {
    /// What a URL must match; empty allows every URL, provided that `deny` is not empty too.
    pub allow: Vec<Regex>,
    /// What a URL must not match.
    pub deny: Vec<Regex>,
}

/// How uploads that nobody finished go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadPurging {
    /// How old an upload must be.
    pub age: Duration,
    /// How often to look.
    pub interval: Duration,
    /// Only say in the log what would go.
    pub dry_run: bool,
}

impl Default for UploadPurging {
    fn default() -> Self {
        UploadPurging {
            age: Duration::from_secs(7 * 24 * 3600),
            interval: Duration::from_secs(24 * 3600),
            dry_run: false,
        }
    }
}

impl UrlRules {
    /// Whether clients may be sent to this URL. Only http and https without a fragment ever are, as in registry:2.
    pub fn accept(&self, url: &str) -> bool {
        let web = (url.starts_with("https://") || url.starts_with("http://")) && !url.contains('#');
        let any = !self.allow.is_empty() || !self.deny.is_empty();
        let allowed = self.allow.is_empty() || self.allow.iter().any(|rule| rule.is_match(url));
        web && any && allowed && !self.deny.iter().any(|rule| rule.is_match(url))
    }
}
