//! `retention` into the rules about which tags stay.

use std::time::Duration;

use super::document::Document;
use super::duration;
use super::error::ConfigError;
use super::item::{Item, items};
use super::node::below;
use crate::oci::Pattern;
use crate::registry::{Keep, Retention, RetentionRule};

const INTERVAL: &str = "retention.interval";
const RULES: &str = "retention.rules";

/// Reads the rules, if there are any.
pub(super) fn settings(document: &mut Document) -> Result<Retention, ConfigError> {
    let interval = document.duration(INTERVAL)?;
    if interval.is_some_and(|interval| interval.is_zero()) {
        return Err(document.expected(INTERVAL, "a duration longer than zero"));
    }
    let rules: Vec<RetentionRule> =
        items(document.find(RULES), RULES).iter().map(rule).collect::<Result<_, ConfigError>>()?;
    let may_delete =
        document.is_on("storage.delete.enabled")? && !document.is_on("storage.maintenance.readonly.enabled")?;
    if interval.is_some() && !rules.is_empty() && !may_delete {
        document.surprise(
            INTERVAL,
            "nothing is removed unless storage.delete.enabled is on and the registry is not read-only",
        );
    }
    Ok(Retention { interval, rules })
}

fn rule(item: &Item<'_>) -> Result<RetentionRule, ConfigError> {
    let repositories = item.some_texts("repositories", "patterns of repositories such as team/**")?;
    let tags = item.some_texts("tags", "patterns of tags such as pr-*")?;
    let repositories: Vec<Pattern> = item.parsed("repositories", &repositories)?;
    if let Some(pattern) = repositories.iter().find(|pattern| pattern.has_user()) {
        return Err(item.conflict("repositories", format!("{pattern}: {{user}} is nobody here; write * for any part")));
    }
    Ok(RetentionRule { key: item.key.clone(), repositories, tags: item.parsed("tags", &tags)?, keep: keep(item)? })
}

/// A rule that keeps nothing is more often one of which a line is missing than one that was meant.
fn keep(rule: &Item<'_>) -> Result<Keep, ConfigError> {
    let what =
        "newest, youngerthan, pulledwithin or matching; a rule without any would remove every tag that it is about";
    let node = rule.find("keep").ok_or_else(|| rule.expected("keep", what))?;
    let item = Item { key: below(&rule.key, "keep"), node };
    let keep = Keep {
        newest: newest(&item)?,
        younger_than: time(&item, "youngerthan")?,
        pulled_within: time(&item, "pulledwithin")?,
        matching: item.parsed("matching", &item.texts("matching")?)?,
    };
    let has_any = keep.newest.is_some()
        || keep.younger_than.is_some()
        || keep.pulled_within.is_some()
        || !keep.matching.is_empty();
    if has_any { Ok(keep) } else { Err(rule.expected("keep", what)) }
}

fn newest(item: &Item<'_>) -> Result<Option<usize>, ConfigError> {
    if item.find("newest").is_none() {
        return Ok(None);
    }
    let number = item.text("newest").and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    number.map(Some).ok_or_else(|| item.expected("newest", "a number of tags, 1 or more"))
}

fn time(item: &Item<'_>, name: &str) -> Result<Option<Duration>, ConfigError> {
    if item.find(name).is_none() {
        return Ok(None);
    }
    // Without a unit it would be nanoseconds, and keep nothing.
    let read = item.text(name).filter(|text| !duration::lacks_unit(text)).and_then(duration::parse);
    let read = read.filter(|time| !time.is_zero());
    read.map(Some).ok_or_else(|| item.expected(name, "a duration longer than zero, such as 168h"))
}
