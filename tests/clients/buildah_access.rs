//! buildah where not everybody may do everything.

use crate::containers::Containers;
use crate::content::{fresh_words, root_file_system};
use crate::served::{Served, password};

#[test]
fn buildah_logs_in_pushes_and_builds_on_what_is_public() {
    let (wharf, buildah) = (Served::guarded(), Containers::new());
    let run = |arguments: &[&str]| buildah.client("buildah", arguments).succeeds();
    let [own, anothers, public] = ["carol/app:1", "dave/app:1", "public/app:1"].map(|name| wharf.image(name));
    let archive = root_file_system(&buildah.space, &fresh_words());
    let from = run(&["from", "scratch"]).stdout;
    run(&["add", &from, archive.to_str().unwrap(), "/"]);
    run(&["commit", &from, &own]);
    run(&["tag", &own, &anothers, &public]);
    run(&["rm", &from]);

    let push = |image: &str| buildah.client("buildah", &["push", "--tls-verify=false", image]);
    let log_in = |user: &str, password: &str| buildah.log_in("buildah", wharf.address(), user, password);
    push(&own).fails().mentions("unauthorized: authentication required");
    log_in("carol", "wrong").fails().mentions("invalid username/password");
    log_in("carol", &password("carol")).succeeds().mentions("Login Succeeded!");
    push(&own).succeeds();
    push(&anothers).fails().mentions("denied: carol may not push to dave/app");
    log_in("alice", &password("alice")).succeeds();
    push(&public).succeeds();

    run(&["logout", wharf.address()]);
    run(&["rmi", "--all", "--force"]);
    run(&["from", "--tls-verify=false", &public]);
    let refused = buildah.client("buildah", &["from", "--tls-verify=false", &own]).fails();
    refused.mentions("unauthorized: log in first");
}
