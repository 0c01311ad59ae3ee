//! What keeps repositories apart: knowing a digest is not holding it (CVE-2024-39897), and what is deleted is gone
//! (CVE-2026-35172).

use super::samples::{
    body, described, digest, image, index, name, new, open, push, put, serves_blob, serves_manifest, tag, volume,
};
use super::*;
use crate::oci::{Digest, MediaType, Reference, RepositoryName};

fn sparse() -> Settings {
    let validation = Validation { references: References::MayBeAbsent, ..Validation::default() };
    Settings { validation, ..Settings::default() }
}

/// What `a/x` holds, and nobody else.
struct Secrets {
    blobs: Vec<Digest>,
    manifests: Vec<Digest>,
    /// One that something else of `a/x` says something about.
    subject: Digest,
}

impl Secrets {
    async fn push(registry: &Registry) -> Secrets {
        let holder = name("a/x");
        let blobs = vec![
            push(registry, &holder, b"{\"secret\":1}").await,
            push(registry, &holder, b"a secret layer").await,
            push(registry, &holder, &vec![7; 300_000]).await,
            // Nothing of a/x refers to this one, so it waits until something settles it.
            push(registry, &holder, b"a secret that waits").await,
        ];
        let child = put(registry, &holder, new(&image(blobs[0], &blobs[1..3]), &["latest"])).await;
        let list = put(registry, &holder, new(&index(&[child]), &["list"])).await;
        let mut about = image(blobs[0], &[]);
        about["subject"] = described(MediaType::OCI_MANIFEST, child);
        let about = put(registry, &holder, new(&about, &[])).await;
        Secrets { blobs, manifests: vec![child, list, about], subject: child }
    }

    fn all(&self) -> impl Iterator<Item = &Digest> {
        self.blobs.iter().chain(&self.manifests)
    }

    /// Manifests that refer to them in every way there is.
    fn references(&self) -> Vec<NewManifest> {
        let all: Vec<Digest> = self.all().copied().collect();
        let mut references = vec![new(&index(&all), &["index"])];
        for secret in &all {
            references.push(new(&image(*secret, &all), &["image"]));
            let mut about = index(&[]);
            about["subject"] = described(MediaType::OCI_MANIFEST, *secret);
            references.push(new(&about, &["about"]));
            // Where clients list referrers for registries that know none.
            let fallback = secret.to_string().replace(':', "-");
            references.push(new(&index(&self.manifests), &[&fallback]));
        }
        references
    }

    /// Fails if one of them can be had in `b/y`, or from there.
    async fn are_kept(&self, registry: &Registry) {
        let (holder, thief, other) = (name("a/x"), name("b/y"), name("b/z"));
        for secret in self.all() {
            assert!(!serves_blob(registry, &thief, secret).await, "{secret}");
            assert!(!serves_manifest(registry, &thief, *secret).await, "{secret}");
            let mounted = registry.mount_blob(&other, secret, MountFrom::Repository(&thief)).await.unwrap();
            assert_eq!(mounted, Mount::Absent);
            assert!(registry.delete_blob(&thief, secret, &Actor::unknown()).await.is_err());
            assert!(registry.delete_manifest(&thief, secret, &Precondition::None, &Actor::unknown()).await.is_err());
        }
        let found = registry.referrers(&thief, &self.subject, None, &Page::default()).await.unwrap();
        assert!(found.descriptors.iter().all(|found| !self.manifests.contains(&found.digest)), "{found:?}");
        // What is looked for is there, and remembered.
        for blob in &self.blobs {
            assert!(serves_blob(registry, &holder, blob).await);
        }
        for manifest in &self.manifests {
            assert!(serves_manifest(registry, &holder, *manifest).await);
        }
    }
}

async fn refer(registry: &Registry, secrets: &Secrets) -> Vec<Digest> {
    let mut put = Vec::new();
    for new in secrets.references() {
        put.push(registry.put_manifest(&name("b/y"), new).await.unwrap().digest);
    }
    put
}

#[tokio::test]
async fn where_nothing_is_checked_a_manifest_still_opens_nothing_that_it_refers_to() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path(), sparse());
    let secrets = Secrets::push(&registry).await;
    secrets.are_kept(&registry).await;
    let referring = refer(&registry, &secrets).await;
    secrets.are_kept(&registry).await;
    for manifest in referring {
        assert!(serves_manifest(&registry, &name("b/y"), manifest).await);
    }
    registry.settle().await;
    secrets.are_kept(&registry).await;
    registry.finish().await;
    // Whoever has not read anything yet.
    let registry = open(directory.path(), sparse());
    secrets.are_kept(&registry).await;
    refer(&registry, &secrets).await;
    registry.complete_referrers().await.unwrap();
    secrets.are_kept(&registry).await;
}

