//! Every route, asked for by every kind of caller (S15, S16, S22 of the ways in which registries were broken).
//!
//! The list is held against the type of routes, so a new route does not compile here until it is in it.

use reqwest::Method;
use wharf::http::api::ApiRoute;
use wharf::http::{Effect, Route};

use crate::guarded::{self, PASSWORD};
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::Client;
use crate::support::content::{Manifest, NOTHING};

/// How many kinds of routes there are.
const KINDS: usize = 42;

/// The kind of a route. Without a wildcard: a new one must get a number, and a place in `routes`.
fn kind(route: &Route) -> usize {
    match route {
        Route::Version => 0,
        Route::GetToken => 1,
        Route::PostToken => 2,
        Route::Whoami => 3,
        Route::Catalog => 4,
        Route::Tags(_) => 5,
        Route::Referrers(..) => 6,
        Route::GetManifest(..) => 7,
        Route::PutManifest(..) => 8,
        Route::DeleteManifest(..) => 9,
        Route::GetBlob(..) => 10,
        Route::DeleteBlob(..) => 11,
        Route::StartUpload(_) => 12,
        Route::UploadStatus(..) => 13,
        Route::AppendUpload(..) => 14,
        Route::FinishUpload(..) => 15,
        Route::CancelUpload(..) => 16,
        Route::Api(route) => match route {
            ApiRoute::Description => 17,
            ApiRoute::About => 18,
            ApiRoute::Repository(_) => 19,
            ApiRoute::Tag(..) => 20,
            ApiRoute::DeleteTag(..) => 21,
            ApiRoute::DeleteManifest(..) => 22,
            ApiRoute::Jobs => 23,
            ApiRoute::Job(_) => 24,
            ApiRoute::StopJob(_) => 25,
            ApiRoute::PurgeUploads => 26,
            ApiRoute::CollectGarbage => 27,
            ApiRoute::Trash => 28,
            ApiRoute::RestoreBatch(_) => 29,
            ApiRoute::EmptyTrash => 30,
            ApiRoute::DeleteRepository(_) => 31,
            ApiRoute::DeleteRepositories => 32,
            ApiRoute::TagHistory(..) => 33,
            ApiRoute::DeletedTags(_) => 34,
            ApiRoute::PointTag(..) => 35,
            ApiRoute::Check => 36,
            ApiRoute::Repair => 37,
            ApiRoute::PreviewRetention => 38,
            ApiRoute::RunRetention => 39,
            ApiRoute::Quotas => 40,
            ApiRoute::Statistics => 41,
        },
    }
}

/// A name that no job has.
const NO_JOB: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

/// A name that no batch of the trash has.
const NO_BATCH: &str = "20261127T232024.123Z-1f2e3d4c";

/// A request: a method, a path and perhaps a header.
type Asked = (Method, String, Option<(&'static str, &'static str)>);

/// What there is in a repository: an image `latest`, a blob, an upload.
#[derive(Clone)]
pub(crate) struct Content {
    name: String,
    manifest: String,
    blob: String,
    upload: String,
}

impl Content {
    pub(crate) async fn push(client: &Client, name: &str, image: &Manifest) -> Content {
        let repo = client.repo(name);
        repo.push_image("latest", 7).await;
        let blob = repo.push_blob(b"a blob").await;
        let upload = repo.upload().await;
        upload.patch(b"begun").await.is(202);
        Content { name: name.to_owned(), manifest: image.digest(), blob, upload: upload.id }
    }

    /// Names of the same form that lead to nothing.
    fn absent(&self, name: &str) -> Content {
        let upload = "00000000-0000-8000-8000-000000000000".to_owned();
        Content { name: name.to_owned(), manifest: NOTHING.to_owned(), blob: NOTHING.to_owned(), upload }
    }

