//! Who may log in: every way, what goes with what, and what registry:2's files and variables mean.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use wharf::auth::{CertificateName, Settings};

use super::{load, minimal, refusal, sentences, without_file};

const LDAP: &str = "url: 'ldaps://ldap.lan', users: {base: 'ou=people'}";
const IDENTITY: &str = "identities: [{claims: {sub: '*'}, user: '{sub}'}]";
const TOKEN: &str = "realm: 'https://auth.lan/token', service: registry, issuer: acme";

fn auth(section: &str) -> Settings {
    load(&minimal(section), &[]).0.auth
}

/// The sentences in which something is refused on the fifth line, without where.
fn refused(cases: &[(&str, &str)]) {
    for (text, sentence) in cases {
        let found = refusal(&minimal(text), &[]);
        assert!(found.strip_prefix("config.yml:5: ").unwrap_or(&found).starts_with(sentence), "{text}: {found}");
    }
}

#[test]
fn without_a_word_about_it_everybody_may_do_everything() {
    assert!(without_file(&[]).0.auth.is_open());
    for section in ["", "auth:\n", "auth: {}\n"] {
        assert!(auth(section).is_open(), "{section}");
    }
    // registry:2 is open then as well; whoever meant something else is told.
    let htpasswd = minimal("auth: {htpasswd: {realm: a, path: /p}}\n");
    for (text, variables, place) in [
        (minimal("auth:\n"), &[][..], "config.yml:5"),
        (minimal("auth: {}\n"), &[][..], "config.yml:5"),
        (htpasswd, &[("REGISTRY_AUTH", "")][..], "REGISTRY_AUTH"),
    ] {
        let remarks = sentences(&load(&text, variables).1);
        let expected = format!("{place}: auth: is empty, so nobody has to log in");
        assert!(remarks.iter().any(|remark| remark.starts_with(&expected)), "{expected}: {remarks:?}");
    }
}

#[test]
fn htpasswd_is_registry_2s_section() {
    let settings = auth("auth: {htpasswd: {realm: basic-realm, path: /auth/htpasswd}}");
    assert_eq!(settings.htpasswd, Some(PathBuf::from("/auth/htpasswd")));
    assert_eq!(settings.realm, "basic-realm");
    assert_eq!(settings.directory, PathBuf::from("/data/wharf/auth"));
    assert!(!settings.is_open());
    refused(&[
        ("auth: {htpasswd: {path: /p}}", "auth.htpasswd: auth.htpasswd.realm is missing"),
        ("auth: {htpasswd: {realm: r}}", "auth.htpasswd: auth.htpasswd.path is missing"),
        ("auth: {htpasswd: {realm: r, path: ''}}", "auth.htpasswd: auth.htpasswd.path is missing"),
        ("auth: htpasswd", "auth.htpasswd: auth.htpasswd.realm is missing"),
        ("auth: {htpasswd: {realm: \"a\\nb\", path: /p}}", "auth.htpasswd.realm: expected a text that can be printed"),
        ("auth: {htpasswd: {realm: r, file: /p}}", "auth.htpasswd.file: there is no such key"),
    ]);
}

#[test]
fn the_variables_of_registry_2_set_it() {
    let variables = [
        ("REGISTRY_AUTH", "htpasswd"),
        ("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"),
        ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
    ];
    let (config, warnings) = without_file(&variables);
    assert_eq!((config.auth.realm.as_str(), config.auth.htpasswd), ("Registry Realm", Some("/auth/htpasswd".into())));
    assert_eq!(warnings, []);
    let variables = [
        ("REGISTRY_AUTH", "token"),
        ("REGISTRY_AUTH_TOKEN_REALM", "https://auth.lan/token"),
        ("REGISTRY_AUTH_TOKEN_SERVICE", "registry"),
        ("REGISTRY_AUTH_TOKEN_ISSUER", "acme"),
        ("REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE", "/certs/bundle.pem"),
        ("REGISTRY_AUTH_TOKEN_AUTOREDIRECT", "true"),
    ];
    let server = without_file(&variables).0.auth.token_server.unwrap();
    assert_eq!((server.service.as_str(), server.issuer.as_str()), ("registry", "acme"));
    assert_eq!(server.redirect_path.as_deref(), Some("/auth/token"));
    assert_eq!(load(&minimal("auth: {htpasswd: {realm: a, path: b}}"), &[("REGISTRY_AUTH", "")]).0.auth.htpasswd, None);
}