/// Whoever refers to a blob settles it, whosever it is; that moves it and hands it to nobody.
#[tokio::test]
async fn a_blob_that_waits_is_not_handed_out_by_a_manifest_that_settles_it() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path(), sparse());
    let secret = push(&registry, &name("a/x"), b"a secret that waits").await;
    let place = directory.path().join(layout::blob(&secret).as_str());
    put(&registry, &name("b/y"), new(&image(secret, &[]), &["latest"])).await;
    assert!(place.exists(), "the test shows nothing if it still waits");
    assert!(!serves_blob(&registry, &name("b/y"), &secret).await);
    assert!(serves_blob(&registry, &name("a/x"), &secret).await);
    let link = layout::layer_link(&name("b/y"), &secret);
    assert!(!directory.path().join(link.as_str()).exists());
}

#[tokio::test]
async fn what_another_repository_holds_is_as_absent_as_what_nobody_holds() {
    let (_directory, registry) = volume();
    let secrets = Secrets::push(&registry).await;
    let own = push(&registry, &name("b/y"), b"{}").await;
    for missing in secrets.all().copied().chain([digest("nobody's")]) {
        for manifest in [image(missing, &[]), image(own, &[missing]), index(&[missing])] {
            let refused = registry.put_manifest(&name("b/y"), new(&manifest, &["latest"])).await;
            let Err(RegistryError::ReferencesUnknown { missing: named, .. }) = refused else { panic!("{refused:?}") };
            assert_eq!(named, [missing]);
        }
        // What clients fetch elsewhere, and a subject, need not be there.
        let mut foreign = image(own, &[missing]);
        foreign["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar".into();
        foreign["subject"] = described(MediaType::OCI_MANIFEST, missing);
        put(&registry, &name("b/y"), new(&foreign, &["foreign"])).await;
        // Without the bytes there is no blob.
        let sent = registry.put_blob(&name("b/y"), None, missing, body(b"")).await;
        assert!(matches!(sent, Err(RegistryError::DigestMismatch { .. })), "{sent:?}");
    }
    secrets.are_kept(&registry).await;
}

/// One content, held as a manifest by one repository and as a blob by another.
#[tokio::test]
async fn what_is_held_as_one_kind_is_not_served_as_the_other_kind_elsewhere() {
    let (directory, registry) = volume();
    let (as_manifest, as_blob, neither) = (name("a/x"), name("b/y"), name("c/z"));
    let mut manifest = index(&[]);
    manifest.as_object_mut().unwrap().remove("mediaType");
    let kind: MediaType = "application/vnd.example.kind".parse().unwrap();
    let new = NewManifest { media_type: Some(kind.clone()), ..new(&manifest, &["latest"]) };
    let both = put(&registry, &as_manifest, new).await;
    let blob = push(&registry, &as_manifest, b"no manifest").await;
    registry.settle().await;
    // Nobody but the one who put it, however it is asked for.
    for repository in [&as_blob, &neither] {
        assert!(
            !serves_manifest(&registry, repository, both).await && !serves_blob(&registry, repository, &both).await
        );
        assert!(
            !serves_manifest(&registry, repository, blob).await && !serves_blob(&registry, repository, &blob).await
        );
    }
    assert!(serves_manifest(&registry, &as_manifest, both).await);
    assert!(!serves_blob(&registry, &as_manifest, &both).await, "a manifest is no blob");
    assert!(serves_blob(&registry, &as_manifest, &blob).await);
    assert!(!serves_manifest(&registry, &as_manifest, blob).await, "a blob is no manifest");

    push(&registry, &as_blob, manifest.to_string().as_bytes()).await;
    registry.settle().await;
    for registry in [registry.clone(), open(directory.path(), Settings::default())] {
        assert!(serves_blob(&registry, &as_blob, &both).await);
        // Its own blob may be read as a manifest, as in the first registries 2.x, but as what its bytes say.
        let read = registry.get_manifest(&as_blob, &both.into()).await.unwrap();
        assert_eq!(read.media_type.as_str(), MediaType::OCI_INDEX);
        let read = registry.get_manifest(&as_manifest, &both.into()).await.unwrap();
        assert_eq!(read.media_type, kind);
        assert!(!serves_blob(&registry, &as_manifest, &both).await);
        assert!(!serves_manifest(&registry, &neither, both).await && !serves_blob(&registry, &neither, &both).await);
    }
    registry.delete_blob(&as_blob, &both, &Actor::unknown()).await.unwrap();
    assert!(!serves_manifest(&registry, &as_blob, both).await && !serves_blob(&registry, &as_blob, &both).await);
    assert!(serves_manifest(&registry, &as_manifest, both).await);
}

#[tokio::test]
async fn what_was_read_before_is_gone_at_once_when_it_is_deleted_and_others_keep_theirs() {
    let (_directory, registry) = volume();
    let (here, there) = (name("a/x"), name("b/y"));
    let (mut blob, mut manifest) = (None, None);
    for repository in [&here, &there] {
        let pushed = push(&registry, repository, b"{}").await;
        manifest = Some(put(&registry, repository, new(&image(pushed, &[]), &["one", "two"])).await);
        blob = Some(pushed);
    }
    let (blob, manifest) = (blob.unwrap(), manifest.unwrap());
    let serves = async |repository: &RepositoryName| {
        // Twice, so that it is remembered.
        let mut served = Vec::new();
        for _ in 0..2 {
            served.clear();
            for reference in [tag("one").into(), tag("two").into(), Reference::Digest(manifest)] {
                served.push(serves_manifest(&registry, repository, reference).await);
            }
            served.push(serves_blob(&registry, repository, &blob).await);
            let mounted = registry.mount_blob(&name("c/z"), &blob, MountFrom::Repository(repository)).await.unwrap();
            served.push(mounted == Mount::Mounted);
        }
        served
    };
    assert_eq!(serves(&here).await, [true; 5]);
    registry.delete_tag(&here, &tag("one"), &Precondition::None, &Actor::unknown()).await.unwrap();
    assert_eq!(serves(&here).await, [false, true, true, true, true]);
    registry.delete_blob(&here, &blob, &Actor::unknown()).await.unwrap();
    assert_eq!(serves(&here).await, [false, true, true, false, false]);
    registry.delete_manifest(&here, &manifest, &Precondition::None, &Actor::unknown()).await.unwrap();
    assert_eq!(serves(&here).await, [false; 5]);
    let listed = registry.tags(&here, &Page::default()).await;
    assert!(matches!(listed, Err(RegistryError::RepositoryUnknown { .. })), "nothing is left of it: {listed:?}");
    let refused = registry.put_manifest(&here, new(&image(blob, &[]), &["one"])).await;
    assert!(matches!(refused, Err(RegistryError::ReferencesUnknown { .. })), "{refused:?}");
    assert_eq!(serves(&there).await, [true; 5]);
}

#[tokio::test]
async fn a_mount_takes_from_where_it_says() {
    let (_directory, registry) = volume();
    let (holder, other, target) = (name("a/x"), name("b/y"), name("c/z"));
    let blob = push(&registry, &holder, b"blob").await;
    for (from, ends) in [
        (MountFrom::Repository(&other), Mount::Absent),
        (MountFrom::Repository(&target), Mount::Absent),
        (MountFrom::Repository(&holder), Mount::Mounted),
    ] {
        assert_eq!(registry.mount_blob(&target, &blob, from).await.unwrap(), ends, "{from:?}");
        assert_eq!(serves_blob(&registry, &target, &blob).await, ends == Mount::Mounted);
    }
    assert_eq!(registry.mount_blob(&other, &blob, MountFrom::Anywhere).await.unwrap(), Mount::Mounted);
    assert_eq!(registry.mount_blob(&other, &digest("none"), MountFrom::Anywhere).await.unwrap(), Mount::Absent);
}

#[tokio::test]
async fn an_error_names_another_repository_only_in_its_hint() {
    let (_directory, registry) = volume();
    push(&registry, &name("secret/app"), b"blob").await;
    let (asked, unknown) = (name("v2/secret/app"), name("v2/other/app"));
    let errors = async |asked: &RepositoryName| {
        let page = Page::default();
        [
            registry.stat_blob(asked, &digest("none")).await.map(drop).unwrap_err(),
            registry.get_manifest(asked, &tag("latest").into()).await.map(drop).unwrap_err(),
            registry.tags(asked, &page).await.map(drop).unwrap_err(),
        ]
    };
    for (hinted, unhinted) in errors(&asked).await.into_iter().zip(errors(&unknown).await) {
        assert_eq!((hinted.hinted(), unhinted.hinted()), (Some(&name("secret/app")), None));
        assert!(hinted.to_string().contains("there is a repository secret/app"), "{hinted}");
        let (code, dropped) = (hinted.code(), hinted.without_hint());
        assert_eq!((dropped.code(), dropped.hinted()), (code, None));
        // To the letter what is said where there is nothing to hint at.
        assert_eq!(dropped.to_string().replace("secret", "other"), unhinted.to_string());
        assert_eq!(unhinted.to_string(), unhinted.without_hint().to_string());
    }
}