    /// Every route that leads to something of this.
    fn routes(&self) -> Vec<Route> {
        let name = || self.name.parse().unwrap();
        let references = || ["latest".parse().unwrap(), self.manifest.parse().unwrap()];
        let (digest, blob, id) =
            (self.manifest.parse().unwrap(), self.blob.parse().unwrap(), self.upload.parse().unwrap());
        let mut routes = vec![
            Route::Version,
            Route::GetToken,
            Route::PostToken,
            Route::Whoami,
            Route::Catalog,
            Route::Tags(name()),
            Route::Referrers(name(), digest),
            Route::GetBlob(name(), blob),
            Route::DeleteBlob(name(), blob),
            Route::StartUpload(name()),
            Route::UploadStatus(name(), id),
            Route::AppendUpload(name(), id),
            Route::FinishUpload(name(), id),
            Route::CancelUpload(name(), id),
        ];
        routes.extend(references().map(|reference| Route::GetManifest(name(), reference)));
        routes.extend(references().map(|reference| Route::PutManifest(name(), reference)));
        routes.extend(references().map(|reference| Route::DeleteManifest(name(), reference)));
        let latest = || "latest".parse().unwrap();
        let job = NO_JOB.parse().unwrap();
        let api = [
            ApiRoute::Description,
            ApiRoute::About,
            ApiRoute::Repository(name()),
            ApiRoute::Tag(name(), latest()),
            ApiRoute::Jobs,
            ApiRoute::Job(job),
            ApiRoute::StopJob(job),
            ApiRoute::PurgeUploads,
            ApiRoute::Quotas,
            ApiRoute::Statistics,
            ApiRoute::PreviewRetention,
            ApiRoute::RunRetention,
            ApiRoute::TagHistory(name(), latest()),
            ApiRoute::DeletedTags(name()),
            ApiRoute::PointTag(name(), latest()),
            ApiRoute::Check,
            ApiRoute::Repair,
            ApiRoute::DeleteTag(name(), latest()),
            ApiRoute::DeleteManifest(name(), digest),
            ApiRoute::CollectGarbage,
            ApiRoute::Trash,
            ApiRoute::RestoreBatch(NO_BATCH.parse().unwrap()),
            ApiRoute::EmptyTrash,
            ApiRoute::DeleteRepositories,
            ApiRoute::DeleteRepository(name()),
        ];
        routes.extend(api.map(Route::Api));
        let mut kinds: Vec<usize> = routes.iter().map(kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds, (0..KINDS).collect::<Vec<_>>(), "every kind of route is here");
        routes
    }

    /// The requests of a route: what reads also as `HEAD`, in part, under a condition and by the page (S26), what writes also
    /// with a digest, as a mount, and with tags by parameter.
    fn requests(&self, route: &Route) -> Vec<Asked> {
        let path = route.to_string();
        let plain = (route.method(), path.clone(), None);
        let blob = &self.blob;
        match route {
            Route::FinishUpload(..) => vec![(Method::PUT, format!("{path}?digest={blob}"), None)],
            Route::StartUpload(_) => {
                let with = |query: String| (Method::POST, format!("{path}{query}"), None);
                let from = format!("?mount={blob}&from={}", self.name);
                vec![plain, with(format!("?digest={blob}")), with(format!("?mount={blob}")), with(from)]
            }
            Route::PutManifest(..) => vec![plain, (Method::PUT, format!("{path}?tag=one&tag=two"), None)],
            route if route.method() == Method::GET => {
                let with = |header| (Method::GET, path.clone(), Some(header));
                vec![
                    plain,
                    with(("range", "bytes=0-0")),
                    with(("range", "bytes=1000000-")),
                    with(("if-none-match", "*")),
                    with(("if-match", "\"sha256:0\"")),
                    with(("accept", "text/plain")),
                    (Method::GET, format!("{path}?n=1&last=a&artifactType=a/b"), None),
                    (Method::HEAD, path, None),
                ]
            }
            _ => vec![plain],
        }
    }
}

/// Every request of every route, as one client sends them.
pub(crate) async fn ask(
    client: &Client,
    content: &Content,
    image: &Manifest,
    which: impl Fn(&Route) -> bool,
) -> Vec<Answer> {
    let mut answers = Vec::new();
    for route in content.routes().iter().filter(|route| which(route)) {
        for (method, path, header) in content.requests(route) {
            let mut request = client.request(method, &path);
            if let Some((name, value)) = header {
                request = request.header(name, value);
            }
            if route.method() == Method::PUT && kind(route) == kind(&put()) {
                request = request.header("content-type", image.media_type.as_deref().unwrap());
            }
            let body = if route.method() == Method::GET { Vec::new() } else { image.bytes.clone() };
            answers.push(request.body(body).send().await);
        }
    }
    answers
}

