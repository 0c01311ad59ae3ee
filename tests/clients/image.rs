//! The image, built from the Dockerfile by docker and run where registry:2's was: same port, same volume, same arguments,
//! same two places for the configuration.
//!
//! The machine that runs it is a namespace of its own, with docker's own bridge and port forwarding.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::client::Said;
use crate::content::{fresh_words, root_file_system};
use crate::docker::Docker;
use crate::network::Network;
use crate::registry2::Registry2;
use crate::space::Space;
use crate::toolchain;
use crate::wire::Wire;

/// The image in an archive: built once for all tests of a run.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let docker = Docker::start();
    toolchain::import(&docker);
    let rust_image = format!("RUST_IMAGE={}", toolchain::IMAGE);
    // Optimising takes minutes and changes nothing here.
    let arguments = ["--build-arg", &rust_image, "--build-arg", "PROFILE=dev"];
    docker
        .client(&["build", "--network=none", "--tag=wharf"])
        .args(arguments)
        .env("DOCKER_BUILDKIT", "0")
        .arg(env!("CARGO_MANIFEST_DIR"))
        .within(900)
        .succeeds();
    let archive = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wharf-image.tar");
    docker.client(&["save", "--output"]).arg(&archive).arg("wharf").succeeds();
    archive
});

/// A machine with docker and the image.
struct Machine {
    // Ended before its network goes.
    docker: Docker,
    network: Network,
}

impl Machine {
    fn new() -> Machine {
        let archive = BUILT.as_path();
        let network = Network::new();
        let docker = Docker::start_by(network.command("dockerd"), &["--bip=172.30.99.1/24"]);
        docker.client(&["load", "--input"]).arg(archive).succeeds();
        Machine { docker, network }
    }

    /// Runs it as a person would, with these options before the image and these arguments behind it, until it serves.
    #[track_caller]
    fn serve(&self, options: &[&str], arguments: &[&str]) {
        let run = ["run", "-d", "-p", "5000:5000", "--name=registry"];
        self.docker.run(&[&run[..], options, &["wharf"], arguments].concat());
        self.wait_until("it serves", || {
            self.docker.client(&["exec", "registry", "/bin/wharf", "health"]).run().0.success()
        });
    }

    fn remove(&self) {
        self.docker.run(&["rm", "--force", "--volumes", "registry"]);
    }

