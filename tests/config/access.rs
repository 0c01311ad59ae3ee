//! Access rules: how they are read, which files they include, and what is remarked about them.

use std::fs;
use std::path::Path;

use wharf::auth::{AccessRules, Policy, Subject};
use wharf::auth::{Action, Asking};
use wharf::config::{Config, Warning};

use super::{load, minimal, refusal, sentences, without_file};

const USERS: &str = "auth: {htpasswd: {realm: a, path: /p}}\n";

fn rules(text: &str) -> AccessRules {
    load(&minimal(&format!("{USERS}{text}")), &[]).0.auth.access.unwrap()
}

/// What is remarked on rules that begin on the sixth line.
fn remarks(text: &str) -> Vec<String> {
    sentences(&load(&minimal(&format!("{USERS}{text}")), &[]).1)
}

fn said(policy: &Policy) -> Vec<String> {
    policy.rules().iter().map(|rule| format!("{}: {rule}", rule.origin)).collect()
}

fn may(policy: &Policy, user: &str, repository: &str, action: Action) -> bool {
    let subject = Subject::User(user.parse().unwrap());
    policy.allows(&Asking { subject: &subject, groups: &[], grants: &[] }, &repository.parse().unwrap(), action)
}

#[test]
fn each_rule_is_read_with_where_it_was_written() {
    let access = rules(
        "access:\n- {who: anonymous, repositories: 'public/**', may: [pull]}\n- who: [alice, 'group:ops']\n  \
         repositories: [a/*, 'b/**']\n  may: admin\ngroups: {ops: [bob], devs: carol}\n",
    );
    let expected = [
        "config.yml:7: anonymous may pull in public/**",
        "config.yml:8: alice and group:ops may admin in a/* and b/**",
    ];
    assert_eq!(said(&access.policy), expected);
    assert!(may(&access.policy, "bob", "b/c/d", Action::Delete) && !may(&access.policy, "carol", "b/c", Action::Pull));
    assert_eq!(access.files, [""; 0].map(std::path::PathBuf::from));
    assert_eq!(said(&(access.read_again)().unwrap()), expected);
}

#[test]
fn rules_and_groups_come_from_variables_too() {
    let variables = [
        ("REGISTRY_AUTH", "{htpasswd: {realm: a, path: /p}}"),
        ("REGISTRY_ACCESS", "[{who: 'group:ops', repositories: '**', may: admin}]"),
        ("REGISTRY_GROUPS_OPS", "[alice]"),
    ];
    let (config, warnings) = without_file(&variables);
    let policy = config.auth.access.unwrap().policy;
    assert_eq!(said(&policy), ["REGISTRY_ACCESS: group:ops may admin in **"]);
    assert!(may(&policy, "alice", "a", Action::Push));
    assert_eq!(warnings, []);
    let item =
        [("REGISTRY_ACCESS_0_WHO", "ci"), ("REGISTRY_ACCESS_0_REPOSITORIES", "a"), ("REGISTRY_ACCESS_0_MAY", "pull")];
    let policy = load(&minimal(&format!("{USERS}access: []")), &item).0.auth.access.unwrap().policy;
    assert_eq!(policy.rules()[0].to_string(), "ci may pull in a");
}

/// As when every rule is commented out: to pass that over would let in everybody, or let everybody do everything.
#[test]
fn a_key_without_rules_is_refused() {
    for users in [USERS, ""] {
        let found = refusal(&minimal(&format!("{users}access:\n# - {{who: alice}}\n")), &[]);
        assert!(found.contains("access: is empty, which is not the same as no rule"), "{found}");
    }
    let rule = "access:\n- {who: a, repositories: x, may: pull}\n";
    let found = refusal(&minimal(&format!("{USERS}{rule}")), &[("REGISTRY_ACCESS", "")]);
    assert!(found.starts_with("REGISTRY_ACCESS: access: is empty"), "{found}");
}

#[test]
fn an_empty_list_grants_nothing() {
    assert_eq!(rules("access: []").policy.rules().len(), 0);
    assert_eq!(remarks("access: []"), ["config.yml:6: access: there is no rule, so nobody may do anything"]);
    let found = remarks("groups: {a: [b]}");
    assert!(found[0].starts_with("config.yml:6: groups: has no effect without access"), "{found:?}");
}

