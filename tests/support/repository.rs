//! A client of one repository.

use reqwest::Method;

use super::answer::Answer;
use super::client::{Client, Request};
use super::content::{Manifest, bytes, sha256};
use super::upload::Upload;

/// A client of one repository.
pub struct Repository {
    client: Client,
    /// Its name.
    pub name: String,
}

impl Repository {
    pub(super) fn new(client: Client, name: &str) -> Repository {
        Repository { client, name: name.to_owned() }
    }

    /// The client of the whole registry.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The path of something in it, such as `tags/list`.
    pub fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.name)
    }

    /// A request about something in it.
    pub fn request(&self, method: Method, rest: &str) -> Request {
        self.client.request(method, &self.path(rest))
    }

    /// Gets something in it.
    pub async fn get(&self, rest: &str) -> Answer {
        self.request(Method::GET, rest).send().await
    }

    /// Looks at something in it.
    pub async fn head(&self, rest: &str) -> Answer {
        self.request(Method::HEAD, rest).send().await
    }

    /// Deletes something in it.
    pub async fn delete(&self, rest: &str) -> Answer {
        self.request(Method::DELETE, rest).send().await
    }

    /// Pushes a blob in one request and returns its digest.
    pub async fn push_blob(&self, content: &[u8]) -> String {
        let digest = sha256(content);
        self.post_blob(&digest, content).await.is(201);
        digest
    }

    /// Sends a blob in one request, under a digest that may not be its own.
    pub async fn post_blob(&self, digest: &str, content: &[u8]) -> Answer {
        let request = self.request(Method::POST, &format!("blobs/uploads/?digest={digest}"));
        request.body(content.to_vec()).send().await
    }

    /// Gets a blob.
    pub async fn blob(&self, digest: &str) -> Answer {
        self.get(&format!("blobs/{digest}")).await
    }

    /// Starts an upload.
    pub async fn upload(&self) -> Upload {
        self.upload_with("").await
    }

    /// Starts an upload with parameters, such as `?digest-algorithm=sha512`.
    pub async fn upload_with(&self, query: &str) -> Upload {
        let request = self.request(Method::POST, &format!("blobs/uploads/{query}"));
        Upload::started(self.client.clone(), &request.send().await.is(202))
    }

    /// Puts a manifest.
    pub async fn put(&self, reference: &str, manifest: &Manifest) -> Answer {
        self.putting(reference, manifest).send().await
    }

    /// A request that puts a manifest.
    pub fn putting(&self, reference: &str, manifest: &Manifest) -> Request {
        let mut request = self.request(Method::PUT, &format!("manifests/{reference}"));
        if let Some(media_type) = &manifest.media_type {
            request = request.header("content-type", media_type);
        }
        request.body(manifest.bytes.clone())
    }

    /// Gets a manifest.
    pub async fn manifest(&self, reference: &str) -> Answer {
        self.get(&format!("manifests/{reference}")).await
    }

    /// Pushes an image of a configuration and a layer that no other seed has, and returns its manifest.
    pub async fn push_image(&self, tag: &str, seed: u64) -> Manifest {
        let manifest = self.prepare_image(seed).await;
        self.put(tag, &manifest).await.is(201);
        manifest
    }

    /// Pushes what an image refers to, but not the manifest.
    pub async fn prepare_image(&self, seed: u64) -> Manifest {
        let (config, layer) = (format!("{{\"seed\":{seed}}}").into_bytes(), bytes(1000, seed));
        self.push_blob(&config).await;
        self.push_blob(&layer).await;
        Manifest::image(&config, &[&layer])
    }

    /// Its tags.
    pub async fn tags(&self) -> Vec<String> {
        self.get("tags/list").await.is(200).list("tags")
    }
}
