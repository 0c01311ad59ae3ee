//! A server with users and rules, and those who talk to it.

use std::path::PathBuf;
use std::process::{Command, Output};

use reqwest::Method;

use crate::support::answer::Answer;
use crate::support::client::Client;
use crate::support::{Start, Wharf};

/// The rules that the README shows.
pub(crate) const RULES: &str = "\
access:
  - {who: anonymous, repositories: \"public/**\", may: [pull]}
  - {who: \"*\", repositories: \"{user}/**\", may: [pull, push, delete]}
  - {who: \"group:ops\", repositories: \"**\", may: [admin]}
  - {who: ci, repositories: \"team/*\", may: [pull, create]}
groups: {ops: [alice, bob]}
";

/// Everybody's password is their name behind this.
pub(crate) const PASSWORD: &str = "password-of-";

/// Those who have a password: alice and bob may everything, ci may add below team, carol and dave have what is theirs.
pub(crate) const USERS: [&str; 5] = ["alice", "bob", "ci", "carol", "dave"];

/// A server that knows the users, with these rules, if any.
pub(crate) fn prepare(rules: &str) -> Start {
    let start = Wharf::prepare();
    let users = with_users(&start, 4);
    configured(start, &format!("auth: {{{users}}}\n{rules}"))
}

/// A server whose configuration says this beside where it stores.
pub(crate) fn configured(start: Start, rest: &str) -> Start {
    let root = start.volume().display().to_string();
    start.config(&format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}\n{rest}"
    ))
}

/// Writes down the users, with hashes of this cost, and returns what of `auth` leads to them.
pub(crate) fn with_users(start: &Start, cost: u32) -> String {
    let users = USERS.map(|name| {
        let hash = bcrypt::hash(format!("{PASSWORD}{name}"), cost).unwrap();
        format!("{name}:{hash}\n")
    });
    std::fs::write(htpasswd(start), users.concat()).unwrap();
    format!("htpasswd: {{realm: wharf, path: {}}}", htpasswd(start).display())
}

/// Where the users are.
pub(crate) fn htpasswd(start: &Start) -> PathBuf {
    start.volume().join("htpasswd")
}

/// The same, started, with the rules that the README shows.
pub(crate) fn start() -> Wharf {
    prepare(RULES).go()
}

impl Wharf {
    /// A client of a user with their password.
    pub(crate) fn user(&self, name: &str) -> Client {
        self.client().user(name, &format!("{PASSWORD}{name}"))
    }

    /// Runs the command line on the configuration that the server was started with.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        command.args(arguments).arg(self.volume().join("config.yml")).output().unwrap()
    }
}

/// Where tokens are to be had.
pub(crate) const TOKEN: &str = "/v2/_wharf/auth/token";
/// Where callers learn who they are.
pub(crate) const WHOAMI: &str = "/v2/_wharf/auth/whoami";

impl Client {
    /// A bearer token for these scopes, separated by spaces, that this client gets with its password, or with none.
    pub(crate) async fn token(&self, scopes: &str) -> String {
        let answer = self.get(&format!("{TOKEN}?service=wharf&scope={}", scopes.replace(' ', "%20"))).await.is(200);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// What is answered to a request for a token that OAuth2 clients make.
    pub(crate) async fn post_token(&self, form: &str) -> Answer {
        let request = self.request(Method::POST, TOKEN);
        request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned()).send().await
    }
}

impl Answer {
    /// The challenge.
    #[track_caller]
    pub(crate) fn challenge(&self) -> &str {
        self.header("www-authenticate")
    }
}
