//! All of it together: what the front door asks.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use quick_cache::sync::Cache;
use time::OffsetDateTime;
use tracing::{error, info};

use crate::oci::{Pattern, RepositoryName};

use super::caller::{Proof, Scope};
use super::known::{Known, keyed};
use super::own_tokens::{self, Issued};
use super::signing_keys::SigningKeys;
use super::watched::Stamp;
use super::{
    Access, AccessRules, AccessTokens, Action, Actions, AuthError, Caller, CertificateName, Decision, FirstUser,
    GroupName, Guesses, Htpasswd, KeyError, Ldap, Oidc, Policy, Refusal, Settings, UserName, Verdict, token_server,
    whole_file,
};

/// How often files are looked at for changes.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// How often the keys that sign tokens are looked at.
const BETWEEN_ROTATIONS: Duration = Duration::from_secs(3600);
/// Of how many users the directory's latest word on their groups is remembered.
const MOST_MEMBERSHIPS: usize = 4096;

/// Who may do what in a registry. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Auth(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) scheme: Scheme,
    pub(super) policy: ArcSwap<Policy>,
    rules: Option<AccessRules>,
    pub(super) anonymous: Arc<Caller>,
    pub(super) htpasswd: Option<Htpasswd>,
    pub(super) ldap: Option<Ldap>,
    pub(super) oidc: Oidc,
    pub(super) token_server: Option<token_server::TokenServer>,
    pub(super) access_tokens: Option<AccessTokens>,
    pub(super) keys: Option<SigningKeys>,
    pub(super) certificate: Option<CertificateName>,
    pub(super) known: Known,
    pub(super) guesses: Guesses,
    /// What the directory said last of somebody's groups: a token that was issued before does not say more.
    pub(super) memberships: Cache<UserName, Arc<Vec<GroupName>>>,
    owners: Option<[u8; 32]>,
}

/// How clients are told to prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// They need not.
    Open,
    /// With a name and a password (RFC 7617).
    Basic {
        /// What they are for.
        realm: String,
    },
    /// With a token that this registry issues (Docker Registry v2 authentication).
    OwnTokens {
        /// What the tokens are for.
        service: String,
    },
    /// With a token that another server issues.
    TokenServer {
        /// Where.
        realm: String,
        /// What the tokens are for.
        service: String,
        /// Where on this registry's own host instead.
        redirect_path: Option<String>,
    },
}

/// Something that somebody may do, for `whoami`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// In which repositories, with the user's name in its place.
    pub repositories: Vec<Pattern>,
    /// What.
    pub may: Actions,
    /// The number of the rule that says so; none for an access token's own grants.
    pub rule: Option<usize>,
}

impl Auth {
    /// Reads all that the settings name. The first user is there when the password file was missing and has been made; its
    /// password is to be shown once, and is nowhere else.
    ///
    /// # Errors
    ///
    /// What is wrong with a file that the settings name, with its key.
    pub fn start(settings: &Settings, now: OffsetDateTime) -> Result<(Auth, Option<FirstUser>), AuthError> {
        let (htpasswd, first) = match &settings.htpasswd {
            Some(path) => {
                let opened = Htpasswd::open(path)?;
                (Some(opened.htpasswd), opened.first)
            }
            None => (None, None),
        };
        let token_server = settings.token_server.as_ref().map(token_server::TokenServer::open).transpose()?;
        let own = !settings.is_open() && token_server.is_none();
        let policy = match &settings.access {
            Some(rules) => rules.policy.clone(),
            // A token server's tokens say all that there is to say.
            None if settings.is_open() || token_server.is_some() => Policy::open(),
            None => Policy::logged_in_may_all(),
        };
        let scheme = match &token_server {
            Some(server) => Scheme::TokenServer {
                realm: server.realm().to_owned(),
                service: server.service().to_owned(),
                redirect_path: server.redirect_path().map(str::to_owned),
            },
            None if settings.is_open() => Scheme::Open,
            None if settings.access.is_some() => Scheme::OwnTokens { service: own_tokens::NAME.to_owned() },
            None => Scheme::Basic { realm: settings.realm.clone() },
        };
        let scope = if token_server.is_some() { Scope::Only(Vec::new()) } else { Scope::Everything };
        let inner = Inner {
            scheme,
            policy: ArcSwap::from_pointee(policy),
            rules: settings.access.clone(),
            anonymous: Arc::new(Caller::anonymous(scope)),
            htpasswd,
            ldap: settings.ldap.as_ref().map(Ldap::new).transpose()?,
            oidc: Oidc::new(&settings.oidc)?,
            token_server,
            access_tokens: own.then(|| AccessTokens::open(settings.directory.join("tokens"))),
            keys: own.then(|| SigningKeys::open(settings.directory.join("keys"), now)).transpose()?,
            certificate: settings.certificate,
            known: Known::new()?,
            guesses: Guesses::new(),
            memberships: Cache::new(MOST_MEMBERSHIPS),
            owners: if settings.is_open() { None } else { Some(secret(&settings.directory)?) },
        };
        Ok((Auth(Arc::new(inner)), first))
    }

