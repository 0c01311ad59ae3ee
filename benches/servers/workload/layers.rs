//! Blobs large enough that only bytes count.

use super::Scale;
use crate::load::content::Blob;
use crate::load::drive::{Quota, Ran, drive};
use crate::load::error::LoadError;
use crate::load::request::Request;
use crate::load::{provide, push};
use crate::server::Server;

const PUSHED: &str = "bench/pushed";
const PULLED: &str = "bench/pulled";

pub(super) fn push(server: &Server, scale: &Scale) -> Result<Ran, LoadError> {
    let blobs = Blob::several(scale.blobs, scale.blob);
    drive(server, 4, Quota::Operations(blobs.len()), |connection, turn| {
        let blob = &blobs[turn.operation];
        push::blob(connection, server.host(), PUSHED, blob)?;
        Ok(blob.length() as u64)
    })
}

pub(super) fn pull(server: &Server, scale: &Scale) -> Result<Ran, LoadError> {
    let blob = Blob::new(scale.pulled);
    provide::blob(server, PULLED, &blob)?;
    let expected = blob.length() as u64;
    let get = Request::bare("GET", &format!("/v2/{PULLED}/blobs/{}", blob.digest()), server.host(), "");
    drive(server, 2, Quota::Time(scale.time), |connection, _| {
        let length = connection.ask(&get, &[], 200)?.length;
        if length != expected {
            return Err(LoadError::Length { asked: get.line(), length, expected });
        }
        Ok(length)
    })
}
