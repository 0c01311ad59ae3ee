//! The keys of the sections that Wharf reads, from the top.

use super::auth::{ACCESS, AUTH, GROUPS};
use super::parts::{CHECK_FILE, CHECK_HTTP, CHECK_TCP};
use super::parts::{COMPATIBILITY, HOOK, MIDDLEWARE, NOTIFICATIONS, PROXY, REDIS, REPORTING};
use super::{Field, Shape, headers, list, options, section, value, values};

/// The whole configuration.
pub(in crate::config) const TOP: Shape = Shape::Struct(&[
    value("version"),
    section("log", LOG),
    value("loglevel"),
    Field::new("storage", STORAGE),
    Field::new("auth", AUTH),
    ACCESS,
    GROUPS,
    Field::new("middleware", MIDDLEWARE),
    section("http", HTTP),
    section("https", HTTPS),
    section("notifications", NOTIFICATIONS),
    section("redis", REDIS),
    section("health", HEALTH),
    section("catalog", &[value("maxentries")]),
    section("tags", &[value("maxtags"), list("immutable", &IMMUTABLE)]),
    section("retention", RETENTION),
    list("quotas", &QUOTA),
    section("proxy", PROXY),
    section("validation", VALIDATION),
    section("policy", &[section("repository", &[values("classes")])]),
    section("reporting", REPORTING),
    section("compatibility", COMPATIBILITY),
]);

const LOG: &[Field] = &[
    section("accesslog", &[value("disabled")]),
    value("level"),
    value("formatter"),
    Field::new("fields", Shape::Map(&[], &Shape::Any(&[]))),
    list("hooks", &HOOK),
    value("reportcaller"),
];

/// One driver, and options that hold for every driver.
const STORAGE: Shape = Shape::Choice(
    &[
        options("filesystem", &[value("rootdirectory"), value("maxthreads"), value("durability")]),
        options("s3", &[]),
        options("s3aws", &[]),
        options("azure", &[]),
        options("gcs", &[]),
        options("inmemory", &[]),
        options("swift", &[]),
        options("oss", &[]),
        options("tag", &[value("concurrencylimit")]),
        options("delete", &[value("enabled")]),
        options("redirect", &[value("disable")]),
        options("cache", &[value("blobdescriptor"), value("blobdescriptorsize"), value("layerinfo")]),
        options("maintenance", MAINTENANCE),
    ],
    &Shape::Map(&[], &Shape::Any(&[])),
);

const MAINTENANCE: &[Field] = &[
    Field::new("uploadpurging", Shape::Any(&[value("enabled"), value("age"), value("interval"), value("dryrun")])),
    Field::new("readonly", Shape::Any(&[value("enabled")])),
    // Ours.
    section(
        "garbagecollection",
        &[value("enabled"), value("interval"), value("grace"), value("untagged"), value("effort")],
    ),
    section("trash", &[value("keep")]),
    Field::new("scrub", Shape::Any(&[value("enabled"), value("interval"), value("effort")])),
];

/// Ours: registry:2 keeps every tag.
const RETENTION: &[Field] = &[value("interval"), list("rules", &RETENTION_RULE)];

const RETENTION_RULE: Shape = Shape::Struct(&[
    values("repositories"),
    values("tags"),
    section("keep", &[value("newest"), value("youngerthan"), value("pulledwithin"), values("matching")]),
]);

const HTTP: &[Field] = &[
    value("addr"),
    value("net"),
    value("host"),
    value("prefix"),
    value("secret"),
    value("relativeurls"),
    value("draintimeout"),
    values("trustedproxies"),
    section("tls", TLS),
    headers(),
    section("debug", &[value("addr"), section("prometheus", &[value("enabled"), value("path")])]),
    section("http2", &[value("disabled")]),
    section("h2c", &[value("enabled")]),
];

const TLS: &[Field] = &[
    value("certificate"),
    value("key"),
    values("clientcas"),
    value("clientauth"),
    value("minimumtls"),
    values("ciphersuites"),
    section("letsencrypt", &[value("cachefile"), value("email"), values("hosts"), value("directoryurl")]),
];

/// Ours: registry:2 has no second listener.
const HTTPS: &[Field] = &[
    value("addr"),
    value("certificate"),
    value("key"),
    values("names"),
    values("clientcas"),
    value("clientauth"),
    value("minimumtls"),
    values("ciphersuites"),
];

const HEALTH: &[Field] = &[
    section("storagedriver", &[value("enabled"), value("interval"), value("threshold")]),
    list("file", &CHECK_FILE).called("FILECHECKERS"),
    list("http", &CHECK_HTTP).called("HTTPCHECKERS"),
    list("tcp", &CHECK_TCP).called("TCPCHECKERS"),
];

/// Ours: registry:2 knows no quotas.
const QUOTA: Shape = Shape::Struct(&[value("namespace"), value("bytes")]);

/// Ours: registry:2 lets every tag be moved.
const IMMUTABLE: Shape = Shape::Struct(&[values("repositories"), values("tags"), values("except")]);

const VALIDATION: &[Field] = &[
    value("enabled"),
    value("disabled"),
    section(
        "manifests",
        &[
            section("urls", &[values("allow"), values("deny")]),
            section(
                "indexes",
                &[value("platforms"), list("platformlist", &Shape::Struct(&[value("architecture"), value("os")]))],
            ),
        ],
    ),
];
