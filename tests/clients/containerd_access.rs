//! `ctr` where not everybody may do everything. It asks for no list and pings nothing: the first request is about a blob.

use crate::containerd::Containerd;
use crate::content::{Compression, Layout, fresh_words};
use crate::served::{Served, password};

#[test]
fn containerd_pushes_and_pulls_what_its_user_may_and_what_is_public() {
    let (wharf, containerd) = (Served::guarded(), Containerd::start());
    let [own, anothers, public] = ["carol/app:1", "dave/app:1", "public/app:1"].map(|name| wharf.image(name));
    let layout = Layout::new(&containerd.space, &fresh_words(), Compression::Gzip);
    containerd.import(&layout, &own);
    containerd.run(&["images", "tag", &own, &anothers]);
    containerd.run(&["images", "tag", &own, &public]);
    let as_nobody = |command: &str, image: &str| containerd.client(&["images", command, "--plain-http", image]);
    let as_user = |command: &str, user: &str, password: &str, image: &str| {
        let credentials = format!("{user}:{password}");
        containerd.client(&["images", command, "--plain-http", "--user", &credentials, image])
    };

    as_nobody("push", &own).fails().mentions("401 Unauthorized");
    as_user("push", "carol", "wrong", &own).fails().mentions("failed to authorize");
    as_user("push", "carol", &password("carol"), &own).succeeds();
    as_user("push", "carol", &password("carol"), &anothers).fails().mentions("403 Forbidden");
    as_user("push", "carol", &password("carol"), &public).fails().mentions("403 Forbidden");
    // That everybody may read it does not keep the token from opening more.
    as_user("push", "alice", &password("alice"), &public).succeeds();

    containerd.run(&["images", "rm", "--sync", &own, &anothers, &public]);
    as_nobody("pull", &public).succeeds();
    as_nobody("pull", &own).fails().mentions("401 Unauthorized");
    as_user("pull", "dave", &password("dave"), &own).fails().mentions("not found");
    as_user("pull", "carol", &password("carol"), &own).succeeds();
    containerd.run(&["images", "ls"]).mentions(&own).mentions(&layout.manifest.to_string());
}
