//! Tokens as a server and a command line, each with the same directory, make, find and end them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::ExposeSecret;

use super::*;

struct Both {
    directory: tempfile::TempDir,
    server: AccessTokens,
    other: AccessTokens,
}

fn both() -> Both {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wharf/auth/tokens");
    Both { server: AccessTokens::open(&path), other: AccessTokens::open(&path), directory }
}

impl Both {
    fn path(&self) -> PathBuf {
        self.directory.path().join("wharf/auth/tokens")
    }

    fn create(&self, name: &str) -> String {
        self.create_until(name, None)
    }

    fn create_until(&self, name: &str, expires: Option<OffsetDateTime>) -> String {
        let grants = ["team/*:pull,create".parse().unwrap()];
        let secret = self.other.create(&token(name), &grants, expires, now()).unwrap();
        secret.expose_secret().to_owned()
    }

    /// What the server finds as soon as a change cannot hide from it, which is a moment after it last looked.
    fn found(&self, secret: &str) -> Option<Arc<AccessToken>> {
        self.server.look(Instant::now() + std::time::Duration::from_secs(1));
        self.server.find(secret, now())
    }
}

fn token(name: &str) -> TokenName {
    name.parse().unwrap()
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_token_is_found_by_its_secret_with_what_it_may_do() {
    let both = both();
    assert!(both.found(secret::make().unwrap().expose_secret()).is_none(), "there is no directory yet");
    let secret = both.create("ci-build");
    assert!(AccessTokens::is_one(&secret));
    let found = both.found(&secret).unwrap();
    assert_eq!((found.name.as_str(), found.created, found.expires), ("ci-build", now(), None));
    assert_eq!(found.grants, ["team/*:pull,create".parse().unwrap()]);
    assert!(both.server.current(&found.name, &found.fingerprint, now()).is_some());
    for other in ["", "ci-build", &secret[1..], secret::make().unwrap().expose_secret()] {
        assert!(both.found(other).is_none(), "{other}");
    }
}

#[test]
fn the_secret_is_not_kept_and_only_the_owner_reads_what_is() {
    let both = both();
    let secret = both.create("ci");
    let file = both.path().join("ci.json");
    let content = fs::read_to_string(&file).unwrap();
    assert!(!content.contains(&secret) && !content.contains("wharf_"));
    assert!(content.contains(&hex::encode(secret::sum(&secret))));
    assert_eq!((mode(&file), mode(&both.path())), (0o600, 0o700));
    assert_eq!(fs::read_dir(both.path()).unwrap().count(), 1);
}

#[test]
fn a_name_is_given_once() {
    let both = both();
    let secret = both.create("ci");
    let again = both.server.create(&token("ci"), &[], None, now());
    assert!(matches!(again, Err(AccessTokenError::Exists(_))));
    assert!(both.found(&secret).is_some());
}

#[test]
fn of_many_who_want_a_name_at_once_one_gets_it() {
    let both = both();
    let made = std::thread::scope(|scope| {
        let create = || both.other.create(&token("ci"), &[], None, now());
        let racing: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
        racing.into_iter().filter_map(|one| one.join().unwrap().ok()).collect::<Vec<_>>()
    });
    assert_eq!(made.len(), 1);
    assert!(both.found(made[0].expose_secret()).is_some());
}

#[test]
fn a_revocation_by_another_process_holds_at_once() {
    let both = both();
    let (secret, kept) = (both.create("ci"), both.create("kept"));
    let found = both.found(&secret).unwrap();
    assert!(both.other.revoke(&found.name).unwrap());
    assert!(both.server.current(&found.name, &found.fingerprint, now()).is_none());
    assert!(both.server.find(&secret, now()).is_none());
    assert!(both.server.find(&kept, now()).is_some());
    assert!(!both.other.revoke(&found.name).unwrap(), "it is gone already");
}

#[test]
fn a_new_token_of_an_old_name_does_not_revive_the_old_one() {
    let both = both();
    let old = both.create("ci");
    let found = both.found(&old).unwrap();
    both.other.revoke(&token("ci")).unwrap();
    let new = both.create("ci");
    assert!(both.server.find(&old, now()).is_none());
    assert!(both.server.current(&found.name, &found.fingerprint, now()).is_none());
    let found = both.found(&new).unwrap();
    assert!(both.server.current(&found.name, &found.fingerprint, now()).is_some());
}

#[test]
fn a_token_ends_when_its_time_is_over() {
    let both = both();
    let secret = both.create_until("ci", Some(now() + Duration::HOUR));
    let found = both.found(&secret).unwrap();
    for (later, stands) in [(Duration::minutes(59), true), (Duration::HOUR, false), (Duration::DAY, false)] {
        assert_eq!(both.server.find(&secret, now() + later).is_some(), stands, "{later}");
        assert_eq!(both.server.current(&found.name, &found.fingerprint, now() + later).is_some(), stands, "{later}");
    }
}

#[test]
fn a_file_that_was_touched_is_read_again_and_one_that_was_changed_is_another() {
    let both = both();
    let secret = both.create("ci");
    let found = both.found(&secret).unwrap();
    let file = both.path().join("ci.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(both.server.current(&found.name, &found.fingerprint, now()).is_some());
    let content = fs::read_to_string(&file).unwrap();
    fs::write(&file, content.replace("pull,create", "pull")).unwrap();
    assert!(both.server.current(&found.name, &found.fingerprint, now()).is_none());
    assert_eq!(both.found(&secret).unwrap().grants, ["team/*:pull".parse().unwrap()]);
}

#[test]
fn damaged_files_are_passed_over_and_named_and_can_be_removed() {
    let both = both();
    let secret = both.create("ci");
    let content = fs::read_to_string(both.path().join("ci.json")).unwrap();
    for (name, content) in [
        ("a", String::new()),
        ("b", "nonsense".to_owned()),
        ("c", content.clone()),
        ("d", content.replace("\"ci\"", "\"d\"").replace("team/*", "team/***")),
        ("e", content.replace("\"ci\"", "\"e\"").replace("\"may\"", "\"only_from\": [], \"may\"")),
        ("f", " ".repeat(70_000)),
    ] {
        fs::write(both.path().join(format!("{name}.json")), content).unwrap();
    }
    fs::create_dir(both.path().join("g.json")).unwrap();
    fs::write(both.path().join("README"), "not a token").unwrap();
    assert!(both.found(&secret).is_some());
    assert_eq!(both.server.seen.lock().unwrap().troubles.len(), 6, "all but the empty one are said");
    let list = both.server.list().unwrap();
    let damaged: Vec<_> = list.damaged.iter().map(|damaged| damaged.path.file_stem().unwrap()).collect();
    assert_eq!(damaged, ["a", "b", "c", "d", "e", "f", "g"]);
    assert_eq!(list.tokens.len(), 1);
    assert!(both.other.revoke(&token("b")).unwrap());
    assert!(both.found(&secret).is_some());
    assert_eq!(both.server.seen.lock().unwrap().troubles.len(), 5);
}

#[test]
fn the_last_use_is_noted_once_a_minute_and_goes_with_the_token() {
    let both = both();
    let secret = both.create("ci");
    let last_used = || both.other.list().unwrap().tokens[0].last_used;
    both.server.used(&token("ci"), now());
    assert_eq!(last_used(), None, "a token that nobody found was not used");
    both.found(&secret).unwrap();
    both.server.used(&token("ci"), now());
    assert_eq!(last_used(), Some(now()));
    both.server.used(&token("ci"), now() + Duration::seconds(59));
    assert_eq!(last_used(), Some(now()));
    both.server.used(&token("ci"), now() + Duration::MINUTE);
    assert_eq!(last_used(), Some(now() + Duration::MINUTE));
    assert!(both.server.find(&secret, now()).is_some());
    both.other.revoke(&token("ci")).unwrap();
    assert_eq!(fs::read_dir(both.path()).unwrap().count(), 0);
    both.create("ci");
    assert_eq!(last_used(), None);
}

#[test]
fn a_directory_that_cannot_be_written_does_not_keep_a_token_from_being_used() {
    let both = both();
    let secret = both.create("ci");
    // Where root may write everywhere, a directory in the place of the file is what keeps it from being written.
    fs::create_dir(both.path().join("ci.used")).unwrap();
    both.found(&secret).unwrap();
    both.server.used(&token("ci"), now());
    assert!(both.server.find(&secret, now()).is_some());
}

#[test]
fn tokens_are_listed_by_name() {
    let both = both();
    assert_eq!(both.other.list().unwrap().tokens.len(), 0);
    for name in ["b", "a.used", "a"] {
        both.create(name);
    }
    let listed: Vec<_> =
        both.other.list().unwrap().tokens.into_iter().map(|listed| String::from(listed.token.name)).collect();
    assert_eq!(listed, ["a", "a.used", "b"]);
}

#[test]
fn of_very_many_files_some_are_passed_over_and_no_more_are_made() {
    let both = both();
    both.create("ci");
    for number in 0..directory::MOST {
        fs::write(both.path().join(format!("{number}.json")), "").unwrap();
    }
    let list = both.other.list().unwrap();
    assert!(list.more && list.tokens.len() + list.damaged.len() == directory::MOST);
    assert!(matches!(both.other.create(&token("more"), &[], None, now()), Err(AccessTokenError::TooMany)));
}
