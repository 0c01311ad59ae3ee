//! How much of their quotas namespaces use.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::http::App;
use crate::http::handlers::{Answer, Readable};
use crate::http::reply::Reply;
use crate::registry::QuotaUse;

/// How much a namespace may hold, and what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// The namespace: the repository of this name and all below it.
    #[schema(examples("team"))]
    pub namespace: String,
    /// How much it may hold, in bytes.
    pub quota: u64,
    /// What it holds, in bytes: the content that its repositories' links lead to, each once.
    pub used: u64,
    /// How much of the quota that is, in percent, rounded down.
    pub percent: u64,
    /// Whether that is counted. If not, a count is under way, and this is what is known so far.
    pub counted: bool,
    /// The key of the quota in the configuration.
    #[schema(examples("quotas[0].bytes"))]
    pub key: String,
}

/// The namespaces with a quota of which the caller may pull something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quotas {
    /// In the order of their names.
    pub quotas: Vec<Quota>,
}

impl From<QuotaUse> for Quota {
    fn from(quota: QuotaUse) -> Quota {
        Quota {
            percent: quota.percent(),
            namespace: quota.namespace.to_string(),
            quota: quota.quota.0,
            used: quota.used.0,
            counted: quota.is_counted,
            key: quota.key,
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/quotas",
    operation_id = "listQuotas",
    summary = "How much of their quotas namespaces use",
    tag = "registry",
    responses((status = 200, description = "Those of which the caller may pull something", body = Quotas))
)]
pub(super) async fn list(app: &App, caller: &Caller) -> Answer {
    let uses = app.registry.quotas(&Readable { auth: &app.auth, caller }).await?;
    Ok(Reply::json(super::JSON, &Quotas { quotas: uses.into_iter().map(Quota::from).collect() }).done())
}
