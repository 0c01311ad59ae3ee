//! Referrers: what says something about a manifest.

use serde_json::{Value, json};

use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::content::{Manifest, NOTHING, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, descriptor, sha512};
use crate::support::repository::Repository;

const SBOM: &str = "application/vnd.example.sbom.v1";
const SIGNATURE: &str = "application/vnd.example.signature.v1";

async fn referrers(repo: &Repository, subject: &str, query: &str) -> Answer {
    let answer = repo.get(&format!("referrers/{subject}{query}")).await.is(200);
    assert_eq!(answer.header("content-type"), OCI_INDEX);
    let json = answer.json();
    assert_eq!((&json["schemaVersion"], &json["mediaType"]), (&json!(2), &json!(OCI_INDEX)));
    answer
}

fn digests(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let manifests = json["manifests"].as_array().unwrap();
    manifests.iter().map(|m| m["digest"].as_str().unwrap().to_owned()).collect()
}

/// An image with referrers of it, sorted by digest.
async fn referred(repo: &Repository, kinds: &[&str]) -> (Manifest, Vec<Manifest>) {
    let image = repo.push_image("latest", 80).await;
    repo.push_blob(b"{}").await;
    let mut about: Vec<Manifest> = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        let manifest = Manifest::about(&image, kind, &number.to_string());
        let put = repo.put(&manifest.digest(), &manifest).await.is(201);
        assert_eq!(put.header("oci-subject"), image.digest());
        about.push(manifest);
    }
    about.sort_by_key(Manifest::digest);
    (image, about)
}

#[tokio::test]
async fn what_nothing_refers_to_has_an_empty_index() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("referrers/none");
    assert_eq!(referrers(&repo, NOTHING, "").await.json()["manifests"], json!([]));
    let image = repo.push_image("latest", 81).await;
    let answer = referrers(&repo, &image.digest(), "").await;
    assert_eq!(answer.json()["manifests"], json!([]));
    assert!(!answer.has("link") && !answer.has("oci-filters-applied"));
    referrers(&repo, &sha512(b"x"), "").await;
}

#[tokio::test]
async fn a_subject_that_is_no_digest_is_refused() {
    let repo = Wharf::shared().repo("referrers/malformed");
    for digest in ["latest", "sha256:abc", "sha256:", &NOTHING.to_uppercase(), "md5:00"] {
        repo.get(&format!("referrers/{digest}")).await.refuses(400, "DIGEST_INVALID");
    }
}

#[tokio::test]
async fn a_referrer_is_described_with_its_type_and_annotations() {
    let repo = Wharf::shared().repo("referrers/described");
    let (image, about) = referred(&repo, &[SBOM]).await;
    let listed = referrers(&repo, &image.digest(), "").await.json()["manifests"].clone();
    let mut expected = about[0].descriptor();
    expected["artifactType"] = json!(SBOM);
    expected["annotations"] = json!({"note": "0"});
    assert_eq!(listed, json!([expected]));
}

#[tokio::test]
async fn without_an_artifact_type_the_configuration_says_it_and_an_index_has_none() {
    let repo = Wharf::shared().repo("referrers/types");
    let (image, _) = referred(&repo, &[]).await;
    let mut by_config = Manifest::image_body(b"{}", &[]);
    by_config["subject"] = image.descriptor();
    let mut empty_type = by_config.clone();
    empty_type["artifactType"] = json!("");
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "subject": image.descriptor()});
    let mut typed_index = index.clone();
    typed_index["artifactType"] = json!(SBOM);
    for (media_type, body, expected) in [
        (OCI_MANIFEST, by_config, json!(OCI_CONFIG)),
        (OCI_MANIFEST, empty_type, json!(OCI_CONFIG)),
        (OCI_INDEX, index, Value::Null),
        (OCI_INDEX, typed_index, json!(SBOM)),
    ] {
        let manifest = Manifest::new(media_type, body.to_string());
        repo.put(&manifest.digest(), &manifest).await.is(201);
        let listed = referrers(&repo, &image.digest(), "").await.json();
        let listed = listed["manifests"].as_array().unwrap();
        let found = listed.iter().find(|m| m["digest"] == manifest.digest()).unwrap();
        assert_eq!(found["artifactType"], expected);
        assert_eq!(found["mediaType"], media_type);
        assert_eq!(found.get("annotations"), None);
    }
}

#[tokio::test]
async fn a_filter_keeps_one_type_and_says_that_it_was_applied() {
    let repo = Wharf::shared().repo("referrers/filter");
    let (image, _) = referred(&repo, &[SBOM, SIGNATURE, SBOM, SIGNATURE, SIGNATURE]).await;
    for (kind, count) in [(SBOM, 2), (SIGNATURE, 3), ("application/vnd.example.none", 0)] {
        for kind in [kind.to_owned(), kind.replace('/', "%2F")] {
            let answer = referrers(&repo, &image.digest(), &format!("?artifactType={kind}")).await;
            assert_eq!(answer.header("oci-filters-applied"), "artifactType");
            assert_eq!(digests(&answer).len(), count, "{kind}");
        }
    }
    let unfiltered = referrers(&repo, &image.digest(), "?artifactType=").await;
    assert_eq!(digests(&unfiltered).len(), 5);
    assert!(!unfiltered.has("oci-filters-applied"));
}