#[test]
fn variables_reach_into_what_is_ours_although_it_is_written_out() {
    let variables = [
        ("REGISTRY_AUTH_LDAP_USERS_BASE", "ou=staff,dc=a"),
        ("REGISTRY_AUTH_LDAP_STARTTLS", "true"),
        ("REGISTRY_AUTH_OIDC_0_AUDIENCE", "[a, b]"),
        ("REGISTRY_AUTH_OIDC_0_ISSUER", "https://b.lan"),
    ];
    let text = format!(
        "auth: {{ldap: {{url: 'ldap://ldap.lan', users: {{base: x}}}}, oidc: [{{{IDENTITY}}}]}}\naccess: [{{who: a, repositories: b, may: pull}}]"
    );
    let (config, warnings) = load(&minimal(&text), &variables);
    let ldap = config.auth.ldap.unwrap();
    assert_eq!((ldap.user_base.as_str(), ldap.start_tls), ("ou=staff,dc=a", true));
    assert_eq!((config.auth.oidc[0].issuer.as_str(), config.auth.oidc[0].audiences.len()), ("https://b.lan", 2));
    assert_eq!(warnings, []);
}

#[test]
fn what_lets_in_anybody_or_is_empty_or_unknown_is_refused() {
    refused(&[
        ("auth: silly", "auth.silly: it lets in everybody with any password; use auth.htpasswd"),
        ("auth: {silly: {realm: a, service: b}}", "auth.silly: it lets in everybody"),
        ("auth: {htpasswd: }", "auth.htpasswd: is empty"),
        ("auth: {ldap: }", "auth.ldap: is empty"),
        ("auth: {oidc: []}", "auth.oidc: expected at least one identity provider"),
        ("auth: {nonsense: {}}", "auth.nonsense: there is no such key"),
    ]);
    // Elsewhere an unknown key of a variable is passed over; here that would open what somebody meant to close.
    let found = refusal(&minimal(""), &[("REGISTRY_AUTH", "htpaswd")]);
    assert!(found.starts_with("REGISTRY_AUTH: auth.htpaswd: there is no such key"), "{found}");
    let found = refusal(&minimal(""), &[("REGISTRY_AUTH_HTPASSWD", "")]);
    assert!(found.starts_with("REGISTRY_AUTH_HTPASSWD: auth.htpasswd: is empty"), "{found}");
}

#[test]
fn a_token_server_decides_alone() {
    let server =
        auth(&format!("auth: {{token: {{{TOKEN}, jwks: /j, signingalgorithms: [RS256]}}}}")).token_server.unwrap();
    assert_eq!((server.realm.as_str(), server.jwks), ("https://auth.lan/token", Some("/j".into())));
    assert_eq!((server.algorithms, server.redirect_path), (vec!["RS256".to_owned()], None));
    let with = |more: &str| format!("auth: {{token: {{{TOKEN}, jwks: /j{more}}}}}");
    let redirecting = auth(&with(", autoredirect: true, autoredirectpath: /t")).token_server.unwrap();
    assert_eq!(redirecting.redirect_path.as_deref(), Some("/t"));
    refused(&[
        (
            &format!("auth: {{token: {{{TOKEN}, jwks: /j}}, htpasswd: {{realm: a, path: /p}}}}"),
            "auth.htpasswd: does not go with auth.token, whose tokens decide alone; remove one of the two",
        ),
        (
            &format!("access: []\n{}", with("")),
            "access: does not go with auth.token, whose tokens decide alone who may do what; remove one of the two",
        ),
        (&format!("auth: {{token: {{{TOKEN}}}}}"), "auth.token: nothing says whose tokens are good; "),
        ("auth: {token: {jwks: /j, service: a, issuer: b}}", "auth.token: auth.token.realm is missing"),
        (&with(", signingalgorithms: [HS256]"), "auth.token.signingalgorithms: \"HS256\" cannot be checked"),
        (&with(", autoredirect: maybe"), "auth.token.autoredirect: expected true or false"),
        (&with(", autoredirect: true, autoredirectpath: t"), "auth.token.autoredirectpath: expected a path"),
    ]);
    let unreachable = "auth: {token: {realm: token-realm, service: a, issuer: b, jwks: /j}}";
    let found = sentences(&load(&minimal(unreachable), &[]).1);
    assert!(found[0].starts_with("config.yml:5: auth.token.realm: clients ask for tokens there"), "{found:?}");
}

