//! What an operator can switch: deleting, changing, checking, the lengths of pages.

use reqwest::Method;
use serde_json::json;

use crate::support::answer::Answer;
use crate::support::content::{Manifest, NOTHING, OCI_INDEX, descriptor};
use crate::support::{Start, Wharf};

const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

/// A configuration with these lines below `storage`, and these at the top.
fn config(storage: &str, top: &str) -> String {
    format!("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /nowhere\n{storage}\nhttp:\n  addr: :0\n{top}\n")
}

/// A server on a volume that holds an image `latest`, a blob and an upload.
struct Filled {
    wharf: Wharf,
    image: Manifest,
    blob: String,
    upload: String,
}

async fn filled(again: impl Fn(Start) -> Start) -> Filled {
    let wharf = Wharf::start();
    let repo = wharf.repo("switches");
    let image = repo.push_image("latest", 110).await;
    let blob = repo.push_blob(b"blob").await;
    let upload = repo.upload().await;
    upload.patch(b"begun").await.is(202);
    // All of it has come to where it stays.
    wharf.has_settled(&blob).await;
    wharf.until(|| wharf.repository("switches/_uploads").join(&upload.id).join("data").exists()).await;
    Filled { wharf: again(wharf.crash()).go(), image, blob, upload: upload.id }
}

impl Filled {
    /// Every path of the API that leads to something here.
    fn paths(&self) -> Vec<String> {
        let (image, blob, upload) = (self.image.digest(), &self.blob, &self.upload);
        let below = [
            "tags/list".to_owned(),
            "manifests/latest".to_owned(),
            format!("manifests/{image}"),
            format!("manifests/{image}?tag=other"),
            format!("blobs/{blob}"),
            "blobs/uploads/".to_owned(),
            format!("blobs/uploads/?digest={blob}"),
            format!("blobs/uploads/?mount={blob}"),
            format!("blobs/uploads/{upload}?digest={blob}"),
            format!("referrers/{image}"),
        ];
        let below = below.into_iter().map(|rest| format!("/v2/switches/{rest}"));
        below.chain(["/v2/".to_owned(), "/v2/_catalog".to_owned()]).collect()
    }

    /// What every change is answered with.
    async fn changes(&self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for path in self.paths() {
            for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
                let request = self.wharf.client().request(method, &path);
                answers.push(request.body(self.image.bytes.clone()).send().await);
            }
        }
        answers
    }

    async fn is_whole(&self) {
        let repo = self.wharf.repo("switches");
        assert_eq!(repo.manifest("latest").await.is(200).body, self.image.bytes);
        assert_eq!(repo.blob(&self.blob).await.is(200).body, b"blob");
        assert_eq!(repo.tags().await, ["latest"]);
        assert_eq!(self.wharf.client().get("/v2/_catalog").await.list("repositories"), ["switches"]);
        let upload = repo.get(&format!("blobs/uploads/{}", self.upload)).await.is(204);
        assert_eq!(upload.header("range"), "0-4");
    }
}

/// S7: a change that is reached by a route nobody thought of is refused here too.
#[tokio::test]
async fn a_read_only_registry_refuses_every_change_and_serves_everything() {
    let settings = config("  maintenance:\n    readonly:\n      enabled: true", "");
    let filled = filled(|start| start.config(&settings)).await;
    let before = Wharf::files_below(filled.wharf.volume());
    let answers = filled.changes().await;
    assert!(answers.len() >= 40);
    let mut told = 0;
    for answer in answers {
        let answer = answer.refuses(405, "UNSUPPORTED");
        told += usize::from(answer.message().contains("storage.maintenance.readonly.enabled"));
    }
    assert_eq!(told, 13, "of the refusals say what can be changed");
    filled.is_whole().await;
    assert_eq!(Wharf::files_below(filled.wharf.volume()), before);
}

/// CVE-2026-41888: deleting by tag ignored the switch.
#[tokio::test]
async fn with_deleting_switched_off_nothing_is_deleted_and_pushing_goes_on() {
    let settings = config("  delete:\n    enabled: false", "");
    let filled = filled(|start| start.config(&settings)).await;
    let repo = filled.wharf.repo("switches");
    for rest in [
        "manifests/latest".to_owned(),
        format!("manifests/{}", filled.image.digest()),
        format!("blobs/{}", filled.blob),
        "manifests/absent".to_owned(),
        format!("blobs/{NOTHING}"),
    ] {
        let answer = repo.delete(&rest).await.refuses(405, "UNSUPPORTED");
        assert!(answer.message().contains("storage.delete.enabled"), "{}", answer.message());
    }
    filled.is_whole().await;
    repo.put("other", &filled.image).await.is(201);
    // Giving up what was never there is no deleting.
    repo.delete(&format!("blobs/uploads/{}", filled.upload)).await.is(204);
}

#[tokio::test]
async fn without_validation_sparse_manifests_and_urls_are_accepted() {
    let settings = config("", "validation:\n  disabled: true");
    let wharf = Wharf::prepare().config(&settings).go();
    let repo = wharf.repo("sparse");
    repo.put("image", &Manifest::image(b"absent", &[b"absent too"])).await.is(201);
    let mut body = Manifest::image_body(b"absent", &[]);
    body["layers"] = json!([descriptor(FOREIGN, b"foreign")]);
    body["layers"][0]["urls"] = json!(["https://elsewhere.example/layer"]);
    repo.put("foreign", &Manifest::oci(body)).await.is(201);
    // What it is must still be clear.
    repo.put("x", &Manifest::new(OCI_INDEX, "{}")).await.refuses(400, "MANIFEST_INVALID");
}

