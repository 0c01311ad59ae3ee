//! An answer that was read to its end, and what tests ask of it.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// Status, headers and body of an answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// What was asked, for messages.
    pub asked: String,
}

impl Answer {
    /// Fails unless the status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}: {}", self.asked, String::from_utf8_lossy(&self.body));
        self
    }

    /// Fails unless it is a refusal with this status and code.
    #[track_caller]
    pub fn refuses(self, status: u16, code: &str) -> Answer {
        let answer = self.is(status);
        assert_eq!(answer.code(), code, "{}", answer.asked);
        answer
    }

    /// The value of a header, which must be there once.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let values: Vec<&str> = self.all(name);
        assert_eq!(values.len(), 1, "{}: {name} in {:?}", self.asked, self.headers);
        values[0]
    }

    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name);
        values.iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// Whether a header is there.
    pub fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {:?}", self.asked, String::from_utf8_lossy(&self.body)))
    }

    /// The code of the first error in the body.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap().to_owned()
    }

    /// The sentence of the first error in the body.
    #[track_caller]
    pub fn message(&self) -> String {
        self.json()["errors"][0]["message"].as_str().unwrap().to_owned()
    }

    /// The strings of a list in the body, such as `tags`.
    #[track_caller]
    pub fn list(&self, key: &str) -> Vec<String> {
        let json = self.json();
        let list = json[key].as_array().unwrap_or_else(|| panic!("{key} in {json}"));
        list.iter().map(|entry| entry.as_str().unwrap().to_owned()).collect()
    }

    /// The path that `Link` leads to, if there is one. It must be exactly of the form that clients look for.
    #[track_caller]
    pub fn next(&self) -> Option<String> {
        if !self.has("link") {
            return None;
        }
        let link = self.header("link");
        let path = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
        let path = path.unwrap_or_else(|| panic!("{link:?}"));
        assert!(path.starts_with("/v2/"), "{path} is not relative");
        Some(path.to_owned())
    }
}
