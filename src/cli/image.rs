//! Being in the place of registry:2's image: its arguments, its two configuration paths, its volume.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// What the image's Dockerfile sets, so that none of this happens elsewhere.
const IN_IMAGE: &str = "WHARF_IMAGE";
/// Where registry:3 and registry:2 have their configuration. The image ships the same file at both.
const CONFIGURATIONS: [&str; 2] = ["/etc/distribution/config.yml", "/etc/docker/registry/config.yml"];
/// What the image ships there.
const SHIPPED: &str = include_str!("../../config/image.yml");
/// Where registry:2 and its successors keep images.
const VOLUME: &str = "/var/lib/registry";
/// Where registry 1 kept them, and where many tutorials still mount a directory.
const OLD_VOLUME: &str = "/tmp/registry";

/// The arguments with the command that registry:2's entry point leaves out: a file alone is to be served.
pub(super) fn spelled(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let file = |argument: &OsString| [".yml", ".yaml"].iter().any(|end| argument.to_string_lossy().ends_with(end));
    if arguments.get(1).is_some_and(file) {
        arguments.insert(1, "serve".into());
    }
    arguments
}

/// The configuration to use: the one that is named, or in the image the one that somebody mounted.
pub(super) fn configuration(named: Option<&Path>) -> Option<PathBuf> {
    if named.is_some() || std::env::var_os(IN_IMAGE).is_none() {
        return named.map(Path::to_owned);
    }
    let mounted = |path: &&&str| fs::read(**path).is_ok_and(|content| content != SHIPPED.as_bytes());
    let found = CONFIGURATIONS.iter().find(mounted).or(CONFIGURATIONS.first());
    found.map(PathBuf::from)
}

/// The directory to use instead of `root`: in the image the old one, if that alone was mounted.
pub(super) fn old_volume(root: &Path) -> Option<PathBuf> {
    let in_image = std::env::var_os(IN_IMAGE).is_some() && root == Path::new(VOLUME);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    (in_image && only_old_is_mounted(&mounts)).then(|| PathBuf::from(OLD_VOLUME))
}

/// Reads Linux's table of mounts (`proc(5)`, `mountinfo`).
fn only_old_is_mounted(mounts: &str) -> bool {
    // The image declares its volume, so there is always a mount; one that nobody named has 64 random digits for a name.
    let anonymous = |source: &str| {
        let name = source.split('/').rev().nth(1).unwrap_or_default();
        source.ends_with("/_data") && name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let (mut old, mut new) = (false, false);
    for mount in fields.by_ref().filter(|mount| mount.len() > 4) {
        old |= mount[4] == OLD_VOLUME;
        new |= mount[4] == VOLUME && !anonymous(mount[3]);
    }
    old && !new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_alone_is_served_as_registry_2s_entry_point_does() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(spelled(words(&["wharf", "/etc/c.yml"])), words(&["wharf", "serve", "/etc/c.yml"]));
        for left in [
            &["registry", "serve", "a.yml"][..],
            &["wharf"],
            &["wharf", "--version"],
            &["wharf", "config", "check", "a.yml"],
        ] {
            assert_eq!(spelled(words(left)), words(left));
        }
    }

    #[test]
    fn the_old_volume_counts_only_if_nobody_mounted_the_new_one() {
        let random = "5f".repeat(32);
        let line =
            |source: &str, target: &str| format!("100 90 254:1 {source} {target} rw,relatime - ext4 /dev/vda1 rw\n");
        let old = line("/home/a/registry", OLD_VOLUME);
        let anonymous = line(&format!("/var/lib/docker/volumes/{random}/_data"), VOLUME);
        let named = line("/var/lib/docker/volumes/images/_data", VOLUME);
        let bound = line("/srv/registry", VOLUME);
        assert!(only_old_is_mounted(&old));
        assert!(only_old_is_mounted(&format!("{old}{anonymous}")));
        for mounts in [String::new(), anonymous.clone(), format!("{old}{named}"), format!("{bound}{old}")] {
            assert!(!only_old_is_mounted(&mounts), "{mounts}");
        }
    }
}
