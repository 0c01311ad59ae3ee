//! A file that is followed while it changes, and the bound on checks.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::poll;

use super::*;

fn hash(password: &str) -> String {
    let parts = bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap();
    parts.format_for_version(bcrypt::Version::TwoY)
}

fn followed(content: &str) -> (tempfile::TempDir, PathBuf, Htpasswd) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("htpasswd");
    fs::write(&path, content).unwrap();
    let htpasswd = Htpasswd::open_with(&path, 1).unwrap().htpasswd;
    (directory, path, htpasswd)
}

impl Htpasswd {
    /// Looks after the pause that follows a reading.
    fn look_later(&self) {
        self.0.look(Instant::now() + Duration::from_secs(1));
    }

    fn names(&self) -> Vec<String> {
        self.users().into_iter().map(|user| user.name).collect()
    }
}

async fn verifies(htpasswd: &Htpasswd, user: &str, password: &str) -> bool {
    let verified = htpasswd.verify(user, &password.into(), false).await.unwrap();
    assert!(verified.is_none() || verified == htpasswd.fingerprint(user));
    verified.is_some()
}

#[tokio::test]
async fn a_file_that_is_missing_is_made_with_a_user_who_can_log_in() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/htpasswd");
    let opened = Htpasswd::open(&path).unwrap();
    let first = opened.first.unwrap();
    assert_eq!(first.name.as_str(), "docker");
    assert!(verifies(&opened.htpasswd, "docker", first.password.expose_secret()).await);
    assert!(!verifies(&opened.htpasswd, "docker", "docker").await);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!format!("{first:?}").contains(first.password.expose_secret()));
    let again = Htpasswd::open(&path).unwrap();
    assert!(again.first.is_none());
    assert!(verifies(&again.htpasswd, "docker", first.password.expose_secret()).await);
}

#[test]
fn a_broken_file_is_not_taken_into_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("htpasswd");
    fs::write(&path, "alice:x\nbob\n").unwrap();
    let said = Htpasswd::open(&path).unwrap_err().to_string();
    assert!(said.contains("htpasswd:2: "), "{said}");
    assert!(matches!(Htpasswd::open(directory.path()), Err(HtpasswdError::Unreadable { .. })));
}

#[tokio::test]
async fn a_change_holds_with_the_next_check_and_ends_the_old_fingerprint() {
    let (_directory, path, htpasswd) = followed(&format!("alice:{}\n", hash("old")));
    let old = htpasswd.verify("alice", &"old".into(), false).await.unwrap().unwrap();
    // Within the tick of the file system, in the same file and as long as before.
    fs::write(&path, format!("alice:{}\n", hash("new"))).unwrap();
    htpasswd.look_later();
    assert!(verifies(&htpasswd, "alice", "new").await && !verifies(&htpasswd, "alice", "old").await);
    assert_ne!(htpasswd.fingerprint("alice"), Some(old));
    fs::write(&path, "").unwrap();
    htpasswd.look_later();
    assert_eq!((htpasswd.fingerprint("alice"), htpasswd.names()), (None, vec![]));
}

#[tokio::test]
async fn while_the_file_is_broken_or_gone_its_users_stay() {
    let (_directory, path, htpasswd) = followed(&format!("alice:{}\n", hash("a")));
    fs::write(&path, "nonsense\n").unwrap();
    htpasswd.look_later();
    assert!(verifies(&htpasswd, "alice", "a").await);
    let said = htpasswd.0.seen.lock().unwrap().trouble.clone().unwrap();
    assert!(said.contains("htpasswd:1: "), "{said}");
    fs::remove_file(&path).unwrap();
    htpasswd.look_later();
    assert!(verifies(&htpasswd, "alice", "a").await);
    assert!(htpasswd.0.seen.lock().unwrap().trouble.as_ref().unwrap().contains("cannot be read"));
    fs::write(&path, format!("bob:{}\n", hash("b"))).unwrap();
    htpasswd.look_later();
    assert!(verifies(&htpasswd, "bob", "b").await && !verifies(&htpasswd, "alice", "a").await);
    assert_eq!(htpasswd.0.seen.lock().unwrap().trouble, None);
}

#[tokio::test]
async fn a_hash_that_is_not_bcrypt_never_verifies_and_has_no_fingerprint() {
    let (_directory, _path, htpasswd) = followed("alice:secret\n");
    assert!(!verifies(&htpasswd, "alice", "secret").await);
    assert_eq!(htpasswd.fingerprint("alice"), None);
    assert_eq!(htpasswd.users()[0].unusable, Some(Unusable::NotBcrypt));
}

#[tokio::test]
async fn beyond_what_may_wait_a_check_is_refused_and_the_others_come_to_their_turn() {
    let (_directory, _path, htpasswd) = followed(&format!("alice:{}\n", hash("a")));
    let right = SecretString::from("a");
    // One that checks for as long as this test likes.
    let place = Arc::clone(&htpasswd.0.anybody.places).try_acquire_owned().unwrap();
    let turn = Arc::clone(&htpasswd.0.anybody.turns).try_acquire_owned().unwrap();
    let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(htpasswd.verify("alice", &right, false))).collect();
    for check in &mut waiting {
        assert!(poll!(check.as_mut()).is_pending());
    }
    assert_eq!(htpasswd.verify("alice", &right, false).await, Err(Busy));
    assert!(matches!(htpasswd.verify("alice", &right, true).await, Ok(Some(_))), "no crowd keeps out who was in");
    // Who no longer waits makes room.
    drop(waiting.pop());
    waiting.push(Box::pin(htpasswd.verify("alice", &right, false)));
    assert!(poll!(waiting.last_mut().unwrap().as_mut()).is_pending());
    drop((place, turn));
    for verified in join_all(waiting).await {
        assert_eq!(verified, Ok(htpasswd.fingerprint("alice")));
    }
    assert_eq!(htpasswd.0.anybody.places.available_permits(), WAITING + 1);
}