    /// How clients are told to prove who they are.
    pub fn scheme(&self) -> &Scheme {
        &self.0.scheme
    }

    /// Whether anybody may do anything.
    pub fn is_open(&self) -> bool {
        self.0.scheme == Scheme::Open
    }

    /// Somebody who has not said who they are.
    pub fn anonymous(&self) -> Arc<Caller> {
        Arc::clone(&self.0.anonymous)
    }

    /// Whoever uses the operator's socket.
    pub fn operator(&self) -> Arc<Caller> {
        Arc::new(Caller::operator())
    }

    /// Whether somebody may do something.
    pub fn verdict(&self, caller: &Caller, repository: &RepositoryName, action: Action) -> Verdict {
        caller.verdict(&self.0.policy.load(), repository, action)
    }

    /// Whether somebody may do something, yes or no.
    pub fn allows(&self, caller: &Caller, repository: &RepositoryName, action: Action) -> bool {
        self.verdict(caller, repository, action) == Verdict::Granted
    }

    /// Why somebody may not do something.
    pub fn refusal(&self, caller: &Caller, repository: &RepositoryName, action: Action) -> Refusal {
        let considered = match self.0.policy.load().decide(&caller.asking(), repository, action) {
            Decision::Denied { considered } => considered,
            Decision::ByRule(_) | Decision::ByGrant(_) => Vec::new(),
        };
        Refusal { action, repository: repository.clone(), subject: caller.subject.clone(), considered }
    }

    /// Whether somebody may know of a repository: whether the rules let them read it, whatever the token opens that they
    /// brought.
    pub fn shows(&self, caller: &Caller, repository: &RepositoryName) -> bool {
        self.0.policy.load().allows(&caller.asking(), repository, Action::Pull)
    }

    /// Whether somebody may read every repository, so that nothing can be kept from them.
    pub fn may_pull_everything(&self, caller: &Caller) -> bool {
        self.may_everywhere(caller, Action::Pull)
    }

    /// Whether somebody may administer the registry as a whole. What a bearer token lists is never the whole.
    pub fn may_administer(&self, caller: &Caller) -> bool {
        self.may_everywhere(caller, Action::Admin)
    }

    /// Whether the rules alone would let them, whatever the token opens that they brought.
    pub fn rules_let_administer(&self, caller: &Caller) -> bool {
        self.holds(caller, Action::Admin, |may, pattern| may && pattern.is_everything())
    }

    fn may_everywhere(&self, caller: &Caller, action: Action) -> bool {
        caller.scope == Scope::Everything && self.holds(caller, action, |may, pattern| may && pattern.is_everything())
    }

    /// Whether there may be a repository below this path that somebody may read.
    pub fn may_pull_below(&self, caller: &Caller, path: &str) -> bool {
        let user = caller.subject.user().map(UserName::as_str);
        self.holds(caller, Action::Pull, |may, pattern| may && pattern.reaches_below(path, user))
    }

    /// Whether somebody may read anything at all.
    pub fn may_pull_something(&self, caller: &Caller) -> bool {
        self.holds(caller, Action::Pull, |may, _| may)
    }

    fn holds(&self, caller: &Caller, action: Action, is_it: impl Fn(bool, &Pattern) -> bool) -> bool {
        let policy = self.0.policy.load();
        policy.held(&caller.asking()).any(|(_, patterns, may)| {
            let may = may.allow(action);
            patterns.iter().any(|pattern| is_it(may, pattern))
        })
    }

    /// All that somebody may do.
    pub fn held(&self, caller: &Caller) -> Vec<Held> {
        let policy = self.0.policy.load();
        let asking = caller.asking();
        let held = policy.held(&asking);
        held.map(|(rule, repositories, may)| Held { repositories: repositories.to_vec(), may, rule }).collect()
    }

