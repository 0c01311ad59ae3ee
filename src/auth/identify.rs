//! Who is it? From what a request brings to a caller.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tracing::{debug, warn};

use super::caller::{Proof, Scope};
use super::known::{Kind, Sent};
use super::own_tokens::{self, Use};
use super::service::Inner;
use super::{
    AccessToken, AccessTokens, Admit, Attempt, Auth, Caller, Credentials, CredentialsError, Guesses, Identity,
    LdapError, OwnTokenError, Subject, certificate,
};

/// How long a password is known after it was verified. One in the file ends at once when the file changes.
const PASSWORD: Duration = Duration::from_secs(5 * 60);
/// How long one is that a directory has verified.
const DIRECTORY: Duration = Duration::from_secs(60);
/// How long anything else is, unless it ends before.
const TOKEN: Duration = Duration::from_secs(5 * 60);
/// When to come back if a server that has to be asked does not answer, or if too many ask.
const LATER: Duration = Duration::from_secs(5);

/// What a request brings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presented<'a> {
    /// The value of `Authorization`.
    pub authorization: Option<&'a [u8]>,
    /// The certificate of the connection, verified, as DER.
    pub certificate: Option<&'a [u8]>,
}

impl Presented<'_> {
    /// Whether it brings a token by itself, and not in the place of a password.
    pub fn is_bearer(&self) -> bool {
        let scheme = self.authorization.and_then(|value| value.trim_ascii_start().get(..b"bearer ".len()));
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
    }
}

/// Why it is not known who is asking.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// The credentials cannot be read.
    #[error(transparent)]
    Unreadable(#[from] CredentialsError),
    /// They are nobody's.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// The token is nobody's.
    #[error("the token is not accepted: {0}")]
    Token(String),
    /// There were too many wrong ones.
    #[error("too many wrong passwords")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// What would know cannot be asked, or too many ask.
    #[error("the registry cannot check passwords just now; try again in a moment")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

/// An attempt of which it is not known yet what comes of it.
struct Pending<'a> {
    guesses: &'a Guesses,
    attempt: Option<Attempt<'a>>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(attempt) = &self.attempt {
            self.guesses.abandoned(attempt, Instant::now());
        }
    }
}

/// Somebody, and for how long it is known.
struct Verified {
    caller: Caller,
    until: Instant,
}

impl Auth {
    /// Who it is, if nothing has to be asked or computed at length for that: no password is verified here.
    pub fn recall(&self, presented: &Presented<'_>) -> Option<Arc<Caller>> {
        match self.0.name(presented) {
            Some(name) => self.0.recall(&name),
            None => Some(self.anonymous()),
        }
    }

    /// Who it is. A password is verified at length, aside and a few at a time; wrong ones make the next wait.
    ///
    /// # Errors
    ///
    /// When the credentials are nobody's, or it cannot be found out whose they are.
    pub async fn identify(
        &self,
        presented: &Presented<'_>,
        from: Option<IpAddr>,
    ) -> Result<Arc<Caller>, IdentifyError> {
        let Some(name) = self.0.name(presented) else { return Ok(self.anonymous()) };
        if let Some(caller) = self.0.recall(&name) {
            return Ok(caller);
        }
        let verified = match (presented.authorization, presented.certificate) {
            (Some(value), _) => match Credentials::parse(value)? {
                Credentials::Basic { user, password } => self.0.basic(&user, &password, from, &name).await?,
                Credentials::Bearer(token) => self.0.bearer(token.expose_secret()).await?,
            },
            (None, Some(der)) => match self.0.certified(der) {
                Some(verified) => verified,
                None => return Ok(self.anonymous()),
            },
            (None, None) => return Ok(self.anonymous()),
        };
        let caller = Arc::new(verified.caller);
        self.0.known.remember(name, Arc::clone(&caller), verified.until);
        Ok(caller)
    }

    /// Whose a name and a password are, as a client sends them to get a token.
    ///
    /// # Errors
    ///
    /// As [`Auth::identify`].
    pub async fn log_in(
        &self,
        user: &str,
        password: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<Arc<Caller>, IdentifyError> {
        let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
        let value =
            SecretString::from(format!("Basic {}", data_encoding::BASE64.encode(pair.expose_secret().as_bytes())));
        let authorization = Some(value.expose_secret().as_bytes());
        self.identify(&Presented { authorization, certificate: None }, from).await
    }

    /// Whose a refresh token of ours is, if what it was made with is still good.
    ///
    /// # Errors
    ///
    /// As [`Auth::identify`].
    pub async fn refresh(&self, token: &SecretString) -> Result<Arc<Caller>, IdentifyError> {
        let Some(keys) = &self.0.keys else { return Err(not_ours()) };
        let now = OffsetDateTime::now_utc();
        let shown = own_tokens::read(keys, token.expose_secret(), Use::Refresh, now).map_err(own)?;
        Ok(Arc::new(self.0.of_own(shown.subject, shown.groups, shown.proof, Scope::Everything)?))
    }
}

impl Inner {
    /// What it is known by that a request brings; nothing if it brings nothing.
    fn name(&self, presented: &Presented<'_>) -> Option<Sent> {
        match (presented.authorization, presented.certificate) {
            (Some(value), _) => Some(self.known.name(Kind::Authorization, value)),
            (None, Some(der)) if self.certificate.is_some() => Some(self.known.name(Kind::Certificate, der)),
            (None, _) => None,
        }
    }