#[tokio::test]
async fn urls_that_the_operator_allows_are_accepted() {
    let settings = config(
        "",
        "validation:\n  manifests:\n    urls:\n      allow: ['^https://mcr\\.example/']\n      deny: ['secret']",
    );
    let wharf = Wharf::prepare().config(&settings).go();
    let repo = wharf.repo("urls");
    repo.push_blob(b"{}").await;
    let mut body = Manifest::image_body(b"{}", &[]);
    body["layers"] = json!([descriptor(FOREIGN, b"foreign")]);
    for (url, status) in
        [("https://mcr.example/layer", 201), ("https://mcr.example/secret", 400), ("https://other.example/layer", 400)]
    {
        body["layers"][0]["urls"] = json!([url]);
        repo.put("v1", &Manifest::oci(body.clone())).await.is(status);
    }
}

#[tokio::test]
async fn of_an_index_only_the_listed_platforms_are_needed() {
    let platforms = "validation:\n  manifests:\n    indexes:\n      platforms: list\n      platformlist:\n      - architecture: arm64\n        os: linux";
    let wharf = Wharf::prepare().config(&config("", platforms)).go();
    let repo = wharf.repo("platforms");
    let child = |architecture: &str| {
        let mut child = descriptor(crate::support::content::OCI_MANIFEST, architecture.as_bytes());
        child["platform"] = json!({"os": "linux", "architecture": architecture});
        child
    };
    let index = |children: &[&str]| {
        let children: Vec<_> = children.iter().map(|architecture| child(architecture)).collect();
        Manifest::new(OCI_INDEX, json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}).to_string())
    };
    repo.put("v1", &index(&["amd64", "s390x"])).await.is(201);
    repo.put("v1", &index(&["amd64", "arm64"])).await.refuses(404, "MANIFEST_BLOB_UNKNOWN");
}

#[tokio::test]
async fn pages_are_no_longer_than_the_operator_says() {
    let wharf = Wharf::prepare().config(&config("", "catalog:\n  maxentries: 2\ntags:\n  maxtags: 3")).go();
    for name in ["a", "b", "c", "d", "e"] {
        wharf.repo(name).push_image("latest", 1).await;
    }
    let image = wharf.repo("a").prepare_image(1).await;
    for tag in ["1", "2", "3", "4"] {
        wharf.repo("a").put(tag, &image).await.is(201);
    }
    for n in ["", "?n=100"] {
        let lengths = |pages: Vec<Vec<String>>| pages.iter().map(Vec::len).collect::<Vec<_>>();
        let catalog = wharf.client().pages(&format!("/v2/_catalog{n}"), "repositories").await;
        assert_eq!(lengths(catalog), [2, 2, 1]);
        let tags = wharf.client().pages(&format!("/v2/a/tags/list{n}"), "tags").await;
        assert_eq!(lengths(tags), [3, 2]);
    }
}

#[tokio::test]
async fn below_a_prefix_everything_leads_on_below_it() {
    let settings = config("", "").replace("addr: :0", "addr: :0\n  prefix: /my/registry/");
    let wharf = Wharf::prepare().config(&settings).go();
    let client = wharf.client();
    client.get("/my/registry/v2/").await.is(200);
    client.get("/v2/").await.refuses(404, "UNSUPPORTED");
    client.get("/my/registryv2/").await.refuses(404, "UNSUPPORTED");
    let started = client.request(Method::POST, "/my/registry/v2/a/blobs/uploads/").send().await.is(202);
    assert!(started.header("location").starts_with("/my/registry/v2/a/blobs/uploads/"));
    client.get(started.header("location")).await.is(204);
}

#[tokio::test]
async fn headers_that_the_operator_sets_are_on_every_answer() {
    let headers = "addr: :0\n  headers:\n    X-Content-Type-Options: [other]\n    X-Own: [one]";
    let wharf = Wharf::prepare().config(&config("", "").replace("addr: :0", headers)).go();
    for path in ["/", "/v2/", "/nowhere", "/v2/a/tags/list"] {
        let answer = wharf.client().get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "other", "{path}");
        assert_eq!(answer.header("x-own"), "one", "{path}");
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0", "{path}");
    }
}

#[tokio::test]
async fn while_the_storage_fails_its_checks_requests_are_refused_and_the_log_says_why() {
    let settings = [("ENABLED", "true"), ("INTERVAL", "20ms"), ("THRESHOLD", "2")];
    let start = settings.into_iter().fold(Wharf::prepare(), |start, (key, value)| {
        start.env(&format!("REGISTRY_HEALTH_STORAGEDRIVER_{key}"), value)
    });
    let wharf = start.go();
    wharf.client().get("/v2/").await.is(200);
    let (volume, away) = (wharf.volume().to_owned(), wharf.volume().with_extension("away"));
    std::fs::rename(&volume, &away).unwrap();
    while wharf.client().get("/v2/").await.status == 200 {}
    let message = wharf.client().get("/v2/").await.refuses(503, "UNAVAILABLE").message();
    std::fs::rename(&away, &volume).unwrap();
    assert!(message.contains("storage"), "{message}");
    while wharf.client().get("/v2/").await.status != 200 {}
    wharf.logs("No such file or directory");
}
