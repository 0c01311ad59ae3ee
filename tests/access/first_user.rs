//! Nobody gets in with what is known to everybody (S19, CVE-2026-4404: Harbor's admin/Harbor12345).

use crate::guarded;
use crate::support::{Start, Wharf};

/// A server whose password file is not there.
fn without_users() -> Start {
    let start = Wharf::prepare();
    let path = guarded::htpasswd(&start).display().to_string();
    guarded::configured(start, &format!("auth: {{htpasswd: {{realm: wharf, path: {path}}}}}\nlog: {{level: debug}}\n"))
}

/// The password of the first user, if one is shown.
fn shown(wharf: &Wharf) -> Option<String> {
    let output = wharf.output();
    let mut lines = output.lines().filter_map(|line| line.trim().strip_prefix("first user docker, password "));
    let line = lines.next()?;
    assert!(lines.next().is_none(), "{output}");
    let password = line.split(' ').next().unwrap().to_owned();
    assert_eq!(output.matches(&password).count(), 1, "it is shown once");
    Some(password)
}

/// Waits until the last line of what is said at the start is there.
async fn has_said_all(wharf: &Wharf) {
    wharf.client().get("/").await.is(200);
    while !wharf.output().contains("docker tag") {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn without_a_password_file_a_user_is_made_whose_password_is_shown_once_and_nowhere_else() {
    let wharf = without_users().go();
    has_said_all(&wharf).await;
    let password = shown(&wharf).unwrap();
    assert!(password.len() >= 20, "{password}");
    wharf.client().user("docker", &password).get("/v2/").await.is(200);
    wharf.client().user("docker", &password).repo("a/b").push_image("1", 1).await;
    wharf.client().user("docker", &password[1..]).get("/v2/").await.is(401);
    wharf.logs("wrong credentials");
    assert!(!wharf.log().contains(&password));
    let path = wharf.volume().join("htpasswd");
    let file = std::fs::read_to_string(&path).unwrap();
    assert!(file.starts_with("docker:$2") && file.lines().count() == 1 && !file.contains(&password), "{file}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);

    // The second start makes none, and the first is still there.
    let config = std::fs::read_to_string(wharf.volume().join("config.yml")).unwrap();
    let wharf = wharf.crash().config(&config).go();
    has_said_all(&wharf).await;
    assert_eq!(shown(&wharf), None);
    wharf.client().user("docker", &password).get("/v2/").await.is(200);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), file);
}

#[tokio::test]
async fn each_server_has_a_first_user_of_its_own() {
    let (one, other) = (without_users().go(), without_users().go());
    has_said_all(&one).await;
    has_said_all(&other).await;
    let password = shown(&one).unwrap();
    assert_ne!(Some(&password), shown(&other).as_ref());
    other.client().user("docker", &password).get("/v2/").await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn nobody_gets_in_after_the_first_start_with_a_password_that_others_have() {
    let wharf = without_users().go();
    for (name, password) in [
        ("admin", "admin"),
        ("admin", "Harbor12345"),
        ("admin", "admin123"),
        ("admin", ""),
        ("docker", "docker"),
        ("docker", "password"),
        ("docker", ""),
        ("wharf", "wharf"),
        ("root", "root"),
        ("testuser", "testpassword"),
        ("test", "test123"),
        ("registry", "registry"),
        ("", ""),
    ] {
        let answer = wharf.client().user(name, password).get("/v2/").await;
        // So many were wrong that some are not even looked at.
        assert!(matches!(answer.status, 401 | 429), "{name}/{password}: {}", answer.status);
    }
    wharf.client().get("/v2/").await.refuses(401, "UNAUTHORIZED");
    wharf.client().get("/v2/_catalog").await.refuses(401, "UNAUTHORIZED");
}
