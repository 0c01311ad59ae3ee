//! What each key does.

use std::path::PathBuf;
use std::time::Duration;

use tracing::Level;
use wharf::http::{Address, Certificate, ClientCertificates, Health, TlsVersion};
use wharf::registry::{Effort, IndexPlatforms, Platform, References, Scrub, UploadPurging};
use wharf::telemetry::Format;

use super::{load, minimal, sentences, without_file};

#[test]
fn without_a_file_wharf_listens_everywhere_and_keeps_images_beside_it() {
    let (config, warnings) = without_file(&[]);
    assert_eq!(config.http.listeners[0].address, Address::Tcp("0.0.0.0:5000".to_owned()));
    assert_eq!(config.storage.root, PathBuf::from("./wharf-data"));
    assert!(config.registry.delete_enabled);
    assert_eq!(warnings, []);
}

#[test]
fn variables_count_without_a_file_too() {
    let variables = [
        ("REGISTRY_HTTP_ADDR", ":6000"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/srv"),
        ("REGISTRY_STORAGE_DELETE_ENABLED", "false"),
        ("REGISTRY_HTTPS_ADDR", ":6443"),
    ];
    let (config, warnings) = without_file(&variables);
    assert_eq!(config.http.listeners[0].address, Address::Tcp(":6000".to_owned()));
    assert_eq!(config.http.listeners[1].address, Address::Tcp(":6443".to_owned()));
    assert_eq!(config.storage.root, PathBuf::from("/srv"));
    assert!(!config.registry.delete_enabled);
    assert_eq!(warnings, []);
}

#[test]
fn a_file_that_is_silent_has_the_defaults_of_registry_2() {
    let (config, warnings) = load("version: 0.1\nstorage: filesystem\n", &[]);
    assert_eq!(config.storage.root, PathBuf::from("/var/lib/registry"));
    assert_eq!(config.http.listeners[0].address, Address::Tcp(":5000".to_owned()));
    assert_eq!(config.http.prefix, "/");
    assert_eq!(config.http.public_path, "");
    assert_eq!(config.http.drain_timeout, Some(Duration::from_secs(60)));
    assert!(config.http.http2 && !config.http.h2c);
    assert!(config.http.debug.is_none() && config.http.health.is_none());
    assert!(!config.registry.delete_enabled && !config.registry.read_only);
    assert_eq!(config.registry.catalog_page_max, 1000);
    assert_eq!(config.registry.tags_page_max, None);
    assert_eq!(config.registry.upload_purging, Some(UploadPurging::default()));
    assert_eq!(config.registry.validation.index_platforms, IndexPlatforms::All);
    assert_eq!(config.telemetry.level, Level::INFO);
    assert_eq!(config.telemetry.format, Format::Text);
    assert!(config.telemetry.access_log);
    assert_eq!(warnings, []);
}

#[test]
fn a_volume_is_checked_each_month_unless_something_else_is_said() {
    let scrub = |text: &str| {
        let text = format!("version: 0.1\nstorage: {{filesystem: {{}}, maintenance: {{scrub: {text}}}}}\n");
        load(&text, &[]).0.registry.scrub
    };
    let monthly = Scrub { interval: Duration::from_secs(30 * 24 * 3600), effort: Effort::percent(5).unwrap() };
    assert_eq!(scrub("{}"), Some(monthly));
    assert_eq!(Scrub::default(), monthly);
    let hourly = Scrub { interval: Duration::from_secs(3600), effort: Effort::FULL };
    assert_eq!(scrub("{interval: 1h, effort: 100}"), Some(hourly));
    assert_eq!(scrub("{enabled: false, effort: 7}"), None);
}

#[test]
fn a_section_that_is_partly_written_has_the_defaults_for_the_rest() {
    let text = "version: 0.1\nstorage:\n  filesystem:\n  maintenance:\n    uploadpurging:\n      age: 1h30m\n";
    let purging = load(text, &[]).0.registry.upload_purging.unwrap();
    let expected = UploadPurging { age: Duration::from_secs(5400), ..UploadPurging::default() };
    assert_eq!(purging, expected);
}

#[test]
fn a_certificate_makes_the_address_speak_https() {
    let text = minimal(
        "http: {tls: {certificate: /c, key: /k, minimumtls: tls1.3, clientcas: [/a, /b], \
         ciphersuites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_RSA_WITH_RC4_128_SHA]}}",
    );
    let (config, warnings) = load(&text, &[]);
    let tls = config.http.listeners[0].tls.clone().unwrap();
    let files = Certificate::Files { certificate: "/c".into(), key: "/k".into() };
    assert_eq!(tls.certificate, files);
    assert_eq!(tls.minimum, TlsVersion::Tls13);
    assert_eq!(tls.clients, ClientCertificates::Required(vec!["/a".into(), "/b".into()]));
    assert_eq!(tls.cipher_suites.unwrap().len(), 1);
    assert!(sentences(&warnings)[0].ends_with("TLS_RSA_WITH_RC4_128_SHA is not safe and left out"));
}

#[test]
fn clients_may_be_let_off_showing_certificates() {
    let text = |mode: &str| {
        minimal(&format!("http: {{tls: {{certificate: /c, key: /k, clientcas: /a, clientauth: {mode}}}}}"))
    };
    let clients = |mode: &str| load(&text(mode), &[]).0.http.listeners[0].tls.clone().unwrap().clients;
    assert_eq!(clients("verify-client-cert-if-given"), ClientCertificates::Optional(vec!["/a".into()]));
    assert_eq!(clients("require-and-verify-client-cert"), ClientCertificates::Required(vec!["/a".into()]));
    assert_eq!(clients("request-client-cert"), ClientCertificates::NotAsked);
}

#[test]
fn https_stands_beside_http_with_a_certificate_made_here() {
    let (config, _) = load(&minimal("https: {names: [registry.lan, 10.0.0.5]}\n"), &[]);
    let https = &config.http.listeners[1];
    assert_eq!(https.address, Address::Tcp(":5443".to_owned()));
    let tls = https.tls.clone().unwrap();
    let names = vec!["registry.lan".to_owned(), "10.0.0.5".to_owned()];
    assert_eq!(tls.certificate, Certificate::Generated { names, directory: "/data/wharf/tls".into() });
    assert_eq!(tls.minimum, TlsVersion::Tls12);
    assert!(config.http.listeners[0].tls.is_none());
    assert_eq!(load(&minimal("https: {}\n"), &[]).0.http.listeners.len(), 2);
    assert_eq!(load(&minimal("https:\n"), &[]).0.http.listeners.len(), 1);
}

#[test]
fn https_may_have_a_certificate_of_the_operators() {
    let variables = [
        ("REGISTRY_HTTPS_CERTIFICATE", "/c"),
        ("REGISTRY_HTTPS_KEY", "/k"),
        ("REGISTRY_HTTPS_NAMES", "[registry.lan]"),
    ];
    let (config, warnings) = load(&minimal(""), &variables);
    let certificate = config.http.listeners[1].tls.clone().unwrap().certificate;
    assert_eq!(certificate, Certificate::Files { certificate: "/c".into(), key: "/k".into() });
    assert!(sentences(&warnings)[0].starts_with("REGISTRY_HTTPS_NAMES: https.names: has no effect"));
}

#[test]
fn a_socket_is_listened_on_by_its_path() {
    let (config, _) = load(&minimal("http: {net: unix, addr: /run/wharf.sock}\n"), &[]);
    assert_eq!(config.http.listeners[0].address, Address::Unix("/run/wharf.sock".into()));
}

#[test]
fn a_header_that_a_variable_repeats_is_sent_once() {
    let variables = [("REGISTRY_HTTP_HEADERS_X-A", "[b, c]")];
    let (config, _) = load(&minimal("http: {headers: {X-A: [b]}}\n"), &variables);
    let values: Vec<&str> = config.http.headers.iter().map(|(_, value)| value.to_str().unwrap()).collect();
    assert_eq!(values, ["b", "c"]);
}

#[test]
fn a_prefix_has_a_slash_at_both_ends_however_it_is_written() {
    for (written, prefix) in [("/", "/"), ("''", "/"), ("/a/b/", "/a/b/"), ("a", "/a/"), ("/a", "/a/")] {
        let (config, _) = load(&minimal(&format!("http: {{prefix: {written}}}\n")), &[]);
        assert_eq!(config.http.prefix, prefix, "{written}");
    }
}

#[test]
fn the_host_is_where_tokens_are_and_what_a_proxy_takes_away() {
    let host = |host: &str| load(&minimal(&format!("http: {{host: '{host}'}}\n")), &[]);
    let (config, warnings) = host("https://example.com:5000/");
    assert_eq!(config.http.public_path, "");
    assert_eq!(config.http.public_url.as_deref(), Some("https://example.com:5000"));
    assert!(sentences(&warnings)[0].starts_with("config.yml:5: http.host has no meaning here"));
    let (config, warnings) = host("https://example.com/registry/");
    assert_eq!(config.http.public_path, "/registry");
    assert_eq!(config.http.public_url.as_deref(), Some("https://example.com"));
    assert_eq!(warnings, []);
    // Who logs in is sent there for a token, so then it has a meaning without a path too.
    let text = "http: {host: 'https://example.com'}\nauth: {htpasswd: {realm: a, path: /p}}\n";
    assert_eq!(load(&minimal(text), &[]).1, []);
    assert_eq!(without_file(&[]).0.http.public_url, None);
}

#[test]
fn proxies_are_networks_or_addresses_and_by_default_on_this_machine() {
    let proxies = |text: &str| {
        let nets = load(&minimal(text), &[]).0.http.trusted_proxies;
        nets.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(proxies(""), ["127.0.0.0/8", "::1/128"]);
    let written = "http: {trustedproxies: [10.1.2.3/8, 192.168.0.1, 'fd00::1', '::ffff:10.0.0.1']}";
    assert_eq!(proxies(written), ["10.0.0.0/8", "192.168.0.1/32", "fd00::1/128", "10.0.0.1/32"]);
    assert_eq!(proxies("http: {trustedproxies: []}"), [""; 0]);
}

#[test]
fn draining_may_be_switched_off() {
    let (config, _) = load(&minimal("http: {draintimeout: 0}\n"), &[]);
    assert_eq!(config.http.drain_timeout, Some(Duration::ZERO));
}

#[test]
fn a_duration_without_a_unit_is_nanoseconds_and_remarked() {
    let (config, warnings) = load(&minimal("http: {draintimeout: 60}\n"), &[]);
    assert_eq!(config.http.drain_timeout, Some(Duration::from_nanos(60)));
    assert_eq!(
        sentences(&warnings),
        ["config.yml:5: http.draintimeout: 60 without a unit is nanoseconds, as in registry:2; \
             write 60s for seconds"]
    );
}

#[test]
fn health_has_the_defaults_of_registry_2_once_it_is_enabled() {
    let (config, _) = load(&minimal("health: {storagedriver: {enabled: true}}\n"), &[]);
    assert_eq!(config.http.health, Some(Health { interval: Duration::from_secs(10), threshold: 1 }));
    let zero = "health: {storagedriver: {enabled: true, interval: 0, threshold: 0}}\n";
    let (config, _) = load(&minimal(zero), &[]);
    assert_eq!(config.http.health, Some(Health { interval: Duration::from_secs(10), threshold: 1 }));
}

#[test]
fn metrics_without_a_debug_address_are_remarked() {
    let (config, warnings) = load(&minimal("http: {debug: {prometheus: {enabled: true}}}\n"), &[]);
    assert!(config.http.debug.is_none());
    assert_eq!(warnings.len(), 1);
}

#[test]
fn pages_of_zero_or_less_are_the_default() {
    for number in ["0", "-5"] {
        let (config, _) = load(&minimal(&format!("catalog: {{maxentries: {number}}}\n")), &[]);
        assert_eq!(config.registry.catalog_page_max, 1000);
    }
    let (config, _) = load(&minimal("tags: {maxtags: 50}\n"), &[]);
    assert_eq!(config.registry.tags_page_max, Some(50));
}

#[test]
fn validation_has_its_rules_and_can_be_switched_off() {
    let rules = "manifests: {urls: {allow: ['^https://a/'], deny: [b]}, \
                 indexes: {platforms: List, platformlist: [{os: linux, architecture: amd64}]}}";
    let (config, _) = load(&minimal(&format!("validation: {{{rules}}}\n")), &[]);
    let validation = config.registry.validation;
    assert!(validation.urls.allow[0].is_match("https://a/x"));
    assert_eq!(validation.urls.deny.len(), 1);
    let platform = Platform { os: "linux".to_owned(), architecture: "amd64".to_owned() };
    assert_eq!(validation.index_platforms, IndexPlatforms::List(vec![platform]));

    let (config, _) = load(&minimal(&format!("validation: {{disabled: true, {rules}}}\n")), &[]);
    assert_eq!(config.registry.validation.references, References::MayBeAbsent);

    let (config, _) = load(&minimal("validation: {enabled: true, disabled: true}\n"), &[]);
    assert_eq!(config.registry.validation.references, References::MustExist);
}

#[test]
fn log_level_wins_over_its_older_name() {
    let (config, _) = load(&minimal("loglevel: debug\nlog: {level: error}\n"), &[]);
    assert_eq!(config.telemetry.level, Level::ERROR);
    let (config, _) = load(&minimal("loglevel: Debug\n"), &[]);
    assert_eq!(config.telemetry.level, Level::DEBUG);
}

#[test]
fn truth_is_written_as_in_yaml_1_1() {
    for (written, truth) in [("yes", true), ("On", true), ("TRUE", true), ("no", false), ("off", false)] {
        let variables = [("REGISTRY_STORAGE_DELETE_ENABLED", written)];
        assert_eq!(load(&minimal(""), &variables).0.registry.delete_enabled, truth, "{written}");
    }
}
