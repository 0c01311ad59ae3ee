//! One volume, registry:2 and Wharf in turns: each pulls, pushes, moves and deletes what the other wrote, and
//! registry:2's own collector agrees that nothing is missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use wharf::oci::{Algorithm, Digest};

use crate::containers::Containers;
use crate::content::{Compression, Layout, assert_same_files, fresh_words};
use crate::registry2::{Collection, Registry2};
use crate::served::Served;
use crate::skopeo;
use crate::space::Space;
use crate::wire::Wire;

const NAME: &str = "team/app";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Whose turn it is.
enum Turn {
    Wharf(Served),
    Registry2(Registry2),
}

impl Turn {
    /// Both, one after the other, over and over.
    fn of(wharf: bool, volume: &Path) -> Turn {
        match wharf {
            true => Turn::Wharf(Served::on(volume)),
            false => Turn::Registry2(Registry2::on(volume)),
        }
    }

    fn address(&self) -> &str {
        match self {
            Turn::Wharf(wharf) => wharf.address(),
            Turn::Registry2(registry2) => registry2.address(),
        }
    }

    /// How skopeo names a tag.
    fn image(&self, tag: &str) -> String {
        format!("docker://{}/{NAME}:{tag}", self.address())
    }

    fn wire(&self) -> Wire {
        Wire::to(self.address(), NAME)
    }

    fn end(self) {
        match self {
            Turn::Wharf(wharf) => wharf.stop(),
            Turn::Registry2(registry2) => registry2.stop(),
        }
    }
}

/// A turn pulls what is there, pushes an image, moves a tag that the other made and deletes an image that the other made.
#[tokio::test]
async fn each_pulls_pushes_moves_and_deletes_what_the_other_wrote() {
    for wharf_begins in [true, false] {
        let (volume, containers) = (Space::new(), Containers::new());
        let (mut held, mut gone) = (Vec::<(String, Layout)>::new(), vec![]);
        for turn in 0..6 {
            let now = Turn::of((turn % 2 == 0) == wharf_begins, volume.path());
            expect(&now, &containers, &held).await;

            let layout = Layout::new(&containers.space, &fresh_words(), Compression::Gzip);
            let tag = format!("turn-{turn}");
            skopeo::copy(&containers, &layout.transport(), &now.image(&tag));
            // The newest of the other's becomes `moved`, and the oldest, if it is the other's, goes.
            if let Some((newest, _)) = held.last() {
                skopeo::copy(&containers, &now.image(newest), &now.image("moved"));
            }
            held.push((tag, layout));
            if held.len() == 4 {
                let (tag, layout) = held.remove(0);
                let place = format!("manifests/{}", layout.manifest);
                let deleted = now.wire().request(Method::DELETE, &place).send().await.unwrap();
                Wire::expect(&deleted, 202);
                assert_eq!(now.wire().get(&place).await.0, 404);
                gone.push((tag, layout));
            }
            now.end();
        }
        // What the other's collector takes for garbage is what was deleted, whoever wrote it.
        let eligible = Collection::tried(volume.path()).eligible;
        assert!(
            gone.iter()
                .all(|(_, layout)| eligible.contains(&layout.layer.to_string()))
        );
        collect(&volume, &held);
        let wharf = Turn::of(true, volume.path());
        expect(&wharf, &containers, &held).await;
        for (tag, layout) in &gone {
            skopeo::copy(&containers, &layout.transport(), &wharf.image(tag));
            assert_eq!(wharf.wire().get(&format!("blobs/{}", layout.layer)).await.0, 200);
        }
    }
}