    fn recall(&self, name: &Sent) -> Option<Arc<Caller>> {
        let caller = self.known.get(name, Instant::now())?;
        if !self.still_holds(&caller) {
            self.known.forget(name);
            return None;
        }
        Some(caller)
    }

    async fn basic(
        &self,
        user: &str,
        password: &SecretString,
        from: Option<IpAddr>,
        sent: &Sent,
    ) -> Result<Verified, IdentifyError> {
        if self.token_server.is_some() {
            return Err(IdentifyError::Token("this registry takes tokens of its token server only".to_owned()));
        }
        let attempt = Attempt { address: from, account: user, credential: *sent };
        let wait = match self.guesses.admit(&attempt, Instant::now()) {
            Admit::Now => Duration::ZERO,
            Admit::After(wait) => wait,
            Admit::Refused { retry_after } => return Err(IdentifyError::TooMany { retry_after }),
        };
        // A client that goes drops this here.
        let mut pending = Pending { guesses: &self.guesses, attempt: Some(attempt) };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let regular = self.guesses.is_good(&attempt, Instant::now());
        let verified = self.verify(user, password, regular).await;
        pending.attempt = None;
        match &verified {
            Ok(_) => self.guesses.succeeded(&attempt, Instant::now()),
            Err(IdentifyError::Wrong | IdentifyError::Token(_)) => {
                self.guesses.failed(&attempt, Instant::now());
                // A name may be a password in the wrong field; it is for whoever looks for it.
                debug!(from = ?from, "wrong credentials");
            }
            Err(IdentifyError::Unreadable(_) | IdentifyError::TooMany { .. } | IdentifyError::Unavailable { .. }) => {
                self.guesses.dropped(&attempt)
            }
        }
        verified
    }

    /// An access token and a provider's token know themselves by their form, whatever name comes with them. A user of the
    /// file comes before one of the directory with the same name.
    async fn verify(&self, user: &str, password: &SecretString, regular: bool) -> Result<Verified, IdentifyError> {
        let text = password.expose_secret();
        if AccessTokens::is_one(text) {
            return self.access_token(text).ok_or(IdentifyError::Wrong);
        }
        if self.oidc.concerns(text) {
            return self.provider(text).await;
        }
        let in_file = self.htpasswd.as_ref().filter(|htpasswd| self.ldap.is_none() || htpasswd.holds(user));
        if let Some(htpasswd) = in_file {
            let verified = htpasswd.verify(user, password, regular).await;
            let verified = verified.map_err(|_| IdentifyError::Unavailable { retry_after: LATER })?;
            let name = user.parse().map_err(|_| IdentifyError::Wrong);
            let fingerprint = verified.ok_or(IdentifyError::Wrong)?;
            let caller = Caller {
                subject: Subject::User(name?),
                proof: Proof::Password(fingerprint),
                ..Caller::anonymous(Scope::Everything)
            };
            return Ok(Verified { caller, until: Instant::now() + PASSWORD });
        }
        let Some(ldap) = &self.ldap else { return Err(IdentifyError::Wrong) };
        let found = ldap.verify(user, password).await.map_err(|error| unavailable(&error))?;
        let identity = found.ok_or(IdentifyError::Wrong)?;
        Ok(Verified { caller: self.of_directory(identity)?, until: Instant::now() + DIRECTORY })
    }

    /// What the directory says now of somebody's groups is what counts from now on (S10 of our hostile tests).
    ///
    /// The name is the directory's, whatever was typed: in another case, or a mail address. So here, too, a user of the file
    /// comes before one of the directory, or whoever can be called `admin` there would be the file's.
    fn of_directory(&self, identity: Identity) -> Result<Caller, IdentifyError> {
        self.is_not_of_the_file(&identity)?;
        self.memberships.insert(identity.user.clone(), Arc::new(identity.groups.clone()));
        Ok(of_identity(identity, Proof::Directory))
    }

    /// Whoever can choose what they are called at a directory or a provider would otherwise be a user of the file.
    fn is_not_of_the_file(&self, identity: &Identity) -> Result<(), IdentifyError> {
        if self.htpasswd.as_ref().is_some_and(|htpasswd| htpasswd.holds(identity.user.as_str())) {
            warn!(user = %identity.user, "somebody is not let in: a user of the htpasswd file has the name that they have elsewhere");
            return Err(IdentifyError::Wrong);
        }
        Ok(())
    }

