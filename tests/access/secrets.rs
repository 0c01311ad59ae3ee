//! What is secret is written down nowhere and told to nobody: not in the log, the metrics, an error, or the configuration as
//! it is shown (S11, CVE-2025-48374; S27).

use std::net::TcpListener;

use data_encoding::BASE64;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::every_route::{Content, ask};
use crate::guarded::{self, TOKEN, WHOAMI};
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::Client;
use crate::support::issuer::Issuer;

/// Stands in every secret that a person makes up.
const MARKER: &str = "mArKeR";

/// What must not be found anywhere.
struct Secrets(Vec<String>);

impl Secrets {
    /// Another secret.
    fn add(&mut self, secret: &str) -> String {
        assert!(secret.len() > 5, "{secret} could stand anywhere by chance");
        self.0.push(secret.to_owned());
        secret.to_owned()
    }

    /// The value of `Authorization` for a name and a password, neither of which is to be found in any form.
    fn basic(&mut self, name: &str, password: &str) -> String {
        let value = BASE64.encode(format!("{name}:{password}").as_bytes());
        self.add(password);
        format!("Basic {}", self.add(&value))
    }

    /// The value of `Authorization` for a token. Its parts are secret each by itself.
    fn bearer(&mut self, token: &str) -> String {
        for part in token.split('.').skip(1).filter(|part| part.len() > 20) {
            self.add(part);
        }
        format!("Bearer {}", self.add(token))
    }

    #[track_caller]
    fn are_not_in(&self, what: &str, text: &str) {
        for secret in self.0.iter().map(String::as_str).chain([MARKER]) {
            if let Some(at) = text.find(secret) {
                let line = text[..at].rfind('\n').map_or(0, |start| start + 1);
                panic!("{what} has the secret {secret:?}: {}", text[line..].lines().next().unwrap_or_default());
            }
        }
    }

    /// Looks through an answer, unless it is one that gives a token to whoever has asked for it rightly.
    #[track_caller]
    fn are_not_told(&self, answer: &Answer) {
        let headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        self.are_not_in(&format!("a header of {} {}", answer.status, answer.asked), &headers.join("\n"));
        if !(answer.asked.contains(TOKEN) && answer.status == 200) {
            let body = String::from_utf8_lossy(&answer.body);
            self.are_not_in(&format!("the body of {} {}", answer.status, answer.asked), &body);
        }
    }
}

/// Nobody listens there.
const UNREACHABLE: &str = "http://127.0.0.1:1";

/// A configuration with a secret wherever there can be one.
fn configuration(issuer: &Issuer, users: &str, password: Option<&str>, format: &str, debug: &str) -> String {
    let identities = "identities: [{claims: {sub: '*'}, user: robot}]";
    let oidc = |issuer: &str| format!("{{issuer: '{issuer}', audience: wharf, {identities}}}");
    let ldap = password.map_or(String::new(), |password| {
        format!("ldap: {{url: 'ldap://127.0.0.1:1', binddn: 'cn=search', {password}, users: {{base: 'dc=example'}}}},")
    });
    format!(
        "log: {{level: debug, formatter: {format}}}\n\
         http: {{secret: {MARKER}-http, debug: {{addr: '{debug}', prometheus: {{enabled: true}}}}}}\n\
         auth: {{{users}, {ldap} oidc: [{}, {}]}}\n\
         redis: {{addr: 'localhost:6379', password: {MARKER}-redis}}\n\
         proxy: {{username: a, password: {MARKER}-proxy}}\n\
         notifications: {{endpoints: [{{name: a, disabled: true, url: 'https://user:{MARKER}-url@hooks.example/', \
         headers: {{Authorization: ['Bearer {MARKER}-hook']}}}}]}}\n{}",
        oidc(&issuer.url),
        oidc(UNREACHABLE),
        guarded::RULES,
    )
}

/// The token of a build.
fn build_token(issuer: &Issuer, more: &Value) -> String {
    let exp = OffsetDateTime::now_utc().unix_timestamp() + 300;
    let mut claims = json!({"aud": "wharf", "exp": exp, "sub": format!("{MARKER}-subject")});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    issuer.sign(&claims)
}

#[tokio::test]
async fn no_secret_is_written_down_or_told() {
    let issuer = Issuer::start().await;
    for (format, bind) in [("text", Bind::Inline), ("json", Bind::File), ("text", Bind::NoDirectory)] {
        look_everywhere(&issuer, format, bind).await;
    }
}

/// Where the password stands that the directory is searched with, which nobody can reach.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bind {
    Inline,
    File,
    /// There is none, so that unknown users are refused here.
    NoDirectory,
}

