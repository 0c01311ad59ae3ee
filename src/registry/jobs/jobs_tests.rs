//! Jobs begin, say how far they are, stop and are forgotten, as the front door and the command line see them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::*;
use crate::registry::{
    CheckOptions, CheckReport, CollectionTerms, Defect, Effort, Finding, Outcome, Purged, Settings, Severity, Untagged,
    samples,
};
use crate::storage::{self, Filesystem};

fn registry() -> (tempfile::TempDir, Registry) {
    let volume = tempfile::tempdir().unwrap();
    let filesystem = Filesystem::open(&storage::Settings::of(volume.path())).unwrap();
    (volume, Registry::new(Arc::new(filesystem), Settings::default()))
}

fn purged(removed: usize) -> JobResult {
    JobResult::UploadPurge(Purged { removed, unknown: 0 })
}

async fn is_over(registry: &Registry, id: JobId) -> JobReport {
    let over = async {
        loop {
            match registry.job(id).unwrap() {
                JobReport { state: JobState::Running, .. } => tokio::task::yield_now().await,
                report => break report,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), over).await.expect("the job comes to an end")
}

/// Work that ends when it is told to, or when it is stopped.
fn until(go: &Arc<Notify>) -> impl FnOnce(JobHandle) -> futures_util::future::BoxFuture<'static, Result<Ended>> {
    let go = Arc::clone(go);
    move |handle| {
        Box::pin(async move {
            handle.progress.enter("waiting", Some(10));
            handle.progress.advance(4);
            tokio::select! {
                () = go.notified() => Ok(Ended::Whole(purged(10))),
                () = handle.stop.cancelled() => Ok(Ended::Stopped(purged(4))),
            }
        })
    }
}

#[tokio::test]
async fn a_job_is_known_while_it_runs_and_when_it_is_over() {
    let (_volume, registry) = registry();
    let go = Arc::new(Notify::new());
    let begun = registry.start_job(JobKind::UploadPurge, Actor::named("alice"), until(&go)).unwrap();
    assert_eq!((begun.state.clone(), begun.by.name(), begun.ended), (JobState::Running, Some("alice"), None));
    while registry.job(begun.id).unwrap().progress.done == 0 {
        tokio::task::yield_now().await;
    }
    let progress = registry.job(begun.id).unwrap().progress;
    assert_eq!((progress.phase, progress.done, progress.total), ("waiting", 4, Some(10)));
    go.notify_one();
    let over = is_over(&registry, begun.id).await;
    assert_eq!((over.state.clone(), over.stopping), (JobState::Done(purged(10)), false));
    assert!(over.ended.unwrap() >= over.started);
    assert_eq!(registry.jobs(), [over]);
}

#[tokio::test]
async fn one_of_a_kind_runs_at_a_time_and_the_refusal_names_it() {
    let (_volume, registry) = registry();
    let go = Arc::new(Notify::new());
    let first = registry.start_job(JobKind::UploadPurge, Actor::unknown(), until(&go)).unwrap();
    let refused = registry.start_job(JobKind::UploadPurge, Actor::unknown(), until(&go)).unwrap_err();
    assert!(matches!(refused, RegistryError::JobRunning { job, .. } if job == first.id), "{refused}");
    assert!(refused.to_string().contains(&first.id.to_string()), "{refused}");
    go.notify_one();
    is_over(&registry, first.id).await;
    assert!(registry.start_job(JobKind::UploadPurge, Actor::unknown(), until(&go)).is_ok());
}

#[tokio::test]
async fn a_job_that_is_asked_to_stop_says_how_much_was_done() {
    let (_volume, registry) = registry();
    let begun = registry.start_job(JobKind::UploadPurge, Actor::unknown(), until(&Arc::default())).unwrap();
    assert!(registry.stop_job(begun.id).unwrap().stopping);
    let over = is_over(&registry, begun.id).await;
    assert_eq!(over.state, JobState::Stopped(Some(purged(4))));
    assert_eq!(registry.stop_job(begun.id).unwrap(), over, "asking again changes nothing");
}

/// Long work waits for other long work, and may be stopped meanwhile.
#[tokio::test]
async fn a_job_that_is_stopped_before_it_begins_has_not_failed() {
    let (directory, registry) = registry();
    let app = samples::name("team/app");
    samples::put(&registry, &app, samples::new(&samples::index(&[]), &["latest"])).await;
    let batch = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    let busy = registry.upkeep.now().await;
    let terms = CollectionTerms { grace: Duration::ZERO, untagged: Untagged::Go, dry_run: false };
    let started = [
        registry.start_collection(Actor::unknown(), terms, Effort::FULL).unwrap(),
        registry.start_emptying(Actor::unknown(), None, Duration::ZERO).unwrap(),
        registry.start_restoration(Actor::unknown(), batch).unwrap(),
        registry.start_check(Actor::unknown(), CheckOptions { repair: true, ..CheckOptions::default() }).unwrap(),
    ];
    for job in &started {
        assert!(registry.stop_job(job.id).unwrap().stopping, "{}", job.kind);
    }
    let ends = async {
        for job in &started {
            let over = is_over(&registry, job.id).await;
            assert!(matches!(over.state, JobState::Stopped(_)), "{}: {:?}", job.kind, over.state);
        }
    };
    ends.await;
    drop(busy);
    assert!(!directory.path().join("docker/registry/v2/repositories/team/app").exists(), "nothing came back");
}

