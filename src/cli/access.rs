//! `wharf access`: who may do what under a configuration, and why. Asks no server and changes nothing.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use time::OffsetDateTime;

use crate::auth::{
    AccessTokens, Action, Asking, Decision, Grant, GroupName, Policy, Refusal, Subject, TokenName, UserName,
};
use crate::config::Config;
use crate::oci::RepositoryName;
use crate::telemetry::Causes;

use super::token::tokens_directory;
use super::{config, image};

/// Say who may do what, and why.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Say whether somebody may do something in a repository, and which rule decides.
    ///
    /// Exits with 0 if they may, 1 if they may not, 78 if the configuration cannot be used, and 66 if it cannot be read.
    Explain(Explain),
}

#[derive(Clone, Debug, clap::Args)]
struct Explain {
    #[command(flatten)]
    who: Asked,
    /// A group that an identity provider or a directory says the user is in; those of the configuration are known.
    #[arg(long = "group", value_name = "GROUP", conflicts_with_all = ["anonymous", "token"])]
    groups: Vec<GroupName>,
    /// The repository.
    #[arg(long, value_name = "NAME")]
    repository: RepositoryName,
    /// pull, push, create, delete or admin. A push may add something or move a tag, which is told apart: whoever may only
    /// add may push.
    #[arg(long)]
    action: Action,
    /// The configuration, as for `wharf serve`.
    file: Option<PathBuf>,
}

/// Who is asking: exactly one of these.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Asked {
    /// A user who is logged in.
    #[arg(long, value_name = "NAME")]
    user: Option<UserName>,
    /// Somebody who has not logged in.
    #[arg(long)]
    anonymous: bool,
    /// A program with this access token.
    #[arg(long, value_name = "NAME")]
    token: Option<TokenName>,
}

/// Runs the command. The answer goes to `out`, and what is wrong with the configuration to `err`.
pub(super) fn run(
    args: &Args,
    environment: impl IntoIterator<Item = (String, String)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let Command::Explain(explain) = &args.command;
    let file = image::configuration(explain.file.as_deref());
    let (config, warnings) = match Config::load(file.as_deref(), environment) {
        Ok(loaded) => loaded,
        Err(error) => return config::refuse(&error, err),
    };
    for warning in &warnings {
        writeln!(err, "{warning}")?;
    }
    if config.auth.token_server.is_some() {
        writeln!(err, "the tokens of auth.token decide who may do what, so there is nothing here to explain")?;
        return Ok(ExitCode::FAILURE);
    }
    let policy = match &config.auth.access {
        Some(rules) => rules.policy.clone(),
        None if config.auth.is_open() => Policy::open(),
        None => Policy::logged_in_may_all(),
    };
    let grants = match explain.who.token.as_ref().map(|name| grants(&config, name)).transpose() {
        Ok(grants) => grants.unwrap_or_default(),
        Err(why) => {
            writeln!(err, "{why}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    match explain.answer(&policy, &grants, out)? {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}

/// What an access token may do by itself.
fn grants(config: &Config, name: &TokenName) -> Result<Vec<Grant>, String> {
    let tokens = AccessTokens::open(tokens_directory(config)).list().map_err(|error| Causes(&error).to_string())?;
    let found = tokens.tokens.into_iter().find(|listed| listed.token.name == *name);
    let token =
        found.ok_or_else(|| format!("there is no access token {name}; wharf token list names those that there are"))?;
    match token.token.is_expired(OffsetDateTime::now_utc()) {
        true => Err(format!("the access token {name} has expired, so it may do nothing")),
        false => Ok(token.token.grants.clone()),
    }
}

impl Explain {
    /// Writes the answer, and says whether it may be done. A push needs what moves a tag only if there is a tag to move.
    fn answer(&self, policy: &Policy, grants: &[Grant], out: &mut dyn Write) -> io::Result<bool> {
        let subject = match (&self.who.user, &self.who.token) {
            (Some(user), _) => Subject::User(user.clone()),
            (None, Some(token)) => Subject::Token(token.clone()),
            (None, None) => Subject::Anonymous,
        };
        let asking = Asking { subject: &subject, groups: &self.groups, grants };
        let may = |action| policy.allows(&asking, &self.repository, action);
        match self.action {
            Action::Push if may(Action::Push) => self.one(policy, &asking, Action::Push, "", out),
            Action::Push if may(Action::Create) => {
                self.one(policy, &asking, Action::Create, ", but new tags only", out)?;
                self.one(policy, &asking, Action::Push, "", out)?;
                Ok(true)
            }
            Action::Push => self.one(policy, &asking, Action::Create, "", out),
            action => self.one(policy, &asking, action, "", out),
        }
    }

    /// Writes the answer for one action.
    fn one(
        &self,
        policy: &Policy,
        asking: &Asking<'_>,
        action: Action,
        limit: &str,
        out: &mut dyn Write,
    ) -> io::Result<bool> {
        let decision = policy.decide(asking, &self.repository, action);
        match decision {
            Decision::ByRule(number) => writeln!(out, "yes{limit}: {}", rule(policy, number))?,
            Decision::ByGrant(number) => {
                let own = number.checked_sub(1).and_then(|at| asking.grants.get(at)).map(Grant::to_string);
                writeln!(out, "yes{limit}: its own --may {}", own.unwrap_or_default())?;
            }
            Decision::Denied { .. } => {}
        }
        let Some(refusal) = Refusal::of(decision, action, &self.repository, asking.subject) else {
            return Ok(true);
        };
        writeln!(out, "no: {refusal}")?;
        for number in &refusal.considered {
            writeln!(out, "  {}", rule(policy, *number))?;
        }
        Ok(false)
    }
}

/// `rule 4 (config.yml:14): ci may pull and create in team/*`.
fn rule(policy: &Policy, number: usize) -> String {
    match number.checked_sub(1).and_then(|at| policy.rules().get(at)) {
        Some(rule) => format!("rule {number} ({}): {rule}", rule.origin),
        None => format!("rule {number}"),
    }
}
