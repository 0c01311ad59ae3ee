//! How a client is told to prove who it is: `WWW-Authenticate` (RFC 9110 §11.6.1), in the form that docker and all others
//! look for.

use std::fmt;

use crate::auth::{Access, Action, Scheme, Verb};
use crate::oci::RepositoryName;

use super::need::Need;
use super::route::Route;

/// A challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A name and a password.
    Basic {
        /// What they are for.
        realm: String,
    },
    /// A token.
    Bearer {
        /// Where to get one.
        realm: String,
        /// What it is for.
        service: String,
        /// What it should open.
        scope: Vec<Access>,
        /// What is wrong with the one that was shown (RFC 6750 §3.1).
        error: Option<TokenError>,
    },
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It is not accepted.
    Invalid,
    /// It does not open what was asked for.
    InsufficientScope,
}

impl Challenge {
    /// The challenge of this scheme to a client that calls the registry by this URL. Where that is not known, it is asked
    /// for a password, which needs no URL. None if nobody need prove anything.
    pub(super) fn of(
        scheme: &Scheme,
        url: Option<&str>,
        path: impl FnOnce(&Route) -> String,
        scope: Vec<Access>,
        error: Option<TokenError>,
    ) -> Option<Challenge> {
        let basic = |realm: &str| Challenge::Basic { realm: realm.to_owned() };
        Some(match scheme {
            Scheme::Open => return None,
            Scheme::Basic { realm } => basic(realm),
            Scheme::OwnTokens { service } => match url {
                Some(url) => {
                    let realm = format!("{url}{}", path(&Route::GetToken));
                    Challenge::Bearer { realm, service: service.clone(), scope, error }
                }
                None => basic(service),
            },
            Scheme::TokenServer { realm, service, redirect_path } => {
                let here = redirect_path.as_ref().and_then(|path| Some(format!("{}{path}", url?)));
                let realm = here.unwrap_or_else(|| realm.clone());
                Challenge::Bearer { realm, service: service.clone(), scope, error }
            }
        })
    }
}

/// What a token should open for a request. A push reads too, since every client looks first what is there.
pub(super) fn scope(need: Need<'_>, mount_from: Option<&RepositoryName>) -> Vec<Access> {
    match need {
        Need::Nothing | Need::LoggedIn | Need::Admin => Vec::new(),
        Need::Something => vec![Access::catalog()],
        Need::In(name, action) => {
            let verbs: &[Verb] = match action {
                Action::Pull => &[Verb::Pull],
                Action::Create | Action::Push => &[Verb::Pull, Verb::Push],
                Action::Delete | Action::Admin => &[Verb::Delete],
            };
            let from = mount_from.filter(|from| *from != name);
            let from = from.map(|from| Access::repository(from, &[Verb::Pull]));
            [Access::repository(name, verbs)].into_iter().chain(from).collect()
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Challenge::Basic { realm } => write!(f, "Basic realm={}", Quoted(realm)),
            Challenge::Bearer { realm, service, scope, error } => {
                write!(f, "Bearer realm={},service={}", Quoted(realm), Quoted(service))?;
                if !scope.is_empty() {
                    let scope: Vec<String> = scope.iter().map(Access::to_string).collect();
                    write!(f, ",scope={}", Quoted(&scope.join(" ")))?;
                }
                match error {
                    None => Ok(()),
                    Some(TokenError::Invalid) => f.write_str(",error=\"invalid_token\""),
                    Some(TokenError::InsufficientScope) => f.write_str(",error=\"insufficient_scope\""),
                }
            }
        }
    }
}

/// A text in quotes (RFC 9110 §5.6.4).
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for sign in self.0.chars().filter(|sign| !sign.is_control()) {
            if matches!(sign, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{sign}")?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(name: &str) -> RepositoryName {
        name.parse().unwrap()
    }

    /// Clients take this apart with parsers of their own making, so every sign counts.
    #[test]
    fn challenges_are_written_as_the_distribution_registry_writes_them() {
        let scheme = Scheme::OwnTokens { service: "wharf".into() };
        let name = repository("team/app");
        let scope = scope(Need::In(&name, Action::Create), None);
        let challenge =
            |url, error| Challenge::of(&scheme, url, Route::to_string, scope.clone(), error).unwrap().to_string();
        assert_eq!(
            challenge(Some("http://localhost:5000"), None),
            "Bearer realm=\"http://localhost:5000/v2/_wharf/auth/token\",service=\"wharf\",\
             scope=\"repository:team/app:pull,push\""
        );
        assert!(
            challenge(Some("http://a"), Some(TokenError::InsufficientScope)).ends_with(",error=\"insufficient_scope\"")
        );
        assert_eq!(challenge(None, None), "Basic realm=\"wharf\"");
        let basic = Scheme::Basic { realm: "a \"b\"".into() };
        let basic = Challenge::of(&basic, None, Route::to_string, Vec::new(), None).unwrap();
        assert_eq!(basic.to_string(), "Basic realm=\"a \\\"b\\\"\"");
        assert_eq!(Challenge::of(&Scheme::Open, None, Route::to_string, Vec::new(), None), None);
    }

    #[test]
    fn a_token_server_elsewhere_is_named_as_it_is_configured() {
        let scheme = |redirect_path: Option<&str>| Scheme::TokenServer {
            realm: "https://auth.example.com/token".into(),
            service: "registry".into(),
            redirect_path: redirect_path.map(str::to_owned),
        };
        let realm = |scheme: Scheme, url| match Challenge::of(&scheme, url, Route::to_string, Vec::new(), None) {
            Some(Challenge::Bearer { realm, .. }) => realm,
            other => panic!("{other:?}"),
        };
        assert_eq!(realm(scheme(None), Some("https://here")), "https://auth.example.com/token");
        assert_eq!(realm(scheme(Some("/auth/token")), Some("https://here")), "https://here/auth/token");
    }

    #[test]
    fn a_mount_asks_for_both_repositories() {
        let (name, from) = (repository("a"), repository("b"));
        let text =
            |from| scope(Need::In(&name, Action::Create), from).iter().map(Access::to_string).collect::<Vec<_>>();
        assert_eq!(text(Some(&from)), ["repository:a:pull,push", "repository:b:pull"]);
        assert_eq!(text(Some(&name)), ["repository:a:pull,push"]);
        assert_eq!(scope(Need::Something, None)[0].to_string(), "registry:catalog:*");
    }
}
