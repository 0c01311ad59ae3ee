//! What can be wrong with a directory: its settings, or what its server says.

use std::path::PathBuf;
use std::{fmt, io};

/// A directory cannot be asked, or cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum LdapError {
    /// A setting cannot be used.
    #[error("{key}: {problem}")]
    Setting {
        /// Which one: `auth.ldap.url`, say.
        key: &'static str,
        /// What is wrong with it.
        problem: LdapProblem,
    },
    /// Too many are asking already.
    #[error("too many logins wait for the LDAP server; try again in a moment")]
    Busy,
    /// There is no connection, or it broke.
    #[error("{url} cannot be reached to {step}")]
    Connection {
        /// The server.
        url: String,
        /// What it was for.
        step: LdapStep,
        /// What went wrong.
        source: Box<ldap3::LdapError>,
    },
    /// The server takes too long.
    #[error("{url} did not answer in time")]
    Late {
        /// The server.
        url: String,
    },
    /// The server answered with an error.
    #[error("{url} refuses to {step}: LDAP result {code}, {text:?}")]
    Result {
        /// The server.
        url: String,
        /// What it refuses.
        step: LdapStep,
        /// The result code (RFC 4511 Appendix A).
        code: u32,
        /// The beginning of what it says.
        text: String,
    },
    /// The server's answer is no LDAP.
    #[error("{url} answered with what is no LDAP")]
    Malformed {
        /// The server.
        url: String,
    },
    /// Several entries are found for one user, and none is guessed to be the right one.
    #[error("several entries below auth.ldap.users.base match auth.ldap.users.filter; it must find one for each user")]
    Several,
    /// The entry of a user does not say what they are called.
    #[error("{dn:?} has not exactly one {attribute} (auth.ldap.users.name) that can be the name of a user")]
    Name {
        /// The entry.
        dn: String,
        /// The attribute.
        attribute: String,
    },
}

/// What is wrong with a setting.
#[derive(Debug, thiserror::Error)]
pub enum LdapProblem {
    /// The address is none.
    #[error("write ldap://HOST[:PORT] or ldaps://HOST[:PORT], and nothing behind it")]
    Url,
    /// No certificate would fit.
    #[error("an IPv6 address cannot be compared with a certificate; write the server's name")]
    Ipv6,
    /// Encrypted twice.
    #[error("an ldaps:// server is encrypted from the first byte; leave starttls out, or write ldap://")]
    EncryptedTwice,
    /// Authorities without anything that they would certify.
    #[error("the connection is not encrypted, so there is no certificate to check; write ldaps:// or set starttls")]
    NotEncrypted,
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} holds no certificate of an authority in PEM form (-----BEGIN CERTIFICATE-----)")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Nobody is trusted.
    #[error("this system trusts no certificate authority; name a PEM file here, or install ca-certificates")]
    NoAuthorities,
    /// TLS does not work at all.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
    /// A bind without a password succeeds for everybody (RFC 4513 §5.1.2).
    #[error("without a password nobody is logged in; leave both binddn and the password out to search anonymously")]
    NoPassword,
    /// A filter cannot be read.
    #[error("it is no LDAP filter, as in (uid={{user}})")]
    Filter,
    /// A filter that finds the same for everybody.
    #[error("it has to name {0}, or it finds the same for everybody")]
    SameForAll(&'static str),
    /// A filter with something in braces that has no meaning.
    #[error("of what may stand in braces there is {0} alone; a brace itself is written \\7b")]
    Braces(&'static str),
    /// An attribute is none.
    #[error("it is no attribute, as in uid or cn")]
    Attribute,
}

/// What the server is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LdapStep {
    /// Log in as the account that searches.
    BindService,
    /// Find a user's entry.
    FindUser,
    /// Log in as the user.
    BindUser,
    /// Find a user's groups.
    FindGroups,
}

/// As part of "refuses to …".
impl fmt::Display for LdapStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LdapStep::BindService => "log in as auth.ldap.binddn",
            LdapStep::FindUser => "search below auth.ldap.users.base",
            LdapStep::BindUser => "log the user in",
            LdapStep::FindGroups => "search below auth.ldap.groups.base",
        })
    }
}