#[tokio::test]
async fn pages_of_referrers_lead_to_all_of_them_once_and_in_order() {
    let repo = Wharf::shared().repo("referrers/pages");
    let kinds = [SBOM, SIGNATURE, SBOM, SIGNATURE, SIGNATURE, SIGNATURE, SBOM];
    let (image, about) = referred(&repo, &kinds).await;
    for (filter, kind) in [("", None), ("&artifactType=application/vnd.example.sbom.v1", Some(SBOM))] {
        let is_kind = |m: &&Manifest| kind.is_none_or(|kind| String::from_utf8_lossy(&m.bytes).contains(kind));
        let expected: Vec<String> = about.iter().filter(is_kind).map(Manifest::digest).collect();
        for n in [1, 2, 3, 7, 100] {
            let mut next = Some(repo.path(&format!("referrers/{}?n={n}{filter}", image.digest())));
            let mut found = Vec::new();
            while let Some(path) = next {
                let page = repo.client().get(&path).await.is(200);
                assert!(digests(&page).len() <= n);
                assert_eq!(page.has("oci-filters-applied"), kind.is_some());
                found.extend(digests(&page));
                next = page.next();
                assert!(found.len() <= expected.len(), "{path} never ends");
            }
            assert_eq!(found, expected, "n={n}{filter}");
        }
    }
    let none = referrers(&repo, &image.digest(), "?n=0").await;
    assert_eq!((digests(&none), none.has("link")), (vec![], false));
}

#[tokio::test]
async fn a_referrer_that_is_deleted_is_not_listed_and_pushed_again_it_is() {
    let repo = Wharf::shared().repo("referrers/deleted");
    let (image, about) = referred(&repo, &[SBOM, SIGNATURE]).await;
    repo.delete(&format!("manifests/{}", about[0].digest())).await.is(202);
    assert_eq!(digests(&referrers(&repo, &image.digest(), "").await), [about[1].digest()]);
    repo.put("again", &about[0]).await.is(201);
    assert_eq!(digests(&referrers(&repo, &image.digest(), "").await).len(), 2);
    // Without its tag it is still there; and it does not go with its subject.
    repo.delete("manifests/again").await.is(202);
    repo.delete(&format!("manifests/{}", image.digest())).await.is(202);
    assert_eq!(digests(&referrers(&repo, &image.digest(), "").await).len(), 2);
}

#[tokio::test]
async fn referrers_come_before_their_subject_as_well_as_after() {
    let repo = Wharf::shared().repo("referrers/before");
    repo.push_blob(b"{}").await;
    let image = repo.prepare_image(82).await;
    let about = Manifest::about(&image, SBOM, "early");
    repo.put(&about.digest(), &about).await.is(201);
    assert_eq!(digests(&referrers(&repo, &image.digest(), "").await), [about.digest()]);
    repo.put("latest", &image).await.is(201);
    assert_eq!(digests(&referrers(&repo, &image.digest(), "").await), [about.digest()]);
}

#[tokio::test]
async fn referrers_stay_in_their_repository() {
    let wharf = Wharf::shared();
    let (image, _) = referred(&wharf.repo("referrers/here"), &[SBOM]).await;
    let there = wharf.repo("referrers/there");
    there.push_image("latest", 80).await;
    assert_eq!(digests(&referrers(&there, &image.digest(), "").await), [""; 0]);
}

#[tokio::test]
async fn a_referrer_may_be_referred_to_and_may_name_its_subject_by_sha512() {
    let repo = Wharf::shared().repo("referrers/chain");
    let (_, about) = referred(&repo, &[SBOM]).await;
    let signature = Manifest::about(&about[0], SIGNATURE, "of the sbom");
    repo.put(&signature.digest(), &signature).await.is(201);
    assert_eq!(digests(&referrers(&repo, &about[0].digest(), "").await), [signature.digest()]);
    let subject = sha512(&about[0].bytes);
    let mut descriptor = descriptor(OCI_MANIFEST, &about[0].bytes);
    descriptor["digest"] = json!(subject);
    let other = Manifest::about_digest(&descriptor, SIGNATURE, "by sha512");
    repo.put(&other.digest(), &other).await.is(201);
    assert_eq!(digests(&referrers(&repo, &subject, "").await), [other.digest()]);
}

/// A page of a thousand referrers must not be a page of a thousand times four megabytes.
#[tokio::test]
async fn a_page_is_no_longer_than_a_manifest_may_be() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("referrers/large");
    let (image, _) = referred(&repo, &[]).await;
    for number in 0..5 {
        let note = number.to_string().repeat(1_500_000);
        let manifest = Manifest::about(&image, SBOM, &note);
        repo.put(&manifest.digest(), &manifest).await.is(201);
    }
    let mut lengths = Vec::new();
    let mut next = Some(repo.path(&format!("referrers/{}", image.digest())));
    while let Some(path) = next {
        let page = repo.client().get(&path).await.is(200);
        assert!(page.body.len() < 4 * 1024 * 1024 + 1000, "{} bytes", page.body.len());
        lengths.push(digests(&page).len());
        next = page.next();
    }
    assert_eq!(lengths, [2, 2, 1]);
}

#[tokio::test]
async fn a_full_page_that_is_the_last_leads_to_no_other() {
    let repo = Wharf::shared().repo("referrers/full");
    let (image, _) = referred(&repo, &[SBOM, SIGNATURE, SBOM]).await;
    assert!(!referrers(&repo, &image.digest(), "?n=3").await.has("link"));
    assert!(!referrers(&repo, &image.digest(), "?n=2&artifactType=application/vnd.example.sbom.v1").await.has("link"));
    assert!(referrers(&repo, &image.digest(), "?n=2").await.has("link"));
}
