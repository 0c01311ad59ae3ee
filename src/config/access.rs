//! `access` and `groups` into rules, together with what included files say.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::check;
use super::document::{Document, texts_of};
use super::error::ConfigError;
use super::item::{Item, items};
use super::node::{Node, below};
use super::origin::{Origin, Source};
use super::schema::INCLUDED;
use super::{access_remarks, named_file, yaml};
use crate::auth::{AccessRules, Action, Actions, GroupName, Policy, Rule, Settings, UserName};

/// The most files that rules include.
const MOST_FILES: usize = 16;

const EVERY_ACTION: &str = "pull, push, create, delete or admin";

/// Groups with their members.
type Groups = BTreeMap<GroupName, Vec<UserName>>;

/// A rule and where to look for it.
#[derive(Clone)]
pub(super) struct Placed {
    pub(super) rule: Rule,
    pub(super) origin: Origin,
    pub(super) key: String,
}

/// What the configuration itself says: its rules, between them the files that have more, and its groups.
struct Plan {
    steps: Vec<Step>,
    groups: Groups,
}

enum Step {
    Rule(Placed),
    Include(Include),
}

struct Include {
    path: PathBuf,
    origin: Origin,
    key: String,
}

/// Reads the rules, if there are any; `auth` says how users log in.
pub(super) fn settings(document: &mut Document, auth: &Settings) -> Result<Option<AccessRules>, ConfigError> {
    let groups = groups(document.find("groups"))?;
    // Rules that are all commented out leave the key alone. To pass it over would let in whom it was to keep out.
    if document.is_empty("access") {
        let reason =
            "is empty, which is not the same as no rule; write rules, or [] to let nobody do anything, or remove it";
        return Err(document.conflict("access", reason));
    }
    let Some(access) = document.find("access") else {
        if document.find("groups").is_some() {
            document.surprise("groups", "has no effect without access, whose rules name groups as group:NAME");
        }
        return Ok(None);
    };
    let plan = Plan { steps: steps(access)?, groups };
    let (placed, groups) = plan.whole()?;
    if placed.is_empty() {
        document.surprise("access", "there is no rule, so nobody may do anything");
    }
    let rules = placed.iter().map(|placed| placed.rule.clone()).collect();
    let policy = Policy::new(rules, groups);
    document.warnings.extend(access_remarks::about(&placed, &policy, auth));
    let files = plan.files();
    Ok(Some(AccessRules { policy, files, read_again: Arc::new(move || plan.policy()) }))
}

impl Plan {
    /// The files that are included.
    fn files(&self) -> Vec<PathBuf> {
        let file = |step: &Step| match step {
            Step::Rule(_) => None,
            Step::Include(include) => Some(include.path.clone()),
        };
        self.steps.iter().filter_map(file).collect()
    }

    /// Every rule in order and every group, after reading the files.
    fn whole(&self) -> Result<(Vec<Placed>, Groups), ConfigError> {
        let (mut rules, mut groups) = (Vec::new(), self.groups.clone());
        for step in &self.steps {
            match step {
                Step::Rule(placed) => rules.push(placed.clone()),
                Step::Include(include) => {
                    let (more, members) = include.read()?;
                    rules.extend(more);
                    for (group, members) in members {
                        groups.entry(group).or_default().extend(members);
                    }
                }
            }
        }
        for members in groups.values_mut() {
            members.sort();
            members.dedup();
        }
        // Nobody is in a group without members, as if there were no such group.
        groups.retain(|_, members| !members.is_empty());
        Ok((rules, groups))
    }

    fn policy(&self) -> Result<Policy, Box<dyn Error + Send + Sync>> {
        let (placed, groups) = self.whole()?;
        Ok(Policy::new(placed.into_iter().map(|placed| placed.rule).collect(), groups))
    }
}

impl Include {
    /// The rules and groups of the file.
    fn read(&self) -> Result<(Vec<Placed>, Groups), ConfigError> {
        let text = named_file::read(&self.path, super::MAX_FILE).map_err(|source| ConfigError::NamedFile {
            origin: self.origin.clone(),
            key: self.key.clone(),
            path: self.path.clone(),
            source,
        })?;
        let root = yaml::read(&text, &Source::File(self.path.display().to_string().into()))?;
        check(&root, INCLUDED)?;
        let listed = items(root.find("access"), "access");
        if let Some(item) = listed.iter().find(|item| item.find("include").is_some()) {
            return Err(item.conflict("include", "a file that is included includes no other"));
        }
        let rules = listed.iter().map(rule).collect::<Result<_, _>>()?;
        Ok((rules, groups(root.find("groups"))?))
    }
}

fn steps(access: &Node) -> Result<Vec<Step>, ConfigError> {
    let mut files = 0;
    let mut steps = Vec::new();
    for item in items(Some(access), "access") {
        let Some(path) = item.text("include") else {
            steps.push(Step::Rule(rule(&item)?));
            continue;
        };
        files += 1;
        if files > MOST_FILES {
            return Err(item.conflict("include", format!("at most {MOST_FILES} files can be included")));
        }
        if ["who", "repositories", "may"].iter().any(|name| item.find(name).is_some()) {
            return Err(item.conflict("include", "stands alone, the file has rules of its own"));
        }
        let origin = item.find("include").unwrap_or(item.node).origin.clone();
        steps.push(Step::Include(Include { path: beside(&origin, path), origin, key: below(&item.key, "include") }));
    }
    Ok(steps)
}

/// A path, from the directory of the file that names it if it does not begin at the root.
fn beside(origin: &Origin, path: &str) -> PathBuf {
    match origin {
        Origin::File { name, .. } => Path::new(&**name).parent().unwrap_or(Path::new("")).join(path),
        Origin::Default | Origin::Variable(_) => PathBuf::from(path),
    }
}

fn rule(item: &Item<'_>) -> Result<Placed, ConfigError> {
    let who = item.some_texts("who", "names of users, group:NAME, \"*\" for every user, or anonymous for everybody")?;
    let repositories = item.some_texts("repositories", "patterns of repositories such as team/*")?;
    let may = item.some_texts("may", EVERY_ACTION)?;
    let action = |text: &str| {
        let unknown = || item.conflict("may", format!("expected {EVERY_ACTION}, found {text:?}"));
        text.parse::<Action>().map_err(|_| unknown())
    };
    let rule = Rule {
        who: item.parsed("who", &who)?,
        repositories: item.parsed("repositories", &repositories)?,
        may: may.into_iter().map(action).collect::<Result<Actions, _>>()?,
        origin: item.node.origin.to_string(),
    };
    Ok(Placed { rule, origin: item.node.origin.clone(), key: item.key.clone() })
}

fn groups(node: Option<&Node>) -> Result<Groups, ConfigError> {
    let entries = node.and_then(Node::map).map(|map| map.entries.as_slice()).unwrap_or_default();
    let mut groups = Groups::new();
    for (name, node) in entries {
        let key = below("groups", name);
        let fault = |text: &str, error: &dyn Error| ConfigError::Conflict {
            origin: node.origin.clone(),
            key: key.clone(),
            reason: format!("{text:?}: {error}"),
        };
        let group: GroupName = name.parse().map_err(|error| fault(name, &error))?;
        let members = groups.entry(group).or_default();
        for text in texts_of(node, &key)? {
            members.push(text.parse().map_err(|error| fault(text, &error))?);
        }
    }
    Ok(groups)
}
