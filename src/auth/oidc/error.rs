//! What can be wrong with identity providers and their tokens.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::auth::SubjectError;
use crate::auth::jwt::{JwtError, KeySetError};

/// An identity provider cannot be trusted as it was told, or a token stands for nobody.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// Two providers have the same name.
    #[error("auth.oidc: the issuer {issuer} is there twice; give all its identities in one place")]
    Twice {
        /// The name.
        issuer: String,
    },
    /// Keys cannot be fetched from there.
    #[error(
        "auth.oidc: {key} of the issuer {issuer} is {url:?}; it has to be an https:// URL (or http://, if the issuer's own \
         URL is one too)"
    )]
    Url {
        /// The issuer.
        issuer: String,
        /// The key with the URL.
        key: &'static str,
        /// What stands there.
        url: String,
    },
    /// The authorities of a provider cannot be read.
    #[error("auth.oidc: ca of the issuer {issuer}: cannot read {path}")]
    ReadCa {
        /// The issuer.
        issuer: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The authorities of a provider are none.
    #[error("auth.oidc: ca of the issuer {issuer}: {path} holds no certificate in PEM form")]
    Ca {
        /// The issuer.
        issuer: String,
        /// The file.
        path: PathBuf,
    },
    /// Connections to a provider cannot be made.
    #[error(
        "auth.oidc: cannot make connections to the issuer {issuer}; if there are no authorities on this system, as in a bare \
         image, name a PEM file with them in ca, or mount one at /etc/ssl/certs/ca-certificates.crt"
    )]
    Client {
        /// The issuer.
        issuer: String,
        /// What is wrong.
        source: reqwest::Error,
    },
    /// A name for users or groups cannot be made.
    #[error(
        "auth.oidc: {text:?} of the issuer {issuer} has braces that are not around the name of a claim, as in ci-{{sub}}"
    )]
    Template {
        /// The issuer.
        issuer: String,
        /// What stands there.
        text: String,
    },
    /// A token is from nobody that is known.
    #[error("the token is from no known issuer")]
    UnknownIssuer,
    /// A token is refused.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// The keys of its provider could not be fetched.
    #[error("the keys of the token's issuer cannot be fetched")]
    Keys(#[source] Arc<FetchError>),
    /// So many requests wait for the keys of its provider that this one did not.
    #[error("too many requests wait for the keys of the token's issuer")]
    Busy,
    /// A token stands for nobody.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl OidcError {
    /// Whether the same token may be accepted later: its provider could not be asked.
    pub fn is_passing(&self) -> bool {
        match self {
            OidcError::Keys(_) | OidcError::Busy => true,
            OidcError::Twice { .. }
            | OidcError::Url { .. }
            | OidcError::ReadCa { .. }
            | OidcError::Ca { .. }
            | OidcError::Client { .. }
            | OidcError::Template { .. }
            | OidcError::UnknownIssuer
            | OidcError::Token(_)
            | OidcError::Identity(_) => false,
        }
    }
}

/// A token that is good stands for nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No rule fits it.
    #[error("the token's claims fit no identity")]
    None,
    /// It does not have a claim that a name is made from.
    #[error("{template:?} cannot be filled in: the token has no text in the claim {claim:?}")]
    Claim {
        /// The name that was to be made.
        template: String,
        /// The claim.
        claim: String,
    },
    /// What is made of its claims is no name.
    #[error("{template:?} is filled in with what cannot be a name")]
    Name {
        /// The name that was to be made.
        template: String,
        /// What a name is.
        source: SubjectError,
    },
    /// It is in too many groups.
    #[error("the token is in more than {0} groups")]
    Groups(usize),
}

/// The keys of a provider could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It did not answer, or not in time.
    #[error("no answer from {url}")]
    Request {
        /// Where.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// It answered with something else.
    #[error("{url} answered with the status {status}")]
    Status {
        /// Where.
        url: String,
        /// The status.
        status: u16,
    },
    /// It answered with more than is read.
    #[error("{url} answered with more than {most} bytes")]
    TooLarge {
        /// Where.
        url: String,
        /// As many are read.
        most: usize,
    },
    /// What it says about itself makes no sense.
    #[error("{url} is no description of an issuer (OpenID Connect Discovery 1.0, section 3)")]
    Description {
        /// Where.
        url: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// What it says about itself is about another.
    #[error("{url} describes the issuer {said:?}")]
    OtherIssuer {
        /// Where.
        url: String,
        /// Whom.
        said: String,
    },
    /// Its keys are where they are not safe.
    #[error("{url} says that the keys are at {keys:?}, which is no https:// URL")]
    KeysUrl {
        /// Where.
        url: String,
        /// Where they should be.
        keys: String,
    },
    /// Its keys make no sense.
    #[error("cannot use the keys at {url}")]
    KeySet {
        /// Where.
        url: String,
        /// What is wrong with them.
        source: KeySetError,
    },
    /// There is no key among them that can verify tokens.
    #[error("there is no key at {url} that can verify tokens")]
    NoKey {
        /// Where.
        url: String,
    },
    /// The task that fetched them ended early.
    #[error("the server is stopping")]
    Stopped,
}