#[tokio::test]
async fn a_job_that_fails_or_panics_has_failed_and_makes_way_for_the_next() {
    let (_volume, registry) = registry();
    let fails = |_| async { Err(RegistryError::Damaged("a link".to_owned())) };
    let id = registry.start_job(JobKind::UploadPurge, Actor::unknown(), fails).unwrap().id;
    let reason = || "what is stored is damaged: a link".to_owned();
    assert_eq!(is_over(&registry, id).await.state, JobState::Failed { reason: reason(), done: None });
    let fails = |_| async { Ok(Ended::of(purged(3), Err(RegistryError::Damaged("a link".to_owned())))) };
    let id = registry.start_job(JobKind::UploadPurge, Actor::unknown(), fails).unwrap().id;
    let failed = JobState::Failed { reason: reason(), done: Some(purged(3)) };
    assert_eq!(is_over(&registry, id).await.state, failed, "it says how much was done before");
    let panics = |handle: JobHandle| async move {
        assert!(handle.stop.is_cancelled(), "on purpose");
        Ok(Ended::Whole(purged(0)))
    };
    let id = registry.start_job(JobKind::UploadPurge, Actor::unknown(), panics).unwrap().id;
    assert!(matches!(is_over(&registry, id).await.state, JobState::Failed { done: None, .. }));
    assert!(registry.start_job(JobKind::UploadPurge, Actor::unknown(), until(&Arc::default())).is_ok());
}

#[tokio::test]
async fn only_the_latest_that_are_over_are_remembered() {
    let (_volume, registry) = registry();
    let mut ids = Vec::new();
    for number in 0..MOST_FINISHED + 3 {
        let work = move |_| async move { Ok(Ended::Whole(purged(number))) };
        ids.push(registry.start_job(JobKind::UploadPurge, Actor::unknown(), work).unwrap().id);
        is_over(&registry, ids[number]).await;
    }
    assert_eq!(registry.jobs().len(), MOST_FINISHED);
    assert!(matches!(registry.job(ids[2]), Err(RegistryError::JobUnknown(id)) if id == ids[2]));
    assert!(registry.job(ids[3]).is_ok());
}

/// On a volume that is broken all over, what a check found is long.
#[tokio::test]
async fn of_all_but_the_latest_only_figures_are_remembered() {
    let (_volume, registry) = registry();
    let finding = || Finding {
        defect: Defect::Foreign { path: "a".to_owned() },
        severity: Severity::Remark,
        path: "a".to_owned(),
        what: String::new(),
        means: String::new(),
        help: String::new(),
        outcome: Outcome::ByHand,
    };
    let mut ids = Vec::new();
    for seed in 0..=MOST_WHOLE {
        let report = CheckReport { findings: vec![finding()], seed: seed as u64, ..CheckReport::default() };
        let work = move |_| async move { Ok(Ended::Whole(JobResult::Check(Arc::new(report)))) };
        ids.push(registry.start_job(JobKind::Check, Actor::unknown(), work).unwrap().id);
        is_over(&registry, ids[seed]).await;
    }
    let kept = |number: usize| match registry.job(ids[number]).unwrap().state {
        JobState::Done(JobResult::Check(report)) => (report.findings.len(), report.seed),
        other => panic!("{other:?}"),
    };
    assert_eq!((kept(0), kept(1), kept(MOST_WHOLE)), ((0, 0), (1, 1), (1, MOST_WHOLE as u64)));
}

#[tokio::test]
async fn the_end_of_the_registry_stops_jobs_and_waits_for_them() {
    let (_volume, registry) = registry();
    let begun = registry.start_job(JobKind::UploadPurge, Actor::unknown(), until(&Arc::default())).unwrap();
    tokio::time::timeout(Duration::from_secs(20), registry.finish()).await.expect("the end does not wait for ever");
    assert_eq!(registry.job(begun.id).unwrap().state, JobState::Stopped(Some(purged(4))));
}

#[test]
fn a_name_is_read_in_the_form_in_which_it_is_written() {
    let id = JobId::random();
    assert_eq!(id.to_string().parse(), Ok(id));
    for text in ["", "1", &id.to_string().to_uppercase(), &format!("{{{id}}}"), &id.to_string().replace('-', "")] {
        assert_eq!(text.parse::<JobId>(), Err(JobIdError), "{text}");
    }
}
