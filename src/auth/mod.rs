//! Who is asking, and may they: credentials, tokens, access rules.
//!
//! Knows the words of OCI and nothing of HTTP or of the store. The rules are a value ([`Policy`]) that answers questions;
//! how somebody proves who they are has a file for each way; [`Auth`] is all of it together.

pub mod access_tokens;
mod action;
mod caller;
mod certificate;
mod credentials;
mod error;
mod fingerprint;
mod guesses;
pub mod htpasswd;
mod identify;
mod jwt;
mod known;
mod ldap;
pub mod oidc;
mod own_tokens;
mod policy;
mod random_text;
mod refusal;
mod scope;
mod service;
mod settings;
mod signing_keys;
mod subject;
pub mod token_server;
mod watched;
mod whole_file;

pub use access_tokens::{AccessToken, AccessTokens};
pub use action::{Action, ActionError, Actions};
pub use caller::{Caller, Verdict};
pub use certificate::{CertificateError, user_of};
pub use credentials::{Credentials, CredentialsError};
pub use error::AuthError;
pub use fingerprint::Fingerprint;
pub use guesses::{Admit, Attempt, Guesses};
pub use htpasswd::{FirstUser, Htpasswd, HtpasswdError};
pub use identify::{IdentifyError, Presented};
pub use jwt::{JwtError, KeySetError};
pub use ldap::{Ldap, LdapError, LdapProblem, LdapStep};
pub use oidc::{FetchError, IdentityError, Oidc, OidcError};
pub use own_tokens::Issued;
pub use policy::{Asking, Decision, Grant, GrantError, Policy, Rule, Who};
pub use refusal::Refusal;
pub use scope::{Access, Verb};
pub use service::{Auth, Held, Scheme};
pub use settings::{
    AccessRules, CertificateName, Ldap as LdapSettings, OidcIdentity, OidcIssuer, Settings, TokenServer, unknown_groups,
};
pub use signing_keys::{KeyError, OwnTokenError};
pub use subject::{GroupName, Identity, Subject, SubjectError, TokenName, UserName};
pub use token_server::TokenServerError;
