//! `wharf user`, as a person and a script use it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn user(arguments: &[&str], file: &Path, input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.arg("user").args(arguments).arg("--file").arg(file);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that needs no input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn done(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

fn verifies(file: &Path, name: &str, password: &str) -> bool {
    let content = fs::read_to_string(file).unwrap();
    let hash = content.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
    assert!(hash.starts_with("$2y$10$"), "{hash}");
    bcrypt::verify(password, hash).unwrap()
}

#[test]
fn users_are_added_changed_listed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auth/htpasswd");
    assert_eq!(done(user(&["add", "alice", "--password-stdin"], &file, "one two\n")), "");
    assert!(verifies(&file, "alice", "one two"));
    let said = refused(user(&["add", "alice", "--password-stdin"], &file, "other\n"));
    assert!(said.contains("use: wharf user passwd alice"), "{said}");
    let said = refused(user(&["passwd", "bob", "--password-stdin"], &file, "other\n"));
    assert!(said.contains("no user bob"), "{said}");
    done(user(&["passwd", "alice", "--password-stdin"], &file, "three\n"));
    assert!(verifies(&file, "alice", "three"));
    let mut content = fs::read_to_string(&file).unwrap();
    content.insert_str(0, "# kept\nold:$apr1$abc$def\n");
    fs::write(&file, content).unwrap();
    let listed = done(user(&["list"], &file, ""));
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines[0], "alice");
    assert!(lines[1].starts_with("old (cannot log in:") && lines[1].contains("wharf user passwd old"), "{listed}");
    done(user(&["remove", "alice"], &file, ""));
    assert_eq!(fs::read_to_string(&file).unwrap(), "# kept\nold:$apr1$abc$def\n");
    assert!(refused(user(&["remove", "alice"], &file, "")).contains("no user alice"));
}

#[test]
fn a_generated_password_is_alone_on_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("htpasswd");
    let output = user(&["add", "alice", "--generate"], &file, "");
    assert!(!output.stderr.is_empty());
    let printed = done(output);
    let password = printed.strip_suffix('\n').unwrap();
    assert!(password.len() >= 20 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{password}");
    assert!(verifies(&file, "alice", password));
}

#[test]
fn without_a_terminal_it_says_how_else_to_give_a_password() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("htpasswd");
    let said = refused(user(&["add", "alice"], &file, "secret\n"));
    assert!(said.contains("--password-stdin") && said.contains("--generate"), "{said}");
    let said = refused(user(&["add", "alice", "--password-stdin"], &file, ""));
    assert!(said.contains("standard input"), "{said}");
    let said = refused(user(&["add", "alice", "--password-stdin"], &file, &"long".repeat(20)));
    assert!(said.contains("72 bytes") && !said.contains("longlong"), "{said}");
    assert!(!file.exists());
}

#[test]
fn commands_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("htpasswd");
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (file, name) = (&file, format!("user{number}"));
            scope.spawn(move || done(user(&["add", &name, "--password-stdin"], file, "a\n")));
        }
    });
    assert_eq!(done(user(&["list"], &file, "")).lines().count(), 6);
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("htpasswd");
    fs::write(&file, "# a\nnonsense\n").unwrap();
    let said = refused(user(&["list"], &file, ""));
    assert!(said.contains("htpasswd:2: ") && !said.contains("nonsense"), "{said}");
}

#[test]
fn without_a_file_in_the_configuration_it_says_what_to_set() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    let output = command.args(["user", "list"]).current_dir(directory.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("auth.htpasswd.path") && said.contains("--file"), "{said}");
    assert_eq!(output.status.code(), Some(78));
}
