//! The commands, by each way in which they reach a registry.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::abandoned::{self, MANY};
use crate::support::Wharf;

/// A command on a volume.
pub(crate) fn wharf(volume: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.args(arguments).env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", volume);
    command.env("DOCKER_CONFIG", volume.join("no-docker")).current_dir(volume);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[track_caller]
pub(crate) fn done(output: &Output) -> String {
    let (out, err) = said(output);
    assert!(output.status.success(), "{err}");
    out
}

#[tokio::test]
async fn uploads_are_purged_on_a_stopped_volume_through_the_socket_and_over_the_network() {
    let start = Wharf::prepare();
    let volume = start.volume().to_owned();
    let uploads = abandoned::leave(&volume, 3);
    let run = |arguments: &[&str]| wharf(&volume, arguments).output().unwrap();
    // Alone.
    assert_eq!(done(&run(&["purge-uploads", "--dry-run"])), "3 abandoned uploads would be removed\n");
    assert_eq!(abandoned::left(&uploads), 3);
    assert_eq!(done(&run(&["purge-uploads"])), "3 abandoned uploads were removed\n");
    assert_eq!(abandoned::left(&uploads), 0);
    // Through the socket.
    abandoned::leave(&volume, 2);
    let wharf = start.go();
    assert_eq!(done(&run(&["purge-uploads", "--older-than", "168h"])), "2 abandoned uploads were removed\n");
    assert_eq!(abandoned::left(&uploads), 0);
    // Over the network.
    abandoned::leave(&volume, 1);
    let job: Value = serde_json::from_str(&done(&run(&["purge-uploads", "--json", "--server", &wharf.url]))).unwrap();
    assert_eq!((job["state"].as_str(), job["result"]["removed"].as_u64()), (Some("done"), Some(1)));
    let jobs: Value = serde_json::from_str(&done(&run(&["jobs", "list", "--json"]))).unwrap();
    let by: Vec<Option<&str>> = jobs.as_array().unwrap().iter().map(|job| job["startedBy"].as_str()).collect();
    assert_eq!(by, [None, Some("operator")], "the server did what it was asked, and not the command");
    let listed = done(&run(&["jobs", "list", "--server", &wharf.url]));
    assert!(listed.lines().nth(1).unwrap().contains("upload-purge  done"), "{listed}");
    // Alone again, after a crash.
    let _stopped = wharf.crash();
    abandoned::leave(&volume, 1);
    assert_eq!(done(&run(&["purge-uploads"])), "1 abandoned uploads were removed\n");
    let listed = run(&["jobs", "list"]);
    assert_eq!(done(&listed).lines().count(), 1);
    assert!(said(&listed).1.contains("no server runs on this volume"));
}

#[tokio::test]
async fn ctrl_c_stops_the_job_and_a_script_can_tell() {
    let start = Wharf::prepare();
    let uploads = abandoned::leave(start.volume(), MANY);
    let server = start.go();
    let mut child = wharf(server.volume(), &["purge-uploads"]).spawn().unwrap();
    let client = server.client();
    let runs = async {
        while client.get("/api/v1/jobs").await.json()["jobs"].as_array().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), runs).await.unwrap();
    // The signal may come before the command listens for it, and then ends it by itself.
    let listens = async {
        while !std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap().lines().any(catches_interrupts)
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), listens).await.unwrap();
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let status = child.wait().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(status.code(), Some(130), "{}", said(&output).1);
    assert!(said(&output).1.contains("asking the job to stop"), "{}", said(&output).1);
    assert!(abandoned::left(&uploads) > 0);
    let job = server.client().get("/api/v1/jobs").await.json()["jobs"][0].clone();
    assert_eq!(job["state"], "stopped");
}

/// Of `/proc/PID/status`: whether the mask of caught signals has SIGINT, the second.
fn catches_interrupts(line: &str) -> bool {
    let mask = line.strip_prefix("SigCgt:").and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 0b10 != 0)
}

