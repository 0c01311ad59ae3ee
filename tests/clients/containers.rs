//! Where podman, buildah and skopeo keep what they pull: storage of the test's own, with settings that hold in most
//! places, containers included.

use std::path::PathBuf;

use rustix::process::{Resource, getrlimit};

use crate::client::Client;
use crate::space::Space;

/// The highest limit of open files and of processes that a container gets.
const MOST: u64 = 16 * 1024;

/// Storage of the test's own.
pub(crate) struct Containers {
    pub(crate) space: Space,
}

impl Containers {
    pub(crate) fn new() -> Containers {
        let space = Space::new();
        let (root, run) = (space.directory("root"), space.directory("run"));
        space.file("storage.conf", format!("[storage]\ndriver = \"vfs\"\ngraphroot = {root:?}\nrunroot = {run:?}\n"));
        // Without limits of our own podman raises them, which not everyone may; without cgroupfs it needs systemd.
        let limits = [("nofile", Resource::Nofile), ("nproc", Resource::Nproc)]
            .map(|(name, resource)| (name, getrlimit(resource).maximum.map_or(MOST, |most| most.min(MOST))))
            .map(|(name, most)| format!("\"{name}={most}:{most}\""));
        space.file(
            "containers.conf",
            format!(
                "[containers]\ndefault_ulimits = [{}]\n\
                 [engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n",
                limits.join(", ")
            ),
        );
        space.file("policy.json", r#"{"default": [{"type": "insecureAcceptAnything"}]}"#);
        space.file("auth.json", "{}");
        Containers { space }
    }

    /// A command of podman, buildah or skopeo.
    pub(crate) fn client(&self, program: &str, arguments: &[&str]) -> Client {
        let directory = |name: &str| -> PathBuf { self.space.directory(name) };
        Client::new(program)
            .env("CONTAINERS_STORAGE_CONF", self.space.at("storage.conf"))
            .env("CONTAINERS_CONF", self.space.at("containers.conf"))
            .env("REGISTRY_AUTH_FILE", self.space.at("auth.json"))
            .env("BUILDAH_RUNTIME", "runc")
            .env("TMPDIR", directory("tmp"))
            .env("HOME", directory("home"))
            .args(arguments)
    }

    /// Logs one of them in to a registry, with the password on standard input.
    pub(crate) fn log_in(&self, program: &str, registry: &str, user: &str, password: &str) -> Client {
        let options = ["login", "--tls-verify=false", "--username", user, "--password-stdin", registry];
        self.client(program, &options).input(password)
    }
}
