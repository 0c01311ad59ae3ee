//! Where a new password comes from: a person who types it twice, standard input, or chance.

use std::io::{self, BufRead, IsTerminal, Write};

use secrecy::{ExposeSecret, SecretString};

use crate::auth::htpasswd::{DEFAULT_COST, random_password};
use crate::telemetry::Causes;

/// As many bytes as are read of a line; a password has fewer.
const LONGEST_LINE: u64 = 4096;

/// How a password is given and kept.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NewPassword {
    /// Read the password from standard input, which is one line.
    #[arg(long, conflicts_with = "generate")]
    password_stdin: bool,
    /// Make a password and print it.
    #[arg(long)]
    generate: bool,
    /// How costly it is to check the password, and to guess it; each more takes twice as long.
    #[arg(long, value_name = "COST", default_value_t = DEFAULT_COST, value_parser = clap::value_parser!(u32).range(10..=16))]
    pub(super) cost: u32,
}

/// A password that was given or made.
pub(super) struct Given {
    pub(super) password: SecretString,
    /// Whether nobody has seen it yet.
    made: bool,
}

impl NewPassword {
    /// The password, or why there is none, as a sentence.
    pub(super) fn get(&self) -> Result<Given, String> {
        if self.generate {
            let password = random_password().map_err(|error| Causes(&error).to_string())?;
            return Ok(Given { password, made: true });
        }
        let password = if self.password_stdin { read_line(io::stdin().lock()) } else { ask() };
        Ok(Given { password: password?, made: false })
    }
}

impl Given {
    /// Prints the password if it was made: itself to `out`, and all else to `err`.
    pub(super) fn show(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<()> {
        if self.made {
            writeln!(err, "This is the only time that the password is shown:")?;
            writeln!(out, "{}", self.password.expose_secret())?;
        }
        Ok(())
    }
}

fn read_line(input: impl BufRead) -> Result<SecretString, String> {
    let mut line = String::new();
    match input.take(LONGEST_LINE).read_line(&mut line) {
        Ok(0) => Err("standard input ends before a password".to_owned()),
        Ok(_) => {
            let line = line.strip_suffix('\n').unwrap_or(&line);
            Ok(line.strip_suffix('\r').unwrap_or(line).into())
        }
        Err(error) => Err(format!("standard input cannot be read: {error}")),
    }
}

fn ask() -> Result<SecretString, String> {
    if !io::stdin().is_terminal() {
        return Err(
            "there is no terminal to ask for a password; use --password-stdin or --generate (with docker exec, -it \
                    gives it a terminal)"
                .to_owned(),
        );
    }
    let prompt = |prompt: &str| match rpassword::prompt_password(prompt) {
        Ok(typed) => Ok(SecretString::from(typed)),
        Err(error) => Err(format!("the terminal cannot be read: {error}")),
    };
    let (password, again) = (prompt("New password: ")?, prompt("Again: ")?);
    if password.expose_secret() == again.expose_secret() {
        Ok(password)
    } else {
        Err("the two passwords differ".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_without_its_end_and_with_its_spaces() {
        for (input, expected) in [("a b \n", "a b "), ("a\r\nb\n", "a"), ("a", "a"), ("\n", "")] {
            assert_eq!(read_line(input.as_bytes()).unwrap().expose_secret(), expected, "{input:?}");
        }
        assert!(read_line(&b""[..]).is_err() && read_line(&b"\xff\n"[..]).is_err());
    }
}
