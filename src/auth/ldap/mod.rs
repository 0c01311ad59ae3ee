//! Users in a directory that is asked over LDAP (RFC 4511): OpenLDAP, Active Directory, 389, FreeIPA.
//!
//! A user is who can log in to the directory: their entry is searched, and logging in as it is tried with their password.
//! What they are called is what their entry says, never what they typed, so that nobody has two names.
//!
//! Each login is a conversation of its own, with a bound on its time and on how many there are at once. It runs in a task of
//! its own, which ends with the future that waits for it; the library panics at answers that are malformed, and that ends
//! there as well.

mod connection;
mod error;
mod filter;
mod limits;
mod server;

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::settings::Ldap as Settings;
use super::{GroupName, Identity, UserName};

use connection::{Connection, Entry, INVALID_CREDENTIALS, NO_LOGIN, SUCCESS, Search, refusal};
use filter::{Filter, Placeholders};
use limits::{AT_ONCE, CONVERSATION, GROUPS, TURN, WAITING};
use server::Server;

pub use error::{LdapError, LdapProblem, LdapStep};

/// A directory.
pub struct Ldap {
    directory: Arc<Directory>,
    /// Logins that are asked for or wait.
    places: Semaphore,
    /// Logins that are asked for.
    turns: Semaphore,
}

/// What is asked, and of whom.
struct Directory {
    server: Server,
    bind: Option<(String, SecretString)>,
    users: Entries,
    groups: Option<Entries>,
}

/// Where entries are, what finds them, and which attribute is their name.
struct Entries {
    base: String,
    filter: Filter,
    name: String,
}

impl std::fmt::Debug for Ldap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ldap").field("url", &self.directory.server.url).finish_non_exhaustive()
    }
}

impl Ldap {
    /// A directory as it is set. Nothing is connected yet; the file of authorities is read.
    ///
    /// # Errors
    ///
    /// When a setting cannot be used.
    pub fn new(settings: &Settings) -> Result<Ldap, LdapError> {
        let directory = Directory::check(settings).map_err(|(key, problem)| LdapError::Setting { key, problem })?;
        Ok(Ldap {
            directory: Arc::new(directory),
            places: Semaphore::new(AT_ONCE + WAITING),
            turns: Semaphore::new(AT_ONCE),
        })
    }

    /// Who this is, if the password is theirs. An unknown user and a wrong password are not told apart.
    ///
    /// # Errors
    ///
    /// When the directory cannot say.
    pub async fn verify(&self, user: &str, password: &SecretString) -> Result<Option<Identity>, LdapError> {
        let Some(user) = typed(user) else {
            return Ok(None);
        };
        // With an empty password the server lets in everybody, as nobody (RFC 4513 §5.1.2); some end one at a NUL.
        let secret = password.expose_secret();
        if secret.is_empty() || secret.contains('\0') {
            return Ok(None);
        }
        let password = password.clone();
        self.ask(async move |directory| directory.verify(&user, &password).await).await
    }

    /// Asks when it is this login's turn, and not for too long.
    async fn ask<F, A>(&self, question: F) -> Result<Option<Identity>, LdapError>
    where
        F: FnOnce(Arc<Directory>) -> A,
        A: Future<Output = Result<Option<Identity>, LdapError>> + Send + 'static,
    {
        let _place = self.places.try_acquire().map_err(|_| LdapError::Busy)?;
        let Ok(Ok(_turn)) = timeout(TURN, self.turns.acquire()).await else {
            return Err(LdapError::Busy);
        };
        let asked = AbortOnDropHandle::new(tokio::spawn(question(Arc::clone(&self.directory))));
        let url = || self.directory.server.url.clone();
        match timeout(CONVERSATION, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(LdapError::Malformed { url: url() }),
            Err(_) => Err(LdapError::Late { url: url() }),
        }
    }
}

/// A name that somebody can have typed and that can be a user's.
fn typed(user: &str) -> Option<UserName> {
    user.parse().ok()
}

impl Directory {
    fn check(settings: &Settings) -> Result<Directory, (&'static str, LdapProblem)> {
        if settings.bind.as_ref().is_some_and(|(_, password)| password.expose_secret().is_empty()) {
            return Err(("auth.ldap.bindpassword", LdapProblem::NoPassword));
        }
        let filter =
            |key, text: &str, placeholders| Filter::parse(text, placeholders).map_err(|problem| (key, problem));
        let name = |key, text: &str| match is_attribute(text) {
            true => Ok(text.to_owned()),
            false => Err((key, LdapProblem::Attribute)),
        };
        let users = Entries {
            base: settings.user_base.clone(),
            filter: filter("auth.ldap.users.filter", &settings.user_filter, Placeholders::User)?,
            name: name("auth.ldap.users.name", &settings.user_name)?,
        };
        let groups = match &settings.group_base {
            None => None,
            Some(base) => Some(Entries {
                base: base.clone(),
                filter: filter("auth.ldap.groups.filter", &settings.group_filter, Placeholders::DnAndUser)?,
                name: name("auth.ldap.groups.name", &settings.group_name)?,
            }),
        };
        Ok(Directory { server: Server::check(settings)?, bind: settings.bind.clone(), users, groups })
    }

