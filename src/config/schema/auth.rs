//! The keys of who may do what: `auth`, `access` and `groups`.

use super::{Field, Shape, list, options, section, value, values};

/// Ways to log in. The first three are registry:2's, whose options variables reach as they reach a driver's; the others
/// are ours, with keys that are fixed.
pub(super) const AUTH: Shape = Shape::Choice(
    &[
        options("silly", &[]),
        options("htpasswd", &[value("realm"), value("path")]),
        options("token", TOKEN),
        section("ldap", LDAP),
        list("oidc", &OIDC),
        section("certificate", &[value("user")]),
    ],
    &Shape::Map(&[], &Shape::Any(&[])),
);

const TOKEN: &[Field] = &[
    value("realm"),
    value("service"),
    value("issuer"),
    value("rootcertbundle"),
    value("jwks"),
    values("signingalgorithms"),
    value("autoredirect"),
    value("autoredirectpath"),
];

const LDAP: &[Field] = &[
    value("url"),
    value("starttls"),
    value("ca"),
    value("binddn"),
    value("bindpassword"),
    value("bindpasswordfile"),
    section("users", &[value("base"), value("filter"), value("name")]),
    section("groups", &[value("base"), value("filter"), value("name")]),
];

const OIDC: Shape =
    Shape::Struct(&[value("issuer"), values("audience"), value("jwks"), value("ca"), list("identities", &IDENTITY)]);

const IDENTITY: Shape = Shape::Struct(&[
    Field::new("claims", Shape::Map(&[], &Shape::List(&Shape::Value))),
    value("user"),
    values("groups"),
]);

/// Rules, and in their places files that have some.
pub(super) const ACCESS: Field = list("access", &RULE);

const RULE: Shape = Shape::Struct(&[values("who"), values("repositories"), values("may"), value("include")]);

/// Groups, each with its members.
pub(super) const GROUPS: Field = Field::new("groups", Shape::Map(&[], &Shape::List(&Shape::Value)));

/// A file that `access` includes.
pub(in crate::config) const INCLUDED: Shape = Shape::Struct(&[ACCESS, GROUPS]);
