//! How a server starts, and why it does not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use crate::support::Wharf;

fn wharf() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wharf"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn without_a_file_it_stores_in_wharf_data_where_it_was_started() {
    let started = Wharf::prepare().without_root().go();
    let response = reqwest::Client::new().post(started.at("/v2/a/blobs/uploads/")).send().await.unwrap();
    assert_eq!(response.status(), 202);
    started.until(|| started.volume().join("wharf-data/docker/registry/v2/repositories/a/_uploads").is_dir()).await;
}

#[test]
fn a_file_alone_is_served_as_by_registry_2s_entry_point() {
    let volume = tempfile::tempdir().unwrap();
    let file = volume.path().join("config.yml");
    fs::write(&file, "version: 0.1\nstorage: {inmemory: }\nhttp: {addr: ':0'}\n").unwrap();
    let output = wharf().arg(&file).output().unwrap();
    let said = stderr(&output);
    assert!(said.contains(":2") && said.contains("inmemory"), "{said}");
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn a_section_that_is_not_served_yet_stops_the_start_with_its_line() {
    for (section, key) in [
        ("proxy: {remoteurl: 'https://registry-1.docker.io'}", "proxy"),
        ("notifications: {endpoints: [{name: a, url: 'http://b'}]}", "notifications"),
    ] {
        let volume = tempfile::tempdir().unwrap();
        let file = volume.path().join("config.yml");
        fs::write(
            &file,
            format!(
                "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n{section}\n",
                volume.path().display()
            ),
        )
        .unwrap();
        let output = wharf().arg("serve").arg(&file).output().unwrap();
        let said = stderr(&output);
        assert!(said.contains("config.yml:3") && said.contains(key), "{said}");
        assert!(!output.status.success());
    }
}

/// Runs as another user, which only root can have done; others are the other user already.
fn as_somebody_else(mut command: Command) -> Command {
    if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
        command.uid(65534).gid(65534);
    }
    command
}

#[test]
fn a_volume_that_cannot_be_written_stops_the_start_with_path_user_and_remedy() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = directory.path().join("wharf");
    // By another process: were it open for writing here, a test that forks meanwhile would keep it from being run.
    assert!(
        Command::new("cp")
            .args([env!("CARGO_BIN_EXE_wharf").as_ref(), program.as_os_str()])
            .status()
            .unwrap()
            .success()
    );
    let volume = directory.path().join("volume");
    fs::create_dir(&volume).unwrap();
    fs::set_permissions(&volume, fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = as_somebody_else(Command::new(program));
    command.arg("serve").current_dir(directory.path()).env("REGISTRY_HTTP_ADDR", "127.0.0.1:0");
    let output = command.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", &volume).output().unwrap();
    let said = stderr(&output);
    let root = volume.display().to_string();
    for expected in [root.as_str(), "as user", "Permission denied", "chown -R", ":Z", "--privileged"] {
        assert!(said.contains(expected), "{expected:?} is not in: {said}");
    }
    assert_eq!(said.matches("Permission denied").count(), 1, "{said}");
    assert!(!output.status.success());
}

#[test]
fn an_address_that_is_taken_stops_the_start_and_names_what_sets_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = Wharf::prepare().env("REGISTRY_HTTP_ADDR", &address).refuse();
    assert!(said.contains(&address) && said.contains("http.addr (REGISTRY_HTTP_ADDR)"), "{said}");
    let said = Wharf::prepare().env("REGISTRY_HTTPS_ADDR", &address).refuse();
    assert!(said.contains(&address) && said.contains("https.addr (REGISTRY_HTTPS_ADDR)"), "{said}");
}

#[test]
fn health_says_whether_the_server_answers() {
    let server = Wharf::start();
    let ask = |address: &str| wharf().arg("health").env("REGISTRY_HTTP_ADDR", address).output().unwrap();
    let well = ask(server.address());
    assert!(well.status.success(), "{}", stderr(&well));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let unwell = ask(&silent);
    assert!(!unwell.status.success() && stderr(&unwell).contains("does not answer"));
}

#[test]
fn a_server_that_speaks_https_alone_is_well_too() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("a.crt"), directory.path().join("a.key"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = |name: &str| name.to_owned();
    let server = Wharf::prepare()
        .env(&tls("REGISTRY_HTTP_TLS_CERTIFICATE"), certificate.to_str().unwrap())
        .env(&tls("REGISTRY_HTTP_TLS_KEY"), key.to_str().unwrap())
        .go();
    let address = server.url.strip_prefix("https://").unwrap().to_owned();
    let asked = wharf()
        .arg("health")
        .env("REGISTRY_HTTP_ADDR", address)
        .env("REGISTRY_HTTP_TLS_CERTIFICATE", &certificate)
        .env("REGISTRY_HTTP_TLS_KEY", &key)
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", stderr(&asked));
}

#[tokio::test]
async fn a_read_only_registry_starts_on_a_volume_that_it_cannot_write_and_says_so_to_who_pushes() {
    let server = Wharf::prepare().env("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{enabled: true}").go();
    let client = reqwest::Client::new();
    let pushed = client.post(server.at("/v2/a/blobs/uploads/")).send().await.unwrap();
    assert_eq!(pushed.status(), 405);
    assert!(pushed.text().await.unwrap().contains("storage.maintenance.readonly"));
    let pulled = client.get(server.at("/v2/_catalog")).send().await.unwrap();
    assert_eq!(pulled.status(), 200);
    assert!(!server.volume().join("docker").exists(), "nothing was written");
}
