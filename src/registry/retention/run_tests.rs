//! Tags go and come back, on a real directory.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::super::{Condition, Keep, Kept, Retention, RetentionRule};
use super::*;
use crate::oci::{Digest, Tag};
use crate::registry::samples::{index, name, new, put, serves_manifest, tag};
use crate::registry::{Clock, JobState, Overwrite, Page, Precondition, Settings};
use crate::storage::{self, Filesystem};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A clock that shows what it is set to.
#[derive(Debug)]
struct Hands(Mutex<SystemTime>);

impl Clock for Hands {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// A registry with one rule.
pub(in crate::registry::retention) struct Volume {
    _directory: TempDir,
    clock: Arc<Hands>,
    pub(in crate::registry::retention) registry: Registry,
}

impl Volume {
    pub(in crate::registry::retention) fn new(keep: Keep) -> Volume {
        let rule = RetentionRule {
            key: "the rule".to_owned(),
            repositories: vec!["team/**".parse().unwrap()],
            tags: vec!["t*".parse().unwrap()],
            keep,
        };
        Volume::with(Settings { retention: Retention { interval: None, rules: vec![rule] }, ..Settings::default() })
    }

    fn with(settings: Settings) -> Volume {
        let directory = tempfile::tempdir().unwrap();
        let storage = Filesystem::open(&storage::Settings::of(directory.path())).unwrap();
        let clock = Arc::new(Hands(Mutex::new(SystemTime::now())));
        let registry = Registry::by_the_clock(Arc::new(storage), settings, Arc::clone(&clock) as Arc<dyn Clock>);
        Volume { _directory: directory, clock, registry }
    }

    fn passes(&self, time: Duration) {
        *self.clock.0.lock().unwrap() += time;
    }

    /// Pushes a manifest of its own to a tag.
    pub(in crate::registry::retention) async fn push(&self, repository: &str, of: &str, number: u64) -> Digest {
        let mut manifest = index(&[]);
        manifest["annotations"] = serde_json::json!({"number": number.to_string()});
        put(&self.registry, &name(repository), new(&manifest, &[of])).await
    }

    async fn pull(&self, of: &str) {
        self.registry.pull_manifest(&name("team/app"), &tag(of).into()).await.unwrap();
    }

