//! The names and passwords that docker login has kept: docker's own `config.json`, and the programs that it names.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// What a program says as the user's name when it keeps a token in the place of a password.
const TOKEN_USER: &str = "<token>";

/// What a server is shown.
#[derive(Clone, Debug)]
pub(super) enum Credentials {
    /// A name and a password.
    Password { user: String, password: SecretString },
    /// A token that gets others.
    IdentityToken(SecretString),
}

/// Docker's credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum CredentialsError {
    #[error("{path} cannot be read", path = path.display())]
    Unread {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is no configuration of docker's", path = path.display())]
    Malformed {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("what {path} keeps for {host} is no name and password: log in anew, with docker login {host}", path = path.display())]
    Pair { path: PathBuf, host: String },
    #[error("docker keeps passwords with {program}, which cannot be run")]
    Helper {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("docker keeps passwords with {program}, which says what cannot be understood")]
    Answer { program: String },
}

/// The part of docker's configuration that is about credentials.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DockerConfig {
    auths: HashMap<String, Kept>,
    cred_helpers: HashMap<String, String>,
    creds_store: String,
}

/// What docker keeps of a server in the file itself. Without `Debug`, which would print it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Kept {
    auth: String,
    identitytoken: String,
}

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// What docker has kept for a host with its port; none if nobody logged in there.
pub(super) fn of(host: &str) -> Result<Option<Credentials>, CredentialsError> {
    let directory = match std::env::var_os("DOCKER_CONFIG").filter(|path| !path.is_empty()) {
        Some(directory) => PathBuf::from(directory),
        None => match std::env::home_dir() {
            Some(home) => home.join(".docker"),
            None => return Ok(None),
        },
    };
    in_file(&directory.join("config.json"), host)
}

fn in_file(path: &Path, host: &str) -> Result<Option<Credentials>, CredentialsError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(CredentialsError::Unread { path: path.to_owned(), source }),
    };
    let config: DockerConfig = serde_json::from_slice(&text)
        .map_err(|source| CredentialsError::Malformed { path: path.to_owned(), source })?;
    let named = config.cred_helpers.get(host).map(String::as_str);
    if let Some(helper) = named.or(Some(config.creds_store.as_str())).filter(|helper| !helper.is_empty())
        && let Some(found) = helped(helper, host)?
    {
        return Ok(Some(found));
    }
    let Some((_, kept)) = config.auths.iter().find(|(server, _)| host_of(server) == host) else { return Ok(None) };
    if !kept.identitytoken.is_empty() {
        return Ok(Some(Credentials::IdentityToken(kept.identitytoken.clone().into())));
    }
    if kept.auth.is_empty() {
        return Ok(None);
    }
    let wrong = || CredentialsError::Pair { path: path.to_owned(), host: host.to_owned() };
    let decoded = data_encoding::BASE64.decode(kept.auth.as_bytes()).map_err(|_| wrong())?;
    let pair = SecretString::from(String::from_utf8(decoded).map_err(|_| wrong())?);
    let (user, password) = pair.expose_secret().split_once(':').ok_or_else(wrong)?;
    Ok(Some(Credentials::Password { user: user.to_owned(), password: SecretString::from(password) }))
}

/// Old clients wrote a URL where new ones write a host.
fn host_of(server: &str) -> &str {
    let rest = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    rest.split('/').next().unwrap_or(rest)
}

/// Asks a helper, as docker does: the host on its standard input, JSON on its output. One that fails knows nothing of the
/// host.
fn helped(helper: &str, host: &str) -> Result<Option<Credentials>, CredentialsError> {
    let program = format!("docker-credential-{helper}");
    let failed = |source| CredentialsError::Helper { program: program.clone(), source };
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // One that has not read it has an answer all the same.
        let _ = input.write_all(host.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Ok(None);
    }
    let answer: Helped =
        serde_json::from_slice(&output.stdout).map_err(|_| CredentialsError::Answer { program: program.clone() })?;
    Ok(Some(match answer.username.as_str() {
        TOKEN_USER => Credentials::IdentityToken(answer.secret.into()),
        _ => Credentials::Password { user: answer.username, password: answer.secret.into() },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: &str, host: &str) -> Option<(String, String)> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, config).unwrap();
        in_file(&path, host).unwrap().map(|found| match found {
            Credentials::Password { user, password } => (user, password.expose_secret().to_owned()),
            Credentials::IdentityToken(token) => (TOKEN_USER.to_owned(), token.expose_secret().to_owned()),
        })
    }

    #[test]
    fn what_docker_login_keeps_is_found_by_host_and_port() {
        // alice:a:b, and carol:
        let config = "{\"auths\":{\"a.example:5000\":{\"auth\":\"YWxpY2U6YTpi\"},\"https://b.example/v1/\":{\"auth\":\"Y2Fyb2w6\"},\
                      \"c.example\":{\"auth\":\"Y2Fyb2w6\",\"identitytoken\":\"t\"},\"d.example\":{}},\"psFormat\":\"x\"}";
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(found(config, "a.example:5000"), pair("alice", "a:b"));
        assert_eq!(found(config, "b.example"), pair("carol", ""));
        assert_eq!(found(config, "c.example"), pair(TOKEN_USER, "t"));
        for host in ["a.example", "a.example:5001", "d.example", "e.example"] {
            assert_eq!(found(config, host), None, "{host}");
        }
    }

    #[test]
    fn what_cannot_be_used_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        assert!(in_file(&path, "a").unwrap().is_none(), "nobody has logged in yet");
        for (config, expected) in [
            ("[", "no configuration"),
            ("{\"auths\":{\"a\":{\"auth\":\"!\"}}}", "docker login a"),
            ("{\"auths\":{\"a\":{\"auth\":\"YWxpY2U=\"}}}", "docker login a"),
            ("{\"credsStore\":\"none/such\"}", "docker-credential-none/such"),
        ] {
            std::fs::write(&path, config).unwrap();
            let said = in_file(&path, "a").unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
    }
}
