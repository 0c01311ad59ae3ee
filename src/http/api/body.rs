//! The body of a request to the administration API: JSON, short, and nothing in it that is not known.

use axum::body::Body;
use axum::http::header;
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Error as _};

use crate::http::HttpError;
use crate::http::whole_body::read_small;

/// The longest body, in bytes.
const LONGEST: usize = 64 * 1024;

/// Reads an object.
///
/// That it is JSON must be said: a page of another site can make a browser send any other body without asking first (Fetch
/// standard, "CORS-safelisted request-header").
pub(super) async fn read<T: DeserializeOwned>(request: &Parts, body: Body) -> Result<T, HttpError> {
    let said = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = said.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(super::JSON) {
        return Err(HttpError::NotJson);
    }
    let bytes = read_small(request, body, LONGEST).await?;
    object(&bytes).map_err(HttpError::Body)
}

fn object<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    match bytes.trim_ascii_start() {
        [b'{', ..] => serde_json::from_slice(bytes),
        // Serde would read the fields from a list, in their order.
        _ => Err(serde_json::Error::custom("it is not an object; one that says nothing is {}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::UploadPurge;
    use super::*;

    fn read(text: &str) -> Result<UploadPurge, String> {
        object(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn only_an_object_of_known_fields_is_read() {
        assert_eq!(read(" {} ").unwrap(), UploadPurge::default());
        assert!(read("{\"dryRun\":true}").unwrap().dry_run);
        assert!(read("{\"dry_run\":true}").unwrap_err().contains("`dry_run`"));
        assert!(read("{\"dryRun\":true,\"dryRun\":false}").unwrap_err().contains("duplicate field"));
        for text in ["", " ", "[true]", "[]", "null", "true", "{", "{}{}", "{\"dryRun\":1}", "{\"olderThan\":\"-1h\"}"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