fn put() -> Route {
    Route::PutManifest("a".parse().unwrap(), "b".parse().unwrap())
}

/// What is about a repository, unlike what is about the caller.
fn of_repository(route: &Route) -> bool {
    route.repository().is_some()
}

/// What an answer says, with the names of what was asked for taken out.
fn said(answer: &Answer, content: &Content) -> (u16, String, Vec<String>) {
    let plain = |text: &str| {
        text.replace(&content.name, "NAME").replace(&content.manifest, "DIGEST").replace(&content.blob, "DIGEST")
    };
    let mut headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.retain(|header| !header.starts_with("date:") && !header.starts_with("content-length:"));
    (answer.status, plain(&String::from_utf8_lossy(&answer.body)), headers.iter().map(|header| plain(header)).collect())
}

/// S22: private images of Gitea were pullable without logging in for four years. S9: and nobody is told whether something
/// exists that they may not read.
#[tokio::test]
async fn whoever_may_not_read_a_repository_gets_nothing_and_is_not_told_whether_it_exists() {
    // Uploads have their place from the beginning, and nothing moves by itself.
    let wharf = guarded::prepare(guarded::RULES).full_durability().go();
    let image = wharf.user("alice").repo("seed").push_image("1", 7).await;
    let private = Content::push(&wharf.user("alice"), "carol/app", &image).await;
    let absent = private.absent("carol/not");
    let dave_token = wharf.user("dave").token("repository:carol/app:pull,push repository:carol/not:pull,push").await;
    let anonymous_token = wharf.client().token("repository:carol/app:pull repository:carol/not:pull").await;
    let before = Wharf::files_below(&wharf.repository("carol"));
    for (who, client, allowed) in [
        ("anonymous", wharf.client(), &[401][..]),
        ("anonymous with a token", wharf.client().bearer(&anonymous_token), &[401]),
        ("an unknown user", wharf.client().user("eve", "x"), &[401, 429]),
        ("a wrong token", wharf.client().bearer("a.b.c"), &[401]),
        ("another user", wharf.user("dave"), &[403, 404]),
        ("another user with a token", wharf.client().bearer(&dave_token), &[403, 404]),
    ] {
        let real = ask(&client, &private, &image, of_repository).await;
        let nothing = ask(&client, &absent, &image, of_repository).await;
        assert!(real.len() > 20);
        for (real, nothing) in real.iter().zip(&nothing) {
            assert!(allowed.contains(&real.status), "{who}: {}: {}", real.asked, real.status);
            if real.status != 429 && nothing.status != 429 {
                assert_eq!(said(real, &private), said(nothing, &absent), "{who}: {}", real.asked);
            }
            if real.asked.starts_with("GET") && !real.asked.contains("/uploads/") {
                assert!(matches!(real.status, 401 | 404 | 429), "{who}: {}: {}", real.asked, real.status);
            }
        }
    }
    assert_eq!(Wharf::files_below(&wharf.repository("carol")), before, "nothing was changed");
}

/// S16, S23: each role passes where its action is needed and nowhere else, whichever way it is reached.
#[tokio::test]
async fn each_role_passes_where_its_action_is_needed_and_nowhere_else() {
    let rules = "access:\n\
        \x20 - {who: alice, repositories: '**', may: admin}\n\
        \x20 - {who: bob, repositories: 'role/*', may: push}\n\
        \x20 - {who: ci, repositories: 'role/*', may: create}\n\
        \x20 - {who: carol, repositories: 'role/*', may: pull}\n\
        \x20 - {who: dave, repositories: 'role/*', may: delete}\n";
    let wharf = guarded::prepare(rules).go();
    let image = wharf.user("alice").repo("seed").push_image("1", 7).await;
    for (role, may) in [("bob", "push"), ("ci", "create"), ("carol", "pull"), ("dave", "delete"), ("alice", "all")] {
        let name = format!("role/{role}");
        let content = Content::push(&wharf.user("alice"), &name, &image).await;
        for client in [wharf.user(role), wharf.client().bearer(&token(&wharf, role, &name).await)] {
            for route in content.routes().iter().filter(|route| of_repository(route)) {
                let needs = match kind(route) {
                    5..=7 | 10 | 19 | 20 | 33 | 34 => "pull",
                    8 | 12..=16 => "push",
                    9 | 11 | 21 | 22 | 31 => "delete",
                    35 => "pull and push",
                    other => panic!("{other} is about no repository"),
                };
                let passes = may == "all" || may == needs || (may == "create" && needs == "push");
                for answer in ask(&client, &content, &image, |asked| asked == route).await {
                    let refused = matches!(answer.status, 401 | 403);
                    // Who may not read is told that there is nothing to read.
                    let hidden = needs.starts_with("pull") && answer.status == 404;
                    // Who may only create is told what is there already, and that is not the gate's word.
                    let exists = may == "create" && kind(route) == 8;
                    assert!(
                        passes && !refused || !passes && (refused || hidden) || exists,
                        "{may}: {}: {} {}",
                        answer.asked,
                        answer.status,
                        String::from_utf8_lossy(&answer.body)
                    );
                }
            }
        }
    }
}

