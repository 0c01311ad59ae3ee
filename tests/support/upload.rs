//! An upload under way, from the client's side.

use reqwest::Method;

use super::answer::Answer;
use super::client::{Client, Request};

/// An upload under way.
pub struct Upload {
    client: Client,
    /// Where it is, as a path.
    pub location: String,
    /// Its name.
    pub id: String,
}

impl Upload {
    pub(super) fn started(client: Client, answer: &Answer) -> Upload {
        Upload {
            client,
            location: answer.header("location").to_owned(),
            id: answer.header("docker-upload-uuid").to_owned(),
        }
    }

    /// The same upload at another server, such as the one that was started again.
    pub fn at(self, client: Client) -> Upload {
        Upload { client, ..self }
    }

    /// A request to it.
    pub fn request(&self, method: Method) -> Request {
        self.client.request(method, &self.location)
    }

    /// Adds bytes without saying where they belong.
    pub async fn patch(&self, content: &[u8]) -> Answer {
        self.request(Method::PATCH).body(content.to_vec()).send().await
    }

    /// Adds bytes that belong there, such as `0-9`.
    pub async fn patch_at(&self, range: &str, content: &[u8]) -> Answer {
        let request = self.request(Method::PATCH).header("content-range", range);
        request.body(content.to_vec()).send().await
    }

    /// A request that finishes it.
    pub fn finishing(&self, digest: &str) -> Request {
        let path = format!("{}?digest={digest}", self.location);
        self.client.request(Method::PUT, &path)
    }

    /// Finishes it, with the last bytes, which may be none.
    pub async fn finish(&self, digest: &str, content: &[u8]) -> Answer {
        self.finishing(digest).body(content.to_vec()).send().await
    }

    /// How far it has come.
    pub async fn status(&self) -> Answer {
        self.request(Method::GET).send().await
    }

    /// Asks how far it has come until that is there, and returns when it is.
    pub async fn has_come_to(&self, range: &str) {
        let come = async { while self.status().await.is(204).header("range") != range {} };
        tokio::time::timeout(super::client::PATIENCE, come)
            .await
            .unwrap_or_else(|_| panic!("the upload never came to {range}"));
    }

    /// Gives it up.
    pub async fn cancel(&self) -> Answer {
        self.request(Method::DELETE).send().await
    }
}
