//! Changes of a file, one by one and at once.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

fn secret(text: &str) -> SecretString {
    text.into()
}

#[test]
fn users_come_change_and_go() {
    let directory = tempfile::tempdir().unwrap();
    let file = HtpasswdFile::at(directory.path().join("new/htpasswd"));
    assert!(!file.holds(&name("alice")).unwrap());
    file.add(&name("alice"), &secret("a"), 4).unwrap();
    assert!(matches!(file.add(&name("alice"), &secret("b"), 4), Err(HtpasswdError::Exists(_))));
    assert!(matches!(file.replace(&name("bob"), &secret("b"), 4), Err(HtpasswdError::Absent(_))));
    file.replace(&name("alice"), &secret("b"), 4).unwrap();
    let (_, content) = read(&file.path).unwrap();
    assert!(content.starts_with(b"alice:$2y$04$") && content.ends_with(b"\n"));
    let users = parse(&file.path, &content).unwrap();
    assert!(users.check("alice", b"b").fingerprint.is_some() && users.check("alice", b"a").fingerprint.is_none());
    file.remove(&name("alice")).unwrap();
    assert!(matches!(file.remove(&name("alice")), Err(HtpasswdError::Absent(_))));
    assert_eq!(file.users().unwrap(), []);
    assert_eq!(fs::metadata(&file.path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn passwords_and_names_that_would_not_be_what_they_seem_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = HtpasswdFile::at(directory.path().join("htpasswd"));
    for password in [String::new(), "a".repeat(73), "a\0b".to_owned()] {
        assert!(matches!(file.add(&name("alice"), &password.into(), 4), Err(HtpasswdError::Password)));
    }
    assert!(matches!(file.add(&name("#alice"), &secret("a"), 4), Err(HtpasswdError::Name(_))));
    file.add(&name("alice"), &"a".repeat(72).into(), 4).unwrap();
}

#[test]
fn the_mode_stays_and_a_link_leads_to_the_file_that_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (directory.path().join("real"), directory.path().join("link"));
    fs::write(&path, "# ours\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    HtpasswdFile::at(&link).add(&name("alice"), &secret("a"), 4).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&path).unwrap().starts_with("# ours\nalice:"));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn changes_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = HtpasswdFile::at(directory.path().join("htpasswd"));
    std::thread::scope(|scope| {
        for number in 0..16 {
            let file = &file;
            scope.spawn(move || file.add(&name(&format!("user{number}")), &secret("a"), 4).unwrap());
        }
    });
    assert_eq!(file.users().unwrap().len(), 16);
}

#[test]
fn a_file_that_root_makes_is_for_the_owner_of_the_volume() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (directory, volume) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::chown(volume.path(), Some(4321), Some(1234)).unwrap();
    let path = directory.path().join("htpasswd");
    HtpasswdFile::at(&path).for_volume(volume.path()).add(&name("alice"), &secret("a"), 4).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().uid(), 4321);
    HtpasswdFile::at(&path).add(&name("bob"), &secret("a"), 4).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().uid(), 4321, "and keeps its owner");
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("htpasswd");
    File::create(&path).unwrap().set_len(LONGEST + 1).unwrap();
    assert!(matches!(HtpasswdFile::at(&path).users(), Err(HtpasswdError::TooLong { .. })));
}
