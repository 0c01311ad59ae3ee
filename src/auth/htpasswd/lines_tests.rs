//! What each kind of line is, and what a change leaves alone.

use proptest::prelude::*;

use super::*;

fn hash(version: &str, cost: u32) -> String {
    format!("${version}${cost:02}$L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u")
}

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn unusable(hash: &str) -> Option<Unusable> {
    Users::parse(format!("alice:{hash}").as_bytes()).ok().unwrap().list()[0].unusable
}

#[test]
fn users_are_read_past_comments_and_empty_lines_and_around_spaces() {
    let content = format!("# ours\n\n  \r\n  # also\n  alice:{}  \r\nbob:{}", hash("2y", 5), hash("2a", 11));
    let users = Users::parse(content.as_bytes()).ok().unwrap();
    let names: Vec<String> = users.list().into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["alice", "bob"]);
    assert_eq!((users.count(), users.costliest(), users.notices()), (2, Some(11), vec![]));
}

#[test]
fn a_line_without_a_colon_is_an_error_with_its_number() {
    assert_eq!(Users::parse(b"# a\nalice:x\n\nbob\n").err(), Some(NoColon { line: 4 }));
}

#[test]
fn bcrypt_hashes_verify_and_no_others() {
    for version in ["2a", "2b", "2y"] {
        assert_eq!(unusable(&hash(version, 10)), None, "{version}");
    }
    let not_bcrypt = [
        "",
        "secret",
        "$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "$2y$10$short",
        &hash("2x", 10),
        &hash("2y", 3),
        &hash("2y", 0),
        &format!("{}:more", hash("2y", 10)),
    ];
    for other in not_bcrypt {
        assert_eq!(unusable(other), Some(Unusable::NotBcrypt), "{other}");
    }
    assert_eq!(unusable(&hash("2y", 19)), Some(Unusable::TooCostly { cost: 19 }));
}

#[test]
fn what_never_verifies_is_said_with_line_user_and_remedy() {
    let content = [b"a\xff:x\n:x\nbob:x\n".as_slice(), b"eve:y\n", b"eve:", hash("2y", 5).as_bytes()].concat();
    let users = Users::parse(&content).ok().unwrap();
    let said: Vec<String> = users.notices().iter().map(|notice| format!("{}: {notice}", notice.line)).collect();
    assert_eq!(
        said,
        [
            "1: the line is not UTF-8 and is passed over",
            "2: \"\" cannot be the name of a user",
            "3: the password of bob is not hashed with bcrypt; make a new one: wharf user passwd bob",
        ],
        "and nothing of eve, whose last line counts"
    );
    assert!(Unusable::NotBcrypt.about("a b").ends_with("wharf user passwd \"a b\""));
}

#[test]
fn a_user_is_added_at_the_end_and_replaced_in_place() {
    assert_eq!(with_user(b"", &name("bob"), "h"), b"bob:h\n");
    assert_eq!(with_user(b"# c\nalice:x", &name("bob"), "h"), b"# c\nalice:x\nbob:h\n");
    let twice = b"# c\n bob:x\nodd\n\xff\nbob:y\nbobby:z\n";
    assert_eq!(with_user(twice, &name("bob"), "h"), b"# c\nbob:h\nodd\n\xff\nbobby:z\n");
    assert_eq!(without_user(twice, &name("bob")), b"# c\nodd\n\xff\nbobby:z\n");
    assert!(holds(twice, &name("bob")) && !holds(twice, &name("bo")));
}

#[test]
fn names_that_would_be_read_otherwise_cannot_be_written() {
    for (text, can) in [("alice", true), ("a#b", true), ("#a", false), (" a", false), ("a b", true)] {
        assert_eq!(can_be_written(&name(text)), can, "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_content_is_read_or_refused_and_what_is_added_is_found(
        lines in proptest::collection::vec("[ #:a-c]{0,6}|\u{e9}|[a-c]{1,2}:x", 0..8),
        user in "[a-c]{1,2}",
    ) {
        let content = lines.join("\n").into_bytes();
        let _ = Users::parse(&content);
        let user = name(&user);
        let with = with_user(&content, &user, "h");
        prop_assert!(holds(&with, &user));
        let lines = with.split(|byte| *byte == b'\n').filter(|line| is_of(line, &user));
        prop_assert_eq!(lines.count(), 1);
        let without = without_user(&with, &user);
        prop_assert!(!holds(&without, &user));
        prop_assert_eq!(without_user(&without, &user), without);
    }
}