async fn token(wharf: &Wharf, user: &str, name: &str) -> String {
    let client = wharf.client().user(user, &format!("{PASSWORD}{user}"));
    client.token(&format!("repository:{name}:pull,push,delete")).await
}

/// What each caller may have without a repository: nothing but the way to log in.
#[tokio::test]
async fn routes_about_no_repository_need_a_login_or_give_nothing_away() {
    let wharf = guarded::prepare("access:\n  - {who: alice, repositories: '**', may: admin}\n").go();
    let image = wharf.user("alice").repo("seed").push_image("1", 7).await;
    let content = Content::push(&wharf.user("alice"), "private/app", &image).await;
    let about_nobody = |route: &Route| !of_repository(route);
    for answer in ask(&wharf.client(), &content, &image, about_nobody).await {
        // A token for nobody opens nothing.
        let is_token = answer.asked.starts_with("GET /v2/_wharf/auth/token")
            || answer.asked.starts_with("HEAD /v2/_wharf/auth/token");
        let is_description = answer.asked.contains("/api/v1/openapi.json");
        let expected = if is_token || is_description {
            200
        } else if answer.asked.starts_with("POST /v2/_wharf/auth/token") {
            400
        } else {
            401
        };
        assert_eq!(answer.status, expected, "{}", answer.asked);
    }
    let listed = wharf.user("dave").get("/v2/_catalog").await.is(200);
    assert_eq!(listed.list("repositories"), [""; 0]);
}

/// S7 (CVE-2026-41888): a tag was deleted although deleting was switched off. What an operator switches off is off on every
/// route, whoever asks.
#[tokio::test]
async fn what_is_switched_off_is_off_for_administrators_too_on_every_route() {
    let wharf = guarded::start();
    let config = std::fs::read_to_string(wharf.volume().join("config.yml")).unwrap();
    let image = wharf.user("alice").repo("seed").push_image("1", 7).await;
    let content = Content::push(&wharf.user("alice"), "switched/app", &image).await;
    let again = |wharf: Wharf, name: &str, value: &str| wharf.crash().config(&config).env(name, value).go();
    let wharf = again(wharf, "REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true");
    every_route_is_off_or_not(&wharf, &content, &image, |effect| effect != Effect::Read).await;
    let wharf = again(wharf, "REGISTRY_STORAGE_DELETE_ENABLED", "false");
    every_route_is_off_or_not(&wharf, &content, &image, |effect| matches!(effect, Effect::Delete | Effect::Collect))
        .await;
    assert_eq!(wharf.user("alice").repo("switched/app").manifest("latest").await.is(200).body, image.bytes);
}

async fn every_route_is_off_or_not(wharf: &Wharf, content: &Content, image: &Manifest, is_off: fn(Effect) -> bool) {
    let mut off = 0;
    for route in content.routes() {
        for answer in ask(&wharf.user("alice"), content, image, |asked| *asked == route).await {
            assert_eq!(answer.status == 405, is_off(route.effect()), "{}: {}", answer.asked, answer.status);
            off += usize::from(answer.status == 405);
        }
    }
    assert!(off >= 3, "{off} were off");
}
