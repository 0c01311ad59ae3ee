//! Keys over a year, and tokens that are not theirs.

use serde::Deserialize;

use super::*;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Claims {
    sub: String,
}

fn claims() -> Claims {
    Claims { sub: "alice".to_owned() }
}

const START: OffsetDateTime = time::macros::datetime!(2026-01-01 00:00 UTC);

fn open(directory: &Path, now: OffsetDateTime) -> SigningKeys {
    SigningKeys::open(directory.join("keys"), now).unwrap()
}

#[test]
fn a_token_is_good_after_a_restart_and_after_the_next_key_was_made() {
    let volume = tempfile::tempdir().unwrap();
    let token = open(volume.path(), START).sign(&claims()).unwrap();
    let later = START + Duration::days(31);
    let keys = open(volume.path(), later);
    assert_eq!(fs::read_dir(volume.path().join("keys")).unwrap().count(), 2, "a second key was made");
    assert_eq!(keys.verify::<Claims>(&token, later), Ok(claims()));
    let header = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    assert_ne!(header(&token), header(&keys.sign(&claims()).unwrap()), "the new key signs");
}

#[test]
fn a_key_goes_when_nothing_that_it_signed_can_live() {
    let volume = tempfile::tempdir().unwrap();
    let keys = open(volume.path(), START);
    let token = keys.sign(&claims()).unwrap();
    let last = START + SIGNS_FOR + VERIFIES_FOR;
    keys.rotate(last - Duration::SECOND).unwrap();
    assert!(keys.verify::<Claims>(&token, last).is_ok());
    keys.rotate(last).unwrap();
    assert_eq!(keys.verify::<Claims>(&token, last), Err(OwnTokenError::NotOurs));
    assert_eq!(fs::read_dir(volume.path().join("keys")).unwrap().count(), 1);
}

#[test]
fn another_server_on_the_volume_knows_the_key_soon() {
    let volume = tempfile::tempdir().unwrap();
    let first = open(volume.path(), START);
    let later = START + Duration::days(40);
    let token = open(volume.path(), later).sign(&claims()).unwrap();
    assert_eq!(first.verify::<Claims>(&token, later), Ok(claims()));
}

/// The directory is read once a second at most, so a stranger who looks first must not keep others from being found.
#[test]
fn a_stranger_who_makes_up_names_of_keys_hides_none_of_another_server() {
    let volume = tempfile::tempdir().unwrap();
    let first = open(volume.path(), START);
    let later = START + Duration::days(40);
    let token = open(volume.path(), later).sign(&claims()).unwrap();
    let stranger = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let header = Header { kid: Some("1-made-up".to_owned()), ..Header::new(Algorithm::EdDSA) };
    let made_up = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_ed_der(&stranger.serialize_der()));
    assert_eq!(first.verify::<Claims>(&made_up.unwrap(), later), Err(OwnTokenError::NotOurs));
    assert_eq!(first.verify::<Claims>(&token, later), Ok(claims()));
}

#[test]
fn only_this_program_may_read_a_key() {
    use std::os::unix::fs::PermissionsExt;
    let volume = tempfile::tempdir().unwrap();
    open(volume.path(), START);
    let directory = volume.path().join("keys");
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(directory).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_volume_that_cannot_be_written_has_a_key_in_memory() {
    let volume = tempfile::tempdir().unwrap();
    fs::write(volume.path().join("file"), "").unwrap();
    let keys =
        SigningKeys { directory: volume.path().join("absent"), keys: ArcSwap::default(), looked: Mutex::new(START) };
    fs::write(volume.path().join("absent"), "a file in the way").unwrap();
    assert!(matches!(keys.rotate(START), Err(KeyError::Unreadable { .. })));
    fs::remove_file(volume.path().join("absent")).unwrap();
    keys.keys.store(Arc::new(vec![Arc::new(keys.make(START).unwrap())]));
    fs::remove_dir_all(volume.path().join("absent")).unwrap();
    let token = keys.sign(&claims()).unwrap();
    keys.rotate(START).unwrap();
    assert_eq!(keys.verify::<Claims>(&token, START), Ok(claims()));
}

/// S4: what a token says of its own key and algorithm decides nothing.
#[test]
fn a_token_that_none_of_the_keys_signed_is_not_ours() {
    let volume = tempfile::tempdir().unwrap();
    let keys = open(volume.path(), START);
    let token = keys.sign(&claims()).unwrap();
    let id = jsonwebtoken::decode_header(&token).unwrap().kid;
    let stranger = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let header = Header { kid: id.clone(), ..Header::new(Algorithm::EdDSA) };
    let forged = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_ed_der(&stranger.serialize_der()));
    let header = Header { kid: id, ..Header::new(Algorithm::HS256) };
    let public = keys.keys.load()[0].id.clone();
    let confused = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(public.as_bytes()));
    let mut parts: Vec<&str> = token.split('.').collect();
    let none = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#);
    parts[0] = &none;
    let unsigned = parts.join(".");
    let mut changed = token.clone().into_bytes();
    let middle = token.find('.').unwrap() + 5;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    for (what, bad) in [
        ("another key", forged.unwrap()),
        ("another algorithm", confused.unwrap()),
        ("no algorithm", unsigned),
        ("other claims", changed),
        ("nothing", String::new()),
        ("too long", "a".repeat(LONGEST + 1)),
    ] {
        assert_eq!(keys.verify::<Claims>(&bad, START), Err(OwnTokenError::NotOurs), "{what}");
    }
}
