//! The description of the administration API (OpenAPI 3.1), made from the handlers and the types of their bodies.

use axum::http::Method;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, Response, ResponseBuilder, Server};
use utoipa::{Modify, OpenApi};

use crate::http::App;
use crate::http::handlers::Answer;
use crate::http::reply::Reply;

use super::problem::PROBLEM;
use super::{
    Problem, about, checks, collections, deletions, history, jobs, quotas, repositories, retention, statistics, trash,
    upload_purges,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Wharf administration API", description = "What the distribution protocol has no verb for."),
    paths(
        get,
        about::get,
        repositories::get,
        repositories::get_tag,
        repositories::delete_tag,
        repositories::delete_manifest,
        jobs::list,
        jobs::get,
        jobs::stop,
        quotas::list,
        statistics::post,
        upload_purges::post,
        collections::post,
        trash::list,
        trash::restore,
        trash::empty,
        deletions::delete,
        deletions::post,
        history::get,
        history::list_deleted,
        history::put,
        checks::check,
        checks::repair,
        retention::preview,
        retention::run,
    ),
    components(schemas(Problem)),
    modifiers(&Refusals, &Credentials),
    security((), ("basic" = []), ("bearer" = []))
)]
struct Description;

/// The description, for clients who find the APIs below `base`.
fn description(base: &str) -> Document {
    let mut document = Description::openapi();
    document.servers = Some(vec![Server::new(if base.is_empty() { "/" } else { base })]);
    document
}

#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "describe",
    summary = "This description",
    tag = "registry",
    responses((status = 200, description = "An OpenAPI document", body = Object))
)]
pub(super) fn get(app: &App) -> Answer {
    Ok(Reply::json(super::JSON, &description(&app.base())).done())
}

/// What may be refused wherever it is asked for. What each may be refused besides follows from its path and its method, so
/// that no handler has to repeat it.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut Document) {
        for (path, item) in &mut document.paths.paths {
            let names_something = path.contains('{');
            let operations = [
                (&mut item.get, Method::GET),
                (&mut item.put, Method::PUT),
                (&mut item.post, Method::POST),
                (&mut item.delete, Method::DELETE),
            ];
            for (operation, method) in operations {
                if let Some(operation) = operation {
                    let has_body = operation.request_body.is_some();
                    refuse(operation, true, &[401, 403, 429, 500, 503]);
                    let has_parameters = operation.parameters.is_some();
                    refuse(operation, has_parameters, &[400]);
                    refuse(operation, names_something, &[400, 404]);
                    refuse(operation, method != Method::GET, &[405, 507]);
                    refuse(operation, has_body, &[400, 408, 413, 415]);
                    refuse(operation, method == Method::POST, &[409]);
                    refuse(operation, method == Method::PUT, &[412]);
                }
            }
        }
    }
}

fn refuse(operation: &mut Operation, may: bool, statuses: &[u16]) {
    for status in statuses.iter().filter(|_| may) {
        operation.responses.responses.insert(status.to_string(), problem(*status).into());
    }
}

fn problem(status: u16) -> Response {
    let description = match status {
        400 => "What was sent cannot be understood",
        401 => "Whoever asks has to say who they are; WWW-Authenticate says how",
        403 => "Whoever asks may not do this",
        404 => "There is no such thing, or none that whoever asks may know of",
        405 => "This is switched off",
        408 => "The body took too long",
        409 => "Another job of this kind is running",
        412 => "If-Match or If-None-Match asks for something else than there is",
        413 => "The body is too long",
        415 => "The body is not said to be JSON",
        429 => "Too many wrong passwords",
        503 => "Not just now",
        507 => "There is no room left",
        _ => "A failure, of which the server's log says more",
    };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM, content).build()
}

/// How callers say who they are.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        for (name, scheme) in [("basic", HttpAuthScheme::Basic), ("bearer", HttpAuthScheme::Bearer)] {
            let scheme = HttpBuilder::new().scheme(scheme).build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::route::tests::{every_kind, template};
    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let routes: BTreeSet<(String, String)> =
            every_kind().iter().map(|route| (template(route), route.method().as_str().to_lowercase())).collect();
        let document = serde_json::to_value(description("")).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())))
            .collect();
        assert_eq!(described, routes);
    }

    #[test]
    fn each_operation_says_how_it_is_refused_and_where_the_apis_are() {
        let document = serde_json::to_value(description("/registry")).unwrap();
        assert_eq!(document["servers"][0]["url"], "/registry");
        assert_eq!(serde_json::to_value(description("")).unwrap()["servers"][0]["url"], "/");
        let statuses = |path: &str, method: &str| -> Vec<String> {
            document["paths"][path][method]["responses"].as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(statuses("/api/v1/jobs", "get"), ["200", "401", "403", "429", "500", "503"]);
        assert_eq!(
            statuses("/api/v1/upload-purges", "post"),
            ["202", "400", "401", "403", "405", "408", "409", "413", "415", "429", "500", "503", "507"]
        );
        assert_eq!(
            statuses("/api/v1/repositories/{name}/tags/{tag}", "put"),
            ["200", "400", "401", "403", "404", "405", "408", "412", "413", "415", "429", "500", "503", "507"]
        );
        let refused = &document["paths"]["/api/v1/jobs"]["get"]["responses"]["401"]["content"];
        assert_eq!(refused["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem");
        assert!(document["components"]["schemas"]["Problem"].is_object());
        // Nothing is referred to that is not described.
        let text = document.to_string();
        for (_, behind) in
            text.match_indices("#/components/schemas/").map(|(at, found)| text.split_at(at + found.len()))
        {
            let name = behind.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
