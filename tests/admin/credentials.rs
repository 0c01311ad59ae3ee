//! The command line shows a server what docker has kept for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{said, wharf};
use crate::guarded::{self, PASSWORD};

/// Docker's directory with this configuration.
fn docker(config: &Value) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("config.json"), config.to_string()).unwrap();
    directory
}

fn kept(host: &str, user: &str) -> Value {
    json!({"auths": {host: {"auth": BASE64.encode(format!("{user}:{PASSWORD}{user}").as_bytes())}}})
}

fn run(volume: &Path, docker: &TempDir, arguments: &[&str]) -> Output {
    let path = format!("{}:{}", docker.path().display(), std::env::var("PATH").unwrap());
    wharf(volume, arguments).env("DOCKER_CONFIG", docker.path()).env("PATH", path).output().unwrap()
}

#[tokio::test]
async fn a_server_is_shown_the_password_that_docker_login_kept() {
    let server = guarded::start();
    let purge = |docker: &TempDir| run(server.volume(), docker, &["purge-uploads", "--json", "--server", &server.url]);
    let output = purge(&docker(&kept(server.address(), "alice")));
    let (out, err) = said(&output);
    assert!(output.status.success(), "{err}");
    let job: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((job["startedBy"].as_str(), job["state"].as_str()), (Some("alice"), Some("done")));
    for (config, expected) in [
        (kept(server.address(), "dave"), "dave does not"),
        (kept("other.example", "alice"), "docker login"),
        (json!({}), "docker login"),
    ] {
        let output = purge(&docker(&config));
        assert_eq!(output.status.code(), Some(1));
        let (out, err) = said(&output);
        assert!(err.contains(expected) && out.is_empty(), "{err}");
    }
}

#[tokio::test]
async fn a_program_that_keeps_passwords_for_docker_is_asked() {
    let server = guarded::start();
    for config in [json!({"credsStore": "kept"}), json!({"credHelpers": {server.address(): "kept"}})] {
        let docker = docker(&config);
        let program = docker.path().join("docker-credential-kept");
        let answer = json!({"ServerURL": "", "Username": "alice", "Secret": format!("{PASSWORD}alice")});
        let script =
            format!("#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = {} ] && echo '{answer}'\n", server.address());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let output = run(server.volume(), &docker, &["jobs", "list", "--server", &server.url]);
        assert!(output.status.success(), "{config}: {}", said(&output).1);
    }
    let output =
        run(server.volume(), &docker(&json!({"credsStore": "missing"})), &["jobs", "list", "--server", &server.url]);
    assert!(said(&output).1.contains("docker-credential-missing"), "{}", said(&output).1);
}

/// A server in front of which tokens are taken and no passwords.
async fn takes_tokens() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let answer = move |request: Request| {
        let noted = Arc::clone(&noted);
        async move {
            let authorization =
                request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
            let (method, uri) = (request.method().clone(), request.uri().to_string());
            let body = axum::body::to_bytes(request.into_body(), 10_000).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            noted.lock().unwrap().push(format!("{method} {uri} {} {body}", authorization.as_deref().unwrap_or("-")));
            if uri.starts_with("/token") {
                return json!({"token": "opens"}).to_string().into_response();
            }
            if authorization.as_deref() == Some("Bearer opens") {
                return json!({"jobs": []}).to_string().into_response();
            }
            let challenge = format!("Bearer realm=\"http://{address}/token\",service=\"s\",scope=\"a:b:c d:e:f\"");
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (format!("http://{address}"), seen)
}

#[tokio::test]
async fn where_only_tokens_are_taken_one_is_got_with_what_docker_kept() {
    let (url, seen) = takes_tokens().await;
    let host = url.strip_prefix("http://").unwrap().to_owned();
    let basic = format!("Basic {}", BASE64.encode(format!("alice:{PASSWORD}alice").as_bytes()));
    let volume = tempfile::tempdir().unwrap();
    let list = |config: Value| {
        let (url, volume) = (url.clone(), volume.path().to_owned());
        tokio::task::spawn_blocking(move || run(&volume, &docker(&config), &["jobs", "list", "--server", &url]))
    };
    let output = list(kept(&host, "alice")).await.unwrap();
    assert!(output.status.success(), "{}", said(&output).1);
    assert_eq!(
        std::mem::take(&mut *seen.lock().unwrap()),
        [
            format!("GET /api/v1/jobs {basic} "),
            format!("GET /token?service=s&scope=a%3Ab%3Ac&scope=d%3Ae%3Af {basic} "),
            "GET /api/v1/jobs Bearer opens ".to_owned(),
        ]
    );
    let output = list(json!({"auths": {host: {"identitytoken": "renews"}}})).await.unwrap();
    assert!(output.status.success(), "{}", said(&output).1);
    let form = "grant_type=refresh_token&refresh_token=renews&service=s&scope=a%3Ab%3Ac+d%3Ae%3Af&client_id=wharf";
    assert_eq!(
        std::mem::take(&mut *seen.lock().unwrap()),
        [
            "GET /api/v1/jobs - ".to_owned(),
            format!("POST /token - {form}"),
            "GET /api/v1/jobs Bearer opens ".to_owned(),
        ]
    );
}

/// With an authority of our own, `--ca-file` is what makes the server one that can be trusted.
#[tokio::test]
async fn an_authority_that_is_named_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = crate::support::Wharf::prepare()
        .env("REGISTRY_HTTP_TLS_CERTIFICATE", certificate.to_str().unwrap())
        .env("REGISTRY_HTTP_TLS_KEY", key.to_str().unwrap())
        .go();
    let url = server.url.replace("127.0.0.1", "localhost");
    let list = |more: &[&str]| {
        let arguments = [&["jobs", "list", "--server", &url][..], more].concat();
        run(server.volume(), &docker(&json!({})), &arguments)
    };
    let output = list(&["--ca-file", certificate.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output).1);
    let output = list(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).1.contains("cannot be asked"), "{}", said(&output).1);
}
