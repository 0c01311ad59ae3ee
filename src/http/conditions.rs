//! Conditions on a request: entity tags in If-Match, If-None-Match and If-Range (RFC 9110 §13). Our entity tag is the
//! digest.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::oci::Digest;
use crate::registry::Precondition;

use super::HttpError;

/// The entity tag of some content.
pub(super) fn etag(digest: &Digest) -> HeaderValue {
    // A digest is plain ASCII.
    HeaderValue::from_str(&format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// What a header says about entity tags.
enum Tags {
    Any,
    /// Those that are digests; others match nothing of ours.
    These(Vec<Digest>),
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Option<Tags> {
    let mut found = Vec::new();
    let mut present = false;
    for value in headers.get_all(name) {
        present = true;
        // What is not text is not one of our tags.
        for tag in value.to_str().unwrap_or_default().split(',') {
            let tag = tag.trim();
            if tag == "*" {
                return Some(Tags::Any);
            }
            // Weakness makes no difference: content under a digest never changes. Some clients leave the quotes out.
            let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
            found.extend(tag.parse::<Digest>());
        }
    }
    present.then_some(Tags::These(found))
}

/// Whether the client has this content already, so that 304 is the answer.
pub(super) fn client_has(headers: &HeaderMap, digest: &Digest) -> bool {
    match tags(headers, &header::IF_NONE_MATCH) {
        Some(Tags::Any) => true,
        Some(Tags::These(tags)) => tags.contains(digest),
        None => false,
    }
}

/// Whether a range may be answered: without If-Range, or if it names this content.
pub(super) fn range_applies(headers: &HeaderMap, digest: &Digest) -> bool {
    match headers.get(header::IF_RANGE) {
        None => true,
        // A date cannot be compared with; then the whole is sent (RFC 9110 §13.1.5).
        Some(value) => value.to_str().is_ok_and(|tag| tag.trim_matches('"').parse::<Digest>().as_ref() == Ok(digest)),
    }
}

/// What must be so for a change to be made.
pub(super) fn precondition(headers: &HeaderMap) -> Result<Precondition, HttpError> {
    let shown = |name: &HeaderName| {
        let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        value.unwrap_or_default().chars().take(100).collect()
    };
    match (tags(headers, &header::IF_MATCH), tags(headers, &header::IF_NONE_MATCH)) {
        (None, None) => Ok(Precondition::None),
        (None, Some(Tags::Any)) => Ok(Precondition::Absent),
        (Some(Tags::Any), None) => Ok(Precondition::Exists),
        (Some(Tags::These(tags)), None) if !tags.is_empty() => Ok(Precondition::OneOf(tags)),
        // A condition that we cannot follow must not be ignored: the client relies on it.
        (Some(_), _) => Err(HttpError::Condition { header: "If-Match", found: shown(&header::IF_MATCH) }),
        (None, Some(Tags::These(_))) => {
            Err(HttpError::Condition { header: "If-None-Match", found: shown(&header::IF_NONE_MATCH) })
        }
    }
}
