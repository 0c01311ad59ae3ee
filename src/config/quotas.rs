//! `quotas` into how much namespaces may hold.

use super::document::Document;
use super::error::ConfigError;
use super::item::{Item, items};
use super::node::below;
use crate::oci::RepositoryName;
use crate::registry::{ByteSize, Namespace, Quota, Quotas};

const KEY: &str = "quotas";
/// Stands for each first part of names that no other quota names.
const EACH_FIRST: &str = "*";

/// Reads the quotas, if there are any.
pub(super) fn settings(document: &Document) -> Result<Quotas, ConfigError> {
    let mut quotas: Vec<Quota> = Vec::new();
    for item in items(document.find(KEY), KEY) {
        let namespace = namespace(&item)?;
        if let Some(other) = quotas.iter().find(|other| other.namespace == namespace) {
            let reason = format!("{} is about this namespace already; leave one of the two out", other.key);
            return Err(item.conflict("namespace", reason));
        }
        quotas.push(Quota { key: below(&item.key, "bytes"), namespace, bytes: bytes(&item)? });
    }
    Ok(Quotas(quotas))
}

fn namespace(item: &Item<'_>) -> Result<Namespace, ConfigError> {
    let what = "a namespace such as team or team/app, or \"*\" for each first part of names";
    match item.text("namespace").ok_or_else(|| item.expected("namespace", what))? {
        EACH_FIRST => Ok(Namespace::EachFirst),
        text if text.contains('*') => Err(item.expected("namespace", what)),
        text => match text.parse::<RepositoryName>() {
            Ok(name) => Ok(Namespace::Named(name)),
            Err(error) => Err(item.conflict("namespace", error.to_string())),
        },
    }
}

fn bytes(item: &Item<'_>) -> Result<ByteSize, ConfigError> {
    let text = item.text("bytes").ok_or_else(|| item.expected("bytes", "a length such as 500GiB"))?;
    let bytes: ByteSize = text.parse().map_err(|error| item.conflict("bytes", format!("{text:?}: {error}")))?;
    match bytes {
        ByteSize(0) => {
            Err(item.conflict("bytes", "nothing fits into 0 bytes; an access rule is what keeps pushes out"))
        }
        bytes => Ok(bytes),
    }
}
