//! Access rules that can be read and cannot do what whoever wrote them seems to want.

use std::collections::HashSet;

use super::access::Placed;
use super::node::below;
use super::warning::Warning;
use crate::auth::{Action, Asking, GroupName, Policy, Rule, Settings, Subject, UserName, Who, unknown_groups};
use crate::oci::{Pattern, RepositoryName};

/// As many pairs of somebody and a pattern are looked at.
const MOST: usize = 1000;

/// The name of somebody in particular whom no rule names, and a part of a repository's name that no pattern has.
const SOMEBODY: &str = "0u0";
const SOMETHING: &str = "0r0";

/// A remark for each rule that has no effect, or another than it seems to.
pub(super) fn about(placed: &[Placed], policy: &Policy, auth: &Settings) -> Vec<Warning> {
    let mut remarks = Vec::new();
    let for_users = |placed: &&Placed| placed.rule.who.iter().any(|who| *who != Who::Everybody);
    if let Some(placed) = placed.iter().find(for_users).filter(|_| !can_log_in(auth)) {
        let what =
            "nobody can log in, so only what anonymous may do counts; add auth.htpasswd or another way to log in";
        remarks.push(surprise(placed, "who", what.to_owned()));
    }
    let unknown: HashSet<&GroupName> = match knows_groups(auth) {
        true => HashSet::new(),
        false => unknown_groups(policy).collect(),
    };
    let mut left = MOST;
    for placed in placed {
        for who in &placed.rule.who {
            if let Who::Group(group) = who
                && unknown.contains(group)
            {
                let what = format!("nobody is in the group {group}; name its members in groups.{group}");
                remarks.push(surprise(placed, "who", what));
            }
        }
        if let Some((who, pattern)) = writes_unread(&placed.rule, policy, &mut left) {
            let what = format!("{who} may not pull from {pattern}, and docker push reads before it writes; add pull");
            remarks.push(surprise(placed, "may", what));
        }
    }
    remarks
}

fn surprise(placed: &Placed, name: &str, what: String) -> Warning {
    Warning::Surprise { origin: placed.origin.clone(), key: below(&placed.key, name), what }
}

fn can_log_in(auth: &Settings) -> bool {
    auth.htpasswd.is_some() || auth.ldap.is_some() || !auth.oidc.is_empty() || auth.certificate.is_some()
}

/// Whether something else than the configuration says who is in which group.
fn knows_groups(auth: &Settings) -> bool {
    let ldap = auth.ldap.as_ref().is_some_and(|ldap| ldap.group_base.is_some());
    ldap || auth.oidc.iter().any(|issuer| issuer.identities.iter().any(|identity| !identity.groups.is_empty()))
}

/// Whom a rule lets write what no rule lets them read.
fn writes_unread<'r>(rule: &'r Rule, policy: &Policy, left: &mut usize) -> Option<(&'r Who, &'r Pattern)> {
    if !rule.may.allow(Action::Create) || rule.may.allow(Action::Pull) {
        return None;
    }
    let pairs = rule.who.iter().flat_map(|who| rule.repositories.iter().map(move |pattern| (who, pattern)));
    pairs.take(*left).inspect(|_| *left -= 1).find(|(who, pattern)| !may_pull(policy, who, pattern))
}

/// Whether a pattern's repositories can be pulled, as far as examples of them tell.
fn may_pull(policy: &Policy, who: &Who, pattern: &Pattern) -> bool {
    let somebody = || SOMEBODY.parse::<UserName>().map_or(Subject::Anonymous, Subject::User);
    let (subject, groups) = match who {
        Who::Everybody => (Subject::Anonymous, Vec::new()),
        Who::LoggedIn => (somebody(), Vec::new()),
        Who::User(user) => (Subject::User(user.clone()), Vec::new()),
        Who::Group(group) => (somebody(), vec![group.clone()]),
    };
    let asking = Asking { subject: &subject, groups: &groups, grants: &[] };
    let user = subject.user().map_or(SOMEBODY, UserName::as_str);
    examples(pattern, user).all(|repository| policy.allows(&asking, &repository, Action::Pull))
}

/// Repositories that only patterns which are as wide match, too.
fn examples(pattern: &Pattern, user: &str) -> impl Iterator<Item = RepositoryName> {
    let text = pattern.to_string().replace("{user}", user);
    let example = move |depth: usize| {
        let parts = vec![SOMETHING; depth].join("/");
        text.replace("**", &parts).replace('*', SOMETHING).parse().ok()
    };
    [1, 3].into_iter().filter_map(example)
}
