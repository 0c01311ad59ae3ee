//! How a server stops.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Wharf;

fn signal(wharf: &Wharf, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(wharf.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn end(wharf: &mut Wharf) -> ExitStatus {
    wharf.child().wait().unwrap()
}

/// Sends a request's head and the first half of its body, and comes back when the server has read both.
async fn half_an_upload(wharf: &Wharf) -> (TcpStream, String) {
    let started = reqwest::Client::new().post(wharf.at("/v2/a/blobs/uploads/")).send().await.unwrap();
    let location = started.headers()["location"].to_str().unwrap().to_owned();
    let mut socket = TcpStream::connect(wharf.address()).unwrap();
    let head = format!("PATCH {location} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    socket.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"01234").unwrap();
    (socket, location)
}

#[tokio::test]
async fn a_signal_ends_an_idle_server_at_once_and_well() {
    for told in [Signal::TERM, Signal::INT] {
        let mut wharf = Wharf::start();
        let client = reqwest::Client::new();
        // Its connection stays open and idle.
        assert_eq!(client.get(wharf.at("/v2/")).send().await.unwrap().status(), 200);
        signal(&wharf, told);
        assert_eq!(end(&mut wharf).code(), Some(0));
    }
}

#[tokio::test]
async fn every_request_has_its_line_before_the_end_and_a_log_that_nobody_reads_holds_nothing_up() {
    const REQUESTS: usize = 1000;
    let volume = tempfile::tempdir().unwrap();
    let socket = volume.path().join("socket");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.arg("serve").env("REGISTRY_HTTP_NET", "unix").env("REGISTRY_HTTP_ADDR", &socket);
    command.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", volume.path());
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut started = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut started).unwrap();
    let mut client = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    client.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let path = format!("/v2/{}/tags/list", "a".repeat(200));
    // Much more than a pipe holds; nobody reads it yet.
    for _ in 0..REQUESTS {
        client.write_all(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
    }
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(log.lines().filter(|line| line.contains("path=/v2/aaa")).count(), REQUESTS);
    assert!(log.lines().last().unwrap().contains("every request was finished"), "{:?}", log.lines().last());
}

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_new_is_accepted() {
    let mut wharf = Wharf::start();
    let (mut socket, _) = half_an_upload(&wharf).await;
    signal(&wharf, Signal::TERM);
    while TcpStream::connect(wharf.address()).is_ok() {
        tokio::task::yield_now().await;
    }
    socket.write_all(b"56789").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("range: 0-9"), "{answer}");
    assert_eq!(end(&mut wharf).code(), Some(0));
}

#[tokio::test]
async fn what_takes_longer_than_the_drain_time_is_cut_and_the_upload_goes_on_after_a_restart() {
    let mut wharf = Wharf::prepare().env("REGISTRY_HTTP_DRAINTIMEOUT", "200ms").go();
    let (_socket, location) = half_an_upload(&wharf).await;
    signal(&wharf, Signal::TERM);
    assert_eq!(end(&mut wharf).code(), Some(0));
    let wharf = wharf.crash_and_restart();
    let status = reqwest::get(wharf.at(&location)).await.unwrap();
    assert_eq!(status.status(), 204);
    assert_eq!(status.headers()["range"], "0-4");
}
