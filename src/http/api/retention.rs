//! Retention: what it would do, and doing it.

use axum::body::Body;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::gate::Admitted;
use crate::http::handlers::Answer;
use crate::http::query::Query;
use crate::http::reply::Reply;
use crate::http::route::RouteError;
use crate::http::{App, HttpError};
use crate::oci::Pattern;
use crate::registry::{Condition, Fate, Kept, Previewed, RetentionPlace, RetentionTerms};

use super::{Job, body, jobs};

/// As many tags have a page that is not asked for another number.
const PAGE: usize = 1000;

/// What retention would do now: a page of tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionPreview {
    /// How many rules there are. Without any nothing goes.
    pub rules: u64,
    /// The tags of the repositories that a rule is about, in the order of the catalog.
    pub tags: Vec<RetainedTag>,
    /// What to send as `last` for the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A tag, and what would happen to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetainedTag {
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// Where it points.
    pub digest: String,
    /// What would happen to it, and why.
    pub fate: TagFate,
    /// The key of the rule that says so. Absent if no rule is about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("retention.rules[0]"))]
    pub rule: Option<String>,
}

/// What would happen to a tag, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TagFate {
    /// It goes: none of what its rule keeps holds.
    Removed,
    /// It stays: no rule is about it.
    NoRule,
    /// It stays: it is immutable.
    Immutable,
    /// It stays: a pattern of `matching` matches it.
    Matching,
    /// It stays: it is one of the `newest`.
    Newest,
    /// It stays: it was moved within `youngerthan`.
    YoungerThan,
    /// It stays: it was pulled within `pulledwithin`.
    PulledWithin,
    /// It stays: it was moved within `pulledwithin`.
    NotYetPulled,
    /// It stays: pulls have not been counted for as long as `pulledwithin`.
    PullsUnknown,
}

impl From<Fate> for TagFate {
    fn from(fate: Fate) -> TagFate {
        match fate {
            Fate::Removed { .. } => TagFate::Removed,
            Fate::Kept(Kept::NoRule) => TagFate::NoRule,
            Fate::Kept(Kept::Immutable { .. }) => TagFate::Immutable,
            Fate::Kept(Kept::By { condition, .. }) => match condition {
                Condition::Matching => TagFate::Matching,
                Condition::Newest => TagFate::Newest,
                Condition::YoungerThan => TagFate::YoungerThan,
                Condition::PulledWithin => TagFate::PulledWithin,
                Condition::NotYetPulled => TagFate::NotYetPulled,
                Condition::PullsUnknown => TagFate::PullsUnknown,
            },
        }
    }
}

/// What retention is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetentionRun {
    /// Whether the tags that would go are only counted.
    #[serde(default)]
    pub dry_run: bool,
    /// A pattern of repositories, such as `team/**`. Without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/v1/retention",
    operation_id = "previewRetention",
    summary = "Which tags retention would remove now, and what keeps the others",
    tag = "retention",
    params(
        ("repository" = Option<String>, Query, description = "A pattern of repositories: team/**. Without it, all"),
        ("n" = Option<u64>, Query, description = "How many tags at most: 1000 if it is absent, and never more than 10000"),
        ("last" = Option<String>, Query, description = "Only tags behind this one: `next` of the page before"),
    ),
    responses((status = 200, description = "A page of tags", body = RetentionPreview))
)]
pub(super) async fn preview(app: &App, request: &Parts) -> Answer {
    let query = Query::parse(request.uri.query());
    let page = query.page()?;
    let within = query.get("repository").filter(|text| !text.is_empty()).map(pattern).transpose()?;
    let behind = page.last.as_deref().map(place).transpose()?;
    let limit = page.limit.unwrap_or(PAGE);
    let listing = app.registry.preview_retention(within.as_ref(), behind.as_ref(), limit).await?;
    let next = listing.entries.last().filter(|_| listing.more);
    let next = next.map(|Previewed { repository, judged }| format!("{repository}:{}", judged.tag));
    let tags = listing.entries.into_iter().map(|Previewed { repository, judged }| RetainedTag {
        repository: repository.to_string(),
        tag: judged.tag.to_string(),
        digest: judged.digest.to_string(),
        fate: judged.fate.into(),
        rule: app.registry.rule_of(judged.fate).map(str::to_owned),
    });
    let rules = app.registry.settings().retention.rules.len() as u64;
    Ok(Reply::json(super::JSON, &RetentionPreview { rules, tags: tags.collect(), next }).done())
}

#[utoipa::path(
    post,
    path = "/api/v1/retention-runs",
    operation_id = "runRetention",
    summary = "Begin a job that removes the tags which no rule of retention keeps",
    tag = "retention",
    request_body(content = RetentionRun, content_type = "application/json"),
    responses((
        status = 202,
        description = "The job has begun",
        body = Job,
        headers(("Location" = String, description = "The path of the job"))
    ))
)]
pub(super) async fn run(app: &App, admitted: &Admitted, request: &Parts, body: Body) -> Answer {
    let RetentionRun { dry_run, repository } = body::read(request, body).await?;
    let within = repository.as_deref().map(pattern).transpose()?;
    let effort = app.registry.settings().collection.effort;
    let terms = RetentionTerms { within, dry_run, effort };
    jobs::begun(app, app.registry.start_retention(admitted.actor(), terms)?)
}

fn pattern(text: &str) -> Result<Pattern, HttpError> {
    text.parse().map_err(|source| HttpError::Pattern { found: text.chars().take(300).collect(), source })
}

/// A place as `next` has it; a repository alone is the place behind all of it.
fn place(text: &str) -> Result<RetentionPlace, HttpError> {
    let (repository, tag) = text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)));
    let repository = repository.parse().map_err(RouteError::Name)?;
    Ok(RetentionPlace { repository, tag: tag.map(str::parse).transpose()? })
}
