//! An upload that one of registry:2 and Wharf began and the other ends, on one volume.

use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::json;
use wharf::oci::{Algorithm, Digest};

use crate::client::Client;
use crate::registry2::{Registry2, SECRET};
use crate::served::Served;
use crate::space::Space;
use crate::wire::Wire;

const NAME: &str = "team/app";
/// Not a multiple of a block of the hash, so that its state has an open block.
const CUT: usize = 100_001;

#[tokio::test]
async fn wharf_goes_on_with_an_upload_of_registry2() {
    let (space, content) = (Space::new(), content());
    let registry2 = Registry2::on(space.path());
    let wire = Wire::to(registry2.address(), NAME);
    let (_, whole) = wire.append(&wire.start_upload().await, &content[..CUT]).await;
    let (_, touched) = wire.append(&wire.start_upload().await, &content[..CUT]).await;
    registry2.stop();
    touch(space.path(), &touched);

    let wharf = Served::on(space.path());
    let wire = Wire::to(wharf.address(), NAME);
    // Wharf keeps the last.
    for upload in [touched, whole] {
        let place = format!("blobs/uploads/{upload}");
        let status = wire.request(Method::GET, &place).send().await.unwrap();
        Wire::expect(&status, 204);
        assert_eq!(status.headers()["range"], format!("0-{}", CUT - 1).as_str());
        let (place, _) = wire.append(&place, &content[CUT..]).await;
        assert_eq!(wire.finish(&place, &digest(&content)).await, 201);
    }
    let (status, back) = wire.get(&format!("blobs/{}", digest(&content))).await;
    assert!(status == 200 && back == content, "{status}");
}

#[tokio::test]
async fn registry2_goes_on_with_an_upload_of_wharf() {
    let (space, content) = (Space::new(), content());
    let wharf = Served::on(space.path());
    let wire = Wire::to(wharf.address(), NAME);
    let (_, whole) = wire.append(&wire.start_upload().await, &content[..CUT]).await;
    let (_, touched) = wire.append(&wire.start_upload().await, &content[..CUT]).await;
    wharf.stop();
    touch(space.path(), &touched);

    let registry2 = Registry2::on(space.path());
    let wire = Wire::to(registry2.address(), NAME);
    // registry:2 keeps the first copy of a blob.
    for upload in [whole, touched] {
        let place = signed(space.path(), &upload);
        let status = wire.request(Method::GET, &place).send().await.unwrap();
        Wire::expect(&status, 204);
        let (place, _) = wire.append(&place, &content[CUT..]).await;
        assert_eq!(wire.finish(&place, &digest(&content)).await, 201);
    }
    registry2.stop();

    let wharf = Served::on(space.path());
    let wire = Wire::to(wharf.address(), NAME);
    let (status, back) = wire.get(&format!("blobs/{}", digest(&content))).await;
    assert!(status == 200 && back == content, "{status}");
}

fn content() -> Vec<u8> {
    let line = uuid::Uuid::new_v4().to_string();
    line.bytes().cycle().take(3 * CUT).collect()
}

fn digest(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

fn upload(volume: &Path, id: &str) -> std::path::PathBuf {
    volume
        .join("docker/registry/v2/repositories")
        .join(NAME)
        .join("_uploads")
        .join(id)
}

/// Changes what has arrived. Only who takes up the running hash does not notice; who reads everything again does.
fn touch(volume: &Path, id: &str) {
    let data = upload(volume, id).join("data");
    let mut bytes = fs::read(&data).unwrap();
    assert_eq!(bytes.len(), CUT);
    bytes[0] ^= 1;
    fs::write(data, bytes).unwrap();
}

/// Where registry:2 goes on with an upload. It takes the state from the URL, where it has signed it.
fn signed(volume: &Path, id: &str) -> String {
    let started = fs::read_to_string(upload(volume, id).join("startedat")).unwrap();
    let state = json!({"Name": NAME, "UUID": id, "Offset": CUT, "StartedAt": started});
    let script =
        r#"{ printf %s "$1" | openssl dgst -sha256 -hmac "$2" -binary; printf %s "$1"; } | base64 -w0"#;
    let packed = Client::new("sh")
        .args(["-c", script, "sign", &state.to_string(), SECRET])
        .succeeds();
    let packed = packed.stdout.replace('+', "-").replace('/', "_");
    format!("blobs/uploads/{id}?_state={packed}")
}
