//! Referrers that are not where we keep them: in tags of old clients, and on volumes that never had our notes.

use serde_json::json;

use crate::support::Wharf;
use crate::support::content::{Manifest, NOTHING, OCI_INDEX};
use crate::support::repository::Repository;

const SBOM: &str = "application/vnd.example.sbom.v1";

async fn listed(repo: &Repository, subject: &str) -> Vec<String> {
    let json = repo.get(&format!("referrers/{subject}")).await.is(200).json();
    let manifests = json["manifests"].as_array().unwrap();
    manifests.iter().map(|m| m["digest"].as_str().unwrap().to_owned()).collect()
}

fn tag_of(subject: &str) -> String {
    subject.replace(':', "-")
}

/// Removes what we note of a repository's referrers, as if registry:2 had served the push.
fn forget(wharf: &Wharf, name: &str) {
    let notes = wharf.volume().join("wharf/repositories").join(name).join("_referrers");
    std::fs::remove_dir_all(notes).unwrap();
}

#[tokio::test]
async fn what_an_old_client_lists_in_a_tag_is_listed() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("elsewhere/tag");
    let image = repo.push_image("latest", 90).await;
    repo.push_blob(b"{}").await;
    let about = Manifest::about(&image, SBOM, "old client");
    repo.put(&about.digest(), &about).await.is(201);
    forget(&wharf, "elsewhere/tag");
    assert_eq!(listed(&repo, &image.digest()).await, [""; 0]);

    repo.put(&tag_of(&image.digest()), &Manifest::index(&[&about])).await.is(201);
    let answer = repo.get(&format!("referrers/{}", image.digest())).await.is(200).json();
    // The old client's descriptor says less than the manifest.
    let mut expected = about.descriptor();
    expected["artifactType"] = json!(SBOM);
    expected["annotations"] = json!({"note": "old client"});
    assert_eq!(answer["manifests"], json!([expected]));
}

#[tokio::test]
async fn the_tag_and_our_own_are_one_list_without_doubles() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("elsewhere/both");
    let image = repo.push_image("latest", 91).await;
    repo.push_blob(b"{}").await;
    let mut about: Vec<Manifest> = (0..6).map(|n| Manifest::about(&image, SBOM, &n.to_string())).collect();
    for manifest in &about[..4] {
        repo.put(&manifest.digest(), manifest).await.is(201);
    }
    forget(&wharf, "elsewhere/both");
    for manifest in &about[2..] {
        repo.put(&manifest.digest(), manifest).await.is(201);
    }
    let tagged: Vec<&Manifest> = about[..3].iter().collect();
    repo.put(&tag_of(&image.digest()), &Manifest::index(&tagged)).await.is(201);
    about.sort_by_key(Manifest::digest);
    let all: Vec<String> = about.iter().map(Manifest::digest).collect();
    assert_eq!(listed(&repo, &image.digest()).await, all);
    let mut found = Vec::new();
    let mut next = Some(repo.path(&format!("referrers/{}?n=2", image.digest())));
    while let Some(path) = next {
        let page = repo.client().get(&path).await.is(200);
        let json = page.json();
        found.extend(json["manifests"].as_array().unwrap().iter().map(|m| m["digest"].as_str().unwrap().to_owned()));
        next = page.next();
        assert!(found.len() <= all.len());
    }
    assert_eq!(found, all);
}

#[tokio::test]
async fn what_the_tag_lists_and_is_deleted_is_not_listed() {
    let repo = Wharf::shared().repo("elsewhere/gone");
    let image = repo.push_image("latest", 92).await;
    repo.push_blob(b"{}").await;
    let about = Manifest::about(&image, SBOM, "gone");
    repo.put(&about.digest(), &about).await.is(201);
    repo.put(&tag_of(&image.digest()), &Manifest::index(&[&about])).await.is(201);
    repo.delete(&format!("manifests/{}", about.digest())).await.is(202);
    assert_eq!(listed(&repo, &image.digest()).await, [""; 0]);
}

#[tokio::test]
async fn a_tag_of_that_name_that_is_no_list_adds_nothing() {
    let repo = Wharf::shared().repo("elsewhere/image");
    let image = repo.push_image("latest", 93).await;
    repo.put(&tag_of(&image.digest()), &image).await.is(201);
    repo.put(&tag_of(NOTHING), &Manifest::new(OCI_INDEX, r#"{"schemaVersion":2,"manifests":[]}"#)).await.is(201);
    assert_eq!(listed(&repo, &image.digest()).await, [""; 0]);
    assert_eq!(listed(&repo, NOTHING).await, [""; 0]);
}

#[tokio::test]
async fn without_our_directory_everything_is_still_served() {
    let wharf = Wharf::start();
    let image = wharf.repo("elsewhere/lost").push_image("latest", 94).await;
    let start = wharf.crash();
    std::fs::remove_dir_all(start.volume().join("wharf")).unwrap();
    let wharf = start.go();
    let answer = wharf.repo("elsewhere/lost").manifest("latest").await.is(200);
    assert_eq!(answer.body, image.bytes);
    assert_eq!(answer.header("content-type"), image.media_type.unwrap());
}

#[tokio::test]
async fn referrers_are_found_again_when_our_directory_is_lost() {
    let wharf = Wharf::start();
    let repo = wharf.repo("elsewhere/rebuilt");
    let image = repo.push_image("latest", 95).await;
    repo.push_blob(b"{}").await;
    let about = Manifest::about(&image, SBOM, "found again");
    repo.put("about", &about).await.is(201);
    let start = wharf.crash();
    std::fs::remove_dir_all(start.volume().join("wharf")).unwrap();
    let wharf = start.go();
    let repo = wharf.repo("elsewhere/rebuilt");
    let found = async { while listed(&repo, &image.digest()).await != [about.digest()] {} };
    tokio::time::timeout(crate::support::client::PATIENCE, found).await.expect("they are found again");
}

#[tokio::test]
async fn referrers_that_another_registry_took_in_between_are_listed_after_the_next_start() {
    let wharf = Wharf::start();
    let repo = wharf.repo("elsewhere/turns");
    let image = repo.push_image("latest", 96).await;
    repo.push_blob(b"{}").await;
    let about = Manifest::about(&image, "application/vnd.example.turn", "taken elsewhere");
    // As registry:2 keeps it: the content and the link, and nothing that says whom it is about.
    let (digest, root) = (about.digest(), wharf.volume().join("docker/registry/v2"));
    let hex = digest.strip_prefix("sha256:").unwrap();
    let start = wharf.crash();
    let write = |path: std::path::PathBuf, content: &[u8]| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write(root.join(format!("blobs/sha256/{}/{hex}/data", &hex[..2])), &about.bytes);
    let revisions = root.join("repositories/elsewhere/turns/_manifests/revisions/sha256");
    write(revisions.join(hex).join("link"), digest.as_bytes());
    let wharf = start.go();
    let repo = wharf.repo("elsewhere/turns");
    loop {
        let listed = repo.get(&format!("referrers/{}", image.digest())).await.is(200).json();
        if listed["manifests"][0]["digest"] == digest.as_str() {
            break;
        }
        tokio::task::yield_now().await;
    }
}
