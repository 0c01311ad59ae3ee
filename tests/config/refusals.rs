//! What Wharf does not start with, and the sentence that says so.

use super::{load, minimal, refusal, sentences};

/// Files that are refused, each after five lines that are not, and the sentence.
const REFUSED: [(&str, &str); 26] = [
    ("http: {addr: 5000}", "config.yml:5: http.addr: expected host:port, or :port for every address, found \"5000\""),
    ("http: {addr: [a]}", "config.yml:5: http.addr: expected one value, found a list"),
    ("http: :5000", "config.yml:5: http: expected keys with values, found \":5000\""),
    ("http: {net: udp}", "config.yml:5: http.net: expected tcp or unix, found \"udp\""),
    ("http:\n  debug:\n    addr: :5000", "config.yml:7: http.debug.addr: http.addr listens there already"),
    ("https: {addr: 'x:5000'}", "config.yml:5: https.addr: http.addr listens there already"),
    (
        "http: {draintimeout: -1s}",
        "config.yml:5: http.draintimeout: expected a duration such as 168h, 1m30s or 500ms, found \"-1s\"",
    ),
    ("http: {prefix: /a b/}", "config.yml:5: http.prefix: expected a path such as /registry/, found \"/a b/\""),
    (
        "http: {host: example.com}",
        "config.yml:5: http.host: expected an address such as https://registry.example.com, found \"example.com\"",
    ),
    (
        "http: {host: 'https://me:hunter2@example.com'}",
        "config.yml:5: http.host: names a host and perhaps a port, as https://registry.example.com:5000",
    ),
    (
        "http: {trustedproxies: [10.0.0.0/33]}",
        "config.yml:5: http.trustedproxies: \"10.0.0.0/33\" is no network such as 10.0.0.0/8 and no address such as \
         10.0.0.1",
    ),
    ("http: {headers: {'a b': [c]}}", "config.yml:5: http.headers.a b: this is no name of a header"),
    ("http: {headers: {a: [\"b\\nc\"]}}", "config.yml:5: http.headers.a: a value holds what no header can hold"),
    ("http: {tls: {certificate: /c}}", "config.yml:5: http.tls.certificate: http.tls.key is missing"),
    ("https: {key: /k}", "config.yml:5: https.key: https.certificate is missing"),
    (
        "https: {clientauth: require-and-verify-client-cert}",
        "config.yml:5: https.clientauth: https.clientcas is missing",
    ),
    (
        "http: {tls: {clientcas: [/a]}}",
        "config.yml:5: http.tls.clientcas: clients show certificates only over TLS; name http.tls.certificate and \
         http.tls.key",
    ),
    (
        "https: {names: ['a b']}",
        "config.yml:5: https.names: expected names and addresses such as registry.lan or 10.0.0.5, found a list",
    ),
    ("https: {minimumtls: '1.3'}", "config.yml:5: https.minimumtls: expected tls1.2 or tls1.3, found \"1.3\""),
    ("log: {level: loud}", "config.yml:5: log.level: expected error, warn, info or debug, found \"loud\""),
    ("log: {formatter: xml}", "config.yml:5: log.formatter: expected text, json or logstash, found \"xml\""),
    ("catalog: {maxentries: many}", "config.yml:5: catalog.maxentries: expected a whole number, found \"many\""),
    ("tags: {maxtags: -1}", "config.yml:5: tags.maxtags: expected a number of tags, not less than zero, found \"-1\""),
    (
        "validation: {manifests: {urls: {allow: ['(']}}}",
        "config.yml:5: validation.manifests.urls.allow: expected a regular expression",
    ),
    (
        "validation: {manifests: {indexes: {platforms: some}}}",
        "config.yml:5: validation.manifests.indexes.platforms: expected all, none or list, found \"some\"",
    ),
    (
        "catalog: {maxentry: 5}",
        "config.yml:5: catalog.maxentry: there is no such key, did you mean \"maxentries\"?; known here: maxentries",
    ),
];

