//! Why somebody is not let through, and what they are told about it.
//!
//! Nobody learns from a refusal whether something exists that they may not read: it follows from the rules and the request
//! alone. The rules themselves are named to those who may read the repository.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::auth::{IdentifyError, Refusal, Subject};
use crate::oci::{ErrorCode, RepositoryName};
use crate::registry::RegistryError;

use super::challenge::Challenge;

/// Why somebody is not let through.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// They have to say who they are.
    #[error("{reason}")]
    Unauthenticated {
        /// How.
        challenge: Option<Challenge>,
        /// What is missing or wrong.
        reason: String,
    },
    /// They may read the repository and not do this.
    #[error("{0}")]
    Denied(Refusal),
    /// They may add to the repository and not change what is there.
    #[error("{error}; {refusal}")]
    CreateOnly {
        /// What is there.
        error: RegistryError,
        /// Why they may not.
        refusal: Refusal,
    },
    /// They may neither read the repository nor do this.
    #[error("{}", .0.briefly())]
    DeniedUnseen(Refusal),
    /// They may not administer the registry as a whole.
    #[error(
        "this is for those who administer the whole registry; {0} does not: it takes a rule that gives admin on \"**\", or \
         the server's own machine"
    )]
    NotAdmin(Subject),
    /// A page of another site sent it, with what the browser knows of its user.
    #[error(
        "a browser sent this for a page of another site (Sec-Fetch-Site: {site}), which may change nothing here; send it from \
         a program, or from a page of this host"
    )]
    CrossSite {
        /// What the browser says.
        site: &'static str,
    },
    /// They may not read the repository, if there is one.
    #[error("there is no repository {repository} that {subject} may pull")]
    Unseen {
        /// The repository.
        repository: RepositoryName,
        /// Who asks.
        subject: Subject,
    },
    /// Too many wrong passwords came from them, or for this user.
    #[error("too many wrong passwords; try again in {} s", seconds(*retry_after))]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// It cannot be found out who they are.
    #[error("the registry cannot check who you are just now; try again in a moment")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// A request for a token is not one (RFC 6749 §5.2).
    #[error("{description}")]
    Grant {
        /// The error's name there.
        error: &'static str,
        /// What is wrong.
        description: String,
    },
}

impl AccessError {
    /// From who it is not, with the challenge to try again.
    pub(super) fn unidentified(error: IdentifyError, challenge: Option<Challenge>) -> AccessError {
        match error {
            IdentifyError::TooMany { retry_after } => AccessError::TooMany { retry_after },
            IdentifyError::Unavailable { retry_after } => AccessError::Unavailable { retry_after },
            IdentifyError::Unreadable(_) | IdentifyError::Wrong | IdentifyError::Token(_) => {
                AccessError::Unauthenticated { challenge, reason: error.to_string() }
            }
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            AccessError::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            AccessError::Denied(_)
            | AccessError::CreateOnly { .. }
            | AccessError::DeniedUnseen(_)
            | AccessError::NotAdmin(_)
            | AccessError::CrossSite { .. } => StatusCode::FORBIDDEN,
            AccessError::Unseen { .. } => StatusCode::NOT_FOUND,
            AccessError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            AccessError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            AccessError::Grant { .. } => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) fn code(&self) -> ErrorCode {
        match self {
            AccessError::Unauthenticated { .. } => ErrorCode::Unauthorized,
            AccessError::Denied(_)
            | AccessError::CreateOnly { .. }
            | AccessError::DeniedUnseen(_)
            | AccessError::NotAdmin(_) => ErrorCode::Denied,
            AccessError::CrossSite { .. } => ErrorCode::CrossSite,
            AccessError::Unseen { .. } => ErrorCode::NameUnknown,
            AccessError::TooMany { .. } => ErrorCode::TooManyRequests,
            AccessError::Unavailable { .. } => ErrorCode::Unavailable,
            AccessError::Grant { .. } => ErrorCode::Unsupported,
        }
    }

    pub(super) fn detail(&self) -> Value {
        match self {
            AccessError::Denied(refusal) | AccessError::CreateOnly { refusal, .. } => json!({
                "name": refusal.repository.as_str(),
                "action": refusal.action.as_str(),
                "rules": refusal.considered,
            }),
            AccessError::Unseen { repository, .. } => json!({"name": repository.as_str()}),
            AccessError::Unauthenticated { .. }
            | AccessError::DeniedUnseen(_)
            | AccessError::NotAdmin(_)
            | AccessError::CrossSite { .. }
            | AccessError::TooMany { .. }
            | AccessError::Unavailable { .. }
            | AccessError::Grant { .. } => Value::Null,
        }
    }

    /// What OAuth clients look for in the body, beside the list of errors.
    pub(super) fn oauth_error(&self) -> Option<&'static str> {
        match self {
            AccessError::Grant { error, .. } => Some(error),
            _ => None,
        }
    }

    /// The headers that go with it.
    pub(super) fn headers(&self, headers: &mut HeaderMap) {
        let (name, value): (HeaderName, String) = match self {
            AccessError::Unauthenticated { challenge: Some(challenge), .. } => {
                (header::WWW_AUTHENTICATE, challenge.to_string())
            }
            AccessError::TooMany { retry_after } | AccessError::Unavailable { retry_after } => {
                (header::RETRY_AFTER, seconds(*retry_after).to_string())
            }
            AccessError::Unauthenticated { challenge: None, .. }
            | AccessError::Denied(_)
            | AccessError::CreateOnly { .. }
            | AccessError::DeniedUnseen(_)
            | AccessError::NotAdmin(_)
            | AccessError::CrossSite { .. }
            | AccessError::Unseen { .. }
            | AccessError::Grant { .. } => return,
        };
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// Whole seconds, rounded up, so that whoever waits for them has waited long enough.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