async fn look_everywhere(issuer: &Issuer, format: &str, bind: Bind) {
    let mut secrets = Secrets(Vec::new());
    let start = Wharf::prepare();
    let users = guarded::with_users(&start, 4);
    let file = start.volume().join("bind-password");
    std::fs::write(&file, format!("{MARKER}-bind-file\n")).unwrap();
    let password = match bind {
        Bind::Inline => Some(format!("bindpassword: {MARKER}-bind")),
        Bind::File => Some(format!("bindpasswordfile: {}", file.display())),
        Bind::NoDirectory => None,
    };
    let debug = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut wharf =
        guarded::configured(start, &configuration(issuer, &users, password.as_deref(), format, &debug)).go();
    let image = wharf.user("alice").repo("seed").push_image("1", 7).await;
    let content = Content::push(&wharf.user("alice"), "team/app", &image).await;
    let clients = clients(&wharf, issuer, &mut secrets).await;

    for (who, client) in &clients {
        let answers = ask(client, &content, &image, |_| true).await;
        assert!(answers.len() > 40, "{who}");
        for answer in answers.iter().chain(&odd_requests(client, &mut secrets).await) {
            secrets.are_not_told(answer);
        }
    }
    for answer in forms(&wharf, &mut secrets).await {
        secrets.are_not_told(&answer);
    }
    for answer in raw(&wharf).await {
        secrets.are_not_told(&answer);
    }
    for path in ["/metrics", "/debug/health", "/debug/vars", &format!("/metrics?token={MARKER}")] {
        let answer = reqwest::get(format!("http://{debug}{path}")).await.unwrap().text().await.unwrap();
        secrets.are_not_in(path, &answer);
    }
    for arguments in [&["config", "show"][..], &["config", "check"], &["token", "list", "--json"], &["user", "list"]] {
        let output = wharf.command(arguments);
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.is_empty(), "{arguments:?}");
        secrets.are_not_in(&format!("{arguments:?}"), &String::from_utf8_lossy(&said));
    }
    let pid = Pid::from_raw(i32::try_from(wharf.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    wharf.logs("stopped");
    wharf.child().wait().unwrap();
    let log = wharf.log();
    // All that could say something has spoken.
    let directory = if bind == Bind::NoDirectory { "/whoami" } else { "the directory cannot be asked" };
    for spoken in ["wrong credentials", directory, "a token of an identity provider", "/whoami"] {
        assert!(log.contains(spoken), "{spoken} is not in the log");
    }
    secrets.are_not_in("the log", &log);
    secrets.are_not_in("standard output", &wharf.output());
}

/// Those who have something to show that is right, wrong, or nonsense.
async fn clients(wharf: &Wharf, issuer: &Issuer, secrets: &mut Secrets) -> Vec<(&'static str, Client)> {
    let output = wharf.command(&["token", "create", "--name", "ci-build", "--may", "team/*:pull,create"]);
    let access_token = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let path = format!("{TOKEN}?scope=repository:team/app:pull&offline_token=true");
    let issued = wharf.user("alice").get(&path).await.is(200).json();
    let (bearer, refresh) = (issued["token"].as_str().unwrap(), issued["refresh_token"].as_str().unwrap());
    let build = build_token(issuer, &json!({}));
    let refused = build_token(issuer, &json!({"aud": format!("{MARKER}-audience")}));
    let down = build_token(issuer, &json!({"iss": UNREACHABLE}));
    let values = vec![
        // The last of them may delete, so that the others have something to ask for.
        ("nobody", String::new()),
        ("a wrong password", secrets.basic("alice", &format!("{MARKER}-wrong"))),
        ("a password in the place of the name", secrets.basic(&format!("{MARKER}-name"), &format!("{MARKER}-empty"))),
        ("somebody whom the directory may know", secrets.basic("walter", &format!("{MARKER}-directory"))),
        ("a bearer token", secrets.bearer(bearer)),
        ("a bearer token that is cut short", secrets.bearer(&bearer[..bearer.len() - 9])),
        ("a refresh token", secrets.bearer(refresh)),
        ("an access token", secrets.basic("ci-build", &access_token)),
        ("an access token by itself", secrets.bearer(&access_token)),
        ("an access token with a typo", secrets.basic("ci-build", &format!("{}x", &access_token[..52]))),
        ("a build", secrets.bearer(&build)),
        ("a build's token as password", secrets.basic("x", &build)),
        ("a build that is refused", secrets.bearer(&refused)),
        ("a build of a provider that is down", secrets.bearer(&down)),
        ("nonsense", format!("Bearer {}", secrets.add(&format!("{MARKER}.{MARKER}.{MARKER}")))),
        ("another scheme", format!("Digest {}", secrets.add(&format!("{MARKER}-digest")))),
        ("no scheme", secrets.add(&format!("{MARKER}-plain"))),
        ("no colon", format!("Basic {}", secrets.add(&BASE64.encode(format!("{MARKER}-alone").as_bytes())))),
        ("no base64", format!("Basic {}", secrets.add(&format!("{MARKER}!-{MARKER}")))),
        ("a right password", secrets.basic("alice", "password-of-alice")),
    ];
    let client = |(who, value): (&'static str, String)| match value.is_empty() {
        true => (who, wharf.client()),
        false => (who, wharf.client().authorized(&value)),
    };
    values.into_iter().map(client).collect()
}

/// Requests with secrets where they do not belong, and where nothing is.
async fn odd_requests(client: &Client, secrets: &mut Secrets) -> Vec<Answer> {
    let query = format!("access_token={MARKER}&token={MARKER}&password={MARKER}&account={MARKER}&client_id={MARKER}");
    let mut answers = Vec::new();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/v2/"),
        (Method::GET, "/v2"),
        (Method::GET, "/v2/_catalog"),
        (Method::GET, TOKEN),
        (Method::POST, TOKEN),
        (Method::GET, WHOAMI),
        (Method::GET, "/nowhere"),
        (Method::OPTIONS, "/v2/"),
        (Method::PATCH, "/v2/"),
        (Method::GET, "/v2/team/app/tags/list"),
        (Method::GET, "/v2/team/app/manifests/1"),
        (Method::POST, "/v2/team/app/blobs/uploads/"),
    ] {
        let request = client.request(method, &format!("{path}?{query}"));
        let request = request.header("cookie", &format!("session={MARKER}"));
        let request = request.header("proxy-authorization", &format!("Basic {MARKER}"));
        let request = request.header("x-api-key", MARKER);
        let request = request.header("referer", &format!("https://user:{MARKER}@elsewhere.example/"));
        let mut answer = request.send().await;
        // What was asked is ours, and has the marker.
        answer.asked = answer.asked.replace(MARKER, "...");
        answers.push(answer);
    }
    secrets.0.dedup();
    answers
}