#[test]
fn what_is_no_rule_is_named_with_its_place() {
    let rule = "{who: a, repositories: b, may: pull}";
    for (text, sentence) in [
        (format!("[{rule},\n{{repositories: b, may: pull}}]"), "6: access[1].who: expected names of users"),
        ("[{who: a, may: pull}]".to_owned(), "5: access[0].repositories: expected patterns"),
        (
            "[{who: a, repositories: b}]".to_owned(),
            "5: access[0].may: expected pull, push, create, delete or admin, found nothing",
        ),
        (
            format!("[{rule},\n{rule},\n{{who: a, repositories: b, may: [pull, read]}}]"),
            "7: access[2].may: expected pull, push, create, delete or admin, found \"read\"",
        ),
        ("[{who: [], repositories: b, may: pull}]".to_owned(), "5: access[0].who: expected "),
        ("[{who: 'user:a', repositories: b, may: pull}]".to_owned(), "5: access[0].who: \"user:a\": a name has "),
        (
            "[{who: a, repositories: Team/*, may: pull}]".to_owned(),
            "5: access[0].repositories: \"Team/*\": 'T' is in no",
        ),
        ("[{who: a, repositories: [b, c//d], may: pull}]".to_owned(), "5: access[0].repositories: \"c//d\": a pattern"),
        ("[~]".to_owned(), "5: access[0].who: expected "),
        ("[{who: a, what: b}]".to_owned(), "5: access[0].what: there is no such key"),
        ("[just words]".to_owned(), "5: access[0]: expected keys with values"),
        ("all".to_owned(), "5: access: expected a list"),
        ("[{include: a.yml, who: b}]".to_owned(), "5: access[0].include: stands alone"),
        ("[]\ngroups: {'user:b': [c]}".to_owned(), "6: groups.user:b: \"user:b\": a name has "),
        ("[]\ngroups: {a: ['group:b']}".to_owned(), "6: groups.a: \"group:b\": a name has "),
    ] {
        let found = refusal(&minimal(&format!("access: {text}")), &[]);
        assert!(found.starts_with(&format!("config.yml:{sentence}")), "{text}: {found}");
    }
}

#[test]
fn a_push_that_cannot_read_first_is_remarked() {
    let found = remarks("access: [{who: ci, repositories: team/*, may: [push]}]");
    assert_eq!(
        found,
        ["config.yml:6: access[0].may: ci may not pull from team/*, and docker push reads before it writes; add pull"]
    );
    for (rules, remarked) in [
        ("{who: ci, repositories: team/*, may: create}", true),
        ("{who: ci, repositories: team/*, may: admin}", false),
        ("{who: ci, repositories: team/*, may: delete}", false),
        ("{who: ci, repositories: team/*, may: push}, {who: ci, repositories: team/*, may: pull}", false),
        ("{who: ci, repositories: team/*, may: push}, {who: '*', repositories: '**', may: pull}", false),
        ("{who: ci, repositories: team/*, may: push}, {who: anonymous, repositories: 'team/**', may: pull}", false),
        ("{who: ci, repositories: team/*, may: push}, {who: ci, repositories: team/app, may: pull}", true),
        ("{who: ci, repositories: 'team/**', may: push}, {who: ci, repositories: team/*, may: pull}", true),
        ("{who: ci, repositories: team/app, may: push}, {who: ci, repositories: team/*, may: pull}", false),
        ("{who: ci, repositories: team/*, may: push}, {who: 'group:builders', repositories: '**', may: pull}", false),
        ("{who: '*', repositories: '{user}/*', may: push}, {who: '*', repositories: '{user}/**', may: pull}", false),
        ("{who: '*', repositories: '{user}/*', may: push}, {who: ci, repositories: '**', may: pull}", true),
        ("{who: anonymous, repositories: a, may: push}, {who: '*', repositories: a, may: pull}", true),
    ] {
        let found = remarks(&format!("access: [{rules}]\ngroups: {{builders: [ci]}}"));
        assert_eq!(found.iter().any(|found| found.contains("reads before it writes")), remarked, "{rules}: {found:?}");
    }
}

#[test]
fn a_group_that_nobody_can_be_in_is_remarked() {
    let rule = "access: [{who: 'group:ops', repositories: a, may: pull}]\n";
    let expected = "config.yml:6: access[0].who: nobody is in the group ops; name its members in groups.ops";
    assert_eq!(remarks(rule), [expected]);
    assert_eq!(remarks(&format!("{rule}groups: {{ops: []}}")), [expected]);
    assert_eq!(remarks(&format!("{rule}groups: {{ops: [alice]}}")), [""; 0]);
    let elsewhere = "auth: {ldap: {url: 'ldaps://a', users: {base: b}, groups: {base: c}}}\n";
    assert_eq!(sentences(&load(&minimal(&format!("{elsewhere}{rule}")), &[]).1), [""; 0]);
}

#[test]
fn rules_for_users_where_nobody_can_log_in_are_remarked() {
    let found =
        |who: &str| sentences(&load(&minimal(&format!("access: [{{who: {who}, repositories: a, may: pull}}]")), &[]).1);
    assert!(found("alice")[0].starts_with("config.yml:5: access[0].who: nobody can log in"));
    assert_eq!(found("anonymous"), [""; 0]);
}

