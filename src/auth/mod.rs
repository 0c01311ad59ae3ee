//! Who is asking, and may they: credentials, tokens, access rules.
//!
//! Knows the words of OCI and nothing of HTTP or of the store. The rules are a value ([`Policy`]) that answers questions;
//! how somebody proves who they are has a file for each way.

mod action;
mod fingerprint;
mod pattern;
mod policy;
mod scope;
mod settings;
mod subject;

pub use action::{Action, ActionError, Actions};
pub use fingerprint::Fingerprint;
pub use pattern::{Pattern, PatternError};
pub use policy::{Asking, Decision, Grant, GrantError, Policy, Rule, Who};
pub use scope::{Access, Verb};
pub use settings::{
    AccessRules, CertificateName, Ldap as LdapSettings, OidcIdentity, OidcIssuer, Settings, TokenServer, unknown_groups,
};
pub use subject::{GroupName, Identity, Subject, SubjectError, TokenName, UserName};
