//! The sample files and the documentation hold what they promise.

use wharf::auth::{Asking, Subject};

use super::{load, sentences};

const MINIMAL: &str = include_str!("../../config/minimal.yml");
const IMAGE: &str = include_str!("../../config/image.yml");
const FULL: &str = include_str!("../../config/full.yml");
const TEAM: &str = include_str!("../../config/team.yml");

/// The full sample with every key in effect that is commented out once. Twice is what does not go with the others.
fn uncommented() -> String {
    let is_key = |text: &str| {
        let text = text.trim_start();
        text.starts_with("- ")
            || text.split_once(':').is_some_and(|(key, rest)| {
                key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                    && (rest.is_empty() || rest.starts_with(' '))
            })
    };
    let line = |line: &str| match line.split_once("# ") {
        Some((indent, text)) if indent.trim().is_empty() && is_key(text) => format!("{indent}{text}\n"),
        Some(_) | None => format!("{line}\n"),
    };
    FULL.lines().map(line).collect()
}

#[test]
fn the_samples_start_and_have_nothing_to_remark() {
    for (name, text) in [("minimal", MINIMAL), ("image", IMAGE), ("full", FULL), ("team", TEAM)] {
        assert_eq!(sentences(&load(text, &[]).1), [""; 0], "{name}");
    }
}

#[test]
fn the_image_allows_deletion_and_watches_its_storage() {
    let (config, _) = load(IMAGE, &[]);
    assert!(config.registry.delete_enabled);
    assert!(config.http.health.is_some());
    assert!(config.http.debug.is_none());
}

#[test]
fn the_team_of_its_sample_may_do_what_the_sample_says() {
    let (config, _) = load(TEAM, &[]);
    let policy = config.auth.access.unwrap().policy;
    let may = |user: &str, action: &str, repository: &str| {
        let subject = if user.is_empty() { Subject::Anonymous } else { Subject::User(user.parse().unwrap()) };
        let asking = Asking { subject: &subject, groups: &[], grants: &[] };
        policy.allows(&asking, &repository.parse().unwrap(), action.parse().unwrap())
    };
    for (user, action, repository, expected) in [
        ("", "pull", "public/app", true),
        ("", "push", "public/app", false),
        ("", "pull", "team/app", false),
        ("bob", "push", "team/app", true),
        ("bob", "delete", "team/app", false),
        ("bob", "delete", "bob/test/app", true),
        ("bob", "pull", "alice/app", false),
        ("carol", "pull", "team/app", true),
        ("carol", "create", "team/app", false),
        ("alice", "admin", "bob/app", true),
    ] {
        assert_eq!(may(user, action, repository), expected, "{user} {action} {repository}");
    }
}

#[test]
fn the_full_sample_is_the_default_apart_from_its_examples() {
    let silent = "version: 0.1\nstorage: filesystem\nlog: {fields: {service: registry}}\n\
                  http: {headers: {X-Content-Type-Options: [nosniff]}}\n";
    let (full, _) = load(FULL, &[]);
    let (silent, _) = load(silent, &[]);
    assert_eq!(format!("{:?}", full.http), format!("{:?}", silent.http));
    assert_eq!(format!("{:?}", full.registry), format!("{:?}", silent.registry));
    assert_eq!(format!("{:?}", full.telemetry), format!("{:?}", silent.telemetry));
    assert_eq!(format!("{:?}", full.storage), format!("{:?}", silent.storage));
    assert!(full.auth.is_open() && silent.auth.is_open());
}

#[test]
fn what_the_full_sample_comments_out_is_right_too() {
    let text = uncommented();
    let (config, warnings) = load(&text, &[]);
    assert_eq!(config.http.listeners.len(), 2);
    assert!(config.http.listeners.iter().all(|listener| listener.tls.is_some()));
    assert!(config.http.debug.is_some());
    assert_eq!(config.http.public_path, "/registry");
    assert_eq!(config.registry.tags_page_max, Some(1000));
    let auth = config.auth;
    assert!(auth.htpasswd.is_some() && auth.ldap.is_some() && auth.certificate.is_some());
    assert_eq!((auth.oidc.len(), auth.access.unwrap().policy.rules().len()), (1, 2));
    // The names of a certificate that is named, and retention where nothing may be deleted.
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn the_token_server_of_the_full_sample_is_right_too() {
    let twice = FULL.lines().filter_map(|line| line.strip_prefix("#   # ")).skip_while(|line| *line != "token:");
    let token: Vec<&str> = twice.take_while(|line| *line == "token:" || line.starts_with("  ")).collect();
    let text = format!("version: 0.1\nstorage: filesystem\nauth:\n  {}\n", token.join("\n  "));
    let (config, warnings) = load(&text, &[]);
    assert!(config.auth.token_server.unwrap().jwks.is_some(), "{text}");
    assert_eq!(sentences(&warnings), [""; 0]);
}
