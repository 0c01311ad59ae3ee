//! Why a token is refused, for a line in the log. Clients are told only that it is.

/// A token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It is larger than any that we read.
    #[error("the token has more than {0} bytes")]
    TooLong(usize),
    /// It is no compact JWS (RFC 7515 §7.1).
    #[error("the token is not three parts with dots between them")]
    NotThreeParts,
    /// A part is not written as it should be.
    #[error("the token's {0} is not base64url without padding")]
    Encoding(&'static str),
    /// A part does not say what it should.
    #[error("the token's {0} is not a JSON object whose members have the types that they should")]
    Json(&'static str),
    /// It says that something must be understood which is not (RFC 7515 §4.1.11).
    #[error("the token's header has crit, and no extension is understood")]
    Critical,
    /// It is signed in a way that is not accepted.
    #[error("the token is signed with {0:?}, which is not accepted")]
    Algorithm(String),
    /// It does not say which key it is signed with.
    #[error("the token does not name its key")]
    NoKeyName,
    /// It is signed with a key that nobody has told us of.
    #[error("the token's key {0:?} is not known")]
    UnknownKey(String),
    /// Nothing fits the way in which it is signed.
    #[error("no known key fits the token's algorithm {0}")]
    NoKeyFits(&'static str),
    /// So many keys might have signed it that trying them all is too much.
    #[error("the token could be signed with any of more than {0} keys")]
    TooManyKeys(usize),
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// A certificate of its header cannot be read.
    #[error("the token's x5c holds something that is not a certificate")]
    Certificate,
    /// It brings more certificates than we look at.
    #[error("the token's x5c holds more than {0} certificates")]
    TooManyCertificates(usize),
    /// Its first certificate is one that we trust, and not valid now.
    #[error("the token's certificate is not valid at this time")]
    CertificateTime,
    /// Its certificates do not lead to one that we trust.
    #[error("the token's certificates do not lead to a trusted one")]
    Chain(#[source] webpki::Error),
    /// Its certificate is for a key that cannot sign tokens.
    #[error("the token's certificate has a key of a kind that is not accepted")]
    CertificateKey,
    /// A claim that it must have is missing.
    #[error("the token does not have the claim {0}")]
    NoClaim(&'static str),
    /// A claim has another type than it should.
    #[error("the token's claim {0} has the wrong type")]
    ClaimType(&'static str),
    /// Somebody else issued it.
    #[error("the token is from the issuer {0:?}")]
    Issuer(String),
    /// It is meant for somebody else.
    #[error("the token is meant for another audience")]
    Audience,
    /// It is no longer valid.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// As much of a text that somebody sent as a log needs.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}
