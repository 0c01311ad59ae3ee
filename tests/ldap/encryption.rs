//! What goes over the line.

use std::error::Error as _;
use std::fs;

use wharf::auth::{Ldap, LdapError};

use crate::directory::{Directory, log_in};

/// Starts TLS, or begins with it.
fn encrypted(directory: &Directory, start_tls: bool, ca: &std::path::Path, host: &str) -> Ldap {
    directory.with(|settings| {
        let url = if start_tls { directory.plain_url() } else { directory.tls_url() };
        settings.url = url.replace("127.0.0.1", host);
        settings.start_tls = start_tls;
        settings.ca = Some(ca.to_owned());
    })
}

#[tokio::test]
async fn with_the_right_authority_a_login_is_encrypted_either_way() {
    let directory = Directory::start();
    for start_tls in [false, true] {
        let ldap = encrypted(&directory, start_tls, &directory.ca(), "127.0.0.1");
        assert_eq!(log_in(&ldap, "alice", "wonderland").await.unwrap().as_deref(), Some("alice"));
        assert_eq!(log_in(&ldap, "alice", "wrong").await.unwrap(), None);
    }
    assert!(directory.daemon.log().contains("TLS established"), "{}", directory.daemon.log());
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_for_another_name_is_refused() {
    let directory = Directory::start();
    let stranger = tempfile::NamedTempFile::new().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(stranger.path(), made.cert.pem()).unwrap();
    for start_tls in [false, true] {
        for (ca, host) in [(stranger.path(), "127.0.0.1"), (&directory.ca(), "localhost")] {
            let ldap = encrypted(&directory, start_tls, ca, host);
            let refused = log_in(&ldap, "alice", "wonderland").await.unwrap_err();
            assert!(matches!(refused, LdapError::Connection { .. }), "{refused:?}");
            let reason = refused.source().unwrap().to_string();
            assert!(reason.contains("certificate"), "{reason}");
        }
    }
    assert!(!directory.daemon.log().contains("BIND"), "{}", directory.daemon.log());
}
