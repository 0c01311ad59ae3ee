//! Content that is there before a measurement begins: pushed to a registry, written to a server of files.

use std::fs;
use std::path::Path;

use super::content::{Blob, Image};
use super::error::LoadError;
use super::push;
use crate::server::{Content, Server};

/// Makes a blob available at `/v2/<name>/blobs/<digest>`.
pub(crate) fn blob(server: &Server, name: &str, blob: &Blob) -> Result<(), LoadError> {
    match server.content() {
        Content::Registry => push::blob(&mut server.connect()?, server.host(), name, blob),
        Content::Files(root) => write(root, &format!("v2/{name}/blobs/{}", blob.digest()), &blob.parts()),
    }
}

/// Makes an image of five small blobs available by the tag `latest` and by its digest, and returns it.
pub(crate) fn image(server: &Server, name: &str) -> Result<Image, LoadError> {
    let blobs = Blob::several(5, 4 << 10);
    let image = Image::new(&blobs[0], &blobs[1..]);
    match server.content() {
        Content::Registry => {
            let mut connection = server.connect()?;
            for blob in &blobs {
                push::blob(&mut connection, server.host(), name, blob)?;
            }
            push::image(&mut connection, server.host(), name, "latest", &image)?;
        }
        Content::Files(root) => {
            for reference in ["latest", image.digest()] {
                write(root, &format!("v2/{name}/manifests/{reference}"), &[image.bytes()])?;
            }
        }
    }
    Ok(image)
}

fn write(root: &Path, path: &str, parts: &[&[u8]]) -> Result<(), LoadError> {
    let path = root.join(path);
    let directory = path.parent().unwrap_or(root);
    fs::create_dir_all(directory).and_then(|()| fs::write(&path, parts.concat())).map_err(LoadError::Provide)
}
