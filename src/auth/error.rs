//! Why it cannot be known who may do what, at the start.

use super::{HtpasswdError, KeyError, LdapError, OidcError, TokenServerError};

/// Why it cannot be known who may do what.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The password file.
    #[error(transparent)]
    Htpasswd(#[from] HtpasswdError),
    /// The directory.
    #[error(transparent)]
    Ldap(#[from] LdapError),
    /// An identity provider.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// The token server.
    #[error(transparent)]
    TokenServer(#[from] TokenServerError),
    /// The keys that sign tokens.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
}