    async fn bearer(&self, token: &str) -> Result<Verified, IdentifyError> {
        let now = OffsetDateTime::now_utc();
        if let Some(server) = &self.token_server {
            let external = server.verify(token, now).map_err(|error| IdentifyError::Token(error.to_string()))?;
            // Tokens for nobody in particular have no subject.
            let subject = external.subject.parse().map_or(Subject::Anonymous, Subject::User);
            let scope = Scope::Only(external.access);
            let caller = Caller { subject, proof: Proof::TokenServer, ..Caller::anonymous(scope) };
            return Ok(Verified { caller, until: within(external.expires, now) });
        }
        if AccessTokens::is_one(token) {
            return self.access_token(token).ok_or_else(not_ours);
        }
        if self.oidc.concerns(token) {
            return self.provider(token).await;
        }
        let keys = self.keys.as_ref().ok_or_else(not_ours)?;
        let shown = own_tokens::read(keys, token, Use::Bearer, now).map_err(own)?;
        let until = within(shown.expires, now);
        let caller = self.of_own(shown.subject, shown.groups, shown.proof, shown.scope)?;
        Ok(Verified { caller: Caller { ends: Some(shown.expires), ..caller }, until })
    }

    /// The caller of a token of ours, if what it was made with is still good.
    fn of_own(
        &self,
        subject: Subject,
        groups: Vec<super::GroupName>,
        proof: Proof,
        scope: Scope,
    ) -> Result<Caller, IdentifyError> {
        let mut caller = Caller { subject, groups, proof, ..Caller::anonymous(scope) };
        if let (Proof::AccessToken(fingerprint), Subject::Token(name)) = (&caller.proof, &caller.subject) {
            let tokens = self.access_tokens.as_ref();
            let token = tokens.and_then(|tokens| tokens.current(name, fingerprint, OffsetDateTime::now_utc()));
            let token = token.ok_or_else(|| IdentifyError::Token("the access token was revoked".to_owned()))?;
            caller.grants = token.grants.clone();
        }
        if let (Proof::Directory, Some(user)) = (&caller.proof, caller.subject.user())
            && let Some(latest) = self.memberships.get(user)
        {
            caller.groups.retain(|group| latest.contains(group));
        }
        match self.still_holds(&caller) {
            true => Ok(caller),
            false => Err(IdentifyError::Token("the password has changed since; log in again".to_owned())),
        }
    }

    fn access_token(&self, secret: &str) -> Option<Verified> {
        let tokens = self.access_tokens.as_ref()?;
        let now = OffsetDateTime::now_utc();
        let token = tokens.find(secret, now)?;
        tokens.used(&token.name, now);
        let until = token.expires.map_or(Instant::now() + TOKEN, |expires| within(expires, now));
        Some(Verified { caller: of_access_token(&token), until })
    }

    async fn provider(&self, token: &str) -> Result<Verified, IdentifyError> {
        let now = OffsetDateTime::now_utc();
        let verified = self.oidc.verify(token, now).await.map_err(|error| {
            debug!(error = &error as &dyn std::error::Error, "a token of an identity provider is not accepted");
            match error.is_passing() {
                true => IdentifyError::Unavailable { retry_after: LATER },
                false => IdentifyError::Token(error.to_string()),
            }
        })?;
        self.is_not_of_the_file(&verified.identity)?;
        Ok(Verified { caller: of_identity(verified.identity, Proof::Provider), until: within(verified.expires, now) })
    }

    fn certified(&self, der: &[u8]) -> Option<Verified> {
        match certificate::user_of(der, self.certificate?, OffsetDateTime::now_utc()) {
            Ok(Some(user)) => {
                let caller = Caller {
                    subject: Subject::User(user),
                    proof: Proof::Certificate,
                    ..Caller::anonymous(Scope::Everything)
                };
                Some(Verified { caller, until: Instant::now() + TOKEN })
            }
            Ok(None) => None,
            Err(error) => {
                debug!(error = &error as &dyn std::error::Error, "a client's certificate names no user");
                None
            }
        }
    }
}

fn of_identity(identity: Identity, proof: Proof) -> Caller {
    let subject = Subject::User(identity.user);
    Caller { subject, groups: identity.groups, proof, ..Caller::anonymous(Scope::Everything) }
}

fn of_access_token(token: &AccessToken) -> Caller {
    Caller {
        subject: Subject::Token(token.name.clone()),
        grants: token.grants.clone(),
        proof: Proof::AccessToken(token.fingerprint),
        ..Caller::anonymous(Scope::Everything)
    }
}

/// Until something ends, but not for longer than a token is known.
fn within(expires: OffsetDateTime, now: OffsetDateTime) -> Instant {
    let left = Duration::try_from(expires - now).unwrap_or_default();
    Instant::now() + left.min(TOKEN)
}

fn own(error: OwnTokenError) -> IdentifyError {
    IdentifyError::Token(error.to_string())
}

fn not_ours() -> IdentifyError {
    own(OwnTokenError::NotOurs)
}

fn unavailable(error: &LdapError) -> IdentifyError {
    warn!(error = error as &dyn std::error::Error, "the directory cannot be asked who somebody is");
    IdentifyError::Unavailable { retry_after: LATER }
}

#[cfg(test)]
#[path = "identify_tests.rs"]
mod tests;
