//! Pushing as clients do.

use super::connection::Connection;
use super::content::{Blob, Image};
use super::error::LoadError;
use super::request::{OCTETS, Request};

/// Starts an upload, sends the blob with one `PATCH` and finishes it with an empty `PUT`, as docker does.
pub(crate) fn blob(connection: &mut Connection, host: &str, name: &str, blob: &Blob) -> Result<(), LoadError> {
    let start = Request::bare("POST", &format!("/v2/{name}/blobs/uploads/"), host, "");
    let location = next(connection, &start, &[], 202)?;
    let append = Request::with_body("PATCH", &location, host, OCTETS, blob.length());
    let location = next(connection, &append, &blob.parts(), 202)?;
    let separator = if location.contains('?') { '&' } else { '?' };
    let finish = Request::bare("PUT", &format!("{location}{separator}digest={}", blob.digest()), host, "");
    connection.ask(&finish, &[], 201)?;
    Ok(())
}

/// Puts a manifest under a tag.
pub(crate) fn image(
    connection: &mut Connection,
    host: &str,
    name: &str,
    tag: &str,
    image: &Image,
) -> Result<(), LoadError> {
    let kind = format!("Content-Type: {}\r\n", Image::MEDIA_TYPE);
    let target = format!("/v2/{name}/manifests/{tag}");
    let put = Request::with_body("PUT", &target, host, &kind, image.bytes().len());
    connection.ask(&put, &[image.bytes()], 201)?;
    Ok(())
}

/// Asks, and says where the upload goes on.
fn next(connection: &mut Connection, request: &Request, body: &[&[u8]], expected: u16) -> Result<String, LoadError> {
    let answer = connection.ask(request, body, expected)?;
    answer.location.ok_or_else(|| LoadError::Malformed { asked: request.line(), what: "no Location" })
}
