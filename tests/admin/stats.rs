//! `wharf stats` and quotas, by each way in which a command reaches a registry.

use serde_json::Value;

use crate::command::{said, wharf};
use crate::guarded;
use crate::support::Wharf;
use crate::support::content::bytes;

const QUOTAS: &str = "[{namespace: team, bytes: 4KiB}, {namespace: '*', bytes: 1MiB}]";

#[tokio::test]
async fn figures_are_the_same_on_a_stopped_volume_through_the_socket_and_over_the_network() {
    let server = Wharf::prepare().full_durability().env("REGISTRY_QUOTAS", QUOTAS).go();
    let volume = server.volume().to_owned();
    server.repo("team/app").push_image("1", 1).await;
    server.repo("team/db").push_image("1", 1).await;
    server.repo("lone").push_blob(&bytes(300, 3)).await;
    let run = |arguments: &[&str]| {
        let output = wharf(&volume, arguments).env("REGISTRY_QUOTAS", QUOTAS).output().unwrap();
        assert!(output.status.success(), "{}", said(&output).1);
        said(&output).0
    };
    let result = |text: String| serde_json::from_str::<Value>(&text).unwrap()["result"].take();
    let socket = result(run(&["stats", "--json"]));
    let network = result(run(&["stats", "--json", "--server", &server.url]));
    let table = run(&["stats", "--server", &server.url]);
    let narrow = result(run(&["stats", "--json", "--namespace", "team", "--effort", "100"]));
    let _stopped = server.crash();
    let alone = result(run(&["stats", "--json"]));
    assert_eq!(socket["kind"], "statistics");
    assert_eq!((&network, &alone), (&socket, &socket));
    for (key, figure) in [("repositories", 3), ("tags", 2), ("manifests", 1), ("blobs", 3), ("uploads", 0)] {
        assert_eq!(socket[key], figure, "{key}");
    }
    let (held, unshared) = (socket["bytes"].as_u64().unwrap(), socket["unsharedBytes"].as_u64().unwrap());
    assert_eq!(unshared - 300, 2 * (held - 300));
    assert_eq!(socket["volume"]["storedBytes"], held);
    assert_eq!(socket["largest"].as_array().unwrap().len(), 3);
    assert_eq!(socket["growing7Days"], socket["largest"]);
    let quotas = socket["quotas"].as_array().unwrap();
    assert_eq!(quotas.iter().map(|quota| quota["namespace"].as_str().unwrap()).collect::<Vec<_>>(), ["lone", "team"]);
    assert_eq!((&quotas[1]["used"], &quotas[1]["counted"]), (&Value::from(held - 300), &Value::from(true)));
    assert_eq!((&narrow["repositories"], &narrow["namespace"]), (&Value::from(2), &Value::from("team")));
    assert_eq!((narrow.get("volume"), narrow["quotas"].as_array().unwrap().len()), (None, 1));
    for line in ["repositories          3", "reclaimable now       0 bytes", "uploads under way     0"] {
        assert!(table.lines().any(|found| found == line), "{line} in\n{table}");
    }
    assert!(table.contains("largest repositories\n") && table.contains("% saved)"), "{table}");
    assert!(table.lines().any(|line| line.contains("of      4.0 KiB") && line.ends_with("%  team")), "{table}");
}

#[tokio::test]
async fn quotas_are_shown_to_those_who_may_pull_something_there_and_figures_to_administrators() {
    let server = guarded::prepare(guarded::RULES)
        .env("REGISTRY_QUOTAS", "[{namespace: carol, bytes: 1MiB}, {namespace: dave, bytes: 1MiB}]")
        .go();
    let shown = async |user: &str| -> Vec<String> {
        let quotas = server.user(user).get("/api/v1/quotas").await.is(200).json();
        quotas["quotas"]
            .as_array()
            .unwrap()
            .iter()
            .map(|quota| quota["namespace"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(shown("alice").await, ["carol", "dave"]);
    assert_eq!(shown("carol").await, ["carol"]);
    assert_eq!(shown("dave").await, ["dave"]);
    assert_eq!(server.client().get("/api/v1/quotas").await.is(200).json()["quotas"], Value::Array(Vec::new()));
    let stats = |user: &str| {
        let request = server.user(user).request(reqwest::Method::POST, "/api/v1/stats");
        request.header("content-type", "application/json").body("{}").send()
    };
    stats("carol").await.problem(403, "DENIED");
    stats("alice").await.is(202);
    for (body, sentence) in
        [("{\"effort\":0}", "from 1 to 100"), ("{\"namespace\":\"Team\"}", "is not a repository name")]
    {
        let request = server.user("alice").request(reqwest::Method::POST, "/api/v1/stats");
        let problem =
            request.header("content-type", "application/json").body(body).send().await.problem(400, "BODY_INVALID");
        assert!(problem["detail"].as_str().unwrap().contains(sentence), "{problem}");
    }
}