#[test]
fn a_value_that_is_none_is_named_with_its_line_and_what_belongs_there() {
    for (text, sentence) in REFUSED {
        assert_eq!(refusal(&minimal(text), &[]), sentence, "{text}");
    }
}

#[test]
fn a_truth_that_is_none_is_named() {
    let text = |value: &str| format!("version: 0.1\nstorage:\n  filesystem:\n  delete:\n    enabled: {value}\n");
    assert_eq!(
        refusal(&text("maybe"), &[]),
        "config.yml:5: storage.delete.enabled: expected true or false, found \"maybe\""
    );
    assert_eq!(
        refusal(&text("'true'"), &[]),
        "config.yml:5: storage.delete.enabled: expected true or false without quotes, found \"true\""
    );
    assert_eq!(
        refusal(&text("true"), &[("REGISTRY_STORAGE_DELETE_ENABLED", "maybe")]),
        "REGISTRY_STORAGE_DELETE_ENABLED: storage.delete.enabled: expected true or false, found \"maybe\""
    );
}

#[test]
fn an_unknown_key_is_named_with_those_that_are_known() {
    assert_eq!(
        refusal("version: 0.1\nstorage:\n  filesystem:\n  delete:\n    enable: true\n", &[]),
        "config.yml:5: storage.delete.enable: there is no such key, did you mean \"enabled\"?; known here: enabled"
    );
    assert!(refusal(&minimal("htpp: {}"), &[]).contains("did you mean \"http\"?"));
    let far = refusal(&minimal("something: {}"), &[]);
    assert!(far.contains("there is no such key; known here: version, log, "), "{far}");
    let storage = refusal("version: 0.1\nstorage: {filesytem: {}}\n", &[]);
    assert!(storage.contains("did you mean \"filesystem\"?"), "{storage}");
    let purging = "version: 0.1\nstorage: {filesystem: {}, maintenance: {uploadpurging: {Age: 1h}}}\n";
    assert!(refusal(purging, &[]).contains("storage.maintenance.uploadpurging.Age: there is no such key"));
}

#[test]
fn a_scrub_that_would_never_rest_or_never_work_is_refused() {
    let scrub = |text: &str| {
        refusal(&format!("version: 0.1\nstorage: {{filesystem: {{}}, maintenance: {{scrub: {text}}}}}"), &[])
    };
    for effort in ["0", "101", "-5", "1000"] {
        let sentence = scrub(&format!("{{effort: {effort}}}"));
        let expected = "config.yml:2: storage.maintenance.scrub.effort: expected a whole number from 1 to 100";
        assert!(sentence.starts_with(expected), "{sentence}");
    }
    let sentence = scrub("{interval: 0s}");
    assert!(
        sentence.contains("storage.maintenance.scrub.interval: expected a duration longer than zero"),
        "{sentence}"
    );
}

#[test]
fn an_unknown_key_that_a_variable_wrote_is_remarked() {
    let (_, warnings) = load(&minimal(""), &[("REGISTRY_STORAGE_DELETE_ENABLE", "true")]);
    assert_eq!(
        sentences(&warnings),
        ["REGISTRY_STORAGE_DELETE_ENABLE: ignored, there is no key storage.delete.enable, \
             did you mean \"enabled\"?"]
    );
}

#[test]
fn there_is_one_version() {
    for (text, found) in [("storage: filesystem", "nothing"), ("version: 0.2", "\"0.2\""), ("", "nothing")] {
        assert_eq!(refusal(text, &[]), format!("config.yml:1: version: expected 0.1, found {found}"));
    }
}

#[test]
fn text_that_is_not_yaml_is_refused_with_line_and_column() {
    let sentence = refusal("version: 0.1\nhttp: {addr: :5000\n", &[]);
    assert!(sentence.starts_with("config.yml:3:1: "), "{sentence}");
    assert_eq!(
        refusal("version: 0.1\nhttp: {}\nhttp: {}\n", &[]),
        "config.yml:3:1: the key \"http\" stands here a second time; the first is on line 2"
    );
    assert_eq!(
        refusal("just words", &[]),
        "config.yml:1: the configuration: expected keys with values, found \"just words\""
    );
}

