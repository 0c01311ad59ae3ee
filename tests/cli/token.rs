//! `wharf token`, as a person and a script use it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

fn token(volume: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.arg("token").args(arguments).current_dir(volume);
    command.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", volume).output().unwrap()
}

fn done(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_token_is_made_listed_and_revoked() {
    let volume = tempfile::tempdir().unwrap();
    let create =
        ["create", "--name", "ci-build", "--may", "team/*:pull,create", "--may", "**:pull", "--expires", "90d"];
    let output = token(volume.path(), &create);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(said.contains("docker login -u ci-build --password-stdin") && said.contains("ends at"), "{said}");
    let secret = done(output);
    assert!(secret.starts_with("wharf_") && secret.lines().count() == 1, "{secret}");
    assert!(!said.contains(secret.trim()));
    assert!(said.starts_with("under this configuration everybody may do everything"), "{said}");
    let file = volume.path().join("wharf/auth/tokens/ci-build.json");
    assert!(!fs::read_to_string(&file).unwrap().contains(secret.trim()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let said = refused(token(volume.path(), &create));
    assert!(said.contains("already") && said.contains("wharf token revoke ci-build"), "{said}");

    let table = done(token(volume.path(), &["list"]));
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("NAME      MAY"), "{table}");
    assert!(lines[1].starts_with("ci-build  team/*:pull,create **:pull  ") && lines[1].ends_with("never"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&done(token(volume.path(), &["list", "--json"]))).unwrap();
    assert_eq!(json[0]["name"], "ci-build");
    assert_eq!(json[0]["may"], serde_json::json!(["team/*:pull,create", "**:pull"]));
    assert_eq!((&json[0]["expired"], &json[0]["last_used"]), (&false.into(), &serde_json::Value::Null));
    assert!(json[0]["expires"].as_str().unwrap() > json[0]["created"].as_str().unwrap());

    assert_eq!(done(token(volume.path(), &["revoke", "ci-build"])), "");
    assert!(!file.exists());
    assert!(refused(token(volume.path(), &["revoke", "ci-build"])).contains("no access token ci-build"));
    assert_eq!(done(token(volume.path(), &["list", "--json"])), "[]\n");
}

#[test]
fn a_token_that_never_ends_is_made_with_a_word_about_it() {
    let volume = tempfile::tempdir().unwrap();
    let output = token(volume.path(), &["create", "--name", "ci", "--may", "**:pull"]);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(said.contains("never") && said.contains("--expires"), "{said}");
    done(output);
}

#[test]
fn what_is_no_grant_no_name_or_no_time_is_refused_with_what_would_be() {
    let volume = tempfile::tempdir().unwrap();
    for (arguments, hint) in [
        (&["create", "--name", "ci", "--may", "team/*"][..], "PATTERN:ACTION"),
        (&["create", "--name", "ci", "--may", "team/*:read"], "pull, push"),
        (&["create", "--name", "../ci", "--may", "**:pull"], "lower-case"),
        (&["create", "--name", "ci", "--may", "**:pull", "--expires", "soon"], "90d"),
        (&["create", "--name", "ci"], "--may"),
    ] {
        let output = token(volume.path(), arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(hint), "{arguments:?}: {said}");
    }
    assert_eq!(fs::read_dir(volume.path()).unwrap().count(), 0);
}

#[test]
fn a_damaged_file_is_named_and_the_others_are_listed() {
    let volume = tempfile::tempdir().unwrap();
    done(token(volume.path(), &["create", "--name", "ci", "--may", "**:pull"]));
    fs::write(volume.path().join("wharf/auth/tokens/odd.json"), "{}").unwrap();
    let output = token(volume.path(), &["list"]);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(said.contains("odd.json"), "{said}");
    assert!(done(output).contains("ci "));
}

#[test]
fn what_root_makes_belongs_to_the_owner_of_the_volume() {
    let volume = tempfile::tempdir().unwrap();
    if fs::metadata(volume.path()).unwrap().uid() != 0 {
        return;
    }
    std::os::unix::fs::chown(volume.path(), Some(4321), Some(1234)).unwrap();
    done(token(volume.path(), &["create", "--name", "ci", "--may", "**:pull"]));
    for made in ["wharf", "wharf/auth", "wharf/auth/tokens", "wharf/auth/tokens/ci.json"] {
        let metadata = fs::metadata(volume.path().join(made)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (4321, 1234), "{made}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_by_its_status() {
    let volume = tempfile::tempdir().unwrap();
    assert_eq!(token(volume.path(), &["list", "absent.yml"]).status.code(), Some(66));
    fs::write(volume.path().join("config.yml"), "nonsense").unwrap();
    assert_eq!(token(volume.path(), &["list", "config.yml"]).status.code(), Some(78));
}
