//! Settings that are refused, and a server that does not answer as it should.

use std::path::PathBuf;

use futures_util::FutureExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use secrecy::SecretString;

use super::*;

fn settings(url: &str) -> Settings {
    Settings {
        url: url.to_owned(),
        start_tls: false,
        ca: None,
        bind: None,
        user_base: "dc=example,dc=org".to_owned(),
        user_filter: "(uid={user})".to_owned(),
        user_name: "uid".to_owned(),
        group_base: Some("dc=example,dc=org".to_owned()),
        group_filter: "(member={dn})".to_owned(),
        group_name: "cn".to_owned(),
    }
}

fn refused(change: impl FnOnce(&mut Settings)) -> String {
    let mut settings = settings("ldap://ldap.example.org");
    change(&mut settings);
    Ldap::new(&settings).unwrap_err().to_string()
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    assert!(Ldap::new(&settings("ldap://ldap.example.org")).is_ok());
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let secret = |text: &str| Some(("cn=search".to_owned(), SecretString::from(text)));
    for (refused, key) in [
        (refused(|s| s.url = "ldap://admin:hunter2@ldap".to_owned()), "auth.ldap.url: write ldap://HOST"),
        (refused(|s| s.url = "ldaps://[fd00::7]".to_owned()), "auth.ldap.url: an IPv6 address"),
        (refused(|s| (s.url, s.start_tls) = ("ldaps://ldap".to_owned(), true)), "auth.ldap.starttls: "),
        (refused(|s| s.ca = Some(PathBuf::from("ca.pem"))), "auth.ldap.ca: the connection is not encrypted"),
        (refused(|s| (s.ca, s.start_tls) = (Some(directory.path().join("none")), true)), "auth.ldap.ca: cannot read"),
        (refused(|s| (s.ca, s.start_tls) = (Some(empty.clone()), true)), "empty.pem holds no certificate"),
        (refused(|s| s.bind = secret("")), "auth.ldap.bindpassword: without a password"),
        (refused(|s| s.user_filter = "(uid={user}".to_owned()), "auth.ldap.users.filter: it is no LDAP filter"),
        (refused(|s| s.user_filter = "(uid={name})".to_owned()), "there is {user} alone"),
        (refused(|s| s.user_name = "*".to_owned()), "auth.ldap.users.name: "),
        (refused(|s| s.group_filter = "(cn=*)".to_owned()), "auth.ldap.groups.filter: it has to name {dn} or {user}"),
        (refused(|s| s.group_name = String::new()), "auth.ldap.groups.name: "),
    ] {
        assert!(refused.contains(key), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

async fn listening() -> (TcpListener, Ldap) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    (listener, Ldap::new(&settings(&url)).unwrap())
}

#[tokio::test]
async fn an_empty_password_is_wrong_before_anybody_is_asked() {
    // Nobody listens there.
    let ldap = Ldap::new(&settings("ldap://127.0.0.1:1")).unwrap();
    for (user, password) in
        [("alice", ""), ("alice", "\0"), ("alice", "a\0"), ("", "a"), ("a\nb", "a"), ("group:b", "a")]
    {
        assert_eq!(ldap.verify(user, &password.into()).await.unwrap(), None, "{user:?} {password:?}");
    }
    let asked = ldap.verify("alice", &"secret".into()).await.unwrap_err();
    assert!(matches!(asked, LdapError::Connection { .. }), "{asked:?}");
    assert!(!format!("{asked:?}").contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_not_waited_for_without_end() {
    let (_listener, ldap) = listening().await;
    let asked = ldap.verify("alice", &"secret".into()).await.unwrap_err();
    assert!(matches!(asked, LdapError::Late { .. }), "{asked:?}");
}

#[tokio::test]
async fn only_so_many_wait_for_the_server() {
    let (_listener, ldap) = listening().await;
    let password = SecretString::from("secret");
    let mut waiting: Vec<_> = (0..AT_ONCE + WAITING).map(|_| Box::pin(ldap.verify("alice", &password))).collect();
    for asked in &mut waiting {
        assert!(asked.now_or_never().is_none());
    }
    assert!(matches!(ldap.verify("alice", &password).now_or_never(), Some(Err(LdapError::Busy))));
    waiting.pop();
    assert!(ldap.verify("alice", &password).now_or_never().is_none());
}

#[tokio::test]
async fn an_answer_that_is_no_ldap_is_an_error_and_no_panic() {
    let (listener, ldap) = listening().await;
    let answers: [&[u8]; 5] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        // The end of a search without its parts, an answer of no kind that is known, and an entry without a name.
        b"\x30\x05\x02\x01\x01\x65\x00",
        b"\x30\x05\x02\x01\x01\x7f\x00",
        b"\x30\x07\x02\x01\x01\x64\x02\x04\x00",
        b"\x30\x00",
    ];
    let serve = async {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer).await.unwrap();
            // Kept open by the next one's client, which has its own.
            drop(stream);
        }
    };
    let ask = async {
        for _ in answers {
            let asked = ldap.verify("alice", &"secret".into()).await.unwrap_err();
            assert!(matches!(asked, LdapError::Malformed { .. } | LdapError::Connection { .. }), "{asked:?}");
        }
    };
    tokio::join!(serve, ask);
}
