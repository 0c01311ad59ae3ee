//! docker on another machine: plain http only if it was told so, https with the authority that Wharf makes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::containers::Containers;
use crate::content::{fresh_words, root_file_system};
use crate::docker::Docker;
use crate::network::Network;
use crate::served::{Served, password};
use crate::skopeo;

/// An authority that docker trusts for one registry, in the directory where docker looks.
struct Trusted(PathBuf);

impl Trusted {
    fn new(registry: &str, authority: &[u8]) -> Trusted {
        let trusted = Trusted(Path::new("/etc/docker/certs.d").join(registry));
        fs::create_dir_all(&trusted.0).unwrap();
        fs::write(trusted.0.join("ca.crt"), authority).unwrap();
        trusted
    }
}

impl Drop for Trusted {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What docker is started with where it has no bridge.
const NO_BRIDGE: [&str; 3] = ["--bridge=none", "--iptables=false", "--ip6tables=false"];

#[test]
fn plain_http_is_refused_by_a_docker_that_was_not_told() {
    let network = Network::new();
    let wharf = Served::at_address(&format!("{}:0", network.here()));
    let docker = Docker::start_by(network.command("dockerd"), &NO_BRIDGE);
    let image = wharf.image("team/app:1");
    docker.import(&root_file_system(&docker.space, &fresh_words()), &image);
    for refused in [["push", &image], ["pull", &image]] {
        let said = docker.client(&refused).fails();
        said.mentions("server gave HTTP response to HTTPS client");
    }
}

#[test]
fn plain_http_is_taken_by_a_docker_that_was_told() {
    let network = Network::new();
    let wharf = Served::at_address(&format!("{}:0", network.here()));
    let told = [&NO_BRIDGE[..], &["--insecure-registry", wharf.address()]].concat();
    let docker = Docker::start_by(network.command("dockerd"), &told);
    goes_and_comes_back(&docker, &wharf.image("team/app:1"));
}

#[tokio::test]
async fn https_is_taken_with_the_authority_that_wharf_made() {
    let network = Network::new();
    let secure = format!("{}:5443", network.here());
    let wharf = Served::with(|start| {
        start.env("REGISTRY_HTTP_ADDR", &format!("{}:0", network.here())).env("REGISTRY_HTTPS_ADDR", &secure)
    });
    let docker = Docker::start_by(network.command("dockerd"), &NO_BRIDGE);
    let image = format!("{secure}/team/app:1");
    docker.import(&root_file_system(&docker.space, &fresh_words()), &image);
    docker.client(&["push", &image]).fails().mentions("certificate signed by unknown authority");

    let authority = reqwest::get(wharf.at("/ca.crt")).await.unwrap().bytes().await.unwrap();
    let _trusted = Trusted::new(&secure, &authority);
    goes_and_comes_back(&docker, &image);

    let containers = Containers::new();
    containers.space.directory("certs");
    containers.space.file("certs/ca.crt", &authority);
    skopeo::skopeo(&containers, &["inspect", "--cert-dir"])
        .arg(containers.space.at("certs"))
        .arg(format!("docker://{image}"))
        .succeeds();
}

/// A password, and the tokens that it gets, go to where the registry is called, over https like the rest.
#[tokio::test]
async fn docker_logs_in_over_https() {
    let network = Network::new();
    let secure = format!("{}:5443", network.here());
    let wharf = Served::guarded_at(&format!("{}:0", network.here()), &secure);
    let docker = Docker::start_by(network.command("dockerd"), &NO_BRIDGE);
    let said = docker.log_in(&secure, "carol", &password("carol")).fails();
    said.mentions("certificate signed by unknown authority");

    let authority = reqwest::get(wharf.at("/ca.crt")).await.unwrap().bytes().await.unwrap();
    let _trusted = Trusted::new(&secure, &authority);
    docker.log_in(&secure, "carol", "wrong").fails().mentions("the user name or the password is wrong");
    docker.log_in(&secure, "carol", &password("carol")).succeeds().mentions("Login Succeeded");
    goes_and_comes_back(&docker, &format!("{secure}/carol/app:1"));
    let image = format!("{secure}/dave/app:1");
    docker.import_fresh(&[&image]);
    docker.client(&["push", &image]).fails().mentions("denied: carol may not push to dave/app");
}

/// An image is pushed, pulled and run.
#[track_caller]
fn goes_and_comes_back(docker: &Docker, image: &str) {
    let words = fresh_words();
    docker.import(&root_file_system(&docker.space, &words), image);
    let (id, digest) = (docker.id(image), docker.push(image));
    docker.run(&["image", "rm", image]);
    docker.run(&["pull", image]).mentions(&digest);
    assert_eq!((docker.id(image), docker.output(image)), (id, words));
}
