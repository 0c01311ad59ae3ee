//! Rules in a file of their own are followed while the server runs.

use std::fs;
use std::time::Duration;

use crate::guarded;
use crate::support::Wharf;
use crate::support::client::PATIENCE;

const TROUBLE: &str = "the access rules have changed and cannot be used";

/// A server whose rules are in a file, which is `rules.yml` of the volume.
fn start(rules: &str) -> Wharf {
    let start = Wharf::prepare();
    let users = guarded::with_users(&start, 4);
    let path = start.volume().join("rules.yml");
    fs::write(&path, rules).unwrap();
    let include =
        format!("access:\n  - {{who: alice, repositories: '**', may: admin}}\n  - include: {}\n", path.display());
    guarded::configured(start, &format!("auth: {{{users}}}\n{include}")).go()
}

/// The file takes the place of the old one, as editors and deployments do it.
fn replace(wharf: &Wharf, rules: &str) {
    let path = wharf.volume().join("rules.yml");
    fs::write(path.with_extension("new"), rules).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

/// Waits until a user gets this answer to a pull, and says how long that took.
async fn until(wharf: &Wharf, name: &str, path: &str, status: u16) -> Duration {
    let began = std::time::Instant::now();
    let client = wharf.user(name);
    while client.get(path).await.status != status {
        assert!(began.elapsed() < PATIENCE, "{name} never gets {status} for {path}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

const MANIFEST: &str = "/v2/team/app/manifests/1";
const CAROL: &str = "access:\n  - {who: carol, repositories: team/*, may: pull}\n";
const DEVELOPERS: &str =
    "access:\n  - {who: 'group:developers', repositories: team/*, may: [pull, push]}\ngroups: {developers: [dave]}\n";

#[tokio::test]
async fn new_rules_hold_after_a_moment_for_those_who_are_logged_in_too() {
    let wharf = start(CAROL);
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    let token = wharf.user("carol").token("repository:team/app:pull").await;
    let bearer = wharf.client().bearer(&token);
    bearer.get(MANIFEST).await.is(200);
    wharf.user("dave").get(MANIFEST).await.is(404);
    replace(&wharf, DEVELOPERS);
    let took = until(&wharf, "dave", MANIFEST, 200).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    // All rules change at once, and what was issued under the old ones opens no more than the new ones do.
    wharf.user("carol").get(MANIFEST).await.refuses(404, "NAME_UNKNOWN");
    bearer.get(MANIFEST).await.refuses(404, "NAME_UNKNOWN");
    wharf.user("dave").repo("team/app").push_image("2", 2).await;
    wharf.logs("the access rules were read again");
    assert_eq!(wharf.log().matches("the access rules were read again").count(), 1, "{}", wharf.log());
}

#[tokio::test]
async fn a_file_that_is_broken_is_said_once_with_its_line_and_the_old_rules_hold_until_it_is_mended() {
    let wharf = start(CAROL);
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    replace(&wharf, &format!("{DEVELOPERS}\nacess: []\n"));
    wharf.logs(TROUBLE);
    // It looks again once a second.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let log = wharf.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(TROUBLE)).collect();
    assert_eq!(lines.len(), 1, "{log}");
    let place = format!("{}:5: ", wharf.volume().join("rules.yml").display());
    assert!(lines[0].contains(&place), "{} does not name {place}", lines[0]);
    wharf.user("carol").get(MANIFEST).await.is(200);
    wharf.user("dave").get(MANIFEST).await.is(404);
    // Gone is broken too.
    fs::remove_file(wharf.volume().join("rules.yml")).unwrap();
    while wharf.log().matches(TROUBLE).count() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wharf.user("carol").get(MANIFEST).await.is(200);
    wharf.user("alice").get(MANIFEST).await.is(200);
    replace(&wharf, DEVELOPERS);
    until(&wharf, "dave", MANIFEST, 200).await;
    wharf.user("carol").get(MANIFEST).await.is(404);
}

/// A file that is emptied takes away what it gave, and lets nobody in who was not.
#[tokio::test]
async fn rules_that_are_taken_away_end_what_they_gave() {
    let wharf = start(CAROL);
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    wharf.user("carol").get(MANIFEST).await.is(200);
    replace(&wharf, "access: []\n");
    until(&wharf, "carol", MANIFEST, 404).await;
    wharf.client().get(MANIFEST).await.refuses(401, "UNAUTHORIZED");
    wharf.user("alice").get(MANIFEST).await.is(200);
}
