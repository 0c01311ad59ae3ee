//! A configuration is refused with where to look, or it holds, prints no secret, and what it prints holds the same.

use wharf::config::{Config, Warning};

const NAME: &str = "config.yml";

/// A secret that stands in every configuration here, and must not stand in anything that is printed.
const SECRET: &str = "hunter2hunter2";

type Variables = Vec<(String, String)>;

/// Lines of `REGISTRY_…=…`, and behind them the file.
pub fn hold(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (mut variables, mut file) = (Variables::new(), text);
    while let Some((line, rest)) = file.split_once('\n')
        && let Some((name, value)) = line.split_once('=').filter(|(name, _)| name.starts_with("REGISTRY_"))
    {
        variables.push((name.to_owned(), value.to_owned()));
        file = rest;
    }
    if text.contains(SECRET) {
        return;
    }
    for name in [
        "REGISTRY_HTTP_SECRET",
        "REGISTRY_REDIS_PASSWORD",
        "REGISTRY_NOTIFICATIONS_ENDPOINTS_0_HEADERS_X",
        "REGISTRY_AUTH_LDAP_BINDPASSWORD",
    ] {
        let mut variables = variables.clone();
        variables.push((name.to_owned(), SECRET.to_owned()));
        outcome(file, variables);
    }
    if outcome(file, variables.clone()) {
        // Nothing of a file is passed over without a word, not even its end.
        let longer = format!("{file}\nno_such_key: 1\n");
        assert!(Config::parse(NAME, &longer, variables).is_err(), "the end of the file was not read");
    }
}

/// Whether it holds.
fn outcome(file: &str, variables: Variables) -> bool {
    match Config::parse(NAME, file, variables.clone()) {
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.contains(SECRET) && !format!("{error:?}").contains(SECRET), "{sentence}");
            says_where(&sentence, file, &variables);
            false
        }
        Ok((config, warnings)) => {
            for warning in &warnings {
                let sentence = warning.to_string();
                assert!(!sentence.is_empty() && !sentence.contains(SECRET), "{sentence}");
            }
            assert!(!format!("{config:?}").contains(SECRET));
            let shown = shown(&config);
            // A key that there is not is ignored where a variable wrote it, and shown, and refused in a file.
            if !warnings.iter().any(|warning| matches!(warning, Warning::UnknownKey { .. })) {
                holds_the_same(&config, &shown);
            }
            true
        }
    }
}

/// An error begins with a line of the file or with a variable.
fn says_where(sentence: &str, file: &str, variables: &Variables) {
    let line = sentence.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(':')?.split_once(':'));
    match line.map(|(line, _)| line.parse::<usize>()) {
        Some(Ok(line)) => {
            let lines = file.split(['\n', '\r']).count();
            assert!((1..=lines + 1).contains(&line), "{sentence}: there are {lines} lines");
        }
        _ => assert!(variables.iter().any(|(name, _)| sentence.starts_with(name)), "{sentence}"),
    }
}

fn shown(config: &Config) -> String {
    let mut shown = Vec::new();
    config.show(&mut shown).expect("a vector takes everything");
    let shown = String::from_utf8(shown).expect("YAML is text");
    assert!(!shown.contains(SECRET), "{shown}");
    shown
}

fn holds_the_same(config: &Config, shown_text: &str) {
    // What was masked is another value now.
    if shown_text.contains("***") {
        return;
    }
    let (again, _) = match Config::parse(NAME, shown_text, []) {
        Ok(again) => again,
        Err(error) => panic!("{error}\n{shown_text}"),
    };
    let settings =
        |config: &Config| format!("{:#?}", (&config.http, &config.registry, &config.storage, &config.telemetry));
    assert_eq!(settings(&again), settings(config), "{shown_text}");
    assert_eq!(logins(&again), logins(config), "{shown_text}");
    assert_eq!(values(&shown(&again)), values(shown_text));
}

/// Who may do what, without where it was written.
fn logins(config: &Config) -> String {
    let auth = &config.auth;
    let ways = (&auth.realm, &auth.htpasswd, &auth.ldap, &auth.oidc, &auth.certificate, &auth.token_server);
    let rules = auth.access.as_ref().map(|access| access.policy.rules().iter().map(ToString::to_string));
    format!("{ways:#?} {:#?}", rules.map(Vec::from_iter))
}

/// What was shown, without where it was written.
fn values(shown: &str) -> Vec<&str> {
    shown.lines().map(|line| line.rsplit_once("  # ").map_or(line, |(value, _)| value)).collect()
}
