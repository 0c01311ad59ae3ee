//! Previews, page by page.

use super::super::Keep;
use super::super::run::tests::Volume;
use super::*;
use crate::registry::samples::{name, tag};

async fn page(volume: &Volume, within: Option<&str>, behind: Option<&RetentionPlace>, limit: usize) -> Listing<String> {
    let within: Option<Pattern> = within.map(|text| text.parse().unwrap());
    let listing = volume.registry.preview_retention(within.as_ref(), behind, limit).await.unwrap();
    let entries = listing.entries.iter().map(|entry| format!("{}:{}", entry.repository, entry.judged.tag)).collect();
    Listing { entries, more: listing.more }
}

fn place(text: &str) -> RetentionPlace {
    let (repository, of) = text.split_once(':').unwrap();
    RetentionPlace { repository: name(repository), tag: Some(tag(of)) }
}

#[tokio::test]
async fn the_pages_are_the_whole_whatever_their_length() {
    let volume = Volume::new(Keep { newest: Some(1), ..Keep::default() });
    let mut all = Vec::new();
    for repository in ["team/a", "team/a/b", "team/b"] {
        for (number, of) in ["t1", "t2", "t3"].into_iter().enumerate() {
            volume.push(repository, of, number as u64).await;
            all.push(format!("{repository}:{of}"));
        }
    }
    volume.push("elsewhere", "t1", 1).await;
    assert_eq!(page(&volume, None, None, 1000).await, Listing { entries: all.clone(), more: false });
    for limit in 1..=10 {
        let (mut found, mut behind) = (Vec::new(), None);
        loop {
            let page = page(&volume, None, behind.as_ref(), limit).await;
            assert!(page.entries.len() <= limit);
            found.extend(page.entries);
            if !page.more {
                break;
            }
            behind = found.last().map(|last| place(last));
        }
        assert_eq!(found, all, "{limit}");
    }
    let below = page(&volume, Some("team/a/**"), None, 1000).await;
    assert_eq!(below.entries, all[3..6]);
    assert_eq!(page(&volume, Some("elsewhere"), None, 1000).await.entries, Vec::<String>::new());
    let behind = RetentionPlace { repository: name("team/a/b"), tag: None };
    assert_eq!(page(&volume, None, Some(&behind), 1000).await.entries, all[6..]);
    assert_eq!(page(&volume, None, Some(&place("elsewhere:t0")), 1000).await.entries, all, "no rule is about it");
}

/// Who begins anew is not told what was so before.
#[tokio::test]
async fn only_the_next_page_is_told_from_memory() {
    let volume = Volume::new(Keep { newest: Some(1), ..Keep::default() });
    for (number, of) in ["t1", "t2", "t3"].into_iter().enumerate() {
        volume.push("team/a", of, number as u64).await;
    }
    assert!(page(&volume, None, None, 1).await.more);
    volume.push("team/a", "t4", 4).await;
    assert_eq!(page(&volume, None, Some(&place("team/a:t1")), 9).await.entries, ["team/a:t2", "team/a:t3"]);
    assert_eq!(page(&volume, None, None, 9).await.entries.len(), 4);
    assert_eq!(page(&volume, None, Some(&place("team/a:t1")), 9).await.entries.len(), 3, "the page before had no next");
}
