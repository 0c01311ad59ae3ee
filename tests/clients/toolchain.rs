//! This machine's Rust and C compilers as an image, so that the Dockerfile's build stage needs no other registry.
//!
//! It stands in for `rust:…-slim`: the same things, taken from where they are installed here. With them go the crates
//! that cargo has downloaded already, so that the build needs no network either.

use std::path::{Path, PathBuf};

use crate::client::Client;
use crate::docker::Docker;

/// What the image is called.
pub(crate) const IMAGE: &str = "local-rust:1";

/// What holds the shell, the compiler and what they need. `$1` is the archive to make.
const SYSTEM: &str = r#"
    set -eu
    apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances gcc libc6-dev bash dash coreutils sed grep findutils ca-certificates |
        grep '^[a-z0-9]' | sort -u | xargs dpkg-query --listfiles |
        grep '^/' | grep -vE '^/usr/share/(doc|man|info|locale|lintian)/' | sort -u |
        while read -r path; do
            # A directory is made by what is in it; what lies behind a linked directory is found under its own name too.
            if [ ! -d "$path" ] && { [ -f "$path" ] || [ -L "$path" ]; }; then echo "${path#/}"; fi
        done >"$1.list"
    # No package has these; they are made when one is installed.
    printf '%s\n' usr/bin/cc etc/alternatives/cc etc/ssl/certs/ca-certificates.crt >>"$1.list"
    tar --create --file "$1" --directory / --files-from "$1.list"
"#;

/// What holds cargo, the compiler, its libraries and the crates. `$1` is the archive to extend.
const RUST: &str = r#"
    set -eu
    host=$(rustc -vV | sed -n 's/^host: //p')
    cd "$(rustc --print sysroot)"
    tar --append --file "$1" --transform 'flags=r;s,^,usr/local/,' bin/cargo bin/rustc lib/*.so* "lib/rustlib/$host"
    cd "${CARGO_HOME:-$HOME/.cargo}"
    tar --append --file "$1" --transform 'flags=r;s,^,usr/local/cargo/,' registry/index registry/cache
"#;

/// Where things are; no network; and nothing for a debugger, which takes time and room.
const ENVIRONMENT: &str = "ENV PATH=/usr/local/bin:/usr/bin:/bin CARGO_HOME=/usr/local/cargo CARGO_NET_OFFLINE=true \
    CARGO_PROFILE_DEV_DEBUG=false CARGO_INCREMENTAL=0";

/// Makes the image.
pub(crate) fn import(docker: &Docker) {
    let archive: PathBuf = docker.space.at("rust.tar");
    for script in [SYSTEM, RUST] {
        Client::new("bash")
            .args(["-c", script, "toolchain"])
            .arg(&archive)
            // The toolchain and the crates of this package, wherever the tests are run from.
            .current_directory(Path::new(env!("CARGO_MANIFEST_DIR")))
            .succeeds();
    }
    docker.client(&["import", "--change", ENVIRONMENT]).arg(archive).arg(IMAGE).within(180).succeeds();
}
