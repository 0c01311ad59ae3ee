//! `storage.maintenance.garbagecollection` and `storage.maintenance.trash`.

use std::time::Duration;

use super::document::Document;
use super::error::ConfigError;
use crate::registry::{Collection, Effort, Untagged};

const SECTION: &str = "storage.maintenance.garbagecollection";

/// On which terms garbage is collected.
pub(super) fn settings(document: &mut Document) -> Result<Collection, ConfigError> {
    let key = |name: &str| format!("{SECTION}.{name}");
    let default = Collection::default();
    let interval_key = key("interval");
    let interval = document.duration(&interval_key)?.or(default.interval);
    if interval.is_some_and(|interval| interval.is_zero()) {
        return Err(document.expected(&interval_key, "a duration longer than zero"));
    }
    let enabled = document.find(&key("enabled")).is_none() || document.is_on(&key("enabled"))?;
    Ok(Collection {
        interval: interval.filter(|_| enabled),
        grace: document.duration(&key("grace"))?.unwrap_or(default.grace),
        untagged: untagged(document, &key("untagged"))?.unwrap_or(default.untagged),
        effort: effort(document, &key("effort"))?.unwrap_or(default.effort),
    })
}

/// How long what was removed can be brought back.
pub(super) fn trash_keep(document: &mut Document) -> Result<Duration, ConfigError> {
    let kept = document.duration("storage.maintenance.trash.keep")?;
    Ok(kept.unwrap_or(crate::registry::Settings::default().trash_keep))
}

fn untagged(document: &mut Document, key: &str) -> Result<Option<Untagged>, ConfigError> {
    match document.text(key) {
        None => Ok(None),
        Some("keep") => Ok(Some(Untagged::Stay)),
        Some(text) if super::duration::parse(text).is_none() => {
            Err(document.expected(key, "a duration such as 336h, or keep"))
        }
        Some(_) => Ok(document.duration(key)?.map(Untagged::StayFor)),
    }
}

fn effort(document: &Document, key: &str) -> Result<Option<Effort>, ConfigError> {
    let Some(text) = document.text(key) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| document.expected(key, "a whole number from 1 to 100, in percent of the time"))
}