#[test]
fn a_directory_has_defaults_for_all_but_where_it_is() {
    let ldap = auth(&format!("auth: {{ldap: {{{LDAP}}}}}")).ldap.unwrap();
    assert_eq!((ldap.url.as_str(), ldap.user_base.as_str()), ("ldaps://ldap.lan", "ou=people"));
    assert_eq!((ldap.user_filter.as_str(), ldap.user_name.as_str()), ("(uid={user})", "uid"));
    assert!(ldap.group_base.is_none() && ldap.bind.is_none() && ldap.ca.is_none() && !ldap.start_tls);
    let groups = auth(&format!("auth: {{ldap: {{{LDAP}, groups: {{base: 'ou=groups'}}}}}}")).ldap.unwrap();
    assert_eq!(groups.group_base.as_deref(), Some("ou=groups"));
    assert_eq!((groups.group_filter.as_str(), groups.group_name.as_str()), ("(member={dn})", "cn"));
    let with = |more: &str| format!("auth: {{ldap: {{{LDAP}, {more}}}}}");
    refused(&[
        ("auth: {ldap: {users: {base: a}}}", "auth.ldap: auth.ldap.url is missing"),
        ("auth: {ldap: {url: 'ldaps://a'}}", "auth.ldap: auth.ldap.users.base is missing"),
        ("auth: {ldap: {url: 'https://a', users: {base: a}}}", "auth.ldap.url: expected an address such as ldaps://"),
        ("auth: {ldap: {url: 'ldap://a/dc=b', users: {base: a}}}", "auth.ldap.url: expected an address such as "),
        ("auth: {ldap: {url: 'ldap://a', users: {base: a, filter: '(uid=x)'}}}", "auth.ldap.users.filter: expected a "),
        (
            "auth: {ldap: {url: 'ldap://a', users: {base: a, filter: '(uid={user}'}}}",
            "auth.ldap.users.filter: expected ",
        ),
        (
            "auth: {ldap: {url: 'ldap://a', users: {base: a, filter: '({dn}={user})'}}}",
            "auth.ldap.users.filter: expected",
        ),
        ("auth: {ldap: {url: 'ldap://a', users: {base: a, name: 'u d'}}}", "auth.ldap.users.name: expected the name"),
        (&with("groups: {name: cn}"), "auth.ldap.groups: auth.ldap.groups.base is missing"),
        (&with("starttls: true"), "auth.ldap.starttls: a connection to ldaps:// is encrypted"),
    ]);
}

#[test]
fn a_password_comes_from_the_configuration_or_a_file_and_is_never_seen() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ldap");
    std::fs::write(&file, "hunter2\r\n").unwrap();
    let with = |more: &str| minimal(&format!("auth: {{ldap: {{{LDAP}, {more}}}}}"));
    let from_file = format!("binddn: 'cn=r', bindpasswordfile: '{}'", file.display());
    for more in ["binddn: 'cn=r', bindpassword: hunter2", &from_file] {
        let (config, _) = load(&with(more), &[]);
        let mut shown = Vec::new();
        config.show(&mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        assert!(!format!("{config:?}{shown}").contains("hunter2"), "{shown}");
        assert!(shown.contains("bindpassword: \"***\"") || shown.contains(&file.display().to_string()), "{shown}");
        let (name, password) = config.auth.ldap.unwrap().bind.unwrap();
        assert_eq!((name.as_str(), password.expose_secret()), ("cn=r", "hunter2"));
    }
    for (more, expected) in [
        (
            format!("{from_file}, bindpassword: hunter2"),
            "auth.ldap.bindpasswordfile: auth.ldap.bindpassword is set too",
        ),
        ("binddn: 'cn=r'".to_owned(), "auth.ldap.binddn: its password is missing"),
        ("binddn: 'cn=r', bindpassword: ''".to_owned(), "auth.ldap.binddn: its password is missing"),
        ("bindpassword: hunter2".to_owned(), "auth.ldap.bindpassword: auth.ldap.binddn is missing"),
        ("bindpasswordfile: /nowhere".to_owned(), "auth.ldap.bindpasswordfile: /nowhere cannot be read"),
        ("bindpasswordfile: /dev/zero".to_owned(), "auth.ldap.bindpasswordfile: /dev/zero cannot be read"),
    ] {
        let found = refusal(&with(&more), &[]);
        assert!(found.starts_with(&format!("config.yml:5: {expected}")) && !found.contains("hunter2"), "{found}");
    }
    std::fs::write(&file, "\n").unwrap();
    assert!(refusal(&with(&from_file), &[]).contains("there is no password in "));
    let url = "auth: {ldap: {url: 'ldap://me:hunter2@a.lan', users: {base: a}}}";
    assert!(!refusal(&minimal(url), &[]).contains("hunter2"));
}

#[test]
fn passwords_that_travel_in_the_clear_are_remarked() {
    for (url, clear) in [
        ("ldap://ldap.lan", true),
        ("ldap://10.0.0.1:389", true),
        ("ldap://localhost", false),
        ("ldap://127.0.0.1:1389", false),
        ("ldap://[::1]:389/", false),
        ("ldaps://ldap.lan", false),
    ] {
        let text = format!("auth: {{ldap: {{url: '{url}', users: {{base: a}}}}}}");
        let found = sentences(&load(&minimal(&text), &[]).1);
        assert_eq!(
            found.iter().any(|found| found.contains("auth.ldap.url: passwords travel")),
            clear,
            "{url} {found:?}"
        );
    }
    let encrypted = "auth: {ldap: {url: 'ldap://ldap.lan', starttls: true, users: {base: a}}}";
    assert_eq!(load(&minimal(encrypted), &[]).1, []);
}

