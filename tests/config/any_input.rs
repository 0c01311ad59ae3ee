//! No file and no variable makes Wharf panic.

use proptest::prelude::*;
use wharf::config::Config;

/// Words that have a meaning somewhere, and some that have none.
const WORDS: [&str; 65] = [
    "version",
    "0.1",
    "log",
    "level",
    "fields",
    "hooks",
    "storage",
    "filesystem",
    "rootdirectory",
    "s3",
    "delete",
    "enabled",
    "maintenance",
    "uploadpurging",
    "age",
    "168h",
    "auth",
    "htpasswd",
    "realm",
    "path",
    "ldap",
    "url",
    "ldap://a",
    "users",
    "base",
    "filter",
    "oidc",
    "issuer",
    "https://a",
    "audience",
    "identities",
    "claims",
    "user",
    "token",
    "access",
    "groups",
    "who",
    "repositories",
    "a/*",
    "may",
    "push",
    "trustedproxies",
    "http",
    "https",
    "addr",
    ":5000",
    "tls",
    "certificate",
    "clientcas",
    "headers",
    "X-A",
    "names",
    "debug",
    "prometheus",
    "notifications",
    "endpoints",
    "health",
    "storagedriver",
    "validation",
    "manifests",
    "redis",
    "addrs",
    "true",
    "~",
    "0",
];

fn word() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(WORDS.as_slice())
}

/// YAML that often has the shape of a configuration.
fn yaml() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![word().prop_map(str::to_owned), "[ -~]{0,8}".prop_map(|text| format!("{text:?}"))];
    let tree = leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((word(), inner), 0..6).prop_map(|entries| {
                let entries: Vec<String> = entries.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{{}}}", entries.join(", "))
            }),
        ]
    });
    prop::collection::vec((word(), tree), 0..5).prop_map(|entries| {
        let entries = entries.into_iter().map(|(key, value)| format!("{key}: {value}\n"));
        format!("version: 0.1\n{}", entries.collect::<String>())
    })
}

fn variable() -> impl Strategy<Value = (String, String)> {
    let part = prop_oneof![word().prop_map(str::to_uppercase), "[0-3]", "[A-Za-z-]{0,4}"];
    let name = prop::collection::vec(part, 0..5).prop_map(|parts| format!("REGISTRY_{}", parts.join("_")));
    (name, prop_oneof![word().prop_map(str::to_owned), yaml(), ".{0,12}"])
}

/// Loads and, if that succeeds, shows.
fn load(text: &str, variables: Vec<(String, String)>) {
    match Config::parse("config.yml", text, variables) {
        Ok((config, warnings)) => {
            config.show(&mut Vec::new()).unwrap();
            warnings.iter().for_each(|warning| assert!(!warning.to_string().is_empty()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        load(&text, Vec::new());
    }

    #[test]
    fn any_text_of_the_signs_of_yaml_is_read_or_refused(text in "[ \n:\\-?,\\[\\]{}#&*!|>'\"%@`a<~\t]{0,80}") {
        load(&text, Vec::new());
    }

    #[test]
    fn any_configuration_and_variables_are_read_or_refused(
        text in yaml(),
        variables in prop::collection::vec(variable(), 0..5),
    ) {
        load(&text, variables);
    }
}
