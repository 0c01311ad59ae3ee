//! Who gets in.

use wharf::auth::{Auth, LdapError, LdapStep, Settings};

use crate::directory::{Directory, SERVICE_PASSWORD, log_in};

#[tokio::test]
async fn the_right_password_gets_in_and_nothing_else_does() {
    let directory = Directory::start();
    let ldap = directory.with(|_| {});
    assert_eq!(log_in(&ldap, "alice", "wonderland").await.unwrap().as_deref(), Some("alice"));
    for (user, password) in [
        ("alice", "Wonderland"),
        ("alice", ""),
        ("alice", "builder"),
        ("nobody", "wonderland"),
        ("nobody", ""),
        ("robot", "wonderland"),
        ("robot", ""),
    ] {
        assert_eq!(log_in(&ldap, user, password).await.unwrap(), None, "{user} {password:?}");
    }
}

#[tokio::test]
async fn a_user_is_called_what_their_entry_says() {
    let directory = Directory::start();
    let ldap = directory.with(|_| {});
    for typed in ["ALICE", "alice@example.org", " Alice"] {
        assert_eq!(log_in(&ldap, typed, "wonderland").await.unwrap().as_deref(), Some("alice"), "{typed}");
    }
}

#[tokio::test]
async fn what_is_typed_is_a_name_and_no_filter() {
    let directory = Directory::start();
    let ldap = directory.with(|_| {});
    for typed in ["*", "a*", "*)(uid=*", "alice)(uid=*", "alice)(&)", "\\61lice", "{user}", "alice))(|(uid=alice"] {
        assert_eq!(log_in(&ldap, typed, "wonderland").await.unwrap(), None, "{typed}");
    }
}

#[tokio::test]
async fn of_several_entries_or_names_none_is_guessed() {
    let directory = Directory::start();
    let ldap = directory.with(|_| {});
    let several = log_in(&ldap, "team@example.org", "builder").await;
    assert!(matches!(several, Err(LdapError::Several)), "{several:?}");
    assert_eq!(log_in(&ldap, "eve", "wrong").await.unwrap(), None);
    let names = log_in(&ldap, "eve", "apple").await;
    assert!(matches!(names, Err(LdapError::Name { .. })), "{names:?}");
    let nameless = directory.with(|settings| settings.user_name = "telephoneNumber".to_owned());
    let refused = log_in(&nameless, "alice", "wonderland").await.unwrap_err().to_string();
    assert!(refused.contains("telephoneNumber (auth.ldap.users.name)"), "{refused}");
}

#[tokio::test]
async fn what_the_server_refuses_is_said_and_no_password_with_it() {
    let directory = Directory::start();
    let wrong = directory.with(|settings| settings.bind = Some(("cn=search,dc=example,dc=org".into(), "wrong".into())));
    let refused = log_in(&wrong, "alice", "wonderland").await.unwrap_err();
    assert!(matches!(refused, LdapError::Result { step: LdapStep::BindService, code: 49, .. }), "{refused:?}");
    let anonymous = directory.with(|settings| settings.bind = None);
    let refused = log_in(&anonymous, "alice", "wonderland").await.unwrap_err();
    assert!(matches!(refused, LdapError::Result { step: LdapStep::FindUser, code: 32, .. }), "{refused:?}");
    assert!(refused.to_string().contains(&directory.plain_url()), "{refused}");
    let elsewhere = directory.with(|settings| settings.group_base = Some("ou=none,dc=example,dc=org".to_owned()));
    let refused = log_in(&elsewhere, "alice", "wonderland").await.unwrap_err();
    assert!(matches!(refused, LdapError::Result { step: LdapStep::FindGroups, code: 32, .. }), "{refused:?}");
    for secret in ["wonderland", SERVICE_PASSWORD] {
        assert!(!format!("{refused} {refused:?} {elsewhere:?}").contains(secret));
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error_and_nobody_gets_in() {
    let directory = Directory::start();
    let ldap = directory.with(|_| {});
    assert!(log_in(&ldap, "alice", "wonderland").await.unwrap().is_some());
    let url = directory.plain_url();
    directory.daemon.stop();
    let down = log_in(&ldap, "alice", "wonderland").await.unwrap_err();
    assert!(matches!(down, LdapError::Connection { .. }), "{down:?}");
    assert!(down.to_string().contains(&url), "{down}");
}

/// In another case, or by mail, the directory finds the same user, whom the file may have as well: another one.
#[tokio::test]
async fn a_user_of_the_file_is_nobody_of_the_directory_however_the_name_is_typed() {
    let directory = Directory::start();
    let volume = tempfile::tempdir().unwrap();
    let file = volume.path().join("htpasswd");
    let hash = bcrypt::hash("of the file", 4).unwrap();
    std::fs::write(&file, format!("alice:{hash}\nbob:disabled\n")).unwrap();
    let settings = Settings {
        directory: volume.path().join("auth"),
        htpasswd: Some(file),
        ldap: Some(directory.settings()),
        ..Settings::default()
    };
    let (auth, _) = Auth::start(&settings, time::OffsetDateTime::now_utc()).unwrap();
    let log_in = async |user: &str, password: &str| {
        let caller = auth.log_in(user, &password.into(), None).await;
        caller.map(|caller| caller.subject.to_string()).map_err(|error| error.to_string())
    };
    let wrong = || Err("the user name or the password is wrong".to_owned());
    assert_eq!(log_in("alice", "of the file").await, Ok("alice".to_owned()));
    for typed in ["alice", "ALICE", "alice@example.org", " Alice"] {
        assert_eq!(log_in(typed, "wonderland").await, wrong(), "{typed}");
    }
    assert_eq!(log_in("bob", "builder").await, wrong(), "the file says that he cannot log in");
    assert_eq!(log_in("jane", "tarzan").await, Ok("jane".to_owned()));
}
