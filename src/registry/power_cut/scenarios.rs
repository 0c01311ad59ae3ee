//! What is done to a registry while the power may fail.

use super::client::{How, Step};
use super::images::{blob, image, image_without_type, index};

const APP: &str = "team/app";
const COPY: &str = "copy";

/// Two small blobs and a manifest with a tag.
fn push(tags: &'static [&'static str], seed: &str) -> Vec<Step> {
    let blobs = [blob(&format!("{seed} configuration"), 300), blob(&format!("{seed} layer"), 70_000)];
    let manifest = image(&[&blobs[0], &blobs[1]], None);
    let [configuration, layer] = blobs;
    vec![
        Step::Blob(APP, layer, How::Upload),
        Step::Blob(APP, configuration, How::Whole),
        Step::Manifest(APP, manifest, tags),
    ]
}

/// A long layer in chunks, and an empty one.
pub(super) fn chunks() -> Vec<Step> {
    let blobs = [blob("configuration", 300), blob("long", 1_200_000), blob("empty", 0)];
    let manifest = image_without_type(&[&blobs[0], &blobs[1], &blobs[2]]);
    let [configuration, long, empty] = blobs;
    vec![
        Step::Blob(APP, long, How::Chunks(3)),
        Step::Blob(APP, configuration, How::Chunks(1)),
        Step::Blob(APP, empty, How::Whole),
        Step::Manifest(APP, manifest, &["v1"]),
    ]
}

/// The same image again, under several tags, and once more when everything is settled.
pub(super) fn again() -> Vec<Step> {
    let mut steps = push(&["v1"], "an");
    steps.extend(push(&["v1", "v2", "latest"], "an"));
    steps.push(Step::Pause);
    steps.extend(push(&["v1"], "an"));
    steps
}

/// Blobs that are settled before their manifest comes.
pub(super) fn slowly() -> Vec<Step> {
    push(&["v1"], "a slow").into_iter().flat_map(|step| [step, Step::Pause]).collect()
}

/// A tag that is moved to another manifest and back.
pub(super) fn moves() -> Vec<Step> {
    let (first, second) = (push(&["v1"], "first"), push(&["v1"], "second"));
    let back = first.last().cloned();
    first.into_iter().chain(second).chain(back).collect()
}

/// An image, something that is said about it, and an index of both images.
pub(super) fn relations() -> Vec<Step> {
    let blobs = [blob("configuration", 300), blob("signature", 500)];
    let subject = image(&[&blobs[0]], None);
    let referrer = image(&[&blobs[0], &blobs[1]], Some(&subject));
    let both = index(&[&subject, &referrer]);
    let [configuration, signature] = blobs;
    vec![
        Step::Blob(APP, configuration, How::Upload),
        Step::Blob(APP, signature, How::Upload),
        Step::Manifest(APP, referrer.clone(), &[]),
        Step::Manifest(APP, subject, &["v1"]),
        Step::Manifest(APP, both, &["all"]),
        Step::DropManifest(APP, referrer),
    ]
}

/// Which of its steps remove what is there.
pub(super) const REMOVALS: std::ops::Range<usize> = 3..6;

/// Tags, manifests and blobs that are removed, and come back.
pub(super) fn removals() -> Vec<Step> {
    let pushed = push(&["v1", "v2"], "a passing");
    let (Step::Blob(_, layer, _), Step::Manifest(_, manifest, _)) = (pushed[0].clone(), pushed[2].clone()) else {
        unreachable!("a push begins with its layer and ends with its manifest")
    };
    let mut steps = pushed.clone();
    steps.extend([Step::Untag(APP, "v2"), Step::DropManifest(APP, manifest.clone()), Step::DropBlob(APP, layer)]);
    steps.extend(pushed);
    steps.extend([Step::Pause, Step::DropManifest(APP, manifest)]);
    steps
}

/// An image that loses its tag, is collected, comes back from the trash, is collected again, and is gone for good.
pub(super) fn collections() -> Vec<Step> {
    let (first, second) = (push(&["v1"], "first"), push(&["v1"], "second"));
    let Some(Step::Manifest(_, gone, _)) = first.last().cloned() else { unreachable!("a push ends with its manifest") };
    let mut steps: Vec<Step> = first.iter().cloned().chain(second).collect();
    steps.extend([Step::Pause, Step::Collect(APP, vec![gone.clone()])]);
    steps.extend([Step::Restore(APP, vec![gone.clone()]), Step::Pause, Step::Collect(APP, vec![gone])]);
    steps.push(Step::EmptyTrash);
    steps.extend(first);
    steps
}

/// What another repository holds, whether it is settled there or not.
pub(super) fn mounts() -> Vec<Step> {
    let blobs = [blob("configuration", 300), blob("layer", 5000)];
    let manifest = image(&[&blobs[0], &blobs[1]], None);
    let [configuration, layer] = blobs;
    vec![
        Step::Blob(APP, layer.clone(), How::Whole),
        Step::Pause,
        Step::Blob(APP, configuration.clone(), How::Whole),
        Step::Mount(APP, COPY, layer.clone()),
        Step::Mount(APP, COPY, configuration.clone()),
        Step::Manifest(COPY, manifest.clone(), &["v1"]),
        // What is mounted once more must not come to harm.
        Step::Mount(APP, COPY, layer),
        Step::Mount(COPY, APP, configuration),
        Step::Manifest(APP, manifest, &["v1"]),
    ]
}

/// Two who push at once, with a blob in common.
pub(super) fn two_at_once() -> Vec<Step> {
    let common = blob("common", 40_000);
    let one = |name: &str, tags| {
        let own = blob(name, 400);
        let manifest = image(&[&own, &common], None);
        let whole = Step::Blob(APP, own, How::Whole);
        vec![Step::Blob(APP, common.clone(), How::Upload), whole, Step::Manifest(APP, manifest, tags)]
    };
    vec![Step::AtOnce(vec![one("one", &["one"]), one("two", &["two"])])]
}
