//! The words in which a decision is told, the same to a client, to the log and on the command line.

use std::fmt;

use crate::oci::RepositoryName;

use super::{Action, Decision, Rule, Subject};

/// As many rules are named in a refusal; it goes into an answer, and there may be thousands.
const MOST_RULES: usize = 8;

/// That something may not be done, and what was considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked. A push of something new asks [`Action::Create`], one that moves a tag [`Action::Push`].
    pub action: Action,
    /// Where.
    pub repository: RepositoryName,
    /// By whom.
    pub subject: Subject,
    /// The numbers of the rules that are about who asks and grant too little, as [`Decision::Denied`] has them.
    pub considered: Vec<usize>,
}

impl Refusal {
    /// The refusal that a decision is, if it is one.
    pub fn of(decision: Decision, action: Action, repository: &RepositoryName, subject: &Subject) -> Option<Refusal> {
        match decision {
            Decision::ByRule(_) | Decision::ByGrant(_) => None,
            Decision::Denied { considered } => {
                Some(Refusal { action, repository: repository.clone(), subject: subject.clone(), considered })
            }
        }
    }
}

impl Refusal {
    /// The same without what was considered: for somebody who may not know.
    pub fn briefly(&self) -> String {
        let doing = match self.action {
            Action::Pull => "pull from",
            Action::Create | Action::Push => "push to",
            Action::Delete => "delete from",
            Action::Admin => "administer",
        };
        format!("{} may not {doing} {}; ask whoever keeps this registry", self.subject, self.repository)
    }
}

impl std::error::Error for Refusal {}

/// `push on team/app needs push or create for ci; rules 2 and 4 were considered`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { action, repository, subject, considered } = self;
        let doing = match action {
            Action::Create => "push",
            Action::Push => "moving a tag",
            Action::Pull | Action::Delete | Action::Admin => action.as_str(),
        };
        write!(f, "{doing} on {repository} needs {} for {subject}; ", action.granted_by())?;
        let mut named: Vec<String> = considered.iter().take(MOST_RULES).map(usize::to_string).collect();
        match considered.len() {
            0 if matches!(subject, Subject::Token(_)) => {
                return f.write_str("what it may do was said when it was made");
            }
            0 => return write!(f, "no rule is about {subject}"),
            1 => return write!(f, "rule {} was considered", named.concat()),
            2..=MOST_RULES => {}
            all => named.push(format!("{} more", all - MOST_RULES)),
        }
        write!(f, "rules {} were considered", listed(&named))
    }
}

/// `ci may pull and create in team/*`, in the words of the rule.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = |items: &mut dyn Iterator<Item = String>| listed(&items.collect::<Vec<_>>());
        let who = texts(&mut self.who.iter().map(ToString::to_string));
        let may = texts(&mut self.may.iter().map(|action| action.to_string()));
        let repositories = texts(&mut self.repositories.iter().map(ToString::to_string));
        write!(f, "{who} may {may} in {repositories}")
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Actions;

    fn refusal(action: Action, considered: &[usize]) -> String {
        let subject = Subject::User("ci".parse().unwrap());
        Refusal { action, repository: "team/app".parse().unwrap(), subject, considered: considered.to_vec() }
            .to_string()
    }

    #[test]
    fn a_refusal_says_what_is_missing_and_which_rules_were_considered() {
        for (action, considered, sentence) in [
            (
                Action::Create,
                &[2, 4][..],
                "push on team/app needs push or create for ci; rules 2 and 4 were considered",
            ),
            (Action::Push, &[1, 2, 4], "moving a tag on team/app needs push for ci; rules 1, 2 and 4 were considered"),
            (Action::Delete, &[], "delete on team/app needs delete for ci; no rule is about ci"),
            (Action::Pull, &[3], "pull on team/app needs pull for ci; rule 3 was considered"),
        ] {
            assert_eq!(refusal(action, considered), sentence);
        }
    }

    #[test]
    fn a_refusal_is_short_however_many_rules_there_are() {
        let all: Vec<usize> = (1..=5000).collect();
        let said = refusal(Action::Pull, &all);
        assert!(said.ends_with("; rules 1, 2, 3, 4, 5, 6, 7, 8 and 4992 more were considered"), "{said}");
        assert!(refusal(Action::Pull, &all[..8]).ends_with("6, 7 and 8 were considered"));
    }

    #[test]
    fn a_rule_reads_as_a_sentence() {
        let rule = Rule {
            who: vec!["alice".parse().unwrap(), "group:ops".parse().unwrap()],
            repositories: vec!["a/*".parse().unwrap(), "{user}/**".parse().unwrap()],
            may: [Action::Delete, Action::Pull, Action::Create].into_iter().collect::<Actions>(),
            origin: String::new(),
        };
        assert_eq!(rule.to_string(), "alice and group:ops may pull, create and delete in a/* and {user}/**");
    }
}
