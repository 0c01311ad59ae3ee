//! skopeo where not everybody may do everything.

use crate::client::Client;
use crate::containers::Containers;
use crate::content::{Compression, Layout, fresh_words};
use crate::served::{Served, password};
use crate::skopeo::{copy, skopeo};

/// A command about an image, as somebody with a password or, without one, as nobody or whoever is logged in.
fn about(containers: &Containers, command: &str, user: Option<(&str, &str)>, image: &str) -> Client {
    let client = skopeo(containers, &[command, "--tls-verify=false"]);
    let client = match user {
        Some((name, password)) => client.args(["--creds", &format!("{name}:{password}")]),
        None => client,
    };
    client.arg(image)
}

#[test]
fn skopeo_copies_inspects_lists_and_deletes_what_its_user_may() {
    let (wharf, containers) = (Served::guarded(), Containers::new());
    let layout = Layout::new(&containers.space, &fresh_words(), Compression::Gzip);
    let [public, carols, daves] =
        ["public/app:1", "carol/app:1", "dave/app:1"].map(|name| format!("docker://{}", wharf.image(name)));
    let push = |user: &str, image: &str| {
        let credentials = format!("{user}:{}", password(user));
        skopeo(&containers, &["copy", "--dest-tls-verify=false", "--dest-creds", &credentials])
            .args([&layout.transport(), image])
    };
    push("alice", &public).succeeds();
    push("carol", &carols).succeeds();
    push("carol", &daves).fails().mentions("denied: carol may not push to dave/app");

    let inspect = |user: Option<(&str, &str)>, image: &str| about(&containers, "inspect", user, image);
    inspect(None, &public).succeeds().mentions(&layout.manifest.to_string());
    inspect(None, &carols).fails().mentions("unauthorized: log in first");
    inspect(Some(("dave", "wrong")), &carols).fails().mentions("unauthorized: the user name or the password is wrong");
    let unseen = "name unknown: there is no repository carol/app that dave may pull";
    inspect(Some(("dave", &password("dave"))), &carols).fails().mentions(unseen);
    let list = |user: Option<(&str, &str)>, image: &str| {
        about(&containers, "list-tags", user, image.strip_suffix(":1").unwrap())
    };
    list(None, &public).succeeds().mentions("\"1\"");
    list(Some(("carol", &password("carol"))), &carols).succeeds().mentions("\"1\"");

    let log_in = |password: &str| containers.log_in("skopeo", wharf.address(), "dave", password);
    log_in("wrong").fails().mentions("invalid username/password");
    log_in(&password("dave")).succeeds().mentions("Login Succeeded!");
    // Its layer is mounted: the token for that opens both repositories.
    copy(&containers, &public, &daves);
    wharf.logs("path=/v2/dave/app/blobs/uploads/ status=201 user=dave");
    about(&containers, "delete", None, &public).fails().mentions("delete on public/app needs delete for dave");
    about(&containers, "delete", None, &daves).succeeds();
    inspect(None, &daves).fails().mentions("manifest unknown");
    containers.client("skopeo", &["logout", wharf.address()]).succeeds();
    inspect(None, &daves).fails().mentions("unauthorized: log in first");
}

#[test]
fn without_rules_skopeo_shows_the_password_itself() {
    let (wharf, containers) = (Served::guarded_by(""), Containers::new());
    let layout = Layout::new(&containers.space, &fresh_words(), Compression::Gzip);
    let image = format!("docker://{}", wharf.image("any/app:1"));
    about(&containers, "inspect", None, &image).fails().mentions("unauthorized: log in first");
    about(&containers, "inspect", Some(("carol", "wrong")), &image).fails().mentions("the password is wrong");
    containers.log_in("skopeo", wharf.address(), "carol", &password("carol")).succeeds();
    copy(&containers, &layout.transport(), &image);
    about(&containers, "inspect", None, &image).succeeds().mentions(&layout.manifest.to_string());
}
