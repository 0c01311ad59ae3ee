//! Each operation does what it says.

use reqwest::Method;

use crate::support::Wharf;
use crate::support::client::Client;

async fn delete(client: &Client, path: &str) -> u16 {
    client.request(Method::DELETE, path).send().await.status
}

#[tokio::test]
async fn it_says_what_it_is_and_describes_itself() {
    let wharf = Wharf::shared();
    for path in ["/api/v1/", "/api/v1"] {
        let about = wharf.client().get(path).await.is(200).json();
        assert_eq!((about["name"].as_str(), about["api"].as_u64()), (Some("wharf"), Some(1)));
        assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    }
    let document = wharf.client().get("/api/v1/openapi.json").await.is(200).json();
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert_eq!(document["servers"][0]["url"], "/");
    assert!(document["paths"]["/api/v1/repositories/{name}/tags/{tag}"]["delete"].is_object());
}

#[tokio::test]
async fn a_tag_says_what_it_points_at_and_a_repository_what_it_holds() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("looked/at");
    let image = repo.push_image("1.0", 1).await;
    repo.put("latest", &image).await.is(201);
    for name in ["looked%2Fat", "looked/at"] {
        let tag = wharf.client().get(&format!("/api/v1/repositories/{name}/tags/1.0")).await.is(200);
        let said = tag.json();
        assert_eq!((said["repository"].as_str(), said["tag"].as_str()), (Some("looked/at"), Some("1.0")));
        assert_eq!(said["digest"], image.digest());
        assert_eq!(said["mediaType"].as_str(), image.media_type.as_deref());
        assert_eq!(said["size"].as_u64(), Some(image.bytes.len() as u64));
        let repository = wharf.client().get(&format!("/api/v1/repositories/{name}")).await.is(200).json();
        assert_eq!((repository["name"].as_str(), repository["tags"].as_u64()), (Some("looked/at"), Some(2)));
    }
    wharf.client().get("/api/v1/repositories/looked%2Fat/tags/2.0").await.is(404);
    wharf.client().get("/api/v1/repositories/looked").await.is(404);
}

#[tokio::test]
async fn a_tag_goes_alone_and_a_manifest_with_all_its_tags() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("deleted/from");
    let image = repo.push_image("one", 2).await;
    for tag in ["two", "three"] {
        repo.put(tag, &image).await.is(201);
    }
    let other = repo.push_image("other", 3).await;
    let client = wharf.client();
    assert_eq!(delete(&client, "/api/v1/repositories/deleted%2Ffrom/tags/one").await, 204);
    assert_eq!(delete(&client, "/api/v1/repositories/deleted%2Ffrom/tags/one").await, 404);
    assert_eq!(repo.tags().await, ["other", "three", "two"]);
    repo.manifest(&image.digest()).await.is(200);
    let manifest = format!("/api/v1/repositories/deleted/from/manifests/{}", image.digest());
    assert_eq!(delete(&client, &manifest).await, 204);
    assert_eq!(delete(&client, &manifest).await, 404);
    assert_eq!(repo.tags().await, ["other"]);
    repo.manifest(&image.digest()).await.is(404);
    repo.manifest(&other.digest()).await.is(200);
}

/// Behind the prefix of `http.prefix`, as the rest is; nothing of it is elsewhere.
#[tokio::test]
async fn it_is_below_the_prefix_and_a_location_leads_there() {
    let wharf = Wharf::prepare().env("REGISTRY_HTTP_PREFIX", "/registry/").go();
    let client = wharf.client();
    client.get("/registry/api/v1/").await.is(200);
    assert_eq!(client.get("/api/v1/").await.is(404).code(), "UNSUPPORTED", "the registry's own form of errors");
    let document = client.get("/registry/api/v1/openapi.json").await.json();
    assert_eq!(document["servers"][0]["url"], "/registry");
    let request = client.request(Method::POST, "/registry/api/v1/upload-purges");
    let begun = request.header("content-type", "application/json").body("{}").send().await.is(202);
    client.get(begun.header("location")).await.is(200);
}
