//! Every call to the system fails once, in every way; or from one on all of them do, until the fault ends. The client gets an
//! error that says what to do, nothing torn becomes visible, nothing is left behind, and the same push works afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::oci::Algorithm;
use crate::registry::{RegistryError, layout};
use crate::storage::StorageError;

use super::check::{self, Wrong};
use super::client::{Client, Step, body, name};
use super::cuts::thoroughness;
use super::images::blob;
use super::recorder::{Fault, Hit};
use super::replay::{MODES, Mode, Stage, World, cut_at_the_end, push_again, start_at};
use super::scenarios;

const ERRNOS: [Errno; 7] = [Errno::IO, Errno::NOSPC, Errno::MFILE, Errno::INTR, Errno::IO, Errno::DQUOT, Errno::NOMEM];

/// Whether the error says what to do about it.
fn fits(errno: Errno, hit: &Hit, error: &RegistryError) -> bool {
    match error {
        RegistryError::Full(_) => matches!(errno, Errno::NOSPC | Errno::DQUOT),
        // What cannot be opened to be synced is not synced.
        RegistryError::Passing(StorageError::Unsynced { .. }) => true,
        RegistryError::Passing(_) => matches!(errno, Errno::MFILE | Errno::NOMEM),
        RegistryError::Storage(_) => errno == Errno::IO && !hit.is_sync,
        _ => false,
    }
}

/// Runs the scenario with a fault, and again without; says what is wrong, or whether the fault was met.
async fn try_fault(steps: &[Step], world: &World, mode: Mode, fault: Fault, errno: Errno) -> Result<bool, Wrong> {
    let stage = Stage::new(mode);
    let root = stage.directory.path();
    stage.recorder.write_shortly((fault.from % 2 == 1).then_some(50_000));
    stage.recorder.fail(Some(fault));
    let mut failed = None;
    let mut answer = Ok(());
    for step in steps {
        answer = stage.client.run(std::slice::from_ref(step)).await;
        if answer.is_err() {
            failed = Some(step);
            break;
        }
    }
    stage.recorder.fail(None);
    let Some(hit) = stage.recorder.hit() else {
        stage.client.registry.finish().await;
        return Ok(false);
    };
    let wrong = |what: &str, wrong: String| format!("{what}: {wrong}\nwhere {} failed, {mode:?}, {fault:?}", hit.call);
    match &answer {
        Ok(()) => {}
        Err(error) if errno != Errno::INTR && fits(errno, &hit, error) => {}
        Err(error) => return Err(wrong("the answer does not fit", format!("{error:?}"))),
    }
    let once = fault.times == 1;
    if once && !temporary(root).is_empty() {
        return Err(wrong("left behind", format!("{:?}", temporary(root))));
    }
    let manifests = &world.manifests;
    let registry = &stage.client.registry;
    check::promises(registry, &stage.promised(), manifests).await.map_err(|text| wrong("at once", text))?;
    check::names(root).map_err(|text| wrong("at once", text))?;

    let client = Client { repeats: true, ..stage.client.clone() };
    if let Some(step @ (Step::Untag(..) | Step::DropManifest(..) | Step::DropBlob(..))) = failed {
        client.run(std::slice::from_ref(step)).await.map_err(|error| wrong("once more", format!("{error:?}")))?;
        let cut = cut_at_the_end(&stage, &stage.recorder.log(), world).await;
        cut.map_err(|text| wrong("after it was removed once more and a power cut", text))?;
    }
    client.run(steps).await.map_err(|error| wrong("the next push", format!("{error:?}")))?;
    client.run(&[Step::Pause]).await.map_err(|error| wrong("the next push", format!("{error:?}")))?;
    check::promises(registry, &stage.promised(), manifests).await.map_err(|text| wrong("after the next push", text))?;
    check::names(root).map_err(|text| wrong("after the next push", text))?;
    if hit.is_sync {
        let cut = cut_at_the_end(&stage, &stage.recorder.log(), world).await;
        cut.map_err(|text| wrong("after a power cut", text))?;
    }
    if fault.from.is_multiple_of(16) {
        push_again(&client, world, mode.durability).await.map_err(|text| wrong("pushed again", text))?;
    }
    let promised = stage.promised();
    registry.finish().await;
    if once && !left(root).is_empty() {
        return Err(wrong("left behind", format!("{:?}", left(root))));
    }
    if fault.from.is_multiple_of(16) {
        return Ok(true);
    }
    start_at(root, &promised, world, mode.durability, false).await.map_err(|text| wrong("after a restart", text))?;
    Ok(true)
}

fn temporary(root: &Path) -> Vec<PathBuf> {
    let is_temporary = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "tmp");
    check::files(root).into_iter().filter(is_temporary).collect()
}

/// What a registry that has ended has no use for: temporary files, blobs that wait, and open files.
fn left(root: &Path) -> Vec<PathBuf> {
    let mut left = temporary(root);
    left.extend(check::files(&root.join(layout::all_unsettled().as_str())));
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten();
    let open = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    left.extend(open.filter(|path| path.starts_with(root) && path != root && !path.ends_with("wharf/lock")));
    left
}

