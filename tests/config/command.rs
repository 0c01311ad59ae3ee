//! `wharf config`, run as a process.

use std::process::{Command, Output};

use super::load;

/// Runs `wharf config` with nothing in the environment but `variables`.
fn wharf(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wharf"))
        .arg("config")
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A file in a directory that goes away with the first value.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn check_says_that_wharf_can_start_and_what_it_remarked() {
    let (_directory, path) = file("version: 0.1\nstorage: filesystem\nhttp: {secret: hunter2}\n");
    let output = wharf(&["check", &path], &[("REGISTRY_PORT", "tcp://10.0.0.1:5000")]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), format!("{path}: Wharf can start with this configuration.\n"));
    assert_eq!(text(&output.stderr).lines().count(), 2, "{}", text(&output.stderr));
}

#[test]
fn check_says_why_wharf_cannot_start() {
    let (_directory, path) =
        file("version: 0.1\nstorage: filesystem\nvalidation: {manifests: {urls: {deny: ['(']}}}\n");
    let output = wharf(&["check", &path], &[]);
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(text(&output.stdout), "");
    let sentence =
        format!("{path}:3: validation.manifests.urls.deny: expected a regular expression: regex parse error");
    assert!(text(&output.stderr).starts_with(&sentence), "{}", text(&output.stderr));
}

#[test]
fn a_file_that_cannot_be_read_has_a_status_of_its_own() {
    let output = wharf(&["check", "/nowhere/config.yml"], &[]);
    assert_eq!(output.status.code(), Some(66));
    assert!(text(&output.stderr).starts_with("/nowhere/config.yml: cannot be read: "), "{}", text(&output.stderr));
}

#[test]
fn a_file_that_is_no_text_or_has_no_end_is_refused() {
    let (directory, path) = file("");
    std::fs::write(directory.path().join("config.yml"), b"version: \xff\n").unwrap();
    assert_eq!(wharf(&["check", &path], &[]).status.code(), Some(78));
    std::fs::write(directory.path().join("config.yml"), vec![b'#'; 2 << 20]).unwrap();
    let output = wharf(&["check", &path], &[]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("is longer than 1048576 bytes"));
    assert_eq!(wharf(&["check", "/dev/zero"], &[]).status.code(), Some(78));
}

#[test]
fn show_says_where_each_value_was_written_and_hides_secrets() {
    let (_directory, path) = file("version: 0.1\nstorage: filesystem\nhttp:\n  secret: hunter2\n");
    let output = wharf(&["show", &path], &[("REGISTRY_HTTP_ADDR", ":6000"), ("REGISTRY_REDIS_PASSWORD", "hunter2")]);
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    for line in [
        format!("version: 0.1  # {path}:1"),
        format!("  secret: \"***\"  # {path}:4"),
        "  addr: \":6000\"  # REGISTRY_HTTP_ADDR".to_owned(),
        "  password: \"***\"  # REGISTRY_REDIS_PASSWORD".to_owned(),
        "    rootdirectory: /var/lib/registry  # default".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    assert!(!shown.contains("hunter2"));
}

#[test]
fn show_hides_a_password_within_a_url() {
    let (_directory, path) =
        file("version: 0.1\nstorage: filesystem\nlog: {fields: {a: 'https://me:hunter2@a.lan/b@c'}}\n");
    let output = wharf(&["show", &path], &[]);
    let shown = text(&output.stdout);
    assert!(shown.contains("https://***@a.lan/b@c") && !shown.contains("hunter2"), "{shown}{}", text(&output.stderr));
}

#[test]
fn show_without_a_file_is_what_wharf_starts_with() {
    let output = wharf(&["show"], &[]);
    assert!(text(&output.stdout).contains("rootdirectory: ./wharf-data  # default"));
}

#[test]
fn a_variable_may_name_the_file() {
    let (_directory, path) = file("version: 0.1\nstorage: filesystem\n");
    let output = wharf(&["show"], &[("REGISTRY_CONFIGURATION_PATH", &path)]);
    assert_eq!(text(&output.stderr), "");
    assert!(text(&output.stdout).starts_with(&format!("version: 0.1  # {path}:1\n")));
}

#[test]
fn what_is_shown_is_a_configuration_that_means_the_same() {
    let text = "version: 0.1\nstorage: {filesystem: {rootdirectory: '/a b'}}\nhttps: {names: [a.lan]}\n\
                http: {headers: {X-A: ['true', 'b: c', '#']}}\nlog: {fields: {n: 'null', e: null, t: \"\\t\"}, hooks: []}\n";
    // A key that is longer than YAML reads without its question mark.
    let text = text.replace("{fields: {", &format!("{{fields: {{? '{}' : long, ", "k".repeat(2000)));
    // And a name that would leave the comment in which it stands.
    let variables = [("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{enabled: yes}"), ("REGISTRY_LOG_FIELDS_A\nB", "c")];
    let (config, _) = load(&text, &variables);
    let mut shown = Vec::new();
    config.show(&mut shown).unwrap();
    let (again, _) = load(std::str::from_utf8(&shown).unwrap(), &[]);
    assert_eq!(format!("{:?}", config.http), format!("{:?}", again.http));
    assert_eq!(format!("{:?}", config.storage), format!("{:?}", again.storage));
    assert_eq!(format!("{:?}", config.registry), format!("{:?}", again.registry));
    assert_eq!(format!("{:?}", config.telemetry), format!("{:?}", again.telemetry));
}
