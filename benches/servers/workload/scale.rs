//! How much of everything.

use std::time::Duration;

/// How large a run is.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// Bytes of a blob that is pushed.
    pub(crate) blob: usize,
    /// How many of them.
    pub(crate) blobs: usize,
    /// Bytes of the blob that is pulled.
    pub(crate) pulled: usize,
    /// How many images are pushed.
    pub(crate) images: usize,
    /// How long something that can be repeated is repeated.
    pub(crate) time: Duration,
    pub(crate) idle_connections: usize,
    /// How long they have been without a request.
    pub(crate) idle_for: Duration,
    pub(crate) slow_clients: usize,
    /// How many repositories the large volume has, each with two images.
    pub(crate) repositories: usize,
}

impl Scale {
    /// What the figures in the documents are measured with.
    pub(crate) const FULL: Scale = Scale {
        blob: 16 << 20,
        blobs: 32,
        pulled: 64 << 20,
        images: 100,
        time: Duration::from_secs(4),
        idle_connections: 1000,
        idle_for: Duration::from_secs(10),
        slow_clients: 256,
        repositories: 20_000,
    };

    /// Enough to see that everything works.
    pub(crate) const SMOKE: Scale = Scale {
        blob: 64 << 10,
        blobs: 8,
        pulled: 1 << 20,
        images: 4,
        time: Duration::from_millis(100),
        idle_connections: 20,
        idle_for: Duration::from_millis(10),
        slow_clients: 4,
        repositories: 250,
    };
}

/// A number of bytes that is a round one.
pub(super) fn size(bytes: usize) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}
