//! The rings: who may name whom. `docs/architecture.md` draws what this table says.

#![expect(clippy::unwrap_used, reason = "a failure in the harness is a failure of the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// A module, what it may name of ours, and what it must not name of others.
const RINGS: &[(&str, &[&str], &[&str])] = &[
    ("oci", &[], &["axum", "hyper", "http", "tokio", "std::fs", "std::net"]),
    ("telemetry", &[], &["axum", "hyper"]),
    ("storage", &["telemetry"], &["axum", "hyper", "http"]),
    ("registry", &["oci", "storage"], &["axum", "hyper", "http", "std::fs", "std::net"]),
    ("auth", &["oci"], &["axum", "hyper", "http"]),
    ("http", &["oci", "telemetry", "registry", "auth"], &["std::fs::write"]),
    ("config", &["oci", "telemetry", "storage", "registry", "auth", "http"], &[]),
    ("cli", &["oci", "telemetry", "storage", "registry", "auth", "http", "config"], &[]),
];

/// Longer than this, a file has more than one subject.
const LONGEST_FILE: usize = 400;

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = directories.iter().flat_map(|directory| sources(directory));
    files.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs")).chain(below).collect()
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a file without its comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules of ours that a piece of code names, as `crate::a` or `crate::{a, b::c}`.
fn named(code: &str) -> BTreeSet<String> {
    let single = Regex::new(r"\bcrate::(\w+)").unwrap();
    let group = Regex::new(r"\bcrate::\{([^;]*)\}").unwrap();
    let first = Regex::new(r"^\s*(\w+)").unwrap();
    let mut found: BTreeSet<String> = single.captures_iter(code).map(|found| found[1].to_owned()).collect();
    for names in group.captures_iter(code) {
        let mut depth = 0;
        let top = names[1].split(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        });
        found.extend(top.filter_map(|name| Some(first.captures(name)?[1].to_owned())));
    }
    found
}

#[test]
fn the_reader_of_imports_sees_groups_and_paths() {
    let code = "use crate::oci::Digest;\nuse crate::{http, registry::{self, Page}, storage::Key};\nlet x = crate::cli::main();";
    let expected = ["cli", "http", "oci", "registry", "storage"].map(str::to_owned);
    assert_eq!(named(code), BTreeSet::from(expected));
}

#[test]
fn imports_point_inwards_only() {
    let mut wrong = Vec::new();
    for (module, ours, others) in RINGS {
        for path in sources(&source_root().join(module)) {
            let code = code(&path);
            for name in named(&code) {
                if name != *module && !ours.contains(&name.as_str()) {
                    wrong.push(format!("{} names {name}, which {module} must not", path.display()));
                }
            }
            for other in *others {
                if Regex::new(&format!(r#"[^"\w]{other}::"#)).unwrap().is_match(&code) {
                    wrong.push(format!("{} names {other}, which {module} must not", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_place_in_the_rings() {
    let text = fs::read_to_string(source_root().join("lib.rs")).unwrap();
    let declared = Regex::new(r"(?m)^(?:pub )?mod (\w+);").unwrap();
    let declared: BTreeSet<&str> = declared.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
    assert_eq!(declared, RINGS.iter().map(|(module, ..)| *module).collect());
}

#[test]
fn files_open_with_what_they_are_and_have_one_subject() {
    for path in sources(&source_root()) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not say what it is", path.display());
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines: split it by noun", path.display());
    }
}

#[test]
fn only_the_layout_spells_keys_and_only_one_file_renames() {
    for path in sources(&source_root()) {
        let text = code(&path);
        let name = path.strip_prefix(source_root()).unwrap().to_string_lossy().into_owned();
        let is_test = name.ends_with("_tests.rs");
        if !is_test && (text.contains("\"_manifests\"") || text.contains("\"_layers\"")) {
            assert_eq!(name, "registry/layout.rs", "{name} spells a storage key");
        }
        if name.starts_with("storage/") && text.contains("fs::rename") {
            assert_eq!(
                name, "storage/filesystem/disk.rs",
                "{name} renames a file past the one place that can be watched"
            );
        }
        if !is_test && text.contains("disk.rename(") {
            assert_eq!(name, "storage/filesystem/durable.rs", "{name} renames a file past the one helper");
        }
    }
}
