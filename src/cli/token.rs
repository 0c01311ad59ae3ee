//! `wharf token`: access tokens for machines. A server that runs takes a change over by itself.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use secrecy::ExposeSecret;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::auth::access_tokens::{AccessTokenError, AccessTokens, ListedToken, TokenList};
use crate::auth::{Grant, TokenName};
use crate::config::Config;
use crate::telemetry::Causes;

use super::{config, image, user};

/// Make, list and revoke access tokens: what machines log in with.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Make an access token and print it, which happens this once.
    Create {
        /// Its name, which is also the user's name to log in with.
        #[arg(long)]
        name: TokenName,
        /// What it may do, as PATTERN:ACTION,ACTION: 'team/*:pull,create'. May be given several times.
        #[arg(long, required = true, value_name = "GRANT")]
        may: Vec<Grant>,
        /// When it ends: 90d, 12h, 30m or never.
        #[arg(long, value_name = "TIME", default_value = "never")]
        expires: Lifetime,
        #[command(flatten)]
        place: Place,
    },
    /// List the access tokens.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// End an access token, at once.
    Revoke {
        /// Its name.
        name: TokenName,
        #[command(flatten)]
        place: Place,
    },
}

/// Which server's tokens are meant.
#[derive(Clone, Debug, clap::Args)]
struct Place {
    /// The configuration that the server is started with.
    config: Option<PathBuf>,
}

/// How long a token lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime {
    Never,
    Of(Duration),
}

/// A text is no lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time such as 90d, 12h or 30m, of at most 36500d, or never")]
struct LifetimeError;

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        if text == "never" {
            return Ok(Lifetime::Never);
        }
        let units = [("d", Duration::DAY), ("h", Duration::HOUR), ("m", Duration::MINUTE)];
        let (number, unit) =
            units.iter().find_map(|(end, unit)| Some((text.strip_suffix(end)?, *unit))).ok_or(LifetimeError)?;
        let number: u32 = number.parse().map_err(|_| LifetimeError)?;
        let lasts = i32::try_from(number).ok().and_then(|number| unit.checked_mul(number)).ok_or(LifetimeError)?;
        let sensible = lasts > Duration::ZERO && lasts <= Duration::days(36_500);
        sensible.then_some(Lifetime::Of(lasts)).ok_or(LifetimeError)
    }
}

/// Runs the command. What was asked for goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let (Command::Create { place, .. } | Command::List { place, .. } | Command::Revoke { place, .. }) = &args.command;
    let named = image::configuration(place.config.as_deref());
    let config = match Config::load(named.as_deref(), config::environment()) {
        Ok((config, _)) => config,
        Err(error) => return config::refuse(&error, err),
    };
    let (tokens, now) = (AccessTokens::open(tokens_directory(&config)), OffsetDateTime::now_utc());
    if matches!(args.command, Command::Create { .. }) {
        let useless = if config.auth.is_open() {
            Some(
                "under this configuration everybody may do everything, so an access token changes nothing: see auth and access",
            )
        } else {
            config
                .auth
                .token_server
                .as_ref()
                .map(|_| "auth.token takes no tokens but its own server's, so this one opens nothing")
        };
        if let Some(useless) = useless {
            writeln!(err, "{useless}")?;
        }
    }
    match &args.command {
        Command::Create { name, may, expires, .. } => create(&tokens, name, may, *expires, now, out, err),
        Command::List { json, .. } => list(&tokens, *json, now, out, err),
        Command::Revoke { name, .. } => match tokens.revoke(name) {
            Ok(true) => Ok(ExitCode::SUCCESS),
            Ok(false) => {
                writeln!(err, "there is no access token {name}")?;
                Ok(ExitCode::FAILURE)
            }
            Err(error) => refuse(&error, err),
        },
    }
}

pub(super) fn tokens_directory(config: &Config) -> PathBuf {
    user::volume(config).join("wharf/auth/tokens")
}

