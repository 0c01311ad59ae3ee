//! The rule by which variables change a configuration, point by point.

use super::*;
use crate::config::yaml;

/// What is under `key` after the variables, and the warnings.
fn after(text: &str, variables: &[(&str, &str)]) -> (Node, Vec<String>) {
    let mut root = yaml::parse(text, &Source::File("f".into())).unwrap();
    spell_out(&mut root, TOP);
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let warnings = apply(&mut root, variables).unwrap();
    (root, warnings.iter().map(Warning::to_string).collect())
}

fn found(text: &str, variables: &[(&str, &str)], key: &str) -> Option<String> {
    after(text, variables).0.find(key).map(Node::to_string)
}

fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
    let mut root = yaml::parse(text, &Source::File("f".into())).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    apply(&mut root, variables).expect_err("the variables should be refused").to_string()
}

#[test]
fn a_shorter_name_is_applied_before_a_longer_one() {
    let variables = [("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/data"), ("REGISTRY_STORAGE", "filesystem")];
    let (root, warnings) = after("storage: {s3: {bucket: b}}", &variables);
    assert_eq!(root.find("storage.filesystem.rootdirectory").unwrap().to_string(), "\"/data\"");
    assert!(root.find("storage.s3").is_none());
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn variables_of_others_take_no_part() {
    let (root, warnings) = after("", &[("PATH", "/bin"), ("REGISTRYHTTP_ADDR", ":1"), ("registry_http_addr", ":1")]);
    assert!(root.is_null());
    assert_eq!(warnings, [""; 0]);
}

/// It is set on many a machine where podman is used.
#[test]
fn a_variable_of_podman_is_no_kind_of_authentication() {
    let (root, warnings) = after("", &[("REGISTRY_AUTH_FILE", "/run/user/0/auth.json")]);
    assert!(root.is_null());
    let ignored = "REGISTRY_AUTH_FILE: ignored, it tells podman, skopeo and buildah where they keep passwords";
    assert_eq!(warnings, [ignored]);
}

#[test]
fn where_keys_are_fixed_a_part_is_the_key_in_capitals() {
    assert_eq!(found("", &[("REGISTRY_HTTP_ADDR", ":5001")], "http.addr"), Some("\":5001\"".to_owned()));
    for name in ["REGISTRY_HTTP_Addr", "REGISTRY_HTTP_ADRR", "REGISTRY_NONSENSE", "REGISTRY_", "REGISTRY_HTTP_ADDR_X"] {
        let (root, warnings) = after("", &[(name, "x")]);
        assert!(root.is_null(), "{name} leaves nothing behind");
        assert_eq!(warnings, [format!("{name}: ignored, it names no key")]);
    }
}

#[test]
fn some_keys_have_another_name_in_variables() {
    for (name, key) in [
        ("REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES", "notifications.events.includereferences"),
        ("REGISTRY_COMPATIBILITY_SCHEMA1_TRUSTKEY", "compatibility.schema1.signingkeyfile"),
    ] {
        assert_eq!(found("", &[(name, "x")], key), Some("\"x\"".to_owned()));
    }
    let (_, warnings) = after("", &[("REGISTRY_NOTIFICATIONS_EVENTS_INCLUDEREFERENCES", "true")]);
    assert_eq!(warnings.len(), 1);
    let (root, _) = after("", &[("REGISTRY_HEALTH_HTTPCHECKERS_0_URI", "http://x")]);
    assert!(root.find("health.http").is_some());
}

#[test]
fn where_keys_are_free_one_is_found_by_its_capitals_or_made_in_lower_case() {
    let text = "storage: {Filesystem: {rootdirectory: /a}}";
    let variable = [("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/b")];
    assert_eq!(found(text, &variable, "storage.Filesystem.rootdirectory"), Some("\"/b\"".to_owned()));
    let header = [("REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin", "['*']")];
    let (root, _) = after("http: {headers: {X-A: [b]}}", &header);
    assert!(root.find("http.headers.access-control-allow-origin").is_some());
    assert!(root.find("http.headers.X-A").is_some());
}

#[test]
fn a_section_that_is_null_is_made_anew() {
    let variable = [("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/b")];
    let key = "storage.filesystem.rootdirectory";
    assert_eq!(found("storage: {filesystem: }", &variable, key), Some("\"/b\"".to_owned()));
    assert_eq!(found("storage: {Filesystem: }", &variable, key), Some("\"/b\"".to_owned()));
    assert_eq!(found("storage: ~", &variable, key), Some("\"/b\"".to_owned()));
}

#[test]
fn an_index_reaches_an_item_and_the_next_one_makes_it() {
    let text = "notifications: {endpoints: [{name: a}]}";
    let variables = [
        ("REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL", "http://a"),
        ("REGISTRY_NOTIFICATIONS_ENDPOINTS_1_URL", "http://b"),
    ];
    let (root, warnings) = after(text, &variables);
    let Value::List(items) = &root.find("notifications.endpoints").unwrap().value else { panic!("a list") };
    let urls: Vec<String> = items.iter().map(|item| item.find("url").unwrap().to_string()).collect();
    assert_eq!(urls, ["\"http://a\"", "\"http://b\""]);
    assert_eq!(items[0].find("name").unwrap().to_string(), "\"a\"");
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn an_index_beyond_the_end_or_that_is_no_number_is_an_error() {
    assert_eq!(
        refusal("", &[("REGISTRY_NOTIFICATIONS_ENDPOINTS_1_URL", "x")]),
        "REGISTRY_NOTIFICATIONS_ENDPOINTS_1_URL: \"1\" is no index into a list of 0; write the whole list instead"
    );
    assert!(refusal("", &[("REGISTRY_NOTIFICATIONS_ENDPOINTS_X_URL", "x")]).contains("\"X\" is no index"));
}

#[test]
fn an_item_named_by_its_index_alone_is_made_without_its_value() {
    let (root, warnings) = after("", &[("REGISTRY_REDIS_ADDRS_0", "a:1")]);
    let Value::List(items) = &root.find("redis.addrs").unwrap().value else { panic!("a list") };
    assert_eq!(items.iter().map(Node::to_string).collect::<Vec<_>>(), ["\"\""]);
    assert_eq!(
        warnings,
        ["REGISTRY_REDIS_ADDRS_0: its value is ignored, as in registry:2; \
             set REGISTRY_REDIS_ADDRS to the whole list instead"]
    );
    let (root, _) = after("", &[("REGISTRY_REDIS_ADDRS", "[a:1, b:2]")]);
    let Value::List(items) = &root.find("redis.addrs").unwrap().value else { panic!("a list") };
    assert_eq!(items.len(), 2);
}

#[test]
fn a_value_is_read_as_yaml() {
    let auth = [("REGISTRY_AUTH", "{htpasswd: {realm: x, path: /p}}")];
    assert_eq!(found("", &auth, "auth.htpasswd.path"), Some("\"/p\"".to_owned()));
    let quoted = [("REGISTRY_HTTP_ADDR", "\":5000\" # all")];
    assert_eq!(found("", &quoted, "http.addr"), Some("\":5000\"".to_owned()));
    assert_eq!(found("http: {addr: ':1'}", &[("REGISTRY_HTTP_ADDR", "")], "http.addr"), None);
    assert_eq!(found("auth: {silly: {}}", &[("REGISTRY_AUTH", "")], "auth"), None);
    let whole = [("REGISTRY_HTTP", "{addr: ':2'}")];
    assert_eq!(found("http: {addr: ':1', net: tcp}", &whole, "http.net"), None);
    assert!(refusal("", &[("REGISTRY_HTTP", "{")]).starts_with("REGISTRY_HTTP:"));
}

#[test]
fn where_one_value_is_wanted_what_is_not_yaml_is_text() {
    for value in ["[::]:5000", "%x", "@x", "{", "a: b"] {
        let variables = [("REGISTRY_HTTP_SECRET", value)];
        assert_eq!(found("", &variables, "http.secret"), Some(format!("{value:?}")), "{value}");
    }
}

#[test]
fn a_mapping_that_is_written_out_is_not_reached_into() {
    let text = "storage: {maintenance: {uploadpurging: {enabled: true}}}";
    let variable = [("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED", "false")];
    let (root, warnings) = after(text, &variable);
    let key = "storage.maintenance.uploadpurging.enabled";
    assert_eq!(root.find(key).unwrap().to_string(), "\"true\"");
    assert_eq!(
        warnings,
        ["REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED: ignored, as in registry:2, for it reaches into a \
             mapping that is written out; set REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING to the whole mapping instead"]
    );
    let whole = [("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING", "{enabled: false}")];
    assert_eq!(found(text, &whole, key), Some("\"false\"".to_owned()));
}

#[test]
fn a_mapping_that_variables_make_is_reached_into() {
    let variables = [
        ("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE", "1h"),
        ("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED", "true"),
    ];
    let (root, warnings) = after("storage: filesystem", &variables);
    assert_eq!(root.find("storage.maintenance.uploadpurging.age").unwrap().to_string(), "\"1h\"");
    assert_eq!(root.find("storage.maintenance.uploadpurging.enabled").unwrap().to_string(), "\"true\"");
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn the_version_cannot_be_overridden() {
    let (root, warnings) = after("version: 0.1", &[("REGISTRY_VERSION", "2.8.3")]);
    assert_eq!(root.find("version").unwrap().to_string(), "\"0.1\"");
    assert_eq!(warnings, ["REGISTRY_VERSION: ignored, the version of the format cannot be overridden"]);
}

#[test]
fn what_kubernetes_sets_for_services_is_passed_over_everywhere() {
    for (name, value) in [
        ("REGISTRY_PORT", "tcp://10.0.0.1:5000"),
        ("REGISTRY_SERVICE_HOST", "10.0.0.1"),
        ("REGISTRY_SERVICE_PORT", "5000"),
        ("REGISTRY_SERVICE_PORT_HTTPS", "5000"),
        ("REGISTRY_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
        ("REGISTRY_PORT_5000_TCP_ADDR", "10.0.0.1"),
        ("REGISTRY_AUTH_PORT", "tcp://10.0.0.1:80"),
        ("REGISTRY_AUTH_SERVICE_HOST", "10.0.0.1"),
        ("REGISTRY_STORAGE_PORT_9000_TCP_PROTO", "tcp"),
    ] {
        let (root, warnings) = after("", &[(name, value)]);
        assert!(root.is_null(), "{name}");
        assert!(warnings[0].contains("Kubernetes"), "{warnings:?}");
    }
    assert!(after("", &[("REGISTRY_AUTH_TOKEN_SERVICE", "x")]).0.find("auth.token.service").is_some());
}

#[test]
fn a_value_knows_the_variable_that_wrote_it() {
    let (root, _) = after("http: {addr: ':1', net: tcp}", &[("REGISTRY_HTTP_ADDR", ":2")]);
    assert_eq!(root.find("http.addr").unwrap().origin.to_string(), "REGISTRY_HTTP_ADDR");
    assert_eq!(root.find("http.net").unwrap().origin.to_string(), "f:1");
}
