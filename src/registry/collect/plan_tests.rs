//! What goes and what stays, as tables.

use super::*;
use crate::oci::Algorithm;

fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + 1000 * DAY
}

/// Manifests as `(name, parts, subject)`, and the names of those that tags point at.
fn held(manifests: &[(&str, &[&str], Option<&str>)], tagged: &[&str]) -> Held {
    let edges = |parts: &[&str], subject: Option<&str>| Refers {
        parts: parts.iter().map(|part| digest(part)).collect(),
        blobs: Box::default(),
        subject: subject.map(digest),
    };
    Held {
        tagged: tagged.iter().map(|name| digest(name)).collect(),
        manifests: manifests.iter().map(|(name, parts, subject)| (digest(name), edges(parts, *subject))).collect(),
    }
}

/// What goes, in order, where these are known of those that no tag leads to: their names and since how many days no tag
/// does.
fn going(held: &Held, left: &[(&str, u32)], young: &[&str], untagged: Untagged) -> Vec<Digest> {
    let known = |loose: &Digest| Loose {
        is_young: young.iter().any(|name| digest(name) == *loose),
        left: left.iter().find(|(name, _)| digest(name) == *loose).map(|(_, days)| now() - *days * DAY),
    };
    let loose = held.loose().into_iter().map(|loose| (loose, known(&loose))).collect();
    let decided = held.decide(&loose, untagged, now());
    assert_eq!(decided.kept.len() + decided.going.len(), held.manifests.len());
    decided.going.into_iter().map(|(digest, _)| digest).collect()
}

const FOR_14_DAYS: Untagged = Untagged::StayFor(Duration::from_secs(14 * 24 * 3600));

#[test]
fn what_a_tag_leads_to_stays_whatever_the_terms_are() {
    let all: &[(&str, &[&str], Option<&str>)] = &[
        ("index", &["child", "layer"], None),
        ("child", &["config"], None),
        ("signature", &["x"], Some("child")),
        ("about the signature", &[], Some("signature")),
    ];
    for tagged in ["index", "signature", "about the signature"] {
        let held = held(all, &[tagged, "absent"]);
        let expected = match tagged {
            "index" => vec![],
            // A signature holds what it signs, and not what lists that.
            _ => vec![digest("index")],
        };
        assert_eq!(going(&held, &[("index", 100)], &[], Untagged::Go), expected, "{tagged}");
    }
}

#[test]
fn a_manifest_that_lost_its_last_tag_stays_for_a_while_with_all_that_belongs_to_it() {
    let held = held(&[("index", &["child"], None), ("child", &[], None), ("sbom", &[], Some("child"))], &[]);
    let all = vec![digest("index"), digest("child"), digest("sbom")];
    assert_eq!(going(&held, &[("index", 13)], &[], FOR_14_DAYS), []);
    assert_eq!(going(&held, &[("index", 14)], &[], FOR_14_DAYS), all);
    assert_eq!(going(&held, &[("index", 14)], &[], Untagged::Stay), []);
    assert_eq!(going(&held, &[("index", 1)], &[], Untagged::Go), all);
    // A clock that was wrong takes nothing away.
    let loose = HashMap::from([(digest("index"), Loose { is_young: false, left: Some(now() + DAY) })]);
    assert_eq!(held.decide(&loose, FOR_14_DAYS, now()).going, []);
}

#[test]
fn what_never_had_a_tag_stays_unless_everything_untagged_is_to_go() {
    let held =
        held(&[("pushed by digest", &[], None), ("signature of what is elsewhere", &[], Some("elsewhere"))], &[]);
    assert_eq!(going(&held, &[], &[], FOR_14_DAYS), []);
    assert_eq!(going(&held, &[], &[], Untagged::Stay), []);
    assert_eq!(going(&held, &[], &[], Untagged::Go).len(), 2);
}

#[test]
fn what_is_young_stays_with_all_that_it_leads_to() {
    let held = held(&[("index", &["child"], None), ("child", &[], None), ("other", &[], None)], &[]);
    assert_eq!(going(&held, &[], &["index"], Untagged::Go), [digest("other")]);
    // A child alone does not hold what lists it.
    assert_eq!(going(&held, &[], &["child", "other"], Untagged::Go), [digest("index")]);
}

#[test]
fn what_lists_others_goes_before_them_and_what_is_spoken_about_before_what_speaks_about_it() {
    let held = held(
        &[
            ("a", &["b", "c"], None),
            ("b", &["d"], None),
            ("c", &["d"], None),
            ("d", &[], None),
            ("about d", &[], Some("d")),
            ("about that", &[], Some("about d")),
        ],
        &[],
    );
    let order = going(&held, &[("a", 20)], &[], FOR_14_DAYS);
    let at = |name: &str| order.iter().position(|found| *found == digest(name)).unwrap();
    for (first, then) in [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "about d"), ("about d", "about that")] {
        assert!(at(first) < at(then), "{first} before {then}");
    }
}

#[test]
fn a_circle_of_lists_and_subjects_ends() {
    let held = held(&[("a", &["b"], Some("x")), ("b", &["x"], None), ("x", &[], None)], &[]);
    assert_eq!(going(&held, &[], &[], Untagged::Go).len(), 3);
    assert_eq!(going(&held, &[], &["b"], Untagged::Go), []);
}

#[test]
fn each_says_why_it_goes() {
    let held = held(&[("index", &["child"], None), ("child", &[], None), ("alone", &[], None)], &[]);
    let left = now() - 20 * DAY;
    let loose = HashMap::from([(digest("index"), Loose { is_young: false, left: Some(left) })]);
    let decided = held.decide(&loose, Untagged::Go, now());
    let why = |name| decided.going.iter().find(|(found, _)| *found == digest(name)).map(|(_, why)| *why);
    assert_eq!(why("index"), Some(Why::Untagged { since: Some(left) }));
    assert_eq!(why("child"), Some(Why::With(digest("index"))));
    assert_eq!(why("alone"), Some(Why::Untagged { since: None }));
}
