//! Rules about which tags stay.

use std::time::Duration;

use super::{load, minimal, refusal, sentences};

const HOUR: Duration = Duration::from_secs(3600);

fn with(retention: &str) -> String {
    minimal(&format!("  delete: {{enabled: true}}\nretention:\n  {retention}\n"))
}

#[test]
fn rules_say_about_which_tags_they_are_and_what_stays_of_them() {
    let text = with(
        "interval: 24h\n  rules:\n  - {repositories: ['team/**', base], tags: 'pr-*', keep: {newest: 10, youngerthan: \
         168h, pulledwithin: 720h, matching: [v*, latest]}}\n  - repositories: '**'\n    tags: ['*']\n    keep:\n      \
         matching: latest",
    );
    let (config, warnings) = load(&text, &[]);
    assert_eq!(warnings, []);
    let retention = config.registry.retention;
    assert_eq!(retention.interval, Some(24 * HOUR));
    let [first, second] = &retention.rules[..] else { panic!("{retention:?}") };
    assert_eq!(first.key, "retention.rules[0]");
    assert_eq!((first.repositories.len(), first.tags.len()), (2, 1));
    assert_eq!(first.keep.newest, Some(10));
    assert_eq!((first.keep.younger_than, first.keep.pulled_within), (Some(168 * HOUR), Some(720 * HOUR)));
    assert!(first.keep.matching[1].matches(&"latest".parse().unwrap()));
    assert_eq!((second.keep.newest, second.keep.younger_than, second.keep.pulled_within), (None, None, None));
    let (config, _) = load(&minimal(""), &[]);
    assert!(config.registry.retention.interval.is_none() && config.registry.retention.rules.is_empty());
    let variables = [("REGISTRY_RETENTION_RULES_0_KEEP_NEWEST", "3")];
    assert_eq!(load(&text, &variables).0.registry.retention.rules[0].keep.newest, Some(3));
}

#[test]
fn what_is_no_rule_is_named_with_its_place() {
    let rule = |keep: &str| format!("rules: [{{repositories: a, tags: b, keep: {keep}}}]");
    let would = "expected newest, youngerthan, pulledwithin or matching; a rule without any would remove every tag";
    for (text, sentence) in [
        ("rules: [{repositories: a, tags: b}]".to_owned(), format!("7: retention.rules[0].keep: {would}")),
        (rule("{}"), format!("7: retention.rules[0].keep: {would}")),
        (rule("{matching: []}"), format!("7: retention.rules[0].keep: {would}")),
        (rule("none"), "7: retention.rules[0].keep: expected keys with values".to_owned()),
        (rule("{newest: 0}"), "7: retention.rules[0].keep.newest: expected a number of tags, 1 or more".to_owned()),
        (rule("{newest: -1}"), "7: retention.rules[0].keep.newest: expected a number of tags".to_owned()),
        (
            rule("{newest: 1, youngerthan: 168}"),
            "7: retention.rules[0].keep.youngerthan: expected a duration longer than zero, such as 168h, found"
                .to_owned(),
        ),
        (rule("{pulledwithin: 0s}"), "7: retention.rules[0].keep.pulledwithin: expected a duration".to_owned()),
        (rule("{pulledwithin: 7d}"), "7: retention.rules[0].keep.pulledwithin: expected a duration".to_owned()),
        (rule("{olderthan: 1h}"), "7: retention.rules[0].keep.olderthan: there is no such key".to_owned()),
        (rule("{matching: ['v/1']}"), "7: retention.rules[0].keep.matching: \"v/1\": '/' is in no tag".to_owned()),
        (
            format!("interval: 1h\n  {},\n    {{tags: b}}]", rule("{newest: 1}").trim_end_matches(']')),
            "9: retention.rules[1].repositories: expected patterns of repositories".to_owned(),
        ),
        (
            "rules: [{repositories: '{user}/*', tags: b, keep: {newest: 1}}]".to_owned(),
            "7: retention.rules[0].repositories: {user}/*: {user} is nobody here".to_owned(),
        ),
        (
            "rules: [{repositories: a, keep: {newest: 1}}]".to_owned(),
            "7: retention.rules[0].tags: expected patterns of tags such as pr-*, found nothing".to_owned(),
        ),
        ("interval: 0s".to_owned(), "7: retention.interval: expected a duration longer than zero".to_owned()),
        ("every: 24h".to_owned(), "7: retention.every: there is no such key".to_owned()),
    ] {
        let found = refusal(&with(&text), &[]);
        assert!(found.starts_with(&format!("config.yml:{sentence}")), "{text}: {found}");
    }
}

#[test]
fn rules_that_could_remove_nothing_are_remarked() {
    let rules = "{interval: 24h, rules: [{repositories: a, tags: b, keep: {newest: 1}}]}";
    let (_, warnings) = load(&minimal(&format!("retention: {rules}\n")), &[]);
    let said = sentences(&warnings);
    assert!(said[0].contains("retention.interval") && said[0].contains("storage.delete.enabled"), "{said:?}");
}
