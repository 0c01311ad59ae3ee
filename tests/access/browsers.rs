//! Pages of other sites get nothing out of a browser whose user may log in here (S13).

use reqwest::Method;

use crate::guarded::{self, TOKEN, WHOAMI};
use crate::support::answer::Answer;
use crate::support::client::Client;

const EVIL: &str = "https://evil.example";

/// What a browser looks for before it lets a page read an answer (Fetch standard, "CORS protocol").
fn cors(answer: &Answer) -> Vec<String> {
    let headers = answer.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    headers.filter(|header| header.starts_with("access-control-") || header.contains("evil")).collect()
}

/// Every kind of answer: what is there, what is refused, what is nowhere.
async fn answers(client: &Client) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/v2/"),
        (Method::OPTIONS, "/v2/"),
        (Method::OPTIONS, TOKEN),
        (Method::OPTIONS, "/v2/team/app/manifests/1"),
        (Method::GET, "/v2/_catalog"),
        (Method::GET, TOKEN),
        (Method::POST, TOKEN),
        (Method::GET, WHOAMI),
        (Method::GET, "/v2/public/app/manifests/1"),
        (Method::HEAD, "/v2/public/app/manifests/1"),
        (Method::GET, "/v2/team/app/manifests/1"),
        (Method::POST, "/v2/public/app/blobs/uploads/"),
        (Method::GET, "/nowhere"),
    ] {
        let request = client.request(method, path).header("origin", EVIL).header("cookie", "session=1");
        let request = request.header("access-control-request-method", "DELETE");
        answers.push(request.header("access-control-request-headers", "authorization").send().await);
    }
    answers
}

#[tokio::test]
async fn a_page_of_another_site_is_let_in_by_no_answer() {
    let wharf = guarded::start();
    wharf.user("alice").repo("public/app").push_image("1", 1).await;
    for client in
        [wharf.client(), wharf.user("alice"), wharf.client().user("alice", "wrong"), wharf.client().bearer("x")]
    {
        for answer in answers(&client).await {
            assert_eq!(cors(&answer), [""; 0], "{}", answer.asked);
            assert!(!answer.has("set-cookie"), "{}", answer.asked);
            assert!(!String::from_utf8_lossy(&answer.body).contains("evil"), "{}", answer.asked);
        }
    }
}

/// Whoever has a page of their own says so (`http.headers`), and what they say holds whoever asks.
#[tokio::test]
async fn what_is_configured_is_said_as_it_is_and_never_what_was_asked() {
    let headers = "http: {headers: {Access-Control-Allow-Origin: ['https://ui.example']}}\n";
    let wharf = guarded::prepare(&format!("{}{headers}", guarded::RULES)).go();
    wharf.user("alice").repo("public/app").push_image("1", 1).await;
    for client in [wharf.client(), wharf.user("alice")] {
        for answer in answers(&client).await {
            assert_eq!(cors(&answer), ["access-control-allow-origin: https://ui.example"], "{}", answer.asked);
        }
    }
}
