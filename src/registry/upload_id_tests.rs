//! Whose an upload is, as its name says.

use std::collections::HashSet;

use proptest::prelude::*;
use uuid::Variant;

use super::*;
use crate::oci::Algorithm;
use crate::registry::samples::{body, name, volume};

fn names() -> impl Strategy<Value = RepositoryName> {
    "[a-c]{1,3}(/[a-c]{1,3}){0,2}".prop_map(|text| text.parse().unwrap())
}

fn owner(number: u8) -> Owner {
    Owner::new([number; 32])
}

#[test]
fn a_key_is_not_printed() {
    assert_eq!(format!("{:?}", owner(77)), "Owner(..)");
}

/// What was given out before an update of the program is still good after it.
#[test]
fn the_mark_of_a_name_stays_as_it_is() {
    let known = UploadId::marked(&owner(7), 0x8123_4567_89ab_cdef, &name("team/app"));
    let again: UploadId = known.to_string().parse().unwrap();
    assert!(again.belongs_to(Some(&owner(7)), &name("team/app")));
    assert_eq!(known.to_string(), KNOWN);
}

/// Computed with Python's `hmac` from what the module says.
const KNOWN: &str = "f8fa998b-5a9c-8512-8123-456789abcdef";

#[test]
fn names_do_not_repeat() {
    let (owner, name) = (owner(1), name("team/app"));
    let ids: HashSet<UploadId> = (0..10_000).map(|_| UploadId::owned(&owner, &name)).collect();
    assert_eq!(ids.len(), 10_000);
}

/// What registry:2 started, or we before callers were told apart, can be gone on with by those who did it.
#[test]
fn a_name_of_another_version_belongs_to_whoever_knows_it() {
    let name = name("team/app");
    for _ in 0..100 {
        let id = UploadId::random();
        assert!(id.belongs_to(Some(&owner(1)), &name) && id.belongs_to(None, &name));
    }
}

proptest! {
    #[test]
    fn an_upload_belongs_to_its_owner_in_its_repository_alone(
        mine in any::<[u8; 32]>(),
        other in any::<[u8; 32]>(),
        here in names(),
        there in names(),
    ) {
        let id = UploadId::owned(&Owner::new(mine), &here);
        prop_assert_eq!(id.0.get_version_num(), 8);
        prop_assert_eq!(id.0.get_variant(), Variant::RFC4122);
        prop_assert_eq!(id.to_string().parse::<UploadId>().unwrap(), id);
        prop_assert!(id.belongs_to(Some(&Owner::new(mine)), &here));
        prop_assert!(id.belongs_to(None, &there));
        prop_assert_eq!(id.belongs_to(Some(&Owner::new(other)), &here), mine == other);
        prop_assert_eq!(id.belongs_to(Some(&Owner::new(mine)), &there), here == there);
    }

    /// Except for the version, which makes it a name without an owner, and another upload's.
    #[test]
    fn no_bit_of_a_name_can_be_changed(key in any::<[u8; 32]>(), name in names(), bit in 0..128_u32) {
        let owner = Owner::new(key);
        let changed = UploadId(Uuid::from_u128(UploadId::owned(&owner, &name).0.as_u128() ^ 1 << bit));
        let is_version = (76..80).contains(&bit);
        prop_assert_eq!(changed.belongs_to(Some(&owner), &name), is_version);
    }

    #[test]
    fn a_name_that_was_made_up_belongs_to_nobody(key in any::<[u8; 32]>(), name in names(), bits in any::<u128>()) {
        let marked = UploadId(Uuid::from_u128(bits & !(0xf << 76) | 8 << 76));
        prop_assert!(!marked.belongs_to(Some(&Owner::new(key)), &name));
    }
}

#[tokio::test]
async fn what_the_registry_starts_for_an_owner_is_his_and_can_be_finished() {
    let (_directory, registry) = volume();
    let (mine, name, content) = (owner(1), name("team/app"), b"content");
    let digest = crate::oci::Digest::of(Algorithm::Sha256, content);
    let id = registry.start_upload(&name, Some(&mine), Algorithm::Sha256).await.unwrap().id;
    assert!(id.belongs_to(Some(&mine), &name) && !id.belongs_to(Some(&owner(2)), &name));
    registry.finish_upload(&name, id, digest, None, body(content)).await.unwrap();
    assert_eq!(registry.stat_blob(&name, &digest).await.unwrap(), 7);
    let anybodys = registry.start_upload(&name, None, Algorithm::Sha256).await.unwrap().id;
    assert!(anybodys.belongs_to(Some(&owner(2)), &name));
}
