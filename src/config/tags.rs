//! `tags.immutable` into the rules about tags that stay where they are.

use super::document::Document;
use super::error::ConfigError;
use super::item::{Item, items};
use crate::oci::Pattern;
use crate::registry::{ImmutableRule, ImmutableTags};

const KEY: &str = "tags.immutable";

/// Reads the rules, if there are any.
pub(super) fn immutable(document: &Document) -> Result<ImmutableTags, ConfigError> {
    items(document.find(KEY), KEY).iter().map(rule).collect::<Result<_, _>>().map(ImmutableTags)
}

fn rule(item: &Item<'_>) -> Result<ImmutableRule, ConfigError> {
    let repositories = item.some_texts("repositories", "patterns of repositories such as prod/**")?;
    let tags = item.some_texts("tags", "patterns of tags such as v*")?;
    let repositories: Vec<Pattern> = item.parsed("repositories", &repositories)?;
    if let Some(pattern) = repositories.iter().find(|pattern| pattern.has_user()) {
        return Err(item.conflict("repositories", format!("{pattern}: {{user}} is nobody here; write * for any part")));
    }
    Ok(ImmutableRule {
        key: item.key.clone(),
        repositories,
        tags: item.parsed("tags", &tags)?,
        except: item.parsed("except", &item.texts("except")?)?,
    })
}