/// Everything that is held comes back byte for byte, and nothing else is there.
async fn expect(now: &Turn, containers: &Containers, held: &[(String, Layout)]) {
    for (tag, layout) in held {
        let back = containers
            .space
            .directory(&format!("back-{}", uuid::Uuid::new_v4()));
        skopeo::copy(containers, &now.image(tag), &format!("oci:{}:1", back.display()));
        assert_same_files(&layout.path.join("blobs/sha256"), &back.join("blobs/sha256"));
    }
    // The tag was moved when there was something to move, to what was the newest before the last.
    let [.., (_, moved), _] = held else { return };
    let (status, list) = now.wire().get("tags/list").await;
    assert_eq!(status, 200);
    let list: Value = serde_json::from_slice(&list).unwrap();
    let found: BTreeSet<&str> = list["tags"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let tags = held.iter().map(|(tag, _)| tag.as_str()).chain(["moved"]);
    assert_eq!(found, tags.collect());
    let head = now
        .wire()
        .request(Method::HEAD, "manifests/moved")
        .send()
        .await
        .unwrap();
    assert_eq!(
        head.headers()["docker-content-digest"],
        moved.manifest.to_string().as_str()
    );
}

/// registry:2's collector, first without consequences, finds all in use that is.
fn collect(volume: &Space, held: &[(String, Layout)]) {
    let used = held.iter().flat_map(|(_, layout)| {
        let blobs = layout.path.join("blobs/sha256");
        let names = fs::read_dir(blobs)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        names.map(|name| format!("sha256:{}", name.into_string().unwrap()))
    });
    agree(volume, &used.collect());
}

/// The collector marks everything that is used, and would delete none of it.
#[track_caller]
fn agree(volume: &Space, used: &BTreeSet<String>) {
    for collection in [Collection::tried(volume.path()), Collection::made(volume.path())] {
        let unmarked: Vec<_> = used.difference(&collection.marked).collect();
        assert!(unmarked.is_empty(), "not marked: {unmarked:?}");
        let doomed: Vec<_> = used.intersection(&collection.eligible).collect();
        assert!(doomed.is_empty(), "eligible for deletion: {doomed:?}");
    }
}

/// An index of two images, the docker way and the OCI way, written by one and read by the other.
#[tokio::test]
async fn indexes_and_mounted_blobs_pass_both_ways() {
    for wharf_writes in [true, false] {
        let (volume, containers) = (Space::new(), Containers::new());
        let layouts = [Compression::Gzip, Compression::Zstd]
            .map(|kind| Layout::new(&containers.space, &fresh_words(), kind));
        let writer = Turn::of(wharf_writes, volume.path());
        let mut children = vec![];
        for (layout, architecture) in layouts.iter().zip(["amd64", "arm64"]) {
            skopeo::copy(&containers, &layout.transport(), &writer.image(architecture));
            let manifest = layout.path.join("blobs/sha256").join(layout.manifest.hex());
            children.push(json!({
                "mediaType": MANIFEST,
                "digest": layout.manifest.to_string(),
                "size": fs::metadata(manifest).unwrap().len(),
                "platform": {"os": "linux", "architecture": architecture},
            }));
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).to_string();
        let digest = writer.wire().put_manifest("multi", INDEX, &index).await;
        let mount = format!("blobs/uploads/?mount={}&from={NAME}", layouts[0].layer);
        let elsewhere = Wire::to(writer.address(), "other/app");
        let mounted = elsewhere.request(Method::POST, &mount).send().await.unwrap();
        Wire::expect(&mounted, 201);
        writer.end();

        let reader = Turn::of(!wharf_writes, volume.path());
        let read = reader
            .wire()
            .request(Method::GET, "manifests/multi")
            .send()
            .await
            .unwrap();
        assert_eq!(read.headers()["content-type"], INDEX);
        assert_eq!(
            read.headers()["docker-content-digest"],
            digest.to_string().as_str()
        );
        assert_eq!(read.text().await.unwrap(), index);
        let layer = fs::read(layouts[0].path.join("blobs/sha256").join(layouts[0].layer.hex())).unwrap();
        let elsewhere = Wire::to(reader.address(), "other/app");
        let (status, bytes) = elsewhere.get(&format!("blobs/{}", layouts[0].layer)).await;
        assert!(status == 200 && bytes == layer, "{status}");
        let all = containers.space.directory("all");
        skopeo::skopeo(&containers, &["copy", "--all", "--src-tls-verify=false"])
            .arg(reader.image("multi"))
            .arg(format!("oci:{}:multi", all.display()))
            .succeeds();
        for layout in &layouts {
            let blob = |name: &Digest| fs::read(all.join("blobs/sha256").join(name.hex())).is_ok();
            assert!(blob(&layout.manifest) && blob(&layout.layer));
        }
        // The other repository keeps the layer only through its manifests; it has none, so only the first counts.
        reader.end();
        let held = layouts.into_iter().map(|layout| (String::new(), layout));
        collect(&volume, &held.collect::<Vec<_>>());
        agree(&volume, &BTreeSet::from([digest.to_string()]));
    }
}

/// A blob under its SHA-512: registry:2 keeps it under its SHA-256 and an alias, Wharf under the digest itself.
#[tokio::test]
async fn a_blob_by_its_sha512_passes_both_ways() {
    for wharf_writes in [true, false] {
        let volume = Space::new();
        let content = fresh_words();
        let writer = Turn::of(wharf_writes, volume.path());
        let wire = writer.wire();
        let layer = wire.push_blob(Algorithm::Sha512, content.as_bytes()).await;
        let config = wire.push_blob(Algorithm::Sha256, b"{}").await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": config.to_string()},
            "layers": [{
                "mediaType": "application/octet-stream",
                "size": content.len(),
                "digest": layer.to_string(),
            }],
        });
        let tagged = wire.put_manifest("long", MANIFEST, &manifest.to_string()).await;
        writer.end();

        let reader = Turn::of(!wharf_writes, volume.path());
        let (status, back) = reader.wire().get(&format!("blobs/{layer}")).await;
        assert!(status == 200 && back == content.as_bytes(), "{status}");
        assert_eq!(reader.wire().get("manifests/long").await.0, 200);
        reader.end();

        // What registry:2 wrote by a SHA-512 its own collector takes for garbage: it marks the alias, not the target.
        if wharf_writes {
            let used = [layer, config, tagged].map(|digest| digest.to_string());
            agree(&volume, &BTreeSet::from(used));
            let wharf = Turn::of(true, volume.path());
            assert_eq!(
                wharf.wire().get(&format!("blobs/{layer}")).await.1,
                content.as_bytes()
            );
        }
    }
}