/// Each call fails, one way or the other, or one of every `stride`; in a thorough run each does in every way and mode.
async fn every_fault(steps: Vec<Step>, times: usize, stride: usize) {
    let world = World::of(&steps);
    let thorough = thoroughness() > 1;
    let (mut met, mut wrongs) = (0, Vec::new());
    let ways: Vec<(Mode, Errno)> = MODES.iter().flat_map(|mode| ERRNOS.iter().map(|errno| (*mode, *errno))).collect();
    // What a system interrupts for ever never comes to an end, here as anywhere.
    let ways: Vec<_> = ways.into_iter().filter(|(_, errno)| times == 1 || *errno != Errno::INTR).collect();
    let mut past = vec![false; ways.len()];
    for from in (0..).step_by(if thorough { 1 } else { stride }) {
        for (number, (mode, errno)) in ways.iter().enumerate() {
            if past[number] || (!thorough && from / stride % ways.len() != number * 8 % ways.len()) {
                continue;
            }
            let fault = Fault { from, times, errno: errno.raw_os_error() };
            match try_fault(&steps, &world, *mode, fault, *errno).await {
                Ok(true) => met += 1,
                Ok(false) => past[number] = true,
                Err(wrong) => wrongs.push(wrong),
            }
        }
        if past.iter().all(|past| *past) || from > 5000 {
            break;
        }
    }
    println!("{met} faults");
    assert!(met > 0);
    assert!(wrongs.is_empty(), "{} of {met}:\n{}", wrongs.len(), wrongs.join("\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_push_in_chunks_overcomes_a_fault_of_each_call() {
    every_fault(scenarios::chunks(), 1, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_push_overcomes_a_fault_of_each_call() {
    every_fault(scenarios::again(), 1, 7).await;
}

#[tokio::test(start_paused = true)]
async fn referrers_and_indexes_overcome_a_fault_of_each_call() {
    every_fault(scenarios::relations(), 1, 3).await;
}

#[tokio::test(start_paused = true)]
async fn removals_overcome_a_fault_of_each_call() {
    every_fault(scenarios::removals(), 1, 3).await;
}

#[tokio::test(start_paused = true)]
async fn collections_overcome_a_fault_of_each_call() {
    every_fault(scenarios::collections(), 1, 11).await;
}

#[tokio::test(start_paused = true)]
async fn mounts_overcome_a_fault_of_each_call() {
    every_fault(scenarios::mounts(), 1, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_lasts_is_overcome_when_it_ends() {
    for steps in [scenarios::chunks(), scenarios::moves(), scenarios::removals()] {
        every_fault(steps, usize::MAX, 13).await;
    }
}

/// The first attempt may have removed it already, and not for good.
#[tokio::test(start_paused = true)]
async fn a_removal_that_failed_and_is_asked_for_again_is_for_good() {
    let steps = scenarios::removals();
    let world = World::of(&steps);
    for removal in scenarios::REMOVALS {
        for from in 0.. {
            let stage = Stage::new(MODES[0]);
            stage.client.run(&steps[..removal]).await.unwrap();
            stage.recorder.fail(Some(Fault { from, times: 1, errno: Errno::IO.raw_os_error() }));
            let answer = stage.client.run(&steps[removal..=removal]).await;
            stage.recorder.fail(None);
            if answer.is_err() {
                let again = Client { repeats: true, ..stage.client.clone() };
                again.run(&steps[removal..=removal]).await.unwrap();
                cut_at_the_end(&stage, &stage.recorder.log(), &world).await.unwrap();
            }
            stage.client.registry.finish().await;
            if stage.recorder.hit().is_none() {
                break;
            }
        }
    }
}

/// What arrived before the fault need not be sent again; what the disk took in part is not counted.
#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_behind_what_arrived_before_a_fault() {
    let (content, to) = (blob("resumed", 1_000_000), name("team/app"));
    for (from, mode) in (0..40).flat_map(|from| [(from, MODES[0]), (from, MODES[2])]) {
        let stage = Stage::new(mode);
        let registry = &stage.client.registry;
        stage.recorder.write_shortly(Some(30_000));
        let upload = registry.start_upload(&to, None, Algorithm::Sha256).await.unwrap().id;
        stage.recorder.fail(Some(Fault { from, times: 1, errno: Errno::NOSPC.raw_os_error() }));
        let _ = registry.append_upload(&to, upload, None, body(&content.bytes.slice(..700_000))).await;
        stage.recorder.fail(None);
        let start = match registry.upload_status(&to, upload).await {
            Ok(status) => usize::try_from(status.offset).unwrap(),
            // Its bytes could not be synced, or nothing of it had arrived.
            Err(RegistryError::UploadUnknown { .. }) => continue,
            Err(error) => panic!("{error:?}"),
        };
        let rest = body(&content.bytes.slice(start..));
        registry.finish_upload(&to, upload, content.digest, None, rest).await.unwrap();
        assert_eq!(registry.stat_blob(&to, &content.digest).await.unwrap(), 1_000_000);
        registry.finish().await;
        check::names(stage.directory.path()).unwrap();
    }
}
