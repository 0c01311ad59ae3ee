//! Real clients, unmodified: docker, podman, buildah, skopeo, containerd, and registry:2 on the same volume.
//!
//! They need root and what `.ci/install-clients` installs, so `cargo test` leaves them out. Run them with
//! `cargo test --test clients`. Each test starts daemons, networks and directories of its own, waits for nothing without
//! a limit, and takes away what it made. A failure shows what the client printed and what the servers logged.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "what a test cannot do without fails it, and says so"
)]

mod buildah;
mod buildah_access;
mod client;
mod collecting;
mod containerd;
mod containerd_access;
mod containers;
mod content;
mod daemon;
mod docker;
mod from_elsewhere;
mod full_disk;
#[expect(dead_code, reason = "shared with the tests of access; these use a part of it")]
#[path = "../access/guarded.rs"]
mod guarded;
mod image;
mod network;
mod podman;
mod podman_access;
mod readme;
mod registry2;
mod served;
mod skopeo;
mod skopeo_access;
mod space;
#[expect(dead_code, unreachable_pub, reason = "shared with other tests; these use a part of it")]
#[path = "../support/mod.rs"]
mod support;
mod toolchain;
mod volume;
mod volume_uploads;
mod wire;
