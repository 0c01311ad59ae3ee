//! containerd, without docker before it: `ctr`, which pushes and pulls as nerdctl, Kubernetes and newer dockers do.

use std::process::Command;

use crate::client::{Client, Said};
use crate::content::{Compression, Layout, fresh_words};
use crate::daemon::Daemon;
use crate::served::Served;
use crate::space::Space;

/// A containerd of the test's own.
pub(crate) struct Containerd {
    _daemon: Daemon,
    pub(crate) space: Space,
}

impl Containerd {
    pub(crate) fn start() -> Containerd {
        let space = Space::new();
        let config = space.file(
            "containerd.toml",
            format!(
                "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
                 [grpc]\naddress = {:?}\n[ttrpc]\naddress = {:?}\n",
                space.directory("root"),
                space.directory("state"),
                space.at("socket"),
                space.at("ttrpc")
            ),
        );
        let mut command = Command::new("containerd");
        command.args(["--log-level", "warn", "--config"]).arg(config);
        let daemon = Daemon::start(&mut command, &space.at("containerd.log"), || {
            space.at("socket").exists() && ctr(&space, &["version"]).run().0.success()
        });
        Containerd { _daemon: daemon, space }
    }

    /// A command of `ctr`.
    pub(crate) fn client(&self, arguments: &[&str]) -> Client {
        ctr(&self.space, arguments)
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.client(arguments).succeeds()
    }

    /// Takes a layout in as an image of this name.
    #[track_caller]
    pub(crate) fn import(&self, layout: &Layout, image: &str) {
        let archive = layout.path.with_extension("tar");
        Client::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&layout.path).arg(".").succeeds();
        // The layout's own name is the tag alone.
        let (base, _) = image.rsplit_once(':').unwrap();
        ctr(&self.space, &["images", "import", "--base-name", base]).arg(archive).succeeds();
        self.run(&["images", "ls", "-q"]).mentions(image);
    }
}

fn ctr(space: &Space, arguments: &[&str]) -> Client {
    Client::new("ctr").arg("--address").arg(space.at("socket")).args(arguments)
}

#[test]
fn an_image_that_containerd_pushed_comes_back_byte_for_byte_and_runs() {
    let (wharf, containerd) = (Served::start(), Containerd::start());
    for (name, compression) in [("gzip", Compression::Gzip), ("zstd", Compression::Zstd)] {
        let (image, words) = (wharf.image(&format!("team/{name}:1")), fresh_words());
        let layout = Layout::new(&containerd.space, &words, compression);
        containerd.import(&layout, &image);
        containerd.run(&["images", "push", "--plain-http", &image]);
        containerd.run(&["images", "rm", "--sync", &image]);
        let content = || containerd.run(&["content", "ls", "-q"]).stdout;
        let digests = [layout.manifest, layout.layer].map(|digest| digest.to_string());
        assert!(!digests.iter().any(|digest| content().contains(digest)));

        containerd.run(&["images", "pull", "--plain-http", &image]);
        // containerd keeps nothing whose digest it has not checked.
        assert!(digests.iter().all(|digest| content().contains(digest)));
        containerd.run(&["images", "ls"]).mentions(&digests[0]);
        let ran = containerd.run(&["run", "--rm", &image, &format!("hello-{name}")]);
        assert_eq!(ran.stdout, words);
    }
}

#[test]
fn containerd_pulls_by_a_hosts_file() {
    let (wharf, containerd) = (Served::start(), Containerd::start());
    let (image, layout) =
        (wharf.image("team/app:1"), Layout::new(&containerd.space, &fresh_words(), Compression::Gzip));
    containerd.import(&layout, &image);
    containerd.run(&["images", "push", "--plain-http", &image]);
    containerd.run(&["images", "rm", "--sync", &image]);
    let hosts = containerd.space.directory("certs.d").display().to_string();
    // Another name for this registry, as a mirror has it; requests then carry `?ns=`.
    let elsewhere = containerd.space.directory("certs.d/registry.example");
    let content = format!(
        "server = \"https://registry.example\"\n[host.\"{}\"]\ncapabilities = [\"pull\", \"resolve\"]\n",
        wharf.url
    );
    std::fs::write(elsewhere.join("hosts.toml"), content).unwrap();
    containerd.run(&["images", "pull", "--hosts-dir", &hosts, "registry.example/team/app:1"]);
    containerd.run(&["images", "ls"]).mentions(&layout.manifest.to_string());
}
