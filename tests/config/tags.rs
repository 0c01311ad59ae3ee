//! Rules about tags that stay where they are.

use super::{load, minimal, refusal};

/// The key of the rule by which a tag stays where it is.
fn rule(text: &str, repository: &str, tag: &str) -> Option<String> {
    let (config, warnings) = load(&minimal(text), &[]);
    assert_eq!(warnings, []);
    let (repository, tag) = (repository.parse().unwrap(), tag.parse().unwrap());
    config.registry.immutable_tags.rule(&repository, &tag).map(|rule| rule.key.clone())
}

#[test]
fn rules_have_patterns_of_repositories_and_tags_and_exceptions() {
    let text = "tags:\n  immutable:\n  - {repositories: ['prod/**', base], tags: '*', except: [latest, 'dev-*']}\n  - \
                repositories: team/*\n    tags: v1.?\n";
    for (repository, tag, expected) in [
        ("prod/a/b", "1.0", Some("tags.immutable[0]")),
        ("base", "1.0", Some("tags.immutable[0]")),
        ("prod/a", "latest", None),
        ("prod/a", "dev-1", None),
        ("team/app", "v1.2", Some("tags.immutable[1]")),
        ("team/app", "v1.20", None),
        ("other", "v1.2", None),
    ] {
        assert_eq!(rule(text, repository, tag).as_deref(), expected, "{repository}:{tag}");
    }
    assert_eq!(rule("tags: {maxtags: 5}\n", "prod/a", "1.0"), None);
    assert_eq!(rule("tags: {immutable: []}\n", "prod/a", "1.0"), None);
}

#[test]
fn what_is_no_rule_is_named_with_its_place() {
    let rule = "{repositories: a, tags: b}";
    for (text, sentence) in [
        (format!("[{rule},\n{{tags: b}}]"), "6: tags.immutable[1].repositories: expected patterns of repositories"),
        (
            "[{repositories: a}]".to_owned(),
            "5: tags.immutable[0].tags: expected patterns of tags such as v*, found nothing",
        ),
        ("[{repositories: [], tags: b}]".to_owned(), "5: tags.immutable[0].repositories: expected "),
        ("[{repositories: Prod/*, tags: b}]".to_owned(), "5: tags.immutable[0].repositories: \"Prod/*\": 'P' is in no"),
        (
            "[{repositories: '{user}/*', tags: b}]".to_owned(),
            "5: tags.immutable[0].repositories: {user}/*: {user} is nobody here",
        ),
        ("[{repositories: a, tags: [b, 'v/1']}]".to_owned(), "5: tags.immutable[0].tags: \"v/1\": '/' is in no tag"),
        (
            "[{repositories: a, tags: b, except: ['']}]".to_owned(),
            "5: tags.immutable[0].except: \"\": a pattern such as",
        ),
        ("[{repository: a, tags: b}]".to_owned(), "5: tags.immutable[0].repository: there is no such key"),
        ("prod".to_owned(), "5: tags.immutable: expected a list"),
    ] {
        let found = refusal(&minimal(&format!("tags: {{immutable: {text}}}")), &[]);
        assert!(found.starts_with(&format!("config.yml:{sentence}")), "{text}: {found}");
    }
}