/// registry:2, stopped hard, leaves links of no bytes. What they linked is absent until it is pushed again.
#[tokio::test]
async fn empty_links_are_absent_and_a_push_heals_them() {
    let (volume, containers) = (Space::new(), Containers::new());
    let layouts = ["whole", "hurt"].map(|tag| {
        let layout = Layout::new(&containers.space, &fresh_words(), Compression::Gzip);
        (tag.to_owned(), layout)
    });
    let registry2 = Turn::of(false, volume.path());
    for (tag, layout) in &layouts {
        skopeo::copy(&containers, &layout.transport(), &registry2.image(tag));
    }
    registry2.end();
    let repository = volume.at("docker/registry/v2/repositories").join(NAME);
    let hurt = &layouts[1].1;
    for link in [
        "_manifests/tags/hurt/current/link".to_owned(),
        format!("_manifests/revisions/sha256/{}/link", hurt.manifest.hex()),
        format!("_layers/sha256/{}/link", hurt.layer.hex()),
    ] {
        let link = repository.join(link);
        assert!(link.is_file());
        fs::write(link, "").unwrap();
    }

    let wharf = Turn::of(true, volume.path());
    let wire = wharf.wire();
    assert_eq!(
        wire.get("tags/list").await.1,
        br#"{"name":"team/app","tags":["whole"]}"#
    );
    for absent in [
        "manifests/hurt".to_owned(),
        format!("manifests/{}", hurt.manifest),
        format!("blobs/{}", hurt.layer),
    ] {
        assert_eq!(wire.get(&absent).await.0, 404, "{absent}");
    }
    assert_eq!(wire.get("manifests/whole").await.0, 200);
    skopeo::copy(&containers, &hurt.transport(), &wharf.image("hurt"));
    wharf.end();
    collect(&volume, &layouts);

    let registry2 = Turn::of(false, volume.path());
    for (tag, layout) in &layouts {
        let back = containers.space.directory(tag);
        skopeo::copy(
            &containers,
            &registry2.image(tag),
            &format!("oci:{}:1", back.display()),
        );
        assert_same_files(&layout.path.join("blobs/sha256"), &back.join("blobs/sha256"));
    }
}

/// What says something about an image: a list in a tag while registry:2 serves, the registry's own list afterwards.
#[tokio::test]
async fn referrers_that_clients_listed_in_a_tag_are_listed_by_wharf() {
    let volume = Space::new();
    let registry2 = Turn::of(false, volume.path());
    let wire = registry2.wire();
    let empty = wire.push_blob(Algorithm::Sha256, b"{}").await;
    let blob =
        json!({"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": empty.to_string()});
    let image =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": blob, "layers": [blob]}).to_string();
    let subject = wire.put_manifest("1", MANIFEST, &image).await;
    let about = json!({"mediaType": MANIFEST, "size": image.len(), "digest": subject.to_string()});
    let signature = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.signature",
        "config": blob, "layers": [blob], "subject": about,
    })
    .to_string();
    let signature_digest = wire.put_manifest("signature", MANIFEST, &signature).await;
    let entry = json!({
        "mediaType": MANIFEST, "size": signature.len(), "digest": signature_digest.to_string(),
        "artifactType": "application/vnd.example.signature",
    });
    let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
    wire.put_manifest(&format!("sha256-{}", subject.hex()), INDEX, &list)
        .await;
    registry2.end();

    let wharf = Turn::of(true, volume.path());
    let (status, listed) = wharf.wire().get(&format!("referrers/{subject}")).await;
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(status, 200);
    assert_eq!(listed["manifests"], json!([entry]));
}