#[test]
fn there_is_one_storage_driver() {
    assert_eq!(
        refusal(&minimal(""), &[("REGISTRY_STORAGE_S3_BUCKET", "b")]),
        "config.yml:2: storage: must provide exactly one storage type, \
         found filesystem (config.yml:3) and s3 (REGISTRY_STORAGE_S3_BUCKET)"
    );
    assert!(refusal("version: 0.1\nstorage: {delete: {enabled: true}}", &[]).contains("found none"));
    assert!(refusal("version: 0.1\n", &[]).contains("found none"));
}

#[test]
fn what_is_not_served_yet_stops_the_start() {
    for (text, sentence) in [
        ("middleware: {storage: [{name: cloudfront}]}", "config.yml:5: middleware.storage: middlewares are "),
        ("notifications: {endpoints: [{url: 'http://x'}]}", "config.yml:5: notifications.endpoints: notifications "),
        ("proxy: {remoteurl: 'https://x'}", "config.yml:5: proxy.remoteurl: mirroring another registry is not "),
        ("http: {tls: {letsencrypt: {email: a@b}}}", "config.yml:5: http.tls.letsencrypt.email: certificates "),
        ("http: {tls: {letsencrypt: {hosts: [a]}}}", "config.yml:5: http.tls.letsencrypt.hosts: certificates "),
        ("health: {file: [{file: /x}]}", "config.yml:5: health.file: checks of files are not served yet"),
        ("health: {http: [{uri: 'http://x'}]}", "config.yml:5: health.http: checks of other servers are not "),
        ("health: {tcp: [{addr: 'x:1'}]}", "config.yml:5: health.tcp: checks of other servers are not "),
        ("log: {hooks: [{type: mail}]}", "config.yml:5: log.hooks: log hooks are not served yet"),
    ] {
        let found = refusal(&minimal(text), &[]);
        assert!(found.starts_with(sentence), "{found}");
    }
    for driver in ["s3", "azure", "gcs", "inmemory", "swift", "oss"] {
        let found = refusal(&format!("version: 0.1\nstorage:\n  {driver}:\n    x: y\n"), &[]);
        let sentence = format!("config.yml:3: storage.{driver}: this storage driver is not served yet; ");
        assert!(found.starts_with(&sentence), "{found}");
    }
    let variable = [("REGISTRY_PROXY_REMOTEURL", "https://registry-1.docker.io")];
    assert!(refusal(&minimal(""), &variable).starts_with("REGISTRY_PROXY_REMOTEURL: proxy.remoteurl: "));
    let variable = [("REGISTRY_STORAGE", "s3")];
    assert!(refusal(&minimal(""), &variable).starts_with("REGISTRY_STORAGE: storage.s3: "));
}

#[test]
fn what_is_switched_off_does_not_stop_the_start() {
    let text = "
auth:
middleware: {registry: [], storage: [{name: cloudfront, disabled: true}]}
notifications: {events: {includereferences: true}, endpoints: [{name: a, url: 'http://x', disabled: true}]}
proxy: {remoteurl: '', username: u}
health: {file: [], http: [], tcp: []}
log: {hooks: [{type: mail, disabled: true, levels: [panic]}]}
";
    load(&minimal(text), &[]);
    load(&minimal("auth: {silly: {}}"), &[("REGISTRY_AUTH", "")]);
}

#[test]
fn a_secret_is_in_no_sentence() {
    for text in [
        "http: {secret: [hunter2]}",
        "redis: {password: {a: hunter2}}",
        "proxy: {remoteurl: 'https://x', password: hunter2}",
    ] {
        assert!(!refusal(&minimal(text), &[]).contains("hunter2"), "{text}");
    }
    let (config, _) = load(&minimal("http: {secret: hunter2}"), &[("REGISTRY_REDIS_PASSWORD", "hunter2")]);
    assert!(!format!("{config:?}").contains("hunter2"));
}
