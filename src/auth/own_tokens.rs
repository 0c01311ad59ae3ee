//! The tokens that this registry issues itself: what they say, for how long, and who gets which.
//!
//! Two kinds: a bearer token opens some repositories for five minutes, and a refresh token, which `docker login` keeps
//! instead of the password, is exchanged for those for a year. Neither is more than what it was made with: whoever's
//! password is changed, or whose access token is revoked, has both end with it, and rules are asked at each request.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::oci::RepositoryName;

use super::caller::{Proof, Scope, verb};
use super::scope::{self, CATALOG, REPOSITORY};
use super::signing_keys::{KeyError, OwnTokenError, SigningKeys};
use super::{Access, Action, Caller, GroupName, Policy, Subject, SubjectError, Verb, Verdict};

/// What our tokens say of who issues them and whom they are for.
pub(super) const NAME: &str = "wharf";
/// How long a bearer token is good.
const BEARER: Duration = Duration::minutes(5);
/// How long a refresh token is good.
const REFRESH: Duration = Duration::days(365);

/// What is answered to a request for a token.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The bearer token.
    pub token: String,
    /// What it opens.
    pub access: Vec<Access>,
    /// For how long, in seconds.
    pub expires_in: i64,
    /// From when on.
    pub issued_at: OffsetDateTime,
    /// What gets others like it, if that was asked for and may be had.
    pub refresh_token: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    access: Vec<Access>,
    #[serde(rename = "use")]
    usage: Use,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupName>,
    proof: Proof,
}

/// What a token is for. One is never taken for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Use {
    Bearer,
    Refresh,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Anonymous,
    User,
    Token,
}

/// A token of ours that is good by itself; whether what it was made with still is, is not looked at here.
pub(super) struct Shown {
    pub(super) subject: Subject,
    pub(super) groups: Vec<GroupName>,
    pub(super) proof: Proof,
    pub(super) scope: Scope,
    pub(super) expires: OffsetDateTime,
}

/// Makes a bearer token that opens what was asked for, as far as the caller may have it, and perhaps a refresh token.
///
/// Who brings a bearer token gets none that is good for longer: with one after the other, somebody who has left would stay
/// for ever.
pub(super) fn issue(
    keys: &SigningKeys,
    policy: &Policy,
    caller: &Caller,
    asked: impl Iterator<Item = Access>,
    offline: bool,
    now: OffsetDateTime,
) -> Result<Issued, KeyError> {
    let access = allowed(policy, caller, asked);
    let life = caller.ends.map_or(BEARER, |ends| (ends - now).clamp(Duration::ZERO, BEARER));
    let token = keys.sign(&claims(policy, caller, Use::Bearer, access.clone(), life, now))?;
    let renewable = match caller.proof {
        Proof::Password(_) | Proof::AccessToken(_) => true,
        // A directory alone knows whether a password has changed or its user is locked, so it is asked each time; the rest
        // ends soon, or is shown with every request anyway.
        Proof::Directory
        | Proof::Nothing
        | Proof::Provider
        | Proof::Certificate
        | Proof::TokenServer
        | Proof::Socket => false,
    };
    let whole = caller.scope == Scope::Everything;
    let refresh_token = match offline && renewable && whole {
        true => Some(keys.sign(&claims(policy, caller, Use::Refresh, Vec::new(), REFRESH, now))?),
        false => None,
    };
    Ok(Issued { token, access, expires_in: life.whole_seconds(), issued_at: now, refresh_token })
}

fn claims(
    policy: &Policy,
    caller: &Caller,
    usage: Use,
    access: Vec<Access>,
    life: Duration,
    now: OffsetDateTime,
) -> Claims {
    let (kind, sub) = match &caller.subject {
        // The operator is known by the connection, which no token stands for.
        Subject::Anonymous | Subject::Operator => (Kind::Anonymous, String::new()),
        Subject::User(name) => (Kind::User, name.to_string()),
        Subject::Token(name) => (Kind::Token, name.to_string()),
    };
    Claims {
        iss: NAME.to_owned(),
        aud: NAME.to_owned(),
        sub,
        iat: now.unix_timestamp(),
        nbf: now.unix_timestamp(),
        exp: (now + life).unix_timestamp(),
        jti: uuid::Uuid::new_v4().simple().to_string(),
        access,
        usage,
        kind,
        // Others would only make the token long: a directory may know hundreds.
        groups: caller.groups.iter().filter(|group| policy.names(group)).cloned().collect(),
        proof: caller.proof.clone(),
    }
}

/// Reads a token of ours.
pub(super) fn read(keys: &SigningKeys, token: &str, usage: Use, now: OffsetDateTime) -> Result<Shown, OwnTokenError> {
    let claims: Claims = keys.verify(token, now)?;
    if claims.iss != NAME || claims.aud != NAME || claims.usage != usage {
        return Err(OwnTokenError::NotOurs);
    }
    let expires = OffsetDateTime::from_unix_timestamp(claims.exp).map_err(|_| OwnTokenError::NotOurs)?;
    if now >= expires {
        return Err(OwnTokenError::Expired);
    }
    let subject = match claims.kind {
        Kind::Anonymous => Ok(Subject::Anonymous),
        Kind::User => claims.sub.parse().map(Subject::User),
        Kind::Token => claims.sub.parse().map(Subject::Token),
    };
    let subject = subject.map_err(|_: SubjectError| OwnTokenError::NotOurs)?;
    Ok(Shown { subject, groups: claims.groups, proof: claims.proof, scope: Scope::Only(claims.access), expires })
}

/// What somebody may have of what they ask for: never more than either.
fn allowed(policy: &Policy, caller: &Caller, asked: impl Iterator<Item = Access>) -> Vec<Access> {
    let mut allowed: Vec<Access> = Vec::new();
    for access in asked.take(scope::MOST) {
        let given = match access.kind.as_str() {
            REPOSITORY => in_repository(policy, caller, &access),
            // Lists name only what may be pulled, so whoever asks may have them.
            kind if kind == CATALOG.0 && access.name == CATALOG.1 => Some(Access::catalog()),
            _ => None,
        };
        if let Some(given) = given.filter(|given| !allowed.contains(given)) {
            allowed.push(given);
        }
    }
    allowed
}

fn in_repository(policy: &Policy, caller: &Caller, asked: &Access) -> Option<Access> {
    let name: RepositoryName = asked.name.parse().ok()?;
    let wants = |verb: Verb| asked.actions.iter().any(|action| action == "*" || action == verb.as_str());
    let may = |verb: Verb| {
        let weakest =
            [Action::Pull, Action::Create, Action::Delete].into_iter().find(|action| self::verb(*action) == verb);
        // A token that was shown instead of a password gets none that opens more than itself.
        weakest.is_some_and(|action| caller.verdict(policy, &name, action) == Verdict::Granted)
    };
    let given: Vec<Verb> = Verb::ALL.into_iter().filter(|verb| wants(*verb) && may(*verb)).collect();
    (!given.is_empty()).then(|| Access::repository(&name, &given))
}

#[cfg(test)]
#[path = "own_tokens_tests.rs"]
mod tests;
