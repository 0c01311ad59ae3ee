//! The catalog of repositories, and numbers that ask for too much of any list.

use std::time::Instant;

use proptest::prelude::*;

use crate::support::Wharf;
use crate::support::content::NOTHING;

/// Values of `n` that were made to hurt (CVE-2023-2253).
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "2147483648",
    "9223372036854775808",
    "1000000000000000000000000000000",
    "a",
    "",
    "1e9",
    "+1",
    "0x10",
    "1.5",
    "%00",
    "1%202",
    "%F0%9F%98%80",
    "-9223372036854775809",
    "00000000000000000000000000000001",
];

#[tokio::test]
async fn an_empty_registry_has_an_empty_catalog() {
    let wharf = Wharf::start();
    let answer = wharf.client().get("/v2/_catalog").await.is(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.body, b"{\"repositories\":[]}");
    assert!(!answer.has("link"));
}

/// As registry:2 orders them: part by part, so that what is below a repository follows it directly.
#[tokio::test]
async fn repositories_are_listed_part_by_part() {
    let wharf = Wharf::start();
    for name in ["a-b", "b", "a", "a/b", "a/b/c", "a.b", "a/b-c", "aa"] {
        wharf.repo(name).push_image("latest", 1).await;
    }
    let expected = ["a", "a/b", "a/b/c", "a/b-c", "a-b", "a.b", "aa", "b"];
    let answer = wharf.client().get("/v2/_catalog").await.is(200);
    assert_eq!(answer.list("repositories"), expected);
    for n in 1..9 {
        let pages = wharf.client().pages(&format!("/v2/_catalog?n={n}"), "repositories").await;
        assert_eq!(pages.concat(), expected, "n={n}");
        assert_eq!(pages.len(), expected.len().div_ceil(n), "n={n}");
    }
    let first = wharf.client().get("/v2/_catalog?n=2").await.is(200);
    assert_eq!(first.header("link"), "</v2/_catalog?last=a%2Fb&n=2>; rel=\"next\"");
}

/// What makes it a repository lies behind more names than are fetched at once.
#[tokio::test]
async fn a_repository_with_many_below_it_is_listed_before_them() {
    let wharf = Wharf::start();
    wharf.repo("many").push_image("latest", 1).await;
    let below = |number: usize| format!("many/{number:03}");
    for number in 0..300 {
        let manifests = format!("docker/registry/v2/repositories/{}/_manifests", below(number));
        std::fs::create_dir_all(wharf.volume().join(manifests)).unwrap();
    }
    let expected: Vec<String> = std::iter::once("many".to_owned()).chain((0..300).map(below)).collect();
    assert_eq!(wharf.client().get("/v2/_catalog").await.list("repositories"), expected);
    let pages = wharf.client().pages("/v2/_catalog?n=7", "repositories").await;
    assert_eq!(pages.concat(), expected);
}

#[tokio::test]
async fn a_repository_that_only_uploads_were_started_in_is_not_listed() {
    let wharf = Wharf::start();
    wharf.repo("blobs/only").push_blob(b"blob").await;
    wharf.repo("uploads/only").upload().await;
    assert_eq!(wharf.client().get("/v2/_catalog").await.list("repositories"), [""; 0]);
    wharf.repo("blobs/only").push_image("latest", 1).await;
    assert_eq!(wharf.client().get("/v2/_catalog").await.list("repositories"), ["blobs/only"]);
}

#[tokio::test]
async fn a_catalog_begins_behind_the_last_which_need_not_be_there() {
    let wharf = Wharf::start();
    for name in ["a", "a/b", "c/d"] {
        wharf.repo(name).push_image("latest", 1).await;
    }
    for (last, expected) in [
        ("", vec!["a", "a/b", "c/d"]),
        ("a", vec!["a/b", "c/d"]),
        ("a/", vec!["a/b", "c/d"]),
        ("a/a", vec!["a/b", "c/d"]),
        ("a/b", vec!["c/d"]),
        ("a/b/c", vec!["c/d"]),
        ("a/z", vec!["c/d"]),
        ("b", vec!["c/d"]),
        ("c", vec!["c/d"]),
        ("c/d", vec![]),
        ("../..", vec!["a", "a/b", "c/d"]),
        ("%00", vec!["a", "a/b", "c/d"]),
        ("zzz", vec![]),
    ] {
        let answer = wharf.client().get(&format!("/v2/_catalog?last={last}")).await.is(200);
        assert_eq!(answer.list("repositories"), expected, "{last}");
    }
}

/// Whatever the names are and however long the pages: everything comes once and in order.
#[test]
fn the_pages_together_are_the_whole() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let names = proptest::collection::btree_set("[ab]([.-]?[ab]){0,2}(/[ab]([.-]?[ab]){0,1}){0,3}", 1..14);
    proptest!(ProptestConfig::with_cases(12), |(names in names, n in 1_usize..6)| {
        let start = Wharf::prepare();
        for name in &names {
            let manifests = start.volume().join("docker/registry/v2/repositories").join(name).join("_manifests");
            std::fs::create_dir_all(manifests).unwrap();
        }
        let wharf = start.go();
        let pages = runtime.block_on(wharf.client().pages(&format!("/v2/_catalog?n={n}"), "repositories"));
        let mut expected: Vec<String> = names.into_iter().collect();
        expected.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        let (last, full) = pages.split_last().unwrap();
        assert!(full.iter().all(|page| page.len() == n) && last.len() <= n, "{pages:?}");
        assert_eq!(pages.concat(), expected);
    });
}

#[tokio::test]
async fn no_number_makes_a_list_fail_or_take_long() {
    let wharf = Wharf::start();
    let repo = wharf.repo("numbers");
    repo.push_image("one", 1).await;
    repo.push_image("two", 2).await;
    wharf.repo("other").push_image("one", 1).await;
    let before = wharf.resident();
    let started = Instant::now();
    let referrers = repo.path(&format!("referrers/{NOTHING}"));
    for (path, key, all) in [
        ("/v2/_catalog".to_owned(), "repositories", 2),
        (repo.path("tags/list"), "tags", 2),
        (referrers, "manifests", 0),
    ] {
        for n in NUMBERS {
            let answer = wharf.client().get(&format!("{path}?n={n}")).await;
            if n.is_empty() || n.bytes().all(|b| b.is_ascii_digit()) {
                let length = answer.is(200).json()[key].as_array().unwrap().len();
                let expected = n.parse().unwrap_or(usize::MAX).min(all);
                assert_eq!(length, expected, "{path} {n}");
            } else {
                answer.refuses(400, "PAGINATION_NUMBER_INVALID");
            }
        }
    }
    assert!(started.elapsed() < crate::support::client::PATIENCE);
    assert!(wharf.resident() < before + 16 * 1024 * 1024);
}

#[tokio::test]
async fn a_page_of_the_catalog_has_a_thousand_entries_at_most() {
    let start = Wharf::prepare();
    for number in 0..1002 {
        let below = format!("docker/registry/v2/repositories/r{number:04}/_manifests");
        std::fs::create_dir_all(start.volume().join(below)).unwrap();
    }
    let wharf = start.go();
    for n in ["", "?n=1001", "?n=99999999999999999999999"] {
        let pages = wharf.client().pages(&format!("/v2/_catalog{n}"), "repositories").await;
        let lengths: Vec<usize> = pages.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1000, 2], "{n}");
    }
}
