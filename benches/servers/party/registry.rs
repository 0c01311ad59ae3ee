//! Registries: Wharf, and those that read registry:2's configuration as Wharf does.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64;

use super::{Party, Program, Setup};
use crate::server::{Content, Launch};

/// The settings of Wharf's durability that are measured, each in a column of its own, and the variable that sets them.
const DURABILITIES: &[&str] = &["barrier", "full", "none"];
const DURABILITY: &str = "REGISTRY_STORAGE_FILESYSTEM_DURABILITY";

/// Who logs in where that has to be.
const USER: &str = "ci";
const PASSWORD: &str = "password";
/// What `htpasswd -B` takes if nobody says otherwise.
const COST: u32 = 5;
/// Rules of which the last is the one that counts. registry:2 passes them over.
const RULES: &str = "access:\n\
    \x20 - {who: anonymous, repositories: 'public/**', may: pull}\n\
    \x20 - {who: '*', repositories: '{user}/**', may: [pull, push, delete]}\n\
    \x20 - {who: 'group:ops', repositories: '**', may: admin}\n\
    \x20 - {who: ci, repositories: 'bench/*', may: [pull, push]}\n\
    groups: {ops: [alice, bob]}\n";

/// Wharf, once for each durability.
pub(super) fn wharf() -> Vec<Party> {
    let party =
        |durability: &&'static str| Party { name: format!("wharf-{durability}"), program: Program::Wharf(durability) };
    DURABILITIES.iter().map(party).collect()
}

/// Debian's package of registry:2.
pub(super) fn debian(program: String) -> Program {
    Program::Registry { program, arguments: vec!["serve".to_owned(), "{config}".to_owned()] }
}

/// Another one, as a variable names it.
pub(super) fn peer(text: &str) -> Option<Party> {
    let (name, command) = text.split_once('=')?;
    let mut words = command.split_whitespace().map(str::to_owned);
    let program = words.next()?;
    Some(Party { name: name.to_owned(), program: Program::Registry { program, arguments: words.collect() } })
}

pub(super) fn launch_wharf(durability: &'static str, setup: &Setup<'_>, address: SocketAddr) -> io::Result<Launch> {
    let arguments = ["serve".to_owned(), "{config}".to_owned()];
    let mut launch = launch(env!("CARGO_BIN_EXE_wharf"), &arguments, setup, address)?;
    launch.command.env(DURABILITY, durability);
    Ok(launch)
}

pub(super) fn launch(
    program: &str,
    arguments: &[String],
    setup: &Setup<'_>,
    address: SocketAddr,
) -> io::Result<Launch> {
    let path = write_configuration(setup, address)?;
    let mut command = Command::new(program);
    command.args(arguments.iter().map(|argument| argument.replace("{config}", &path.display().to_string())));
    // A variable of the person who runs this would change what is measured.
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.as_encoded_bytes().starts_with(b"REGISTRY_")) {
        command.env_remove(name);
    }
    // Version 3 of distribution would otherwise try to send traces to a collector that is not there.
    command.env("OTEL_TRACES_EXPORTER", "none").current_dir(setup.directory);
    let tls = setup.identity.map(|identity| identity.client());
    let authorization =
        setup.guarded.then(|| format!("Basic {}", BASE64.encode(format!("{USER}:{PASSWORD}").as_bytes())));
    Ok(Launch { command, address, content: Content::Registry, tls, authorization })
}

/// Debian's own `/etc/docker/registry/config.yml` without its users, with an access log and no other lines.
fn write_configuration(setup: &Setup<'_>, address: SocketAddr) -> io::Result<PathBuf> {
    let mut text = format!(
        "version: 0.1\n\
         log: {{level: warn, accesslog: {{disabled: {}}}}}\n\
         storage:\n  cache: {{blobdescriptor: inmemory}}\n  delete: {{enabled: true}}\n  \
         filesystem: {{rootdirectory: {}}}\n\
         http:\n  addr: {address}\n",
        !setup.access_log,
        quoted(setup.volume),
    );
    if let Some(identity) = setup.identity {
        text +=
            &format!("  tls: {{certificate: {}, key: {}}}\n", quoted(identity.certificate()), quoted(identity.key()));
    }
    if setup.guarded {
        let users = setup.directory.join("htpasswd");
        let hash = bcrypt::hash(PASSWORD, COST).map_err(io::Error::other)?;
        fs::write(&users, format!("{USER}:{hash}\n"))?;
        text += &format!("auth: {{htpasswd: {{realm: bench, path: {}}}}}\n{RULES}", quoted(&users));
    }
    let path = setup.directory.join("config.yml");
    fs::write(&path, text)?;
    Ok(path)
}

/// A path as YAML reads it whatever is in it; JSON's strings are YAML's.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.display().to_string()).to_string()
}
