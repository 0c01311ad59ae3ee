//! The ways in which clients push a blob, and how they go on with an upload that broke off.

use crate::chance::Chance;
use crate::images::Blob;
use crate::support::content::sha256;
use crate::wire::{Lost, Wire};

/// An upload that is not over.
pub(crate) struct Pending {
    pub(crate) repository: String,
    pub(crate) location: String,
    pub(crate) blob: Blob,
    /// As far as was acknowledged.
    pub(crate) acknowledged: usize,
    /// As far as the client may have come; more than was acknowledged while a request is under way.
    pub(crate) sent: usize,
    /// The request that makes it a blob is under way.
    pub(crate) finishing: bool,
}

/// The connection ended before the blob was there.
pub(crate) struct Broken(pub(crate) Option<Pending>);

impl From<Lost> for Broken {
    fn from(_: Lost) -> Broken {
        Broken(None)
    }
}

/// Pushes a blob in one of the ways that clients have.
pub(crate) fn push(wire: &mut Wire, chance: &mut Chance, repository: &str, blob: &Blob) -> Result<(), Broken> {
    let start = format!("/v2/{repository}/blobs/uploads/");
    if chance.one_in(3) {
        wire.ask("POST", &format!("{start}?digest={}", blob.digest), &[], &blob.content)?.is(201);
        return Ok(());
    }
    let mut pending = begin(wire, repository, blob)?;
    let pushed = match chance.below(3) {
        0 => finish(wire, &mut pending),
        1 => stream(wire, &mut pending).and_then(|()| finish(wire, &mut pending)),
        _ => {
            let pieces = chance.between(2, 5);
            chunks(wire, &mut pending, pieces).and_then(|()| finish(wire, &mut pending))
        }
    };
    pushed.map_err(|_| Broken(Some(pending)))
}

/// Starts an upload and sends no byte.
pub(crate) fn begin(wire: &mut Wire, repository: &str, blob: &Blob) -> Result<Pending, Lost> {
    let started = wire.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"")?.is(202);
    Ok(Pending {
        repository: repository.to_owned(),
        location: started.header("location").unwrap().to_owned(),
        blob: blob.clone(),
        acknowledged: 0,
        sent: 0,
        finishing: false,
    })
}

/// Sends the rest without saying how long it is.
fn stream(wire: &mut Wire, pending: &mut Pending) -> Result<(), Lost> {
    let from = pending.acknowledged;
    let asked = wire.stream("PATCH", &pending.location, &pending.blob.content[from..]);
    pending.sent = from + wire.sent;
    let reply = asked?.is(202);
    pending.acknowledged = reply.offset();
    assert_eq!(pending.acknowledged, pending.blob.content.len());
    Ok(())
}

/// Sends the rest, but for some bytes that are left for the end, in chunks that say where they belong.
pub(crate) fn chunks(wire: &mut Wire, pending: &mut Pending, pieces: usize) -> Result<(), Lost> {
    let end = pending.blob.content.len() - 10;
    let step = (end - pending.acknowledged.min(end)).div_ceil(pieces).max(2);
    while pending.acknowledged < end {
        let from = pending.acknowledged;
        chunk(wire, pending, (from + step).min(end).max(from + 2))?;
    }
    Ok(())
}

/// Sends one chunk.
pub(crate) fn chunk(wire: &mut Wire, pending: &mut Pending, to: usize) -> Result<(), Lost> {
    let from = pending.acknowledged;
    let range = format!("{from}-{}", to - 1);
    let asked = wire.ask("PATCH", &pending.location, &[("content-range", &range)], &pending.blob.content[from..to]);
    pending.sent = from + wire.sent;
    let reply = asked?.is(202);
    assert_eq!(reply.offset(), to);
    pending.acknowledged = to;
    Ok(())
}

/// Sends the rest and makes it a blob.
pub(crate) fn finish(wire: &mut Wire, pending: &mut Pending) -> Result<(), Lost> {
    let from = pending.acknowledged;
    pending.finishing = true;
    let path = format!("{}?digest={}", pending.location, pending.blob.digest);
    let asked = wire.ask("PUT", &path, &[], &pending.blob.content[from..]);
    pending.sent = from + wire.sent;
    asked?.is(201);
    Ok(())
}

/// Goes on with an upload that broke off, where the server says that it stands, and reads what it came to.
pub(crate) fn go_on(wire: &mut Wire, chance: &mut Chance, mut pending: Pending) -> Result<(), Lost> {
    match find(wire, &mut pending)? {
        true => {
            let pieces = chance.between(1, 4);
            if chance.one_in(2) {
                chunks(wire, &mut pending, pieces)?;
            }
            finish(wire, &mut pending)?;
        }
        // It was finished in the very moment; the client does not know and pushes the blob again.
        false => {
            let path = format!("/v2/{}/blobs/uploads/?digest={}", pending.repository, pending.blob.digest);
            wire.ask("POST", &path, &[], &pending.blob.content)?.is(201);
        }
    }
    wire.get(&pending.location)?.is(404);
    let got = wire.get(&format!("/v2/{}/blobs/{}", pending.repository, pending.blob.digest))?.is(200);
    assert_eq!(sha256(&got.body), pending.blob.digest, "what was resumed at {} is whole", pending.acknowledged);
    Ok(())
}

/// Where an upload that broke off stands; `false` if it is over, which it may be only if it was being finished.
pub(crate) fn find(wire: &mut Wire, pending: &mut Pending) -> Result<bool, Lost> {
    let status = wire.get(&pending.location)?;
    let (acknowledged, sent) = (pending.acknowledged, pending.sent.max(pending.acknowledged));
    // One of which nothing has arrived is begun anew.
    if (pending.finishing || acknowledged == 0) && status.status == 404 {
        return Ok(false);
    }
    let status = status.is(204);
    let offset = status.offset();
    // The content was already at its place; what is left of the upload is empty.
    let moved = pending.finishing && offset == 0;
    assert!(
        moved || (acknowledged..=sent).contains(&offset),
        "upload {} of {} bytes stands at {offset}; {acknowledged} were acknowledged and {sent} were sent",
        pending.location,
        pending.blob.content.len(),
    );
    pending.acknowledged = offset;
    pending.sent = offset;
    pending.finishing = false;
    Ok(true)
}