/// Forms of OAuth2 clients, right and wrong.
async fn forms(wharf: &Wharf, secrets: &mut Secrets) -> Vec<Answer> {
    let issued = wharf.user("alice").get(&format!("{TOKEN}?offline_token=true")).await.is(200).json();
    let refresh = issued["refresh_token"].as_str().unwrap();
    secrets.bearer(refresh);
    let mut answers = Vec::new();
    for form in [
        format!("grant_type=refresh_token&refresh_token={refresh}&client_secret={MARKER}"),
        format!("grant_type=refresh_token&refresh_token={}", &refresh[..refresh.len() - 9]),
        format!("grant_type=refresh_token&refresh_token={MARKER}"),
        format!("grant_type=refresh_token&access_token={MARKER}"),
        format!("grant_type=password&username=alice&password=password-of-alice&client_secret={MARKER}"),
        format!("grant_type=password&username=alice&password={MARKER}"),
        format!("grant_type=password&username={MARKER}&password={MARKER}"),
        format!("grant_type=password&username=walter&password={MARKER}"),
        format!("grant_type=password&password={MARKER}"),
        format!("grant_type=client_credentials&client_secret={MARKER}"),
        format!("grant_type={MARKER}"),
        MARKER.to_owned(),
        format!("password={}", MARKER.repeat(20_000)),
    ] {
        answers.push(wharf.client().post_token(&form).await);
    }
    answers
}

/// Requests that no client library sends.
async fn raw(wharf: &Wharf) -> Vec<Answer> {
    let forwarded = format!("X-Forwarded-Host: user:{MARKER}@evil.example");
    let mut answers = Vec::new();
    for (target, headers) in [
        (format!("http://user:{MARKER}@wharf/v2/"), &[][..]),
        (format!("http://user:{MARKER}@wharf/v2/team/app/manifests/1"), &[]),
        (format!("/v2/?redirect=https://user:{MARKER}@elsewhere.example/"), &[]),
        ("/v2/".to_owned(), &[forwarded.as_str(), "X-Forwarded-Proto: https"]),
        ("/v2/".to_owned(), &["Authorization: Basic mArKeR", "Authorization: Bearer mArKeR"]),
    ] {
        let mut connection = wharf.connect().await;
        connection.request(&format!("GET {target}"), headers).await;
        let mut answer = connection.answer().await;
        answer.asked = answer.asked.replace(MARKER, "...");
        answers.push(answer);
    }
    answers
}
