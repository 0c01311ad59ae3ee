//! Requests through proxies, and from those who say so.

use std::sync::Arc;

use axum::http::Request;

use super::*;

fn peer(address: &str, tls: bool) -> Peer {
    let address = match address {
        "unix" => PeerAddress::Unix,
        address => PeerAddress::Tcp(std::net::SocketAddr::new(address.parse().unwrap(), 1)),
    };
    Peer { address, tls, listener: Arc::from(""), certificate: None }
}

fn request(headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::get("/v2/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn origins() -> Origins {
    Origins { trusted: vec!["10.0.0.0/8".parse().unwrap()], public_url: None }
}

#[test]
fn a_client_is_told_the_name_that_it_used_itself() {
    for (headers, from, tls, expected) in [
        (&[("host", "localhost:5000")][..], "127.0.0.1", false, Some("http://localhost:5000")),
        (&[("host", "registry.lan")], "192.168.1.9", true, Some("https://registry.lan")),
        (&[("host", "[::1]:5000")], "::1", false, Some("http://[::1]:5000")),
        (&[], "127.0.0.1", false, None),
        (&[("host", "a\" evil=\"b")], "127.0.0.1", false, None),
    ] {
        assert_eq!(origins().url(&request(headers), &peer(from, tls)).as_deref(), expected, "{headers:?}");
    }
}

#[test]
fn a_proxy_is_believed_if_it_is_trusted() {
    let headers =
        [("host", "inside:5000"), ("x-forwarded-proto", "https, http"), ("x-forwarded-host", "registry.example.com")];
    for (from, expected, doubtful) in [
        ("10.1.2.3", "https://registry.example.com", false),
        ("unix", "https://registry.example.com", false),
        ("192.168.1.9", "http://inside:5000", true),
    ] {
        let (request, peer) = (request(&headers), peer(from, false));
        assert_eq!(origins().url(&request, &peer).as_deref(), Some(expected), "{from}");
        assert_eq!(origins().is_doubtful(&request, &peer), doubtful, "{from}");
    }
}

#[test]
fn the_operators_name_is_everybodys() {
    let origins = Origins { public_url: Some("https://r.example.com".into()), ..origins() };
    let request = request(&[("host", "other"), ("x-forwarded-host", "third")]);
    assert_eq!(origins.url(&request, &peer("10.0.0.1", false)).as_deref(), Some("https://r.example.com"));
}

#[test]
fn a_client_cannot_make_up_where_it_comes_from() {
    for (from, forwarded, expected) in [
        ("192.168.1.9", "1.2.3.4", "192.168.1.9"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        // The client wrote the first, the outer proxy the second, and the inner one is the peer.
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "[2001:db8::1]:80", "2001:db8::1"),
        ("::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"),
    ] {
        let request = request(&[("x-forwarded-for", forwarded)]);
        let found = origins().address(&request, &peer(from, false));
        assert_eq!(found, Some(expected.parse().unwrap()), "{from} {forwarded}");
    }
    let unix = origins().address(&request(&[]), &peer("unix", false));
    assert_eq!(unix, None);
}

#[test]
fn what_stands_beside_the_registry_speaks_https_unless_the_operator_or_a_trusted_proxy_says_otherwise() {
    let beside = |origins: &Origins, headers: &[(&str, &str)], from: &str| {
        origins.url_beside(&request(headers), &peer(from, false))
    };
    let host = ("host", "registry.lan");
    let plain = [host, ("x-forwarded-proto", "http")];
    assert_eq!(beside(&origins(), &[host], "127.0.0.1").as_deref(), Some("https://registry.lan"));
    assert_eq!(beside(&origins(), &plain, "192.168.1.9").as_deref(), Some("https://registry.lan"));
    assert_eq!(beside(&origins(), &plain, "10.0.0.1").as_deref(), Some("http://registry.lan"));
    let named = Origins { public_url: Some("http://named.lan".to_owned()), ..origins() };
    assert_eq!(beside(&named, &[host], "127.0.0.1").as_deref(), Some("http://named.lan"));
}
