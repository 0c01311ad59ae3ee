//! A client of the whole registry.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::{Body, Method, RequestBuilder};

use super::answer::Answer;
use super::repository::Repository;
use super::{SharedWharf, Wharf};

/// As long as anything may take; a test that waits longer has found something that hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A client of the whole registry. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    /// What keeps a shared server running.
    server: Option<SharedWharf>,
    /// What every request says of who sends it.
    authorization: Option<String>,
}

/// A request that is being put together.
#[must_use]
pub struct Request {
    builder: RequestBuilder,
    asked: String,
}

impl Wharf {
    /// A client with connections of its own.
    pub fn client(&self) -> Client {
        self.client_of(reqwest::Client::builder())
    }

    /// A client that connects in its own way.
    pub fn client_of(&self, http: reqwest::ClientBuilder) -> Client {
        let http = http.no_proxy().timeout(PATIENCE).build();
        Client { http: http.unwrap(), url: self.url.clone(), server: None, authorization: None }
    }

    /// A client of one repository.
    pub fn repo(&self, name: &str) -> Repository {
        self.client().repo(name)
    }

    /// Waits until something is so, and asks the server something meanwhile, which is what lets time pass.
    pub async fn until(&self, is_so: impl Fn() -> bool) {
        let client = self.client();
        let wait = async {
            while !is_so() {
                client.get("/v2/").await.is(200);
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("it comes to be so");
    }
}

impl SharedWharf {
    /// A client with connections of its own, which keeps the server running.
    pub fn client(&self) -> Client {
        Client { server: Some(self.clone()), ..Wharf::client(self) }
    }

    /// A client of one repository, which keeps the server running.
    pub fn repo(&self, name: &str) -> Repository {
        self.client().repo(name)
    }
}

impl Client {
    /// The part of it that is about one repository.
    pub fn repo(&self, name: &str) -> Repository {
        Repository::new(self.clone(), name)
    }

    /// The same client as somebody with a password.
    pub fn user(&self, name: &str, password: &str) -> Client {
        let pair = data_encoding::BASE64.encode(format!("{name}:{password}").as_bytes());
        self.authorized(&format!("Basic {pair}"))
    }

    /// The same client as somebody with a token.
    pub fn bearer(&self, token: &str) -> Client {
        self.authorized(&format!("Bearer {token}"))
    }

    /// The same client with this value of `Authorization`.
    pub fn authorized(&self, value: &str) -> Client {
        Client { authorization: Some(value.to_owned()), ..self.clone() }
    }

    /// A request for a path.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let mut builder = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some(authorization) = &self.authorization {
            builder = builder.header("authorization", authorization);
        }
        Request { builder, asked: format!("{method} {path}") }
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    /// The lists in all pages, from the first to the last, that begin at a path.
    pub async fn pages(&self, path: &str, key: &str) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = self.get(&path).await.is(200);
            pages.push(page.list(key));
            next = page.next();
            assert!(seen.insert(path), "the pages lead in a circle: {seen:?}");
        }
        pages
    }
}

impl Request {
    /// With a header.
    pub fn header(self, name: &str, value: &str) -> Request {
        Request { builder: self.builder.header(name, value), ..self }
    }

    /// With a body.
    pub fn body(self, body: impl Into<Body>) -> Request {
        Request { builder: self.builder.body(body), ..self }
    }

    /// With a body whose length is not announced.
    pub fn streamed(self, pieces: Vec<Vec<u8>>) -> Request {
        let pieces = futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
        self.body(Body::wrap_stream(pieces))
    }

    /// Sends it and reads the answer.
    pub async fn send(self) -> Answer {
        let response = self.builder.send().await;
        let response = response.unwrap_or_else(|error| panic!("{}: {error:?}", self.asked));
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap().to_vec(),
            asked: self.asked,
        }
    }
}
