//! A check, with repairs, beside everything that clients do at full speed: it finds nothing, and takes nothing away.

use std::sync::atomic::{AtomicBool, Ordering};

use super::tests::check;
use crate::oci::{Digest, MediaType, RepositoryName};
use crate::registry::samples::{
    described, image, index, name, new, push, put, serves_blob, serves_manifest, tag, volume,
};
use crate::registry::{Actor, MountFrom, Precondition, Registry};

/// How many images each client pushes.
const IMAGES: u32 = 30;

/// Pushes images, moves a tag over them, deletes every other one with its blobs, and refers to the rest.
async fn client(registry: Registry, repository: RepositoryName, shared: RepositoryName) -> Vec<(Digest, Vec<Digest>)> {
    let mut kept = Vec::new();
    for n in 0..IMAGES {
        let own = push(&registry, &repository, format!("{repository} {n}").as_bytes()).await;
        // The same in every repository, pushed here or mounted from elsewhere.
        let common = push(&registry, &shared, format!("common {n}").as_bytes()).await;
        registry.mount_blob(&repository, &common, MountFrom::Repository(&shared)).await.unwrap();
        let manifest = put(&registry, &repository, new(&image(own, &[common]), &["latest", &format!("v{n}")])).await;
        let parent = put(&registry, &repository, new(&index(&[manifest]), &["index"])).await;
        let mut about = image(own, &[]);
        about["subject"] = described(MediaType::OCI_MANIFEST, manifest);
        let referrer = put(&registry, &repository, new(&about, &[])).await;
        if n % 2 == 0 {
            kept.push((manifest, vec![own, common]));
            registry
                .delete_tag(&repository, &tag(&format!("v{n}")), &Precondition::None, &Actor::unknown())
                .await
                .unwrap();
            continue;
        }
        for gone in [referrer, parent, manifest] {
            registry.delete_manifest(&repository, &gone, &Precondition::None, &Actor::unknown()).await.unwrap();
        }
        registry.delete_blob(&repository, &own, &Actor::unknown()).await.unwrap();
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_clients_push_and_delete_at_full_speed_nothing_is_found_and_nothing_is_lost() {
    let (_directory, registry) = volume();
    let shared = name("shared");
    let clients: Vec<_> = (0..4)
        .map(|n| {
            let repository = name(&format!("client/{n}"));
            tokio::spawn(client(registry.clone(), repository, shared.clone()))
        })
        .collect();
    let ended = AtomicBool::new(false);
    let checks = async {
        let mut rounds = 0;
        while !ended.load(Ordering::Relaxed) {
            let report = check(&registry, true).await;
            assert_eq!(report.findings, []);
            rounds += 1;
        }
        rounds
    };
    let pushes = async {
        let mut kept = Vec::new();
        for client in clients {
            kept.push(client.await.unwrap());
        }
        ended.store(true, Ordering::Relaxed);
        kept
    };
    let (rounds, kept) = tokio::join!(checks, pushes);
    assert!(rounds > 1, "the clients were done before anything was checked beside them");
    for (n, images) in kept.into_iter().enumerate() {
        let repository = name(&format!("client/{n}"));
        for (manifest, blobs) in images {
            assert!(serves_manifest(&registry, &repository, manifest).await);
            for blob in blobs {
                assert!(serves_blob(&registry, &repository, &blob).await);
            }
        }
    }
    registry.settle().await;
    assert_eq!(check(&registry, false).await.findings, []);
}