fn refuse(error: &AccessTokenError, err: &mut dyn Write) -> io::Result<ExitCode> {
    writeln!(err, "{}", Causes(error))?;
    Ok(ExitCode::FAILURE)
}

fn create(
    tokens: &AccessTokens,
    name: &TokenName,
    may: &[Grant],
    lifetime: Lifetime,
    now: OffsetDateTime,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    // To the second, as a person reads it.
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let expires = match lifetime {
        Lifetime::Never => None,
        Lifetime::Of(lasts) => now.checked_add(lasts),
    };
    let secret = match tokens.create(name, may, expires, now) {
        Ok(secret) => secret,
        Err(error) => return refuse(&error, err),
    };
    writeln!(out, "{}", secret.expose_secret())?;
    out.flush()?;
    writeln!(err, "This is the only time that the access token is shown. To log in, give it to the standard input of")?;
    writeln!(err, "  docker login -u {name} --password-stdin HOST")?;
    match expires {
        Some(expires) => writeln!(err, "It ends at {}.", text(expires))?,
        None => writeln!(err, "It never ends by itself (--expires 90d makes one that does).")?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(
    tokens: &AccessTokens,
    json: bool,
    now: OffsetDateTime,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let list = match tokens.list() {
        Ok(list) => list,
        Err(error) => return refuse(&error, err),
    };
    if json {
        write_json(&list, now, out)?
    } else {
        write_table(&list, now, out)?
    };
    for damaged in &list.damaged {
        writeln!(err, "{}: this is no access token: {}", damaged.path.display(), Causes(&damaged.reason))?;
    }
    if list.more {
        writeln!(err, "there are more, which are neither listed nor used")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_json(list: &TokenList, now: OffsetDateTime, out: &mut dyn Write) -> io::Result<()> {
    let object = |ListedToken { token, last_used }: &ListedToken| {
        serde_json::json!({
            "name": token.name.as_str(),
            "may": token.grants.iter().map(Grant::to_string).collect::<Vec<_>>(),
            "created": text(token.created),
            "expires": token.expires.map(text),
            "expired": token.is_expired(now),
            "last_used": last_used.map(text),
        })
    };
    let objects: Vec<_> = list.tokens.iter().map(object).collect();
    serde_json::to_writer_pretty(&mut *out, &objects)?;
    writeln!(out)
}

fn write_table(list: &TokenList, now: OffsetDateTime, out: &mut dyn Write) -> io::Result<()> {
    let never = || "never".to_owned();
    let mut rows = vec![["NAME", "MAY", "CREATED", "EXPIRES", "LAST USED"].map(str::to_owned)];
    for ListedToken { token, last_used } in &list.tokens {
        let may: Vec<String> = token.grants.iter().map(Grant::to_string).collect();
        let expires = match token.expires {
            Some(expires) if token.is_expired(now) => format!("{} (over)", text(expires)),
            Some(expires) => text(expires),
            None => never(),
        };
        let last_used = last_used.map_or_else(never, text);
        rows.push([token.name.to_string(), may.join(" "), text(token.created), expires, last_used]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            write!(out, "{cell:width$}  ")?;
        }
        writeln!(out, "{}", row[4])?;
    }
    Ok(())
}

/// RFC 3339, to the second.
fn text(time: OffsetDateTime) -> String {
    let time = time.replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_else(|_| time.unix_timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_have_a_unit_and_an_end() {
        for (text, expected) in [
            ("never", Lifetime::Never),
            ("90d", Lifetime::Of(Duration::days(90))),
            ("12h", Lifetime::Of(Duration::hours(12))),
            ("30m", Lifetime::Of(Duration::minutes(30))),
        ] {
            assert_eq!(text.parse(), Ok(expected));
        }
        for text in ["", "90", "d", "0d", "-1d", "+-1d", "1.5h", "90 d", "36501d", "99999999999d", "4294967295d", "d90"]
        {
            assert_eq!(text.parse::<Lifetime>(), Err(LifetimeError), "{text}");
        }
    }
}
