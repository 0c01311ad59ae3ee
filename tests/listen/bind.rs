//! Addresses that cannot be had, in words that help.

use std::net::TcpListener;

use wharf::http::listen::{ListenError, bind, bind_debug};
use wharf::http::{Address, Debug, Listener};

use crate::harness::{Server, plain, settings};
use crate::raw::Raw;

fn at(address: &str) -> Listener {
    Listener { address: Address::Tcp(address.to_owned()), tls: None }
}

#[test]
fn an_address_in_use_is_named_with_what_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = bind(&settings(at(&address))).err().unwrap();
    assert!(matches!(refused, ListenError::InUse { .. }));
    let said = refused.to_string();
    assert!(said.contains(&address) && said.contains("REGISTRY_HTTP_ADDR"), "{said}");

    let debug = Debug { address: Address::Tcp(address), metrics_path: None };
    let said = bind_debug(&debug).err().unwrap().to_string();
    assert!(said.contains("REGISTRY_HTTP_DEBUG_ADDR"), "{said}");
}

#[test]
fn an_address_of_another_host_is_refused() {
    let refused = bind(&settings(at("198.51.100.1:0"))).err().unwrap();
    assert!(matches!(refused, ListenError::NotOurs { .. }), "{refused}");
}

#[test]
fn a_host_name_is_bound_at_its_addresses() {
    let bound = bind(&settings(at("localhost:0"))).unwrap();
    assert!(bound.iter().all(|listener| listener.local_addr().unwrap().ip().is_loopback()));
    assert!(!bound.is_empty());
}

#[tokio::test]
async fn a_server_that_starts_again_does_not_wait_for_the_connections_of_the_one_before() {
    let first = Server::start(plain());
    let address = first.address();
    let mut client = Raw::connect(address).await;
    // The side that closes first remembers the connection for a while, on this address.
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    client.read_to_close().await;
    first.stop().await;
    drop(client);
    assert!(bind(&settings(at(&address.to_string()))).is_ok());
}
