//! Lists: the catalog, tags, referrers (end-8, end-12).

use axum::http::header;
use axum::http::request::Parts;
use serde::Serialize;

use crate::auth::{Auth, Caller};
use crate::http::App;
use crate::http::query::{Query, next_page};
use crate::http::reply::{OCI_FILTERS_APPLIED, Reply};
use crate::http::route::Route;
use crate::oci::{Descriptor, Digest, MediaType, RepositoryName, Tag};
use crate::registry::{Page, Visible};

use super::Answer;

const JSON: &str = "application/json";

/// What a caller may read, as the registry asks for it.
pub(in crate::http) struct Readable<'a> {
    pub(in crate::http) auth: &'a Auth,
    pub(in crate::http) caller: &'a Caller,
}

impl Visible for Readable<'_> {
    fn shows(&self, repository: &RepositoryName) -> bool {
        self.auth.shows(self.caller, repository)
    }

    fn may_show_below(&self, path: &str) -> bool {
        self.auth.may_pull_below(self.caller, path)
    }
}

/// The repositories that the caller may read.
pub(super) async fn catalog(app: &App, request: &Parts, caller: &Caller) -> Answer {
    #[derive(Serialize)]
    struct Catalog<'a> {
        repositories: Vec<&'a str>,
    }
    let page = Query::parse(request.uri.query()).page()?;
    let listing = app.registry.repositories(&page, &Readable { auth: &app.auth, caller }).await?;
    let names: Vec<&str> = listing.entries.iter().map(RepositoryName::as_str).collect();
    let last = names.last().copied().filter(|_| listing.more);
    let reply = Reply::json(JSON, &Catalog { repositories: names.clone() });
    Ok(linked(app, reply, &Route::Catalog, last, &page, &[]).done())
}

/// The tags of a repository.
pub(super) async fn tags(app: &App, request: &Parts, name: RepositoryName) -> Answer {
    #[derive(Serialize)]
    struct Tags<'a> {
        name: &'a str,
        tags: Vec<&'a str>,
    }
    let page = Query::parse(request.uri.query()).page()?;
    let listing = app.registry.tags(&name, &page).await?;
    let tags: Vec<&str> = listing.entries.iter().map(Tag::as_str).collect();
    let last = tags.last().copied().filter(|_| listing.more);
    let reply = Reply::json(JSON, &Tags { name: name.as_str(), tags: tags.clone() });
    Ok(linked(app, reply, &Route::Tags(name.clone()), last, &page, &[]).done())
}

/// What refers to a manifest.
pub(super) async fn referrers(app: &App, request: &Parts, name: RepositoryName, subject: Digest) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Index {
        schema_version: u8,
        media_type: &'static str,
        manifests: Vec<Descriptor>,
    }
    let query = Query::parse(request.uri.query());
    let page = query.page()?;
    let filter = query.get("artifactType").filter(|kind| !kind.is_empty());
    let found = app.registry.referrers(&name, &subject, filter, &page).await?;
    let index = Index { schema_version: 2, media_type: MediaType::OCI_INDEX, manifests: found.descriptors };
    let mut reply = Reply::json(MediaType::OCI_INDEX, &index);
    if filter.is_some() {
        reply = reply.header(OCI_FILTERS_APPLIED, "artifactType");
    }
    let next = found.next.map(|digest| digest.to_string());
    let kept: Vec<(&str, &str)> = filter.into_iter().map(|kind| ("artifactType", kind)).collect();
    Ok(linked(app, reply, &Route::Referrers(name, subject), next.as_deref(), &page, &kept).done())
}

/// With the way to the next page, if there is one.
pub(in crate::http) fn linked(
    app: &App,
    reply: Reply,
    route: &Route,
    last: Option<&str>,
    page: &Page,
    more: &[(&str, &str)],
) -> Reply {
    match last {
        Some(last) => {
            let next =
                format_args!("<{}?{}>; rel=\"next\"", app.location(route), next_page(last, page, more)).to_string();
            reply.header(header::LINK, next)
        }
        None => reply,
    }
}
