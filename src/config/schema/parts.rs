//! The keys of the sections that Wharf does not serve yet or that have no meaning here. They are known so that a slip of
//! the pen in them is named, and so that variables reach them as they reach registry:2's.

use super::{Field, Shape, any, headers, list, section, value, values};

pub(super) const MIDDLEWARE: Shape = Shape::Map(
    &[list("registry", &MIDDLEWARE_ITEM), list("repository", &MIDDLEWARE_ITEM), list("storage", &MIDDLEWARE_ITEM)],
    &Shape::List(&MIDDLEWARE_ITEM),
);

const MIDDLEWARE_ITEM: Shape = Shape::Struct(&[value("name"), value("disabled"), any("options")]);

pub(super) const HOOK: Shape = Shape::Struct(&[
    value("disabled"),
    value("type"),
    values("levels"),
    section(
        "options",
        &[
            section("smtp", &[value("addr"), value("username"), value("password"), value("insecure")]),
            value("from"),
            values("to"),
        ],
    )
    .called("MAILOPTIONS"),
]);

pub(super) const NOTIFICATIONS: &[Field] =
    &[section("events", &[value("includereferences")]).called("EVENTCONFIG"), list("endpoints", &ENDPOINT)];

const ENDPOINT: Shape = Shape::Struct(&[
    value("name"),
    value("disabled"),
    value("url"),
    headers(),
    value("timeout"),
    value("threshold"),
    value("backoff"),
    values("ignoredmediatypes"),
    section("ignore", &[values("mediatypes"), values("actions")]),
]);

pub(super) const PROXY: &[Field] = &[
    value("remoteurl"),
    value("username"),
    value("password"),
    section("exec", &[value("command"), value("lifetime")]),
    value("ttl"),
    value("cachewritetimeout"),
];

pub(super) const CHECK_FILE: Shape = Shape::Struct(&[value("interval"), value("file"), value("threshold")]);

pub(super) const CHECK_HTTP: Shape = Shape::Struct(&[
    value("timeout"),
    value("statuscode"),
    value("interval"),
    value("uri"),
    headers(),
    value("threshold"),
]);

pub(super) const CHECK_TCP: Shape =
    Shape::Struct(&[value("timeout"), value("interval"), value("addr"), value("threshold")]);

/// The keys of registry:3, and after them those that registry:2 alone has.
pub(super) const REDIS: &[Field] = &[
    values("addrs"),
    value("clientname"),
    value("db"),
    value("protocol"),
    value("username"),
    value("password"),
    value("sentinelusername"),
    value("sentinelpassword"),
    value("maxretries"),
    value("minretrybackoff"),
    value("maxretrybackoff"),
    value("dialtimeout"),
    value("readtimeout"),
    value("writetimeout"),
    value("contexttimeoutenabled"),
    value("poolfifo"),
    value("poolsize"),
    value("pooltimeout"),
    value("minidleconns"),
    value("maxidleconns"),
    value("maxactiveconns"),
    value("connmaxidletime"),
    value("connmaxlifetime"),
    value("maxredirects"),
    value("readonly"),
    value("routebylatency"),
    value("routerandomly"),
    value("mastername"),
    value("disableidentity"),
    value("identitysuffix"),
    value("unstableresp3"),
    section("tls", &[value("certificate"), value("key"), values("rootcas")]),
    value("addr"),
    section("pool", &[value("maxidle"), value("maxactive"), value("idletimeout")]),
];

pub(super) const REPORTING: &[Field] = &[
    section("bugsnag", &[value("apikey"), value("releasestage"), value("endpoint")]),
    section("newrelic", &[value("licensekey"), value("name"), value("verbose")]),
];

pub(super) const COMPATIBILITY: &[Field] =
    &[section("schema1", &[value("signingkeyfile").called("TRUSTKEY"), value("enabled")])];