/// Something that begins a job and then answers nothing more.
async fn falls_silent(listener: tokio::net::TcpListener) {
    let job = r#"{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","kind":"upload-purge","state":"running","stopping":false,
        "startedAt":"2026-03-01T12:00:00Z","progress":{"phase":"looking at uploads","done":0}}"#;
    let mut silent = Vec::new();
    loop {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut asked = [0; 4];
        connection.read_exact(&mut asked).await.unwrap();
        if &asked == b"POST" {
            let head =
                "HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length:";
            connection.write_all(format!("{head} {}\r\n\r\n{job}", job.len()).as_bytes()).await.unwrap();
        }
        silent.push(connection);
    }
}

#[tokio::test]
async fn a_second_ctrl_c_ends_the_command_whatever_the_server_does() {
    let volume = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(falls_silent(listener));
    let mut child = wharf(volume.path(), &["purge-uploads", "--server", &url]).spawn().unwrap();
    let id = child.id();
    let press = move || kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), Signal::INT).unwrap();
    let ends = async {
        while !std::fs::read_to_string(format!("/proc/{id}/status")).unwrap().lines().any(catches_interrupts) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        press();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let (mut told, line) = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            told.read_line(&mut line).map(|_| (told, line)).unwrap()
        })
        .await
        .unwrap();
        assert!(line.contains("asking the job to stop"), "{line}");
        press();
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        let mut rest = String::new();
        told.read_to_string(&mut rest).unwrap();
        assert_eq!(status.code(), Some(130), "{rest}");
        assert!(rest.contains("the job goes on"), "{rest}");
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), ends).await;
    if ended.is_err() {
        let _ = kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), Signal::KILL);
    }
    ended.expect("the command ends");
    server.abort();
}

#[tokio::test]
async fn a_job_is_stopped_by_its_name() {
    let start = Wharf::prepare();
    abandoned::leave(start.volume(), MANY);
    let server = start.go();
    let volume = server.volume().to_owned();
    let request = server.client().request(reqwest::Method::POST, "/api/v1/upload-purges");
    let begun = request.header("content-type", "application/json").body("{}").send().await.is(202).json();
    let output = wharf(&volume, &["jobs", "stop", begun["id"].as_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output).1);
    assert!(said(&output).1.contains("asked to stop"), "{}", said(&output).1);
    let output = wharf(&volume, &["jobs", "stop", "../upload-purges"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).1.contains("UUID"), "{}", said(&output).1);
}

#[tokio::test]
async fn what_cannot_be_reached_says_what_to_do() {
    let start = Wharf::prepare();
    let volume = start.volume().to_owned();
    let failed = |arguments: &[&str]| {
        let output = wharf(&volume, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        said(&output).1
    };
    for url in ["registry.example.com", "ftp://a", "https://", "http://user:secret@a"] {
        assert!(failed(&["jobs", "list", "--server", url]).contains("is no URL of a server"), "{url}");
    }
    assert!(failed(&["jobs", "list", "--server", "http://127.0.0.1:1"]).contains("http://127.0.0.1:1/"));
    let said = failed(&["jobs", "list", "--server", "https://a", "--ca-file", "config.yml"]);
    assert!(said.contains("config.yml"), "{said}");
    let server = start.go();
    std::fs::remove_file(server.control_socket()).unwrap();
    let said = failed(&["purge-uploads"]);
    assert!(said.contains("a server runs on this volume") && said.contains("--server"), "{said}");
    let _stopped = server.crash();
    let mut elsewhere = wharf(&volume, &["purge-uploads"]);
    let output = elsewhere.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/nowhere/typo").output().unwrap();
    assert!(!output.status.success());
    assert!(!Path::new("/nowhere").exists());
}

/// The switches hold on a stopped volume as they do in the server.
#[tokio::test]
async fn a_registry_that_is_read_only_is_left_alone() {
    let start = Wharf::prepare();
    let uploads = abandoned::leave(start.volume(), 1);
    let mut command = wharf(start.volume(), &["purge-uploads"]);
    let output = command.env("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).1.contains("storage.maintenance.readonly.enabled"), "{}", said(&output).1);
    assert_eq!(abandoned::left(&uploads), 1);
}
