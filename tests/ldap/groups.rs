//! Which groups a user is in.

use crate::directory::{Directory, groups};

#[tokio::test]
async fn groups_name_their_members_by_entry_or_by_user() {
    let directory = Directory::start();
    let ldap = directory.with(|_| {});
    // By the name of the entry, not by what was typed; what cannot be the name of a group is left out.
    for typed in ["alice", "ALICE", "alice@example.org"] {
        assert_eq!(
            groups(&ldap.verify(typed, &"wonderland".into()).await.unwrap().unwrap()),
            ["deploy", "developers"],
            "{typed}"
        );
    }
    let identity = ldap.verify("alice", &"wonderland".into()).await.unwrap().unwrap();
    assert_eq!(groups(&identity), ["deploy", "developers"]);
    assert_eq!(groups(&ldap.verify("bob", &"builder".into()).await.unwrap().unwrap()), ["deploy"]);
}

#[tokio::test]
async fn an_entry_with_odd_signs_in_its_name_has_its_own_groups() {
    let directory = Directory::start();
    let ldap = directory.with(|_| {});
    let jane = ldap.verify("jane", &"tarzan".into()).await.unwrap().unwrap();
    assert_eq!((jane.user.as_str(), groups(&jane)), ("jane", vec!["developers"]));
}

#[tokio::test]
async fn without_a_base_there_are_no_groups() {
    let directory = Directory::start();
    let ldap = directory.with(|settings| settings.group_base = None);
    assert!(groups(&ldap.verify("alice", &"wonderland".into()).await.unwrap().unwrap()).is_empty());
}
