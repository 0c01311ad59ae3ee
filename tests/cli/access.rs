//! `wharf access`, run as a process.

use std::process::{Command, Output};

const RULES: &str = "
auth: {htpasswd: {realm: a, path: /p}}
access:
  - {who: anonymous, repositories: \"public/**\", may: pull}
  - {who: \"*\", repositories: \"{user}/**\", may: [pull, push, delete]}
  - {who: \"group:ops\", repositories: \"**\", may: admin}
  - {who: ci, repositories: team/*, may: [pull, create]}
groups: {ops: [alice]}
";

/// Asks with a file that says `more` behind its first two lines, and replaces the file's name in what is answered.
fn explain(more: &str, arguments: &str) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yml");
    std::fs::write(&path, format!("version: 0.1\nstorage: filesystem{more}")).unwrap();
    let output =
        run(&[&["explain"], &arguments.split(' ').collect::<Vec<_>>()[..], &[path.to_str().unwrap()]].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(path.to_str().unwrap(), "config.yml");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wharf")).arg("access").args(arguments).env_clear().output().unwrap()
}

#[test]
fn what_may_be_done_is_told_with_the_rule_that_grants_it() {
    for (arguments, answer) in [
        (
            "--user ci --repository team/app --action create",
            "yes: rule 4 (config.yml:8): ci may pull and create in team/*\n",
        ),
        (
            "--anonymous --repository public/a --action pull",
            "yes: rule 1 (config.yml:5): anonymous may pull in public/**\n",
        ),
        ("--user alice --repository a --action delete", "yes: rule 3 (config.yml:7): group:ops may admin in **\n"),
        (
            "--user bob --group ops --repository a --action admin",
            "yes: rule 3 (config.yml:7): group:ops may admin in **\n",
        ),
        (
            "--user bob --repository bob/a --action push",
            "yes: rule 2 (config.yml:6): * may pull, push and delete in {user}/**\n",
        ),
    ] {
        assert_eq!(explain(RULES, arguments), (Some(0), answer.to_owned(), String::new()), "{arguments}");
    }
}

#[test]
fn what_may_not_be_done_is_told_with_every_rule_that_was_considered() {
    for (arguments, answer) in [
        (
            "--user ci --repository team/app --action delete",
            "no: delete on team/app needs delete for ci; rules 2 and 4 were considered\n  \
               rule 2 (config.yml:6): * may pull, push and delete in {user}/**\n  \
               rule 4 (config.yml:8): ci may pull and create in team/*\n",
        ),
        (
            "--user bob --repository team/app --action push",
            "no: push on team/app needs push or create for bob; rule 2 was considered\n  \
               rule 2 (config.yml:6): * may pull, push and delete in {user}/**\n",
        ),
        (
            "--anonymous --repository team/app --action pull",
            "no: pull on team/app needs pull for anonymous; no rule is about anonymous\n",
        ),
    ] {
        assert_eq!(explain(RULES, arguments), (Some(1), answer.to_owned(), String::new()), "{arguments}");
    }
}

#[test]
fn a_push_that_may_move_no_tag_is_told_apart() {
    let (status, answer, _) = explain(RULES, "--user ci --repository team/app --action push");
    let expected = "yes, but new tags only: rule 4 (config.yml:8): ci may pull and create in team/*\n\
                    no: moving a tag on team/app needs push for ci; rules 2 and 4 were considered\n  \
                      rule 2 (config.yml:6): * may pull, push and delete in {user}/**\n  \
                      rule 4 (config.yml:8): ci may pull and create in team/*\n";
    assert_eq!((status, answer.as_str()), (Some(0), expected));
}

#[test]
fn without_rules_it_is_told_what_holds_then() {
    let open = explain("\n", "--anonymous --repository a --action push");
    assert_eq!(open, (Some(0), "yes: rule 1 (default): anonymous may admin in **\n".to_owned(), String::new()));
    let users = "\nauth: {htpasswd: {realm: a, path: /p}}\n";
    let (status, answer, _) = explain(users, "--user bob --repository a --action push");
    assert_eq!((status, answer.as_str()), (Some(0), "yes: rule 1 (default): * may admin in **\n"));
    assert_eq!(explain(users, "--anonymous --repository a --action pull").0, Some(1));
    let token = "\nauth: {token: {realm: 'https://a', service: b, issuer: c, jwks: /j}}\n";
    let (status, answer, error) = explain(token, "--user bob --repository a --action pull");
    assert_eq!((status, answer.as_str()), (Some(1), ""));
    assert!(error.contains("auth.token"), "{error}");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    for arguments in [
        "--repository a --action pull",
        "--user a --anonymous --repository a --action pull",
        "--anonymous --group ops --repository a --action pull",
        "--user a --repository A --action pull",
        "--user a --repository a --action read",
    ] {
        assert_eq!(explain(RULES, arguments).0, Some(2), "{arguments}");
    }
    let (status, _, error) = explain("\naccess: [{who: a}]\n", "--user a --repository a --action pull");
    assert_eq!(status, Some(78));
    assert!(error.starts_with("config.yml:3: access[0].repositories: expected "), "{error}");
    let output = run(&["explain", "--anonymous", "--repository", "a", "--action", "pull", "/nowhere.yml"]);
    assert_eq!(output.status.code(), Some(66));
    let (status, _, error) = explain("\naccess: [{include: a.yml}]\n", "--user a --repository a --action pull");
    assert_eq!(status, Some(66));
    assert!(
        error.starts_with("config.yml:3: access[0].include: ") && error.contains("a.yml cannot be read: "),
        "{error}"
    );
}

#[test]
fn an_access_token_is_told_apart_from_the_user_of_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yml");
    let root = directory.path().display();
    let file = format!("version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}}}{RULES}");
    std::fs::write(&path, file).unwrap();
    let path = path.to_str().unwrap();
    let wharf = |arguments: &str| {
        let arguments = arguments.split(' ').chain([path]);
        let output = Command::new(env!("CARGO_BIN_EXE_wharf")).args(arguments).env_clear().output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(wharf("token create --name alice --may team/*:pull,create").0, Some(0));
    let (code, out, _) = wharf("access explain --token alice --repository team/app --action create");
    assert_eq!((code, out.as_str()), (Some(0), "yes: its own --may team/*:pull,create\n"));
    let (code, out, _) = wharf("access explain --token alice --repository other/app --action pull");
    let no = "no: pull on other/app needs pull for the access token alice; what it may do was said when it was made\n";
    assert_eq!((code, out.as_str()), (Some(1), no));
    let (code, _, err) = wharf("access explain --token bob --repository other/app --action pull");
    assert_eq!((code, err.contains("there is no access token bob")), (Some(1), true), "{err}");
}