    async fn verify(&self, user: &UserName, password: &SecretString) -> Result<Option<Identity>, LdapError> {
        let mut service = self.service().await?;
        let Some(entry) = self.entry(&mut service, user).await? else {
            // As much as is done for a wrong password, so that time does not tell who is there.
            let _ = self.log_in(&self.nobody(), password).await;
            return Ok(None);
        };
        if !self.log_in(&entry.dn, password).await? {
            return Ok(None);
        }
        self.identity(&mut service, entry).await.map(Some)
    }

    /// A connection that may search.
    async fn service(&self) -> Result<Connection<'_>, LdapError> {
        let Some((dn, password)) = &self.bind else {
            return Connection::open(&self.server, LdapStep::FindUser).await;
        };
        let step = LdapStep::BindService;
        let mut service = Connection::open(&self.server, step).await?;
        let bound = service.bind(step, dn, password.expose_secret()).await?;
        if bound.rc == SUCCESS { Ok(service) } else { Err(refusal(&self.server, step, &bound)) }
    }

    /// The entry of a user, if there is exactly one.
    async fn entry(&self, service: &mut Connection<'_>, user: &UserName) -> Result<Option<Entry>, LdapError> {
        let search = Search {
            step: LdapStep::FindUser,
            base: &self.users.base,
            filter: &self.users.filter.fill(user.as_str(), ""),
            attribute: &self.users.name,
            most: 2,
        };
        let mut found = service.search(search).await?;
        match (found.entries.pop(), found.entries.is_empty(), found.more) {
            (None, _, false) => Ok(None),
            (Some(entry), true, false) => Ok(Some(entry)),
            _ => Err(LdapError::Several),
        }
    }

    /// Whether somebody can log in. On a connection of its own: the other goes on searching as the service.
    async fn log_in(&self, dn: &str, password: &SecretString) -> Result<bool, LdapError> {
        let step = LdapStep::BindUser;
        let mut connection = Connection::open(&self.server, step).await?;
        let bound = connection.bind(step, dn, password.expose_secret()).await?;
        match bound.rc {
            SUCCESS => Ok(true),
            INVALID_CREDENTIALS => Ok(false),
            // To whoever knocks that is the same as a wrong password.
            code if NO_LOGIN.contains(&code) => {
                tracing::info!(dn, code, text = bound.text, "the directory lets this user in with no password now");
                Ok(false)
            }
            _ => Err(refusal(&self.server, step, &bound)),
        }
    }

    /// An entry that cannot exist.
    fn nobody(&self) -> String {
        let name = uuid::Uuid::new_v4();
        if self.users.base.is_empty() { format!("cn={name}") } else { format!("cn={name},{}", self.users.base) }
    }

    /// What an entry says of its user.
    async fn identity(&self, service: &mut Connection<'_>, entry: Entry) -> Result<Identity, LdapError> {
        let user: Option<UserName> = match entry.values.as_slice() {
            [name] => name.parse().ok(),
            _ => None,
        };
        let Some(user) = user else {
            return Err(LdapError::Name { dn: entry.dn, attribute: self.users.name.clone() });
        };
        let groups = self.groups(service, &entry.dn, &user).await?;
        Ok(Identity { user, groups })
    }

    async fn groups(
        &self,
        service: &mut Connection<'_>,
        dn: &str,
        user: &UserName,
    ) -> Result<Vec<GroupName>, LdapError> {
        let Some(Entries { base, filter, name }) = &self.groups else {
            return Ok(Vec::new());
        };
        let search = Search {
            step: LdapStep::FindGroups,
            base,
            filter: &filter.fill(user.as_str(), dn),
            attribute: name,
            most: GROUPS,
        };
        let found = service.search(search).await?;
        if found.more {
            tracing::warn!(%user, "the LDAP server knows more groups of a user than {GROUPS}; the others do not count");
        }
        let names = found.entries.iter().flat_map(|entry| &entry.values);
        let mut groups: Vec<GroupName> = names.filter_map(|name| name.parse().ok()).take(GROUPS.into()).collect();
        groups.sort_unstable();
        groups.dedup();
        Ok(groups)
    }
}

/// Whether this is an attribute (RFC 4512 §1.4), and not `*`, which stands for all of them.
fn is_attribute(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests;
