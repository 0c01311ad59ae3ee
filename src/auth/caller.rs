//! A caller: who is asking, how they proved it, and what the token that they brought opens.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::oci::RepositoryName;

use super::scope::{CATALOG, REPOSITORY};
use super::{Access, Action, Actions, Asking, Fingerprint, Grant, GroupName, Policy, Subject, Verb};

/// Who is asking.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub subject: Subject,
    /// The groups that their source says they are in.
    pub(super) groups: Vec<GroupName>,
    /// What the access token says that it may do.
    pub(super) grants: Vec<Grant>,
    /// What a bearer token opens.
    pub(super) scope: Scope,
    /// How they proved who they are.
    pub(super) proof: Proof,
    /// When the token of ours ends that they brought, if they brought one. What they get for it does not last longer.
    pub(super) ends: Option<OffsetDateTime>,
}

/// What the credentials open; rules may open less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All that the rules do.
    Everything,
    /// What a bearer token lists.
    Only(Vec<Access>),
}

/// How somebody proved who they are, and what must still be so for it to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Proof {
    /// They did not.
    Nothing,
    /// By a password in the file, which had this hash.
    Password(Fingerprint),
    /// By an access token, which looked like this.
    AccessToken(Fingerprint),
    /// By a password that a directory knows (LDAP).
    Directory,
    /// By a token of an identity provider (OpenID Connect).
    Provider,
    /// By a certificate.
    Certificate,
    /// By a token of a token server, which decides what it opens.
    TokenServer,
    /// By using a socket that is for the operator alone.
    Socket,
}

impl Proof {
    /// As a person reads it.
    fn as_str(&self) -> &'static str {
        match self {
            Proof::Nothing => "nothing",
            Proof::Password(_) => "password",
            Proof::AccessToken(_) => "access token",
            Proof::Directory => "LDAP",
            Proof::Provider => "OpenID Connect",
            Proof::Certificate => "client certificate",
            Proof::TokenServer => "token server",
            Proof::Socket => "the operator's socket",
        }
    }
}

/// What may be said to somebody who wants something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Granted,
    /// The rules allow it, and the token that they brought does not open it; another may.
    OutOfScope,
    /// The rules do not allow it.
    Denied,
}

impl Caller {
    /// Somebody who has not said who they are.
    pub(super) fn anonymous(scope: Scope) -> Caller {
        Caller {
            subject: Subject::Anonymous,
            groups: Vec::new(),
            grants: Vec::new(),
            scope,
            proof: Proof::Nothing,
            ends: None,
        }
    }

    /// Whoever may use the operator's socket: everything is granted, whatever the rules say.
    pub(super) fn operator() -> Caller {
        let all = "**".parse().ok().map(|repositories| Grant { repositories, may: Actions::NONE.with(Action::Admin) });
        Caller {
            subject: Subject::Operator,
            grants: all.into_iter().collect(),
            proof: Proof::Socket,
            ..Caller::anonymous(Scope::Everything)
        }
    }

    /// Whether they have said who they are.
    pub fn is_anonymous(&self) -> bool {
        self.subject == Subject::Anonymous
    }

    /// As rules see them.
    pub(super) fn asking(&self) -> Asking<'_> {
        Asking { subject: &self.subject, groups: &self.groups, grants: &self.grants }
    }

    /// Whether they may do something under these rules.
    pub(super) fn verdict(&self, policy: &Policy, repository: &RepositoryName, action: Action) -> Verdict {
        if !policy.allows(&self.asking(), repository, action) {
            return Verdict::Denied;
        }
        let opened = match &self.scope {
            Scope::Everything => true,
            Scope::Only(opened) => {
                let verb = verb(action).as_str();
                opened.iter().any(|access| access.opens(REPOSITORY, repository.as_str(), verb))
            }
        };
        if opened { Verdict::Granted } else { Verdict::OutOfScope }
    }

    /// Whether the token that they brought, if any, opens the catalog.
    pub fn opens_catalog(&self) -> bool {
        match &self.scope {
            Scope::Everything => true,
            Scope::Only(opened) => opened.iter().any(|access| access.opens(CATALOG.0, CATALOG.1, "*")),
        }
    }

    /// How they proved who they are, as a person reads it.
    pub fn proved_by(&self) -> &'static str {
        self.proof.as_str()
    }

    /// What the token that they brought opens, if they brought one that does not open everything.
    pub fn opens(&self) -> Option<&[Access]> {
        match &self.scope {
            Scope::Everything => None,
            Scope::Only(opened) => Some(opened),
        }
    }

    /// A text that no other caller has, for whom what this one began is not meant.
    pub(super) fn principal(&self) -> String {
        match &self.subject {
            Subject::Anonymous => "anonymous".to_owned(),
            Subject::User(name) => format!("user:{name}"),
            Subject::Token(name) => format!("token:{name}"),
            Subject::Operator => "operator".to_owned(),
        }
    }
}

/// What scopes call an action. They have no word for adding without moving, nor for administering.
pub(super) fn verb(action: Action) -> Verb {
    match action {
        Action::Pull => Verb::Pull,
        Action::Create | Action::Push => Verb::Push,
        Action::Delete | Action::Admin => Verb::Delete,
    }
}
