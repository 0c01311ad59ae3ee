//! Images so small that only requests and syncs count, and manifests.

use super::Scale;
use crate::load::content::{Blob, Image};
use crate::load::drive::{Quota, Ran, drive};
use crate::load::error::LoadError;
use crate::load::request::{ACCEPT, Request};
use crate::load::{provide, push};
use crate::server::Server;

/// A configuration and four layers.
const BLOBS: usize = 5;

const READ: &str = "bench/read";

/// Each connection pushes into a repository of its own, and asks first whether a blob is there, as clients do.
pub(super) fn push(server: &Server, scale: &Scale) -> Result<Ran, LoadError> {
    let blobs = Blob::several(scale.images * BLOBS, 16 << 10);
    let images: Vec<(&[Blob], Image)> =
        blobs.chunks(BLOBS).map(|blobs| (blobs, Image::new(&blobs[0], &blobs[1..]))).collect();
    drive(server, 4, Quota::Operations(images.len()), |connection, turn| {
        let name = format!("bench/images{}", turn.connection);
        let (blobs, image) = &images[turn.operation];
        for blob in *blobs {
            let look = Request::bare("HEAD", &format!("/v2/{name}/blobs/{}", blob.digest()), server.host(), "");
            connection.ask(&look, &[], 404)?;
            push::blob(connection, server.host(), &name, blob)?;
        }
        push::image(connection, server.host(), &name, &format!("v{}", turn.operation), image)?;
        Ok(blobs.iter().map(|blob| blob.length() as u64).sum())
    })
}

pub(super) fn get_by_tag(server: &Server, scale: &Scale) -> Result<Ran, LoadError> {
    let image = provide::image(server, READ)?;
    read(server, server.host(), scale, "GET", "latest", image.bytes().len() as u64)
}

pub(super) fn get_with_token(server: &Server, scale: &Scale) -> Result<Ran, LoadError> {
    let image = provide::image(server, READ)?;
    let token = server.token(&format!("repository:{READ}:pull"))?;
    let host = format!("{}\r\nAuthorization: Bearer {token}", server.address());
    read(server, &host, scale, "GET", "latest", image.bytes().len() as u64)
}

pub(super) fn head_by_digest(server: &Server, scale: &Scale) -> Result<Ran, LoadError> {
    let image = provide::image(server, READ)?;
    read(server, server.host(), scale, "HEAD", image.digest(), 0)
}

fn read(
    server: &Server,
    host: &str,
    scale: &Scale,
    method: &str,
    reference: &str,
    expected: u64,
) -> Result<Ran, LoadError> {
    let request = Request::bare(method, &format!("/v2/{READ}/manifests/{reference}"), host, ACCEPT);
    drive(server, 16, Quota::Time(scale.time), |connection, _| {
        let length = connection.ask(&request, &[], 200)?.length;
        if length != expected {
            return Err(LoadError::Length { asked: request.line(), length, expected });
        }
        Ok(length)
    })
}