    async fn run(&self, dry_run: bool) -> Retained {
        let terms = RetentionTerms { within: None, dry_run, effort: Effort::FULL };
        let id = self.registry.start_retention(Actor::named("alice"), terms).unwrap().id;
        let over = async {
            loop {
                match self.registry.job(id).unwrap().state {
                    JobState::Running => tokio::task::yield_now().await,
                    JobState::Done(JobResult::Retention(retained)) => break retained,
                    other => panic!("{other:?}"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), over).await.expect("the job comes to an end")
    }

    async fn tags(&self, repository: &str) -> Vec<String> {
        let listing = self.registry.tags(&name(repository), &Page::default()).await.unwrap();
        listing.entries.iter().map(Tag::to_string).collect()
    }

    async fn judged(&self) -> Vec<Judged> {
        let stop = CancellationToken::new();
        self.registry.judge_tags(&name("team/app"), Effort::FULL, &stop).await.unwrap()
    }

    /// Removes what was judged, and says how many tags were spared.
    async fn remove(&self, judged: Vec<Judged>) -> u64 {
        let (mut retained, stop) = (Retained::default(), CancellationToken::new());
        let app = name("team/app");
        self.registry.remove_judged(&app, judged, &Actor::unknown(), &stop, &mut retained).await.unwrap();
        retained.spared
    }
}

fn newest(newest: usize) -> Keep {
    Keep { newest: Some(newest), ..Keep::default() }
}

#[tokio::test]
async fn what_no_rule_keeps_goes_and_can_be_brought_back() {
    let volume = Volume::new(newest(1));
    let first = volume.push("team/app", "t1", 1).await;
    volume.passes(DAY);
    // The order of the moves counts, not that of the names.
    volume.push("team/app", "t3", 3).await;
    volume.passes(DAY);
    volume.push("team/app", "t2", 2).await;
    volume.push("team/app", "other", 4).await;
    volume.push("elsewhere", "t1", 1).await;
    let expected = Retained { repositories: 1, tags: 4, removed: 2, spared: 0 };
    assert_eq!(volume.run(true).await, expected);
    assert_eq!(volume.tags("team/app").await.len(), 4, "a dry run removes nothing");
    assert_eq!(volume.run(false).await, expected);
    assert_eq!(volume.tags("team/app").await, ["other", "t2"]);
    assert_eq!(volume.tags("elsewhere").await, ["t1"]);
    assert!(serves_manifest(&volume.registry, &name("team/app"), first).await, "only the tag goes");
    let history = volume.registry.tag_history(&name("team/app"), &tag("t1")).await.unwrap();
    let last = &history[0];
    assert_eq!((last.how, last.from, last.to, &last.by), (How::Retention, Some(first), None, &Actor::named("alice")));
    volume.passes(DAY);
    let back = volume
        .registry
        .roll_back(&name("team/app"), &tag("t1"), Actor::unknown(), Precondition::None, Overwrite::Allowed)
        .await
        .unwrap();
    assert_eq!(back.to, first);
    // It was moved last now.
    assert_eq!(volume.run(false).await.removed, 1);
    assert_eq!(volume.tags("team/app").await, ["other", "t1"]);
}

#[tokio::test]
async fn a_tag_that_was_moved_meanwhile_stays() {
    let volume = Volume::new(Keep { younger_than: Some(DAY), ..Keep::default() });
    for (number, of) in ["t1", "t2", "t3", "t4"].into_iter().enumerate() {
        volume.push("team/app", of, number as u64).await;
    }
    volume.passes(2 * DAY);
    let judged = volume.judged().await;
    assert!(judged.iter().all(|judged| judged.fate == Fate::Removed { rule: 0 }), "{judged:?}");
    volume.push("team/app", "t1", 10).await;
    // There and back again.
    volume.push("team/app", "t2", 10).await;
    volume.push("team/app", "t2", 1).await;
    let by = Actor::unknown();
    let precondition = Precondition::None;
    volume.registry.delete_tag(&name("team/app"), &tag("t3"), &precondition, &by).await.unwrap();
    assert_eq!(volume.remove(judged).await, 3);
    assert_eq!(volume.tags("team/app").await, ["t1", "t2"]);
}

#[tokio::test]
async fn a_tag_that_was_pulled_meanwhile_stays_also_if_that_was_written_down() {
    let volume = Volume::new(Keep { pulled_within: Some(DAY), ..Keep::default() });
    let mut digests = Vec::new();
    for (number, of) in ["t1", "t2", "t3", "t4"].into_iter().enumerate() {
        digests.push(volume.push("team/app", of, number as u64).await);
        volume.pull(of).await;
    }
    volume.passes(2 * DAY);
    volume.registry.flush_pulls().await.unwrap();
    let judged = volume.judged().await;
    assert!(judged.iter().all(|judged| judged.fate == Fate::Removed { rule: 0 }), "{judged:?}");
    volume.pull("t1").await;
    volume.registry.flush_pulls().await.unwrap();
    volume.pull("t2").await;
    volume.registry.pull_manifest(&name("team/app"), &digests[2].into()).await.unwrap();
    assert_eq!(volume.remove(judged).await, 3);
    assert_eq!(volume.tags("team/app").await, ["t1", "t2", "t3"]);
    let fates: Vec<Fate> = volume.judged().await.iter().map(|judged| judged.fate).collect();
    assert_eq!(fates, vec![Fate::Kept(Kept::By { rule: 0, condition: Condition::PulledWithin }); 3]);
}

/// Where pulls were never counted nothing counts as not pulled.
#[tokio::test]
async fn what_nobody_can_know_to_be_pulled_stays() {
    let mut volume = Volume::new(Keep { pulled_within: Some(30 * DAY), ..Keep::default() });
    let fate = async |volume: &Volume| volume.judged().await[0].fate;
    let kept = |condition| Fate::Kept(Kept::By { rule: 0, condition });
    volume.push("team/app", "t1", 1).await;
    assert_eq!(fate(&volume).await, kept(Condition::NotYetPulled));
    volume.push("other", "t1", 1).await;
    volume.registry.pull_manifest(&name("other"), &tag("t1").into()).await.unwrap();
    volume.registry.flush_pulls().await.unwrap();
    volume.passes(31 * DAY);
    assert_eq!(fate(&volume).await, Fate::Removed { rule: 0 });
    // The same volume, of which somebody else was the server since then.
    let clock = Arc::clone(&volume.clock) as Arc<dyn Clock>;
    let settings = Settings::clone(&volume.registry.settings);
    volume.registry = Registry::by_the_clock(Arc::clone(&volume.registry.storage), settings, clock);
    assert_eq!(fate(&volume).await, kept(Condition::PullsUnknown));
    volume.passes(29 * DAY);
    assert_eq!(fate(&volume).await, kept(Condition::PullsUnknown));
    volume.passes(2 * DAY);
    assert_eq!(fate(&volume).await, Fate::Removed { rule: 0 });
}

#[tokio::test]
async fn nothing_is_removed_where_that_is_switched_off() {
    let off = [
        Settings { delete_enabled: false, ..Settings::default() },
        Settings { read_only: true, ..Settings::default() },
    ];
    for settings in off {
        let volume = Volume::with(settings);
        let terms = |dry_run| RetentionTerms { within: None, dry_run, effort: Effort::FULL };
        let refused = volume.registry.start_retention(Actor::unknown(), terms(false)).unwrap_err();
        assert!(matches!(refused, RegistryError::DeleteDisabled | RegistryError::ReadOnly), "{refused}");
        assert_eq!(volume.run(true).await, Retained::default());
    }
}

/// Many more than are removed together.
#[tokio::test]
async fn a_run_removes_all_of_many() {
    let volume = Volume::new(newest(1));
    let count = 2 * TOGETHER as u64 + 3;
    for number in 0..count {
        volume.push("team/app", &format!("t{number:04}"), number).await;
    }
    let retained = volume.run(false).await;
    assert_eq!((retained.removed, retained.tags), (count - 1, count));
    assert_eq!(volume.tags("team/app").await.len(), 1);
}