    #[track_caller]
    fn wait_until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let started = Instant::now();
        while !done() {
            assert!(started.elapsed() < Duration::from_secs(30), "not in time: {what}\n{}", self.log());
            // A container tells nobody that it is ready.
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn log(&self) -> Said {
        self.docker.client(&["logs", "registry"]).run().1
    }

    /// Pushes a fresh image to the registry on this machine, pulls it back and runs it.
    #[track_caller]
    fn pushes_and_pulls(&self, name: &str) {
        let (image, words) = (format!("localhost:5000/{name}:1"), fresh_words());
        self.docker.import(&root_file_system(&self.docker.space, &words), &image);
        let (id, digest) = (self.docker.id(&image), self.docker.push(&image));
        self.docker.run(&["image", "rm", &image]);
        self.docker.run(&["pull", &image]).mentions(&digest);
        assert_eq!((self.docker.id(&image), self.docker.output(&image)), (id, words));
    }

    /// The registry, from the machine beside it.
    fn wire(&self, name: &str) -> Wire {
        Wire::to(&format!("{}:5000", self.network.there()), name)
    }
}

#[tokio::test]
async fn the_image_serves_where_registry2_did_and_keeps_its_volume() {
    let machine = Machine::new();
    let volume = machine.docker.space.directory("myregistry");
    let mount = format!("{}:/var/lib/registry", volume.display());
    machine.serve(&["-v", &mount, "--health-interval=1s"], &[]);
    machine.pushes_and_pulls("team/app");
    machine.wait_until("it is healthy", || {
        let format = "--format={{.State.Health.Status}}";
        machine.docker.run(&["inspect", format, "registry"]).stdout == "healthy"
    });
    assert_eq!(machine.wire("team/app").get("tags/list").await.0, 200);
    let stopped = Instant::now();
    machine.docker.run(&["stop", "--time=20", "registry"]);
    assert!(stopped.elapsed() < Duration::from_secs(10), "it had to be killed\n{}", machine.log());
    machine.remove();

    // Change one word, and the images are still there; change it back, and they still are.
    let registry2 = Registry2::on(&volume);
    let wire = Wire::to(registry2.address(), "team/app");
    assert_eq!(wire.get("manifests/1").await.0, 200);
    registry2.stop();
    machine.serve(&["-v", &mount], &[]);
    machine.docker.run(&["pull", "localhost:5000/team/app:1"]);
}

#[tokio::test]
async fn a_configuration_counts_at_either_place_and_by_either_spelling() {
    let machine = Machine::new();
    let file = machine.docker.space.file(
        "config.yml",
        "version: 0.1\nstorage: {filesystem: {rootdirectory: /var/lib/registry}}\n\
         http: {addr: ':5000', headers: {X-From: [the mounted file]}}\n",
    );
    let (old, new) = ("/etc/docker/registry/config.yml", "/etc/distribution/config.yml");
    let cases: [(&str, &[&str]); 6] = [
        (old, &[]),
        (new, &[]),
        (old, &["serve", old]),
        (new, &[new]),
        ("/somewhere/else.yml", &["/somewhere/else.yml"]),
        ("/somewhere/else.yaml", &["serve", "/somewhere/else.yaml"]),
    ];
    for (place, arguments) in cases {
        let mount = format!("{}:{place}:ro", file.display());
        machine.serve(&["-v", &mount], arguments);
        machine.expect_header(Some("the mounted file")).await;
        machine.remove();
    }
    // As in registry:2's own entry point.
    let mount = format!("{}:{old}:ro", file.display());
    machine.serve(&["-v", &mount, "--entrypoint=/bin/registry"], &["serve", old]);
    machine.expect_header(Some("the mounted file")).await;
    machine.remove();
    // What it ships counts where nothing is mounted, and variables stand above both.
    machine.serve(&[], &[]);
    machine.expect_header(None).await;
    machine.remove();
    machine.serve(&["-v", &mount, "-e", "REGISTRY_HTTP_HEADERS={X-From: [the variable]}"], &[]);
    machine.expect_header(Some("the variable")).await;
}

impl Machine {
    /// What every answer carries, if the configuration under test is in force.
    async fn expect_header(&self, expected: Option<&str>) {
        let request = self.wire("any").request(reqwest::Method::GET, "/v2/");
        let answer = request.send().await.unwrap();
        let found = answer.headers().get("x-from").map(|value| value.to_str().unwrap());
        assert_eq!(found, expected, "{}", self.log());
    }
}

#[test]
fn a_read_only_root_without_capabilities_or_privileges_is_enough() {
    let machine = Machine::new();
    let volume = Space::new();
    let mount = format!("{}:/var/lib/registry", volume.path().display());
    fs::set_permissions(volume.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    machine.serve(
        &["-v", &mount, "--read-only", "--cap-drop=ALL", "--user=12345:12345", "--security-opt=no-new-privileges"],
        &[],
    );
    machine.pushes_and_pulls("team/app");
    // The volume outlives the machine that writes to it.
    machine.remove();
}

/// Without them it would not start: there would be nobody by whom to trust the provider.
#[test]
fn an_identity_provider_is_trusted_by_the_authorities_that_the_image_has() {
    let machine = Machine::new();
    let oidc = "REGISTRY_AUTH={oidc: [{issuer: 'https://token.actions.githubusercontent.com', audience: wharf, \
                identities: [{claims: {sub: a}, user: a}]}]}";
    machine.serve(&["-e", oidc], &[]);
    machine.remove();
}

/// Half of the tutorials mount the directory of registry 1, and lose their images with the container.
#[test]
fn images_are_kept_where_tutorials_mount_the_directory_of_registry_1() {
    let machine = Machine::new();
    let (old, new) = (machine.docker.space.directory("old"), machine.docker.space.directory("new"));
    let old_mount = format!("{}:/tmp/registry", old.display());
    machine.serve(&["-v", &old_mount], &[]);
    machine.log().mentions("/tmp/registry").mentions("registry 1");
    machine.pushes_and_pulls("team/app");
    machine.remove();
    assert!(old.join("docker/registry/v2/repositories/team/app").is_dir());

    // Who mounts the right one as well means the right one.
    let new_mount = format!("{}:/var/lib/registry", new.display());
    machine.serve(&["-v", &old_mount, "-v", &new_mount], &[]);
    machine.pushes_and_pulls("team/other");
    machine.remove();
    assert!(new.join("docker/registry/v2/repositories/team/other").is_dir());
    assert!(!old.join("docker/registry/v2/repositories/team/other").exists());
}