#[test]
fn identity_providers_say_whom_their_tokens_stand_for() {
    let text = "auth: {oidc: [{issuer: 'https://a.lan', audience: wharf, jwks: 'https://a.lan/jwks', ca: /ca, identities: [
        {claims: {repository: 'acme/*', ref: [main, 'v*']}, user: 'ci-{repository_owner}', groups: ['{groups}', b]}]}]}";
    let oidc = auth(text).oidc;
    assert_eq!((oidc[0].issuer.as_str(), oidc[0].audiences.as_slice()), ("https://a.lan", &["wharf".to_owned()][..]));
    assert_eq!((oidc[0].jwks.as_deref(), oidc[0].ca.clone()), (Some("https://a.lan/jwks"), Some("/ca".into())));
    let identity = &oidc[0].identities[0];
    let claims: Vec<(&str, usize)> = identity.claims.iter().map(|(name, all)| (name.as_str(), all.len())).collect();
    assert_eq!(claims, [("repository", 1), ("ref", 2)]);
    assert_eq!((identity.user.as_str(), identity.groups.len()), ("ci-{repository_owner}", 2));
    let listed = |items: &str| format!("auth: {{oidc: [{items}]}}");
    let with = |more: &str| listed(&format!("{{issuer: 'https://a.lan', audience: wharf, {more}}}"));
    let good = format!("{{issuer: 'https://a.lan', audience: wharf, {IDENTITY}}}");
    refused(&[
        (&listed("{audience: a}"), "auth.oidc[0].issuer: expected a URL"),
        (&listed("{issuer: a.lan}"), "auth.oidc[0].issuer: expected a URL"),
        (&listed("{issuer: 'https://a.lan'}"), "auth.oidc[0].audience: expected "),
        (&with("jwks: /j"), "auth.oidc[0].jwks: expected a URL"),
        (&with("ca: /c"), "auth.oidc[0].identities: expected a list"),
        (&with("identities: [{user: a}]"), "auth.oidc[0].identities[0].claims: expected claims with patterns"),
        (&with("identities: [{claims: {sub: []}, user: a}]"), "auth.oidc[0].identities[0].claims.sub: a pattern is"),
        (&with("identities: [{claims: {sub: a}}]"), "auth.oidc[0].identities[0].user: expected a name"),
        (&with("identities: [{claims: {sub: a}, user: 'a{'}]"), "auth.oidc[0].identities[0].user: expected a name"),
        (&with("identities: [{claims: {sub: a}, user: a, groups: ['{}']}]"), "auth.oidc[0].identities[0].groups: "),
        (&with("identities: [{claim: {sub: a}}]"), "auth.oidc[0].identities[0].claim: there is no such key"),
        (&listed(&format!("{good}, {good}")), "auth.oidc[1].issuer: stands here a second time"),
    ]);
    refused(&[(
        &listed(&good.replace("audience", "jwks: 'http://a.lan/j', audience")),
        "auth.oidc[0].jwks: keys of an https",
    )]);
    // Without rules each of them may do everything, which is said; the rest is about the way.
    let plain = |url: &str| load(&minimal(&listed(&good.replace("https://a.lan", url))), &[]).1.len() - 1;
    assert_eq!((plain("http://a.lan"), plain("http://127.0.0.1:8080"), plain("https://a.lan")), (1, 0, 0));
}

#[test]
fn certificates_name_users_where_clients_are_asked_for_them() {
    let with = |user: &str| format!("https: {{clientcas: [/ca]}}\nauth: {{certificate: {user}}}");
    for (user, expected) in [
        ("{}", CertificateName::CommonName),
        ("{user: commonname}", CertificateName::CommonName),
        ("{user: email}", CertificateName::Email),
        ("{user: dns}", CertificateName::Dns),
        ("{user: uri}", CertificateName::Uri),
    ] {
        assert_eq!(auth(&with(user)).certificate, Some(expected), "{user}");
    }
    let found = refusal(&minimal(&with("{user: serial}")), &[]);
    assert!(found.contains("auth.certificate.user: expected commonname, email, dns or uri"), "{found}");
    refused(&[(
        "auth: {certificate: {user: dns}}\nhttps: {}",
        "auth.certificate: no client is asked for a certificate",
    )]);
}
