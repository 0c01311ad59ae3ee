//! How much namespaces may hold.

use wharf::registry::{ByteSize, Namespace};

use super::{load, minimal, refusal};

#[test]
fn quotas_name_a_namespace_or_each_first_part_and_have_a_unit() {
    let text = "quotas:\n- {namespace: team, bytes: 500GiB}\n- {namespace: team/app, bytes: 7 MB}\n- {namespace: '*', \
                bytes: 50}\n";
    let (config, warnings) = load(&minimal(text), &[]);
    assert_eq!(warnings, []);
    let named = |text: &str| Namespace::Named(text.parse().unwrap());
    let quotas = config.registry.quotas.0.into_iter().map(|quota| (quota.key, quota.namespace, quota.bytes));
    let expected = [(named("team"), 500 << 30), (named("team/app"), 7_000_000), (Namespace::EachFirst, 50)];
    let expected = expected.into_iter().enumerate();
    let expected = expected.map(|(at, (name, bytes))| (format!("quotas[{at}].bytes"), name, ByteSize(bytes)));
    assert!(quotas.eq(expected));
    assert_eq!(load(&minimal(""), &[]).0.registry.quotas.0, []);
    let (config, _) = load(&minimal("quotas: [{namespace: a, bytes: 1KiB}]\n"), &[("REGISTRY_QUOTAS_0_BYTES", "2KiB")]);
    assert_eq!(config.registry.quotas.0[0].bytes, ByteSize(2048));
}

#[test]
fn what_is_no_quota_is_named_with_its_place() {
    for (text, sentence) in [
        ("[{namespace: team, bytes: 5G}]", "5: quotas[0].bytes: \"5G\": a length is a whole number and KiB"),
        ("[{namespace: team, bytes: -5GiB}]", "5: quotas[0].bytes: \"-5GiB\": a length is"),
        ("[{namespace: team, bytes: 99999999TiB}]", "5: quotas[0].bytes: \"99999999TiB\": that is longer"),
        ("[{namespace: team, bytes: 0}]", "5: quotas[0].bytes: nothing fits into 0 bytes"),
        ("[{namespace: team}]", "5: quotas[0].bytes: expected a length such as 500GiB, found nothing"),
        ("[{bytes: 5GiB}]", "5: quotas[0].namespace: expected a namespace such as team"),
        ("[{namespace: 'team/*', bytes: 5GiB}]", "5: quotas[0].namespace: expected a namespace such as team"),
        ("[{namespace: Team, bytes: 5GiB}]", "5: quotas[0].namespace: \"Team\" is not a repository name"),
        (
            "[{namespace: team, bytes: 5GiB},\n    {namespace: team, bytes: 6GiB}]",
            "6: quotas[1].namespace: quotas[0].bytes is about this namespace already; leave one",
        ),
        ("[{namespace: team, byte: 5GiB}]", "5: quotas[0].byte: there is no such key, did you mean \"bytes\"?"),
        ("team", "5: quotas: expected a list"),
    ] {
        let found = refusal(&minimal(&format!("quotas: {text}\n")), &[]);
        assert!(found.starts_with(&format!("config.yml:{sentence}")), "{text}: {found}");
    }
}
