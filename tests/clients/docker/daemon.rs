//! A docker daemon of the test's own, beside any other that the machine has.

use std::path::Path;
use std::process::Command;

use crate::client::{Client, Said};
use crate::content::{fresh_words, root_file_system};
use crate::daemon::Daemon;
use crate::space::Space;

/// Debian's own; another docker before it in the path may lack what comes with it.
const DOCKER: &str = "/usr/bin/docker";

/// A running docker daemon. Its containers, images and mounts go with it.
pub(crate) struct Docker {
    // First, because it is ended before its files are removed.
    _daemon: Daemon,
    pub(crate) space: Space,
}

impl Docker {
    /// Without a network of its own: containers have none or the host's.
    pub(crate) fn start() -> Docker {
        let options = ["--bridge=none", "--iptables=false", "--ip6tables=false"];
        Docker::start_by(Command::new("dockerd"), &options)
    }

    /// With these options, by a command that ends with `dockerd`.
    pub(crate) fn start_by(mut command: Command, options: &[&str]) -> Docker {
        let space = Space::new();
        let path = |name: &str| space.at(name).to_str().unwrap().to_owned();
        space.file("daemon.json", "{}");
        let namespace = path("").replace('/', "");
        command
            .args(["--log-level", "warn", "--config-file", &path("daemon.json"), "--data-root", &path("data")])
            .args(["--exec-root", &path("exec"), "--pidfile", &path("pid")])
            .args(["--host", &format!("unix://{}", path("socket"))])
            .args(["--containerd-namespace", &namespace])
            .args(["--containerd-plugins-namespace", &format!("{namespace}-plugins")])
            .args(options);
        let daemon = Daemon::start(&mut command, &space.at("dockerd.log"), || {
            space.at("socket").exists() && docker(&space, &["version"]).run().0.success()
        });
        Docker { _daemon: daemon, space }
    }

    /// A docker command.
    pub(crate) fn client(&self, arguments: &[&str]) -> Client {
        docker(&self.space, arguments)
    }

    /// Runs a docker command and expects success.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.client(arguments).succeeds()
    }

    /// Makes an image of a root file system in a tar archive, which prints its `/words`.
    #[track_caller]
    pub(crate) fn import(&self, archive: &Path, image: &str) {
        self.client(&["import", "-c", r#"CMD ["/bin/cat", "/words"]"#, "-c", "ENV PATH=/bin"])
            .arg(archive)
            .arg(image)
            .succeeds();
    }

    /// Makes a fresh image that has each of these names.
    #[track_caller]
    pub(crate) fn import_fresh(&self, images: &[&String]) {
        self.import(&root_file_system(&self.space, &fresh_words()), images[0]);
        for image in &images[1..] {
            self.run(&["tag", images[0], image]);
        }
    }

    /// Logs in to a registry, with the password on standard input.
    pub(crate) fn log_in(&self, registry: &str, user: &str, password: &str) -> Client {
        self.client(&["login", "--username", user, "--password-stdin", registry]).input(password)
    }

    /// Pushes an image; the digest that docker says it got.
    #[track_caller]
    pub(crate) fn push(&self, image: &str) -> String {
        let said = self.run(&["push", image]);
        let digest = said.stdout.split_once("digest: ").and_then(|(_, rest)| rest.split(' ').next());
        digest.unwrap_or_else(|| panic!("no digest in:\n{said}")).to_owned()
    }

    /// The image's ID: the digest of its configuration.
    #[track_caller]
    pub(crate) fn id(&self, image: &str) -> String {
        self.run(&["image", "inspect", "--format", "{{.Id}}", image]).stdout
    }

    /// What the image's container prints.
    #[track_caller]
    pub(crate) fn output(&self, image: &str) -> String {
        self.run(&["run", "--rm", "--network=none", image]).stdout
    }
}

fn docker(space: &Space, arguments: &[&str]) -> Client {
    Client::new(DOCKER)
        .env("DOCKER_CONFIG", space.at("config"))
        .env("DOCKER_CLI_EXPERIMENTAL", "enabled")
        .arg("--host")
        .arg(format!("unix://{}", space.at("socket").display()))
        .args(arguments)
}
