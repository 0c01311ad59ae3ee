//! Plain HTTP to either registry, for what no client can be made to do.

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use wharf::oci::{Algorithm, Digest};

/// registry:2 gives an OCI manifest only to who names its type.
const ACCEPT: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*";

/// A repository of a registry that runs.
pub(crate) struct Wire {
    http: Client,
    /// `http://HOST:PORT`.
    root: String,
    name: String,
}

impl Wire {
    pub(crate) fn to(address: &str, name: &str) -> Wire {
        Wire {
            http: Client::new(),
            root: format!("http://{address}"),
            name: name.to_owned(),
        }
    }

    /// A request to a path of the repository, or to a URL that the registry gave.
    pub(crate) fn request(&self, method: Method, place: &str) -> RequestBuilder {
        let url = if place.starts_with("http") {
            place.to_owned()
        } else if place.starts_with('/') {
            format!("{}{place}", self.root)
        } else {
            format!("{}/v2/{}/{place}", self.root, self.name)
        };
        self.http.request(method, url).header("accept", ACCEPT)
    }

    /// What is at a path of the repository.
    pub(crate) async fn get(&self, place: &str) -> (StatusCode, Vec<u8>) {
        let response = self.request(Method::GET, place).send().await.unwrap();
        (response.status(), response.bytes().await.unwrap().to_vec())
    }

    #[track_caller]
    pub(crate) fn expect(response: &Response, status: u16) {
        assert_eq!(response.status(), status, "{response:?}");
    }

    /// Starts an upload; where to go on.
    pub(crate) async fn start_upload(&self) -> String {
        let response = self.request(Method::POST, "blobs/uploads/").send().await.unwrap();
        Wire::expect(&response, 202);
        location(&response)
    }

    /// Adds bytes to an upload; where to go on, and the upload's name.
    pub(crate) async fn append(&self, place: &str, bytes: &[u8]) -> (String, String) {
        let request = self.request(Method::PATCH, place).body(bytes.to_vec());
        let request = request.header("content-type", "application/octet-stream");
        let response = request.send().await.unwrap();
        Wire::expect(&response, 202);
        let id = response.headers()["docker-upload-uuid"].to_str().unwrap();
        (location(&response), id.to_owned())
    }

    /// Ends an upload.
    pub(crate) async fn finish(&self, place: &str, digest: &Digest) -> StatusCode {
        let separator = if place.contains('?') { '&' } else { '?' };
        let url = format!("{place}{separator}digest={digest}");
        self.request(Method::PUT, &url).send().await.unwrap().status()
    }

    /// Pushes a blob by its digest of this algorithm.
    pub(crate) async fn push_blob(&self, algorithm: Algorithm, content: &[u8]) -> Digest {
        let digest = Digest::of(algorithm, content);
        let (place, _) = self.append(&self.start_upload().await, content).await;
        assert_eq!(self.finish(&place, &digest).await, 201, "{digest}");
        digest
    }

    /// Puts a manifest under a tag; its digest.
    pub(crate) async fn put_manifest(&self, tag: &str, media_type: &str, content: &str) -> Digest {
        let request = self.request(Method::PUT, &format!("manifests/{tag}"));
        let request = request
            .header("content-type", media_type)
            .body(content.to_owned());
        let response = request.send().await.unwrap();
        let status = response.status();
        assert_eq!(status, 201, "{}", response.text().await.unwrap());
        Digest::of(Algorithm::Sha256, content.as_bytes())
    }
}

fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}
