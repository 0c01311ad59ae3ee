//! What an operator decides about who may do what. `config` fills these in.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use super::{GroupName, Policy};

/// All about who may do what; [`Settings::default`] is a registry that is open to everybody.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where keys and access tokens are kept, in the volume.
    pub directory: PathBuf,
    /// What browsers and logs call this registry (`auth.htpasswd.realm`).
    pub realm: String,
    /// Users in a file (`auth.htpasswd`).
    pub htpasswd: Option<PathBuf>,
    /// Users in a directory (`auth.ldap`).
    pub ldap: Option<Ldap>,
    /// Tokens of identity providers (`auth.oidc`).
    pub oidc: Vec<OidcIssuer>,
    /// What of a client's certificate names the user (`auth.certificate.user`).
    pub certificate: Option<CertificateName>,
    /// A token server that decides instead of rules (`auth.token`).
    pub token_server: Option<TokenServer>,
    /// The rules (`access`); without them, who is logged in may do everything.
    pub access: Option<AccessRules>,
}

impl Settings {
    /// Whether nobody need say who they are.
    pub fn is_open(&self) -> bool {
        self.htpasswd.is_none()
            && self.ldap.is_none()
            && self.oidc.is_empty()
            && self.certificate.is_none()
            && self.token_server.is_none()
            && self.access.is_none()
    }
}

/// Access rules, and how to read them again.
#[derive(Clone)]
pub struct AccessRules {
    /// As they were read at the start.
    pub policy: Policy,
    /// The files that were included; when one changes, all is read again.
    pub files: Vec<PathBuf>,
    /// Reads them again. It may block.
    pub read_again: Arc<dyn Fn() -> Result<Policy, Box<dyn Error + Send + Sync>> + Send + Sync>,
}

impl std::fmt::Debug for AccessRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessRules").field("policy", &self.policy).field("files", &self.files).finish_non_exhaustive()
    }
}

/// A directory that knows users (`auth.ldap`; RFC 4511).
#[derive(Clone, Debug)]
pub struct Ldap {
    /// `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`.
    pub url: String,
    /// Whether a plain connection is turned into an encrypted one before anything is said on it (`starttls`).
    pub start_tls: bool,
    /// Authorities to trust instead of the system's, as a PEM file (`ca`).
    pub ca: Option<PathBuf>,
    /// Whom to search as; without it, anonymously (`binddn`, and `bindpassword` or the content of `bindpasswordfile`).
    pub bind: Option<(String, SecretString)>,
    /// Where users are (`users.base`).
    pub user_base: String,
    /// What finds a user; `{user}` stands for the name that they log in with, escaped (`users.filter`).
    pub user_filter: String,
    /// The attribute that is their name (`users.name`).
    pub user_name: String,
    /// Where groups are, if they count (`groups.base`).
    pub group_base: Option<String>,
    /// What finds the groups of a user; `{dn}` and `{user}` stand for them, escaped (`groups.filter`).
    pub group_filter: String,
    /// The attribute that is a group's name (`groups.name`).
    pub group_name: String,
}

/// An identity provider whose tokens are taken as credentials (`auth.oidc`; OpenID Connect Core).
#[derive(Clone, Debug)]
pub struct OidcIssuer {
    /// The claim `iss` of its tokens, a URL.
    pub issuer: String,
    /// What the claim `aud` must hold one of.
    pub audiences: Vec<String>,
    /// Where its keys are; without it, what `ISSUER/.well-known/openid-configuration` says.
    pub jwks: Option<String>,
    /// Authorities to trust instead of the system's, as a PEM file (`ca`).
    pub ca: Option<PathBuf>,
    /// Whom its tokens stand for: the first that fits counts, and a token that none fits is refused.
    pub identities: Vec<OidcIdentity>,
}

/// Whom the tokens with certain claims stand for.
#[derive(Clone, Debug)]
pub struct OidcIdentity {
    /// Claims, by name with dots into what is nested, each with patterns of which it, or one of its items, must match one.
    /// `*` stands for any text.
    pub claims: Vec<(String, Vec<String>)>,
    /// The user's name, in which `{claim}` stands for a claim: `ci-{repository_owner}`.
    pub user: String,
    /// Groups, in which `{claim}` stands for a claim, or for each of its items.
    pub groups: Vec<String>,
}

/// What of a client's certificate is the user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// The subject's common name (`commonname`).
    CommonName,
    /// The first e-mail address among the alternative names (`email`).
    Email,
    /// The first DNS name among them (`dns`).
    Dns,
    /// The first URI among them (`uri`).
    Uri,
}

/// A server that issues tokens elsewhere (`auth.token`, as in registry:2).
#[derive(Clone, Debug)]
pub struct TokenServer {
    /// Where clients get tokens (`realm`).
    pub realm: String,
    /// What the claim `aud` must hold (`service`).
    pub service: String,
    /// What the claim `iss` must be (`issuer`).
    pub issuer: String,
    /// Certificates whose keys sign tokens or the certificates of such keys, as a PEM file (`rootcertbundle`).
    pub root_certificates: Option<PathBuf>,
    /// Keys that sign tokens, as a JSON Web Key Set (`jwks`, RFC 7517 §5).
    pub jwks: Option<PathBuf>,
    /// The algorithms that are accepted; empty is every one that is safe (`signingalgorithms`).
    pub algorithms: Vec<String>,
    /// The path on this registry's own host where clients get tokens instead of `realm` (`autoredirect`,
    /// `autoredirectpath`).
    pub redirect_path: Option<String>,
}

/// Groups that a rule names and nobody can be in.
pub fn unknown_groups(policy: &Policy) -> impl Iterator<Item = &GroupName> {
    let named = policy.rules().iter().flat_map(|rule| &rule.who).filter_map(|who| match who {
        super::Who::Group(group) => Some(group),
        super::Who::Everybody | super::Who::LoggedIn | super::Who::User(_) => None,
    });
    named.filter(|group| !policy.groups().contains(group))
}
