//! Tokens (Docker Registry v2 authentication: "Token Authentication Specification" and "OAuth2 Token Authentication"), and
//! who a caller is.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::http::request::Parts;
use http_body_util::{BodyExt, Limited};
use secrecy::SecretString;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::auth::{Access, Caller, IdentifyError, Subject, UserName};
use crate::http::access_error::AccessError;
use crate::http::challenge::Challenge;
use crate::http::gate::{Admitted, presented};
use crate::http::listen::Peer;
use crate::http::query::Query;
use crate::http::reply::Reply;
use crate::http::route::RouteError;
use crate::http::{App, HttpError};

use super::Answer;

/// The longest form, in bytes: a password may be a token of an identity provider.
const LONGEST_FORM: usize = 64 * 1024;
/// How long one may take to come.
const FORM_TIME: Duration = Duration::from_secs(30);

/// A token for whoever shows a password, a certificate or nothing, that opens as much of what was asked for as they may
/// have. That somebody may not have something is no error here: they are told when they try it.
pub(super) async fn get(app: &App, request: &Parts, peer: &Peer, admitted: &Admitted) -> Answer {
    is_issued_here(app)?;
    let presented = presented(request, peer);
    let caller = app.auth.identify(&presented, admitted.address()).await.map_err(refused)?;
    let query = Query::parse(request.uri.query());
    let offline = query.get("offline_token").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    issue(app, &caller, query.all("scope"), offline)
}

/// The same for OAuth2 clients: the password, or what stands in its place, is in a form.
pub(super) async fn post(app: &App, admitted: &Admitted, body: Body) -> Answer {
    is_issued_here(app)?;
    let bytes = whole(body).await?;
    let form = Query::of_form(&bytes);
    let secret = |name: &str| form.get(name).filter(|value| !value.is_empty()).map(SecretString::from);
    let caller = match form.get("grant_type") {
        Some("password") => {
            let (Some(user), Some(password)) = (form.get("username"), secret("password")) else {
                return Err(grant("invalid_request", "the form lacks username or password".to_owned()));
            };
            app.auth.log_in(user, &password, admitted.address()).await.map_err(refused)?
        }
        Some("refresh_token") => {
            let token = secret("refresh_token");
            let token = token.ok_or_else(|| grant("invalid_request", "the form lacks refresh_token".to_owned()))?;
            app.auth.refresh(&token).await.map_err(refused)?
        }
        _ => {
            let what = "grant_type is password or refresh_token here".to_owned();
            return Err(grant("unsupported_grant_type", what));
        }
    };
    let offline = form.get("access_type") == Some("offline");
    issue(app, &caller, form.all("scope"), offline)
}

/// Where nobody need log in, or another server issues tokens, there is nothing here, whatever credentials come.
fn is_issued_here(app: &App) -> Result<(), HttpError> {
    if app.auth.issues_tokens() { Ok(()) } else { Err(RouteError::NotFound.into()) }
}

/// A form. Anybody may send one, so it has to come soon and be short.
async fn whole(body: Body) -> Result<Bytes, HttpError> {
    let read = tokio::time::timeout(FORM_TIME, Limited::new(body, LONGEST_FORM).collect()).await;
    let refuse = |what| grant("invalid_request", what);
    match read {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(_)) => Err(refuse(format!("the form breaks off or is longer than {LONGEST_FORM} bytes"))),
        Err(_) => Err(refuse(format!("the form takes longer than {} seconds", FORM_TIME.as_secs()))),
    }
}

/// The answer to either.
fn issue<'s>(app: &App, caller: &Caller, scopes: impl Iterator<Item = &'s str>, offline: bool) -> Answer {
    #[derive(Serialize)]
    struct Token<'a> {
        token: &'a str,
        access_token: &'a str,
        scope: String,
        expires_in: i64,
        issued_at: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        refresh_token: Option<&'a str>,
    }
    let asked = scopes.flat_map(Access::parse_list);
    let issued = app.auth.issue(caller, asked, offline, OffsetDateTime::now_utc());
    let issued = issued.map_err(HttpError::TokenNotIssued)?.ok_or(HttpError::Route(RouteError::NotFound))?;
    let scope: Vec<String> = issued.access.iter().map(Access::to_string).collect();
    let token = Token {
        token: &issued.token,
        access_token: &issued.token,
        scope: scope.join(" "),
        expires_in: issued.expires_in,
        issued_at: issued.issued_at.format(&Rfc3339).unwrap_or_default(),
        refresh_token: issued.refresh_token.as_deref(),
    };
    Ok(Reply::json("application/json", &token).header(header::CACHE_CONTROL, "no-store").done())
}

/// Whoever shows a wrong password is asked for a right one.
fn refused(error: IdentifyError) -> HttpError {
    let challenge = Challenge::Basic { realm: "wharf".to_owned() };
    AccessError::unidentified(error, Some(challenge)).into()
}

fn grant(error: &'static str, description: String) -> HttpError {
    AccessError::Grant { error, description }.into()
}

/// Who asks, and what they may do.
pub(super) fn whoami(app: &App, caller: &Caller) -> Answer {
    #[derive(Serialize)]
    struct May {
        repositories: Vec<String>,
        actions: Vec<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<usize>,
    }
    #[derive(Serialize)]
    struct Who<'a> {
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        proved_by: &'static str,
        groups: Vec<String>,
        may: Vec<May>,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_opens: Option<&'a [Access]>,
    }
    let (kind, name) = match &caller.subject {
        Subject::Anonymous => ("anonymous", None),
        Subject::User(name) => ("user", Some(name.as_str())),
        Subject::Token(name) => ("token", Some(name.as_str())),
        Subject::Operator => ("operator", None),
    };
    let user = caller.subject.user().map(UserName::as_str);
    let may = app.auth.held(caller).into_iter().map(|held| May {
        repositories: held.repositories.iter().map(|pattern| pattern.shown_to(user)).collect(),
        actions: held.may.iter().map(crate::auth::Action::as_str).collect(),
        rule: held.rule.filter(|_| !app.auth.is_open()),
    });
    let who = Who {
        kind,
        name,
        proved_by: caller.proved_by(),
        groups: app.auth.groups(caller).iter().map(ToString::to_string).collect(),
        may: may.collect(),
        token_opens: caller.opens(),
    };
    Ok(Reply::json("application/json", &who).header(header::CACHE_CONTROL, "no-store").done())
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_form_that_trickles_in_is_given_up() {
        let trickle = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Some((Ok::<_, std::io::Error>("a"), ()))
        });
        let began = tokio::time::Instant::now();
        let hour = Duration::from_secs(3600);
        let read = tokio::time::timeout(hour, whole(Body::from_stream(trickle))).await;
        assert!(read.expect("it ends").is_err());
        assert_eq!(began.elapsed(), FORM_TIME);
        assert_eq!(whole(Body::from("a=b")).await.unwrap(), "a=b");
    }
}
