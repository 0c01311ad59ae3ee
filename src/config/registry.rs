//! `storage.delete`, `storage.maintenance`, `catalog`, `tags` and `validation` into the settings of
//! [`crate::registry`].

use super::collection;
use super::document::{Document, text_of};
use super::error::ConfigError;
use super::node::{Node, Value};
use super::{quotas, retention, tags};
use crate::registry::{
    Effort, IndexPlatforms, Platform, References, Scrub, Settings, UploadPurging, UrlRules, Validation,
};

/// Reads the settings.
pub(super) fn settings(document: &mut Document) -> Result<Settings, ConfigError> {
    Ok(Settings {
        delete_enabled: document.is_on("storage.delete.enabled")?,
        read_only: document.is_on("storage.maintenance.readonly.enabled")?,
        validation: validation(document)?,
        catalog_page_max: page(document, "catalog.maxentries")?.unwrap_or(1000),
        tags_page_max: tags_page(document)?,
        immutable_tags: tags::immutable(document)?,
        quotas: quotas::settings(document)?,
        upload_purging: upload_purging(document)?,
        collection: collection::settings(document)?,
        retention: retention::settings(document)?,
        trash_keep: collection::trash_keep(document)?,
        scrub: scrub(document)?,
    })
}

/// A length of pages; with zero or less registry:2 takes its default.
fn page(document: &Document, key: &str) -> Result<Option<usize>, ConfigError> {
    Ok(document.number(key)?.and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0))
}

fn tags_page(document: &Document) -> Result<Option<usize>, ConfigError> {
    let key = "tags.maxtags";
    match document.number(key)? {
        Some(number) if number < 0 => Err(document.expected(key, "a number of tags, not less than zero")),
        Some(_) | None => page(document, key),
    }
}

fn upload_purging(document: &mut Document) -> Result<Option<UploadPurging>, ConfigError> {
    let section = "storage.maintenance.uploadpurging";
    if !document.is_on(&format!("{section}.enabled"))? {
        return Ok(None);
    }
    let default = UploadPurging::default();
    let interval_key = format!("{section}.interval");
    let interval = document.duration(&interval_key)?.unwrap_or(default.interval);
    if interval.is_zero() {
        return Err(document.expected(&interval_key, "a duration longer than zero"));
    }
    Ok(Some(UploadPurging {
        age: document.duration(&format!("{section}.age"))?.unwrap_or(default.age),
        interval,
        dry_run: document.is_on(&format!("{section}.dryrun"))?,
    }))
}

/// Ours: registry:2 never looks at what it keeps.
fn scrub(document: &mut Document) -> Result<Option<Scrub>, ConfigError> {
    let section = "storage.maintenance.scrub";
    if !document.is_on(&format!("{section}.enabled"))? {
        return Ok(None);
    }
    let default = Scrub::default();
    let (interval_key, effort_key) = (format!("{section}.interval"), format!("{section}.effort"));
    let interval = document.duration(&interval_key)?.unwrap_or(default.interval);
    if interval.is_zero() {
        return Err(document.expected(&interval_key, "a duration longer than zero"));
    }
    let effort = match document.number(&effort_key)? {
        Some(number) => u8::try_from(number).ok().and_then(Effort::percent),
        None => Some(default.effort),
    };
    let expected =
        || document.expected(&effort_key, "a whole number from 1 to 100, the percentage of the time to be busy");
    Ok(Some(Scrub { interval, effort: effort.ok_or_else(expected)? }))
}

/// `validation.enabled` is the older key, and wins over `disabled`.
fn validation(document: &Document) -> Result<Validation, ConfigError> {
    let urls = UrlRules {
        allow: document.regexes("validation.manifests.urls.allow")?,
        deny: document.regexes("validation.manifests.urls.deny")?,
    };
    let index_platforms = index_platforms(document)?;
    let off = document.is_on("validation.disabled")? && !document.is_on("validation.enabled")?;
    let references = if off { References::MayBeAbsent } else { References::MustExist };
    Ok(Validation { references, index_platforms, urls })
}

fn index_platforms(document: &Document) -> Result<IndexPlatforms, ConfigError> {
    let key = "validation.manifests.indexes.platforms";
    match document.text(key).unwrap_or("all").to_lowercase().as_str() {
        "all" => Ok(IndexPlatforms::All),
        "none" => Ok(IndexPlatforms::None),
        "list" => Ok(IndexPlatforms::List(platforms(document)?)),
        _ => Err(document.expected(key, "all, none or list")),
    }
}

fn platforms(document: &Document) -> Result<Vec<Platform>, ConfigError> {
    let key = "validation.manifests.indexes.platformlist";
    let items = match document.find(key).map(|node| &node.value) {
        Some(Value::List(items)) => items.as_slice(),
        Some(Value::Null | Value::Scalar(_) | Value::Secret(_) | Value::Map(_)) | None => &[],
    };
    let part = |item: &Node, name: &str| item.find(name).and_then(text_of).map(str::to_owned);
    let read = |item: &Node| {
        part(item, "os").zip(part(item, "architecture")).map(|(os, architecture)| Platform { os, architecture })
    };
    items
        .iter()
        .map(|item| {
            read(item).ok_or_else(|| ConfigError::Conflict {
                origin: item.origin.clone(),
                key: key.to_owned(),
                reason: "each platform has an os and an architecture".to_owned(),
            })
        })
        .collect()
}