/// Writes files into a directory and loads the one that is called `config.yml`.
fn in_directory(directory: &Path, files: &[(&str, &str)]) -> Result<(Config, Vec<Warning>), String> {
    for (name, text) in files {
        fs::create_dir_all(directory.join(name).parent().unwrap()).unwrap();
        fs::write(directory.join(name), text).unwrap();
    }
    Config::load(Some(&directory.join("config.yml")), [])
        .map_err(|error| error.to_string().replace(directory.to_str().unwrap(), "DIR"))
}

fn including(files: &str) -> String {
    format!(
        "version: 0.1\nstorage: filesystem\n{USERS}access:\n- {{who: a, repositories: x, may: pull}}\n{files}\
         - {{who: z, repositories: x, may: pull}}\ngroups: {{ops: [alice]}}\n"
    )
}

#[test]
fn included_rules_take_their_place_and_are_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let more = "access:\n- {who: 'group:ops', repositories: y, may: pull}\ngroups: {ops: [bob]}\n";
    let files = [("config.yml", &*including("- include: rules/more.yml\n")), ("rules/more.yml", more)];
    let (config, warnings) = in_directory(directory.path(), &files).unwrap();
    let access = config.auth.access.unwrap();
    let lines = |policy: &Policy| said(policy).join("\n").replace(directory.path().to_str().unwrap(), "DIR");
    assert_eq!(
        lines(&access.policy),
        "DIR/config.yml:5: a may pull in x\nDIR/rules/more.yml:2: group:ops may pull in y\nDIR/config.yml:7: z may pull in x"
    );
    assert_eq!(access.files, [directory.path().join("rules/more.yml")]);
    assert!(may(&access.policy, "alice", "y", Action::Pull) && may(&access.policy, "bob", "y", Action::Pull));
    assert_eq!(warnings, []);

    fs::write(directory.path().join("rules/more.yml"), "access: [{who: b, repositories: y, may: pull}]\n").unwrap();
    let again = (access.read_again)().unwrap();
    assert_eq!(again.rules().len(), 3);
    assert!(may(&again, "b", "y", Action::Pull) && !may(&again, "bob", "y", Action::Pull));
    // What the configuration itself says is not read again.
    fs::write(directory.path().join("config.yml"), "version: 0.1\n").unwrap();
    assert_eq!((access.read_again)().unwrap().rules().len(), 3);

    fs::write(directory.path().join("rules/more.yml"), "\naccess: [{who: b}]\n").unwrap();
    let error = (access.read_again)().unwrap_err().to_string().replace(directory.path().to_str().unwrap(), "DIR");
    assert!(error.starts_with("DIR/rules/more.yml:2: access[0].repositories: expected "), "{error}");
    fs::remove_file(directory.path().join("rules/more.yml")).unwrap();
    let error = (access.read_again)().unwrap_err().to_string().replace(directory.path().to_str().unwrap(), "DIR");
    assert_eq!(error, "DIR/config.yml:6: access[1].include: DIR/rules/more.yml cannot be read");
}

#[test]
fn an_included_file_is_bounded_and_has_rules_and_groups_alone() {
    let long = format!("#{}\n", "x".repeat(1 << 20));
    for (text, sentence) in [
        ("http: {}\n", "DIR/a.yml:1: http: there is no such key; known here: access, groups"),
        ("access: [{include: a.yml}]\n", "DIR/a.yml:1: access[0].include: a file that is included includes no other"),
        ("access: {\n", "DIR/a.yml:2:1: "),
        (&long, "DIR/config.yml:6: access[1].include: DIR/a.yml cannot be read"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let files = [("config.yml", &*including("- include: a.yml\n")), ("a.yml", text)];
        let found = in_directory(directory.path(), &files).map(|_| ()).unwrap_err();
        assert!(found.starts_with(sentence), "{found}");
    }
    let directory = tempfile::tempdir().unwrap();
    let with = |count: usize| including(&"- include: a.yml\n".repeat(count));
    assert!(in_directory(directory.path(), &[("config.yml", &with(16)), ("a.yml", "")]).is_ok());
    let found = in_directory(directory.path(), &[("config.yml", &with(17))]).map(|_| ()).unwrap_err();
    assert_eq!(found, "DIR/config.yml:22: access[17].include: at most 16 files can be included");
    // Not a pipe or a device, which may have no end or never begin.
    let found = in_directory(directory.path(), &[("config.yml", &including("- include: /dev/zero\n"))]).map(|_| ());
    assert!(found.unwrap_err().contains("/dev/zero cannot be read"));
}
