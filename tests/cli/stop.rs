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
