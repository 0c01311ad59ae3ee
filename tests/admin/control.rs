//! The operator's socket.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::PathBuf;

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use wharf::storage::{Filesystem, Settings};

use crate::guarded;
use crate::support::Wharf;
use crate::support::client::Client;

impl Wharf {
    /// Where the operator's socket is.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.volume().join("wharf/control.sock")
    }

    /// A client that comes through it.
    pub(crate) fn operator(&self) -> Client {
        self.client_of(reqwest::Client::builder().unix_socket(self.control_socket()))
    }
}

fn stop(wharf: &mut Wharf) {
    let pid = Pid::from_raw(i32::try_from(wharf.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(wharf.child().wait().unwrap().success());
}

#[tokio::test]
async fn who_comes_through_it_is_the_operator_and_nobody_else_is() {
    let wharf = guarded::start();
    let metadata = fs::symlink_metadata(wharf.control_socket()).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    wharf.user("carol").repo("carol/app").push_image("1", 1).await;
    let operator = wharf.operator();
    let who = operator.get(guarded::WHOAMI).await.is(200).json();
    assert_eq!((who["kind"].as_str(), who["proved_by"].as_str()), (Some("operator"), Some("the operator's socket")));
    operator.get("/api/v1/jobs").await.is(200);
    assert_eq!(operator.get("/v2/_catalog").await.is(200).list("repositories"), ["carol/app"]);
    let request = operator.request(Method::POST, "/api/v1/upload-purges").header("content-type", "application/json");
    assert_eq!(request.body("{}").send().await.is(202).json()["startedBy"], "operator");
    operator.request(Method::DELETE, "/api/v1/repositories/carol%2Fapp/tags/1").send().await.is(204);
    wharf.logs("user=operator");
    // Nothing that a request says makes it the operator's.
    for (name, value) in [("host", "localhost"), ("x-forwarded-for", "unix"), ("x-forwarded-host", "control")] {
        wharf.client().request(Method::GET, "/api/v1/jobs").header(name, value).send().await.is(401);
    }
}

/// No header leads the operator's client elsewhere, and credentials do not make them less.
#[tokio::test]
async fn what_a_request_says_changes_nothing_there() {
    let wharf = guarded::start();
    for client in [wharf.operator().user("nobody", "wrong"), wharf.operator().bearer("x")] {
        let request = client.request(Method::GET, "/api/v1/jobs").header("x-forwarded-for", "192.0.2.1");
        request.header("x-forwarded-proto", "https").send().await.is(200);
    }
    let log = wharf.log();
    assert!(!log.contains("192.0.2.1"), "{log}");
}

#[tokio::test]
async fn a_socket_of_the_settings_is_not_the_operators() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("front.sock");
    let rules = format!("{}http: {{net: unix, addr: {}}}\n", guarded::RULES, socket.display());
    let wharf = guarded::prepare(&rules).env("REGISTRY_HTTP_ADDR", socket.to_str().unwrap()).go();
    let client = |path: &PathBuf| {
        let http = reqwest::Client::builder().unix_socket(path.clone()).no_proxy().build().unwrap();
        async move { http.get("http://localhost/api/v1/jobs").send().await.unwrap().status().as_u16() }
    };
    assert_eq!(client(&socket).await, 401);
    assert_eq!(client(&wharf.control_socket()).await, 200);
}

#[tokio::test]
async fn what_is_switched_off_is_off_for_the_operator_too() {
    let wharf = Wharf::prepare().env("REGISTRY_STORAGE_DELETE_ENABLED", "false").go();
    wharf.repo("kept").push_image("1", 1).await;
    let refused = wharf.operator().request(Method::DELETE, "/api/v1/repositories/kept/tags/1").send().await;
    refused.problem(405, "UNSUPPORTED");
}

#[tokio::test]
async fn it_goes_with_the_server_and_comes_back_after_a_crash() {
    let wharf = Wharf::start();
    let mut wharf = wharf.crash_and_restart();
    wharf.operator().get("/api/v1/").await.is(200);
    stop(&mut wharf);
    assert!(!wharf.control_socket().exists());
}

#[tokio::test]
async fn a_volume_that_is_only_read_gets_none() {
    let wharf = Wharf::start();
    let wharf = wharf.crash().env("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true");
    fs::remove_file(wharf.volume().join("wharf/control.sock")).unwrap();
    let wharf = wharf.go();
    wharf.client().get("/v2/").await.is(200);
    assert!(!wharf.control_socket().exists());
}

/// Where there cannot be a socket, the server starts all the same.
#[tokio::test]
async fn a_server_without_one_says_so_and_serves() {
    let start = Wharf::prepare();
    fs::create_dir_all(start.volume().join("wharf/control.sock")).unwrap();
    let wharf = start.go();
    wharf.client().get("/v2/").await.is(200);
    wharf.logs("there is no socket for the operator");
}

#[tokio::test]
async fn of_two_servers_on_a_volume_the_first_has_it() {
    let first = Wharf::start();
    let root = first.volume().to_str().unwrap().to_owned();
    let second = Wharf::prepare().env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", &root).go();
    second.logs("there is no socket for the operator");
    first.operator().get("/api/v1/").await.is(200);
    drop(second);
    first.operator().get("/api/v1/").await.is(200);
}

#[tokio::test]
async fn who_wants_a_volume_alone_waits_for_its_server() {
    let wharf = Wharf::start();
    let settings = Settings::of(wharf.volume());
    assert!(Filesystem::open_alone(&settings).unwrap_err().is_held());
    let start = wharf.crash();
    let alone = Filesystem::open_alone(&settings).unwrap();
    let said = start.refuse();
    assert!(said.contains("Another program works on this volume"), "{said}");
    drop(alone);
}