    /// Every group of somebody.
    pub fn groups(&self, caller: &Caller) -> Vec<GroupName> {
        let policy = self.0.policy.load();
        let mut groups: Vec<GroupName> = policy.groups_of(&caller.asking()).cloned().collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Whether tokens are issued here: not where nobody need log in, nor where another server issues them.
    pub fn issues_tokens(&self) -> bool {
        self.0.keys.is_some()
    }

    /// A token that opens what was asked for, as far as the caller may have it; with `offline` and if that can be, one that
    /// gets others. None where tokens are not issued here.
    ///
    /// # Errors
    ///
    /// When it cannot be signed.
    pub fn issue(
        &self,
        caller: &Caller,
        asked: impl Iterator<Item = Access>,
        offline: bool,
        now: OffsetDateTime,
    ) -> Result<Option<Issued>, KeyError> {
        let Some(keys) = &self.0.keys else { return Ok(None) };
        own_tokens::issue(keys, &self.0.policy.load(), caller, asked, offline, now).map(Some)
    }

    /// A secret that is this caller's alone, the same after a restart; none where nobody is told apart.
    pub fn owner_key(&self, caller: &Caller) -> Option<[u8; 32]> {
        use hmac::Mac;
        let secret = self.0.owners.as_ref()?;
        Some(keyed(secret).chain_update("owner:").chain_update(caller.principal()).finalize().into_bytes().into())
    }

    /// Follows the files that the settings name, for ever.
    pub async fn follow(self) {
        // What was included may have changed since it was read, so it is read again at the first look.
        let mut rules = self.0.rules.as_ref().filter(|rules| rules.files.is_empty()).map(stamps);
        let mut rotated = Instant::now();
        let mut ticks = tokio::time::interval(BETWEEN_LOOKS);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let rotate = rotated.elapsed() >= BETWEEN_ROTATIONS;
            if rotate {
                rotated = Instant::now();
            }
            let (auth, seen) = (self.clone(), rules.take());
            // Files may be on a disk that takes its time.
            let looked = tokio::task::spawn_blocking(move || auth.0.look(seen, rotate)).await;
            rules = looked.unwrap_or_default();
        }
    }
}

impl Inner {
    fn look(&self, seen: Option<Vec<Option<Stamp>>>, rotate: bool) -> Option<Vec<Option<Stamp>>> {
        if let Some(htpasswd) = &self.htpasswd {
            htpasswd.look();
        }
        if let Some(server) = &self.token_server {
            server.look();
        }
        if let Some(Err(failed)) =
            self.keys.as_ref().filter(|_| rotate).map(|keys| keys.rotate(OffsetDateTime::now_utc()))
        {
            error!(error = &failed as &dyn std::error::Error, "the keys that sign tokens cannot be exchanged");
        }
        self.rules.as_ref().map(|rules| self.look_at_rules(rules, seen))
    }

    fn look_at_rules(&self, rules: &AccessRules, seen: Option<Vec<Option<Stamp>>>) -> Vec<Option<Stamp>> {
        let stamps = stamps(rules);
        if seen.as_ref() != Some(&stamps) {
            match (rules.read_again)() {
                Ok(policy) => {
                    if seen.is_some() {
                        info!(rules = policy.rules().len(), "the access rules were read again");
                    }
                    self.policy.store(Arc::new(policy));
                }
                Err(failed) => error!(
                    error = &*failed as &dyn std::error::Error,
                    "the access rules have changed and cannot be used; those from before hold on"
                ),
            }
        }
        stamps
    }

    /// Whether what a caller was known by is still good.
    pub(super) fn still_holds(&self, caller: &Caller) -> bool {
        match (&caller.proof, &caller.subject) {
            (Proof::Password(fingerprint), super::Subject::User(user)) => {
                let htpasswd = self.htpasswd.as_ref();
                htpasswd.and_then(|htpasswd| htpasswd.fingerprint(user.as_str())).as_ref() == Some(fingerprint)
            }
            (Proof::AccessToken(fingerprint), super::Subject::Token(name)) => {
                let tokens = self.access_tokens.as_ref();
                tokens.is_some_and(|tokens| tokens.current(name, fingerprint, OffsetDateTime::now_utc()).is_some())
            }
            (Proof::Password(_) | Proof::AccessToken(_), _) => false,
            (Proof::Directory, super::Subject::User(user)) => {
                // Whoever has left a group since is looked at anew.
                let latest = self.memberships.get(user);
                latest.is_none_or(|latest| caller.groups.iter().all(|group| latest.contains(group)))
            }
            (
                Proof::Directory
                | Proof::Provider
                | Proof::Certificate
                | Proof::Nothing
                | Proof::TokenServer
                | Proof::Socket,
                _,
            ) => true,
        }
    }
}

fn stamps(rules: &AccessRules) -> Vec<Option<Stamp>> {
    let stamp = |path: &std::path::PathBuf| std::fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata));
    rules.files.iter().map(stamp).collect()
}

/// The secret that callers' own are made from. One that cannot be kept ends with the process, and with it whatever uploads
/// are under way.
fn secret(directory: &Path) -> Result<[u8; 32], AuthError> {
    let path = directory.join("secret");
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).ok()?;
        let mut secret = [0; 32];
        hex::decode_to_slice(text.trim(), &mut secret).ok()?;
        Some(secret)
    };
    if let Some(secret) = read(&path) {
        return Ok(secret);
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    match whole_file::keep(&path, hex::encode(secret).as_bytes()) {
        Ok(()) => Ok(secret),
        // Another server on this volume was first.
        Err(failed) => Ok(read(&path).unwrap_or_else(|| {
            tracing::warn!(path = %path.display(), error = %failed, "uploads cannot be continued after a restart");
            secret
        })),
    }
}
