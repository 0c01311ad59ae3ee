//! A check finds what is wrong, all of it and nothing else, and repairs what is safe to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::damage::{Broken, Kind};
use super::*;
use crate::oci::Algorithm;
use crate::registry::samples::{
    described, digest, image, index, name, new, push, put, serves_blob, serves_manifest, tag, volume,
};
use crate::registry::{Actor, Clock, MountFrom, References, Settings, SystemClock, layout};
use crate::storage::{self, Call, Durability, Filesystem, Watch};

/// Tells what the time will be in two days.
#[derive(Debug, Default)]
struct InTwoDays(SystemClock);

impl Clock for InTwoDays {
    fn now(&self) -> SystemTime {
        self.0.now() + Duration::from_secs(48 * 3600)
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A disk that does not give one file back.
#[derive(Debug)]
struct Failing(PathBuf);

impl Watch for Failing {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        match call {
            Call::Open(path) if path == self.0 => Err(io::Error::from_raw_os_error(5)),
            _ => Ok(()),
        }
    }
}

/// A registry that has read nothing yet, of a volume that was left alone for two days and where one file cannot be read.
pub(super) fn reopened(root: &Path, unreadable: &Path) -> Registry {
    let settings = storage::Settings { durability: Durability::Full, ..storage::Settings::of(root) };
    let storage = Filesystem::open_watched(&settings, Arc::new(Failing(unreadable.to_owned()))).unwrap();
    Registry::by_the_clock(Arc::new(storage), Settings::default(), Arc::new(InTwoDays::default()))
}

/// A registry whose blobs are in their places as soon as they are pushed.
fn settled() -> (TempDir, Registry) {
    let directory = tempfile::tempdir().unwrap();
    let registry = reopened(directory.path(), Path::new(""));
    (directory, registry)
}

fn progress() -> Progress {
    Progress::new(Arc::new(SystemClock::default()))
}

pub(super) async fn check(registry: &Registry, repair: bool) -> CheckReport {
    let options = CheckOptions { repair, ..CheckOptions::default() };
    registry.check(&options, &progress(), &CancellationToken::new()).await.unwrap()
}

/// What a check found, in the order of the places.
pub(super) fn found(report: &CheckReport) -> Vec<Defect> {
    sorted(report.findings.iter().map(|finding| finding.defect.clone()).collect())
}

fn sorted(mut defects: Vec<Defect>) -> Vec<Defect> {
    defects.sort_by_key(Defect::path);
    defects
}

#[tokio::test]
async fn one_of_every_defect_is_found_and_nothing_else_and_what_is_left_is_what_no_program_can_repair() {
    let (directory, registry) = settled();
    let broken = Broken { registry: &registry, root: directory.path() };
    let mut expected = Vec::new();
    for kind in Kind::ALL {
        let defect = broken.make(kind).await;
        assert_eq!(Kind::of(&defect), kind);
        expected.push(defect);
    }
    let expected = sorted(expected);
    let unreadable = expected.iter().find(|defect| Kind::of(defect) == Kind::Unreadable).unwrap().path();
    let registry = reopened(directory.path(), &directory.path().join(unreadable));

    let report = check(&registry, false).await;
    assert_eq!(found(&report), expected);
    assert_eq!(report.found.all(), Kind::ALL.len() as u64);
    assert_eq!(report.repaired, Count::default());
    // Nothing was changed.
    assert_eq!(found(&check(&registry, false).await), expected);

    let report = check(&registry, true).await;
    let failed = report.findings.iter().find(|finding| matches!(finding.outcome, Outcome::Failed(_) | Outcome::Left));
    assert_eq!(failed, None);
    let by_hand = |defect: &Defect| matches!(defect.remedy(), Remedy::ByHand(_));
    let left: Vec<Defect> = expected.into_iter().filter(by_hand).collect();
    assert_eq!(found(&check(&registry, true).await), left);
    assert_eq!(left.len(), 8);
}

#[tokio::test]
async fn a_volume_that_is_whole_has_no_defects_whatever_is_on_it() {
    let (directory, registry) = settled();
    let (team, other) = (name("team/app"), name("other"));
    let (config, layer) = (push(&registry, &team, b"{}").await, push(&registry, &team, b"layer").await);
    let first = put(&registry, &team, new(&image(config, &[layer]), &["v1", "latest"])).await;
    put(&registry, &team, new(&index(&[first]), &["index"])).await;
    let mut about = image(config, &[]);
    about["subject"] = described(crate::oci::MediaType::OCI_MANIFEST, first);
    about["layers"] = serde_json::json!([described(
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        digest("elsewhere")
    )]);
    put(&registry, &team, new(&about, &[])).await;
    // Of a type that its bytes do not say.
    let untyped = serde_json::json!({"schemaVersion": 2, "config": described("a/b", config), "layers": []});
    let noted = new(&untyped, &["noted"]);
    put(&registry, &team, NewManifestOf("application/vnd.docker.distribution.manifest.v2+json").typed(noted)).await;
    // Deleted and mounted.
    let gone = put(&registry, &team, new(&image(layer, &[]), &["gone"])).await;
    registry.delete_manifest(&team, &gone, &crate::registry::Precondition::None, &Actor::unknown()).await.unwrap();
    push(&registry, &other, b"deleted").await;
    registry.delete_blob(&other, &digest("deleted"), &Actor::unknown()).await.unwrap();
    registry.mount_blob(&other, &layer, MountFrom::Repository(&team)).await.unwrap();
    registry.delete_tag(&team, &tag("latest"), &crate::registry::Precondition::None, &Actor::unknown()).await.unwrap();
    // An upload under way, and what registries 2.x leave: a blob by two names, an empty directory, an old manifest.
    registry.start_upload(&team, None, Algorithm::Sha512).await.unwrap();
    let alias = Digest::of(Algorithm::Sha512, b"layer");
    let write = |key: &Key, content: &str| {
        let path = directory.path().join(key.as_str());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write(&layout::layer_link(&team, &alias), &layer.to_string());
    fs::create_dir_all(directory.path().join("docker/registry/v2/repositories/empty/_layers")).unwrap();
    let old =
        push(&registry, &other, br#"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"signatures":[]}"#).await;
    write(&layout::tag_current(&other, &tag("old")), &old.to_string());
    write(&layout::tag_index(&other, &tag("old"), &old), &old.to_string());
    write(&layout::revision_link(&other, &old), &old.to_string());
    write(&layout::repositories().child("README"), "not the registry's");

    let registry = reopened(directory.path(), Path::new(""));
    let report = check(&registry, true).await;
    assert_eq!(found(&report), []);
    assert!(report.is_clean());
    let looked = report.looked_at;
    assert_eq!((looked.repositories, looked.manifests, looked.tags, looked.uploads), (2, 5, 4, 1));
    // The deleted manifest and the deleted blob.
    assert_eq!(looked.held_by_nobody.contents, 2);
    assert_eq!(looked.hashed.contents, looked.stored.contents);
    assert_eq!(looked.hashed.bytes, looked.stored.bytes);
}

/// A type to put a manifest as.
struct NewManifestOf(&'static str);

impl NewManifestOf {
    fn typed(self, mut new: crate::registry::NewManifest) -> crate::registry::NewManifest {
        new.media_type = Some(self.0.parse().unwrap());
        new
    }
}

#[tokio::test]
async fn a_rotten_layer_breaks_its_images_until_it_is_pushed_again_anywhere() {
    let (directory, registry) = settled();
    let (here, there) = (name("here"), name("there"));
    let layer = push(&registry, &here, b"layer").await;
    push(&registry, &there, b"layer").await;
    let manifest = put(&registry, &here, new(&image(layer, &[layer]), &["v1"])).await;
    let path = directory.path().join(layout::blob(&layer).as_str());
    fs::write(&path, "loser").unwrap();
    let rotten = Defect::Rotten { digest: layer, size: 5 };
    let incomplete = Defect::Incomplete {
        repository: here.clone(),
        digest: manifest,
        missing: vec![layer],
        missing_count: 1,
        tags: vec![tag("v1")],
    };
    assert_eq!(found(&check(&registry, false).await), sorted(vec![rotten.clone(), incomplete.clone()]));
    assert!(serves_blob(&registry, &here, &layer).await, "what is rotten is served until it is moved aside");
    let report = check(&registry, true).await;
    // Where no image needs it, its link goes.
    let dangling = Defect::LayerDangling { repository: there.clone(), digest: layer };
    assert_eq!(found(&report), sorted(vec![rotten, incomplete, dangling]));
    assert!(!report.is_clean());
    assert!(!serves_blob(&registry, &here, &layer).await);
    let aside = directory.path().join(layout::quarantine(&layer).as_str());
    assert_eq!(fs::read(aside).unwrap(), b"loser");
    push(&registry, &there, b"layer").await;
    assert!(serves_blob(&registry, &here, &layer).await);
    assert_eq!(found(&check(&registry, false).await), []);
}

#[tokio::test]
async fn a_rotten_manifest_is_found_whatever_share_of_the_blobs_is_hashed() {
    let (directory, registry) = settled();
    let team = name("team");
    let layer = push(&registry, &team, b"layer").await;
    let whole = image(layer, &[layer]);
    let manifest = put(&registry, &team, new(&whole, &["v1"])).await;
    let path = directory.path().join(layout::blob(&manifest).as_str());
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("sha256", "sha255")).unwrap();
    let registry = reopened(directory.path(), Path::new(""));
    let options =
        CheckOptions { sample: "0.0001%".parse().unwrap(), seed: Some(1), repair: true, ..Default::default() };
    let report = registry.check(&options, &progress(), &CancellationToken::new()).await.unwrap();
    let size = fs::metadata(directory.path().join(layout::quarantine(&manifest).as_str())).unwrap().len();
    let nowhere = Defect::TagNowhere { repository: team.clone(), tag: tag("v1"), digest: manifest };
    let dangling = Defect::RevisionDangling { repository: team.clone(), digest: manifest };
    assert_eq!(found(&report), sorted(vec![Defect::Rotten { digest: manifest, size }, dangling, nowhere]));
    assert!(!serves_manifest(&registry, &team, tag("v1")).await);
    put(&registry, &team, new(&whole, &["v1"])).await;
    assert!(serves_manifest(&registry, &team, tag("v1")).await);
    assert_eq!(found(&check(&registry, false).await), []);
}

#[tokio::test]
async fn what_was_begun_today_is_not_left_behind() {
    let (directory, registry) = settled();
    let broken = Broken { registry: &registry, root: directory.path() };
    let kinds = [Kind::Stray, Kind::UploadDamaged];
    let mut defects = Vec::new();
    for kind in kinds {
        defects.push(broken.make(kind).await);
    }
    let today = crate::registry::samples::open(directory.path(), Settings::default());
    assert_eq!(found(&check(&today, true).await), []);
    assert_eq!(found(&check(&registry, false).await), sorted(defects));
}

#[tokio::test]
async fn a_missing_referrer_that_the_next_start_notes_is_no_defect() {
    let (directory, registry) = settled();
    let broken = Broken { registry: &registry, root: directory.path() };
    let missing = broken.make(Kind::ReferrerMissing).await;
    assert_eq!(found(&check(&registry, false).await), [missing]);
    // A volume whose `wharf` directory was lost.
    fs::remove_dir_all(directory.path().join("wharf")).unwrap();
    let registry = reopened(directory.path(), Path::new(""));
    assert_eq!(found(&check(&registry, false).await), []);
}

#[tokio::test]
async fn a_registry_of_sparse_images_misses_nothing() {
    let (directory, registry) = settled();
    let broken = Broken { registry: &registry, root: directory.path() };
    broken.make(Kind::Incomplete).await;
    let mut settings = Settings::default();
    settings.validation.references = References::MayBeAbsent;
    let sparse = crate::registry::samples::open(directory.path(), settings);
    assert_eq!(found(&check(&sparse, false).await), []);
    assert_eq!(check(&registry, false).await.found.broken, 1);
}

#[tokio::test]
async fn what_somebody_has_in_hand_is_no_defect_and_repairing_waits_for_nobody() {
    let (directory, registry) = volume();
    let broken = Broken { registry: &registry, root: directory.path() };
    let team = name("team");
    push(&registry, &team, b"pushed").await;
    registry.settle().await;
    let Defect::LayerDangling { repository, digest } = broken.make(Kind::EmptyBlob).await.dangling(&team) else {
        unreachable!()
    };
    fs::create_dir_all(directory.path().join(layout::layer_link(&repository, &digest).as_str()).parent().unwrap())
        .unwrap();
    let link = directory.path().join(layout::layer_link(&repository, &digest).as_str());
    fs::write(&link, digest.to_string()).unwrap();
    registry.settle().await;
    // As a push has it between the link and the content.
    let placing = registry.locks.placing(&digest).await;
    assert_eq!(found(&check(&registry, true).await), []);
    assert!(link.exists());
    drop(placing);
    assert_eq!(check(&registry, true).await.repaired.untidy, 2);
    assert!(!link.exists());
}

impl Defect {
    /// The same digest as a link that leads nowhere.
    fn dangling(self, repository: &RepositoryName) -> Defect {
        match self {
            Defect::EmptyBlob { digest } => Defect::LayerDangling { repository: repository.clone(), digest },
            other => other,
        }
    }
}

#[tokio::test]
async fn who_pushes_or_mounts_waits_while_a_link_or_a_content_is_taken_away() {
    let (_directory, registry) = volume();
    let team = name("team");
    let layer = push(&registry, &team, b"layer").await;
    let content = b"content".as_slice();
    let manifest = image(layer, &[]);
    let held: Vec<_> = [digest(content), layer, digest(manifest.to_string())]
        .iter()
        .filter_map(|digest| registry.locks.try_placing_alone(digest))
        .collect();
    let other = name("other");
    let mut pushed = Box::pin(push(&registry, &team, content));
    let mut mounted = Box::pin(registry.mount_blob(&other, &layer, MountFrom::Repository(&team)));
    let mut put = Box::pin(put(&registry, &team, new(&manifest, &["v1"])));
    let patience = Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, &mut pushed).await.is_err());
    assert!(tokio::time::timeout(patience, &mut mounted).await.is_err());
    assert!(tokio::time::timeout(patience, &mut put).await.is_err());
    drop(held);
    pushed.await;
    mounted.await.unwrap();
    put.await;
    assert!(serves_blob(&registry, &team, &digest(content)).await);
}

#[tokio::test]
async fn a_check_that_is_stopped_says_so_and_a_read_only_registry_is_not_repaired() {
    let (directory, registry) = settled();
    push(&registry, &name("team"), b"layer").await;
    let stopped = CancellationToken::new();
    stopped.cancel();
    let report = registry.check(&CheckOptions::default(), &progress(), &stopped).await.unwrap();
    assert!(report.cancelled);
    assert_eq!(report.looked_at.hashed.contents, 0);
    let settings = Settings { read_only: true, ..Settings::default() };
    let registry = crate::registry::samples::open(directory.path(), settings);
    let options = CheckOptions { repair: true, ..CheckOptions::default() };
    let refused = registry.check(&options, &progress(), &CancellationToken::new()).await;
    assert!(matches!(refused, Err(crate::registry::RegistryError::ReadOnly)), "{refused:?}");
}

#[tokio::test]
async fn what_cannot_be_repaired_is_said() {
    let (directory, registry) = settled();
    let broken = Broken { registry: &registry, root: directory.path() };
    let empty = broken.make(Kind::EmptyBlob).await;
    // It leads nowhere, so it is not listed, and is in the way all the same.
    std::os::unix::fs::symlink("nowhere", directory.path().join(empty.path()).join("data")).unwrap();
    let report = check(&registry, true).await;
    assert_eq!(found(&report), [empty]);
    assert!(matches!(report.findings[0].outcome, Outcome::Failed(_)), "{:?}", report.findings[0]);
    assert!(!report.is_clean());
}

#[test]
fn more_than_a_thousand_findings_are_only_counted() {
    let mut report = CheckReport::default();
    for n in 0..1_001_u32 {
        report.add(Defect::Foreign { path: n.to_string() }, Outcome::ByHand);
    }
    assert_eq!((report.findings.len(), report.found.remarks), (1_000, 1_001));
}
