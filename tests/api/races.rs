//! Many clients at once, of whom the right number wins.

use futures_util::future::join_all;

use crate::support::Wharf;
use crate::support::content::Manifest;
use crate::support::repository::Repository;

const CLIENTS: u64 = 20;

async fn images(repo: &Repository) -> Vec<Manifest> {
    join_all((0..CLIENTS).map(|seed| repo.prepare_image(6000 + seed))).await
}

#[tokio::test]
async fn of_many_that_create_one_tag_exactly_one_succeeds() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("races/create");
    let images = images(&repo).await;
    for round in 0..5 {
        let tag = format!("v{round}");
        let puts = images.iter().map(|image| repo.putting(&tag, image).header("if-none-match", "*").send());
        let answers = join_all(puts).await;
        let winners: Vec<usize> = (0..answers.len()).filter(|place| answers[*place].status == 201).collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert!(answers.iter().all(|answer| [201, 412].contains(&answer.status)));
        assert_eq!(repo.manifest(&tag).await.is(200).body, images[winners[0]].bytes);
    }
}

#[tokio::test]
async fn of_many_that_swap_one_tag_exactly_one_succeeds() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("races/swap");
    let images = images(&repo).await;
    let mut current = repo.push_image("v1", 1).await.digest();
    for _ in 0..5 {
        let tags = format!("\"{current}\"");
        let others: Vec<&Manifest> = images.iter().filter(|image| image.digest() != current).collect();
        let puts = others.iter().map(|image| repo.putting("v1", image).header("if-match", &tags).send());
        let answers = join_all(puts).await;
        let winners: Vec<usize> = (0..answers.len()).filter(|place| answers[*place].status == 201).collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert!(answers.iter().all(|answer| [201, 412].contains(&answer.status)));
        current = others[winners[0]].digest();
        assert_eq!(repo.manifest("v1").await.is(200).header("docker-content-digest"), current);
    }
}

#[tokio::test]
async fn of_many_that_swap_and_delete_one_tag_exactly_one_succeeds() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("races/delete");
    let images = images(&repo).await;
    for _ in 0..5 {
        repo.put("v1", &images[0]).await.is(201);
        let tags = format!("\"{}\"", images[0].digest());
        let swaps = images[1..8].iter().map(|image| repo.putting("v1", image).header("if-match", &tags).send());
        let delete = || repo.request(reqwest::Method::DELETE, "manifests/v1").header("if-match", &tags).send();
        let (swaps, deletes) = tokio::join!(join_all(swaps), join_all((0..7).map(|_| delete())));
        let won = swaps.iter().chain(&deletes).filter(|answer| answer.status < 300).count();
        assert_eq!(won, 1);
    }
}

/// Whoever was told 201 last, the tag leads somewhere.
#[tokio::test]
async fn a_tag_that_is_pushed_and_deleted_at_once_is_whole_or_not_there() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("races/both");
    let image = repo.push_image("v1", 2).await;
    for _ in 0..10 {
        let by_digest = repo.request(reqwest::Method::DELETE, &format!("manifests/{}", image.digest()));
        let (put, delete, tag) = tokio::join!(repo.put("v1", &image), by_digest.send(), repo.delete("manifests/v1"),);
        put.is(201);
        assert!([202, 404].contains(&delete.status) && [202, 404].contains(&tag.status));
        let tags = repo.tags().await;
        let got = repo.manifest("v1").await;
        match tags.as_slice() {
            [] => assert_eq!(got.status, 404),
            _ => assert_eq!(got.is(200).body, image.bytes),
        }
        repo.put("v1", &image).await.is(201);
    }
}

#[tokio::test]
async fn whole_images_pushed_at_once_all_arrive() {
    let wharf = Wharf::shared();
    let push = async |number: u64| {
        let repo = wharf.repo(&format!("races/push{}", number % 4));
        repo.push_image(&format!("v{number}"), number % 3).await
    };
    let images = join_all((0..CLIENTS).map(push)).await;
    for (number, image) in images.iter().enumerate() {
        let repo = wharf.repo(&format!("races/push{}", number % 4));
        assert_eq!(repo.manifest(&format!("v{number}")).await.is(200).body, image.bytes);
    }
}

/// A reader sees the old tag or the new, never none.
#[tokio::test]
async fn a_tag_that_moves_is_never_absent() {
    let wharf = Wharf::shared();
    let (writer, reader) = (wharf.repo("races/moving"), wharf.repo("races/moving"));
    let images = [writer.push_image("v1", 3).await, writer.push_image("v1", 4).await];
    let write = async {
        for round in 0..40 {
            writer.put("v1", &images[round % 2]).await.is(201);
        }
    };
    let write = std::pin::pin!(write);
    let mut write = write;
    let mut reads = 0;
    while futures_util::poll!(&mut write).is_pending() {
        let got = reader.manifest("v1").await.is(200);
        assert!(images.iter().any(|image| image.bytes == got.body));
        assert_eq!(reader.tags().await, ["v1"]);
        reads += 1;
    }
    assert!(reads > 5);
}
