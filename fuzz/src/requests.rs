//! Whatever a client asks for: the answer is never a failure of ours, a refusal changes nothing, and what is sent is what
//! its headers say.

use std::cell::RefCell;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use wharf::auth::{Auth, Settings as AuthSettings};
use wharf::http::listen::{Application, Peer, PeerAddress};
use wharf::http::{App, Route, Settings};
use wharf::oci::{Algorithm, Digest};

use super::volume::{self, BLOB, Volume};

thread_local! {
    static VOLUME: RefCell<Option<Volume>> = const { RefCell::new(None) };
}

/// A request as HTTP/1.1 writes it, without a version: the method and the target, headers, an empty line, the body.
/// `{blob}`, `{image}` and `{referrer}` stand for digests.
pub fn hold(data: &[u8]) {
    let Some(asked) = Asked::read(data) else { return };
    VOLUME.with_borrow_mut(|slot| {
        let volume = slot.get_or_insert_with(Volume::new);
        let before = volume.visible();
        let answer = volume.answer(&asked);
        answer.is_well_formed(&asked);
        answer.is_what_was_asked_for(&asked);
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&asked.method);
        if safe || !answer.status.is_success() {
            assert_eq!(volume.visible(), before, "{asked:?} was answered {} and changed something", answer.status);
        } else {
            answer.condition_held(&asked, &before);
            *slot = None;
        }
    });
}

#[derive(Clone, Debug)]
struct Asked {
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn read(data: &[u8]) -> Option<Asked> {
        let text: String = data.iter().map(|byte| char::from(*byte)).collect();
        let [blob, image, referrer] =
            [BLOB, &volume::image(), &volume::referrer()].map(|bytes| Digest::of(Algorithm::Sha256, bytes).to_string());
        let text = text.replace("{blob}", &blob).replace("{image}", &image).replace("{referrer}", &referrer);
        let data: Vec<u8> = text.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
        let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
            Some(end) => (&data[..end], &data[end + 2..]),
            None => (data.as_slice(), [].as_slice()),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let (method, target) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
        }
        let target: Uri = target.parse().ok()?;
        let method = method.parse().ok()?;
        Some(Asked { method, target, headers, body: Bytes::copy_from_slice(body) })
    }

    /// The text of a header, all its lines together.
    fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<_> =
            self.headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        (!lines.is_empty()).then(|| lines.join(","))
    }
}

impl Volume {
    fn answer(&self, asked: &Asked) -> Answer {
        let settings = Settings {
            listeners: Vec::new(),
            prefix: "/".to_owned(),
            public_path: String::new(),
            public_url: None,
            trusted_proxies: Vec::new(),
            headers: Vec::new(),
            drain_timeout: None,
            http2: false,
            h2c: false,
            debug: None,
            health: None,
        };
        let (auth, _) = Auth::start(&AuthSettings::default(), std::time::SystemTime::UNIX_EPOCH.into())
            .expect("nobody is told apart");
        let service = App::new(self.registry.clone(), auth, &settings).into_service();
        let address = PeerAddress::Unix;
        let peer = Arc::new(Peer { address, tls: false, listener: "fuzz".into(), certificate: None });
        let mut request = Request::new(Body::from(asked.body.clone()));
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = asked.target.clone();
        *request.headers_mut() = asked.headers.clone();
        self.wait(async {
            let (parts, body) = service.answer(request, peer).await.into_parts();
            let body = body.collect().await.expect("a whole body").to_bytes();
            Answer { status: parts.status, headers: parts.headers, body }
        })
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn is_well_formed(&self, asked: &Asked) {
        assert!(!self.status.is_server_error(), "{asked:?} is answered {}", self.status);
        if asked.method == Method::HEAD {
            assert!(self.body.is_empty());
        } else if let Some(length) = self.header("content-length") {
            assert_eq!(length, self.body.len().to_string());
        }
        if self.status.is_client_error() && asked.method != Method::HEAD {
            let body: serde_json::Value = serde_json::from_slice(&self.body).expect("errors are JSON");
            let errors = body["errors"].as_array().expect("a list of errors");
            assert!(!errors.is_empty());
            for error in errors {
                assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
            }
        }
        if let Some(location) = self.header("location") {
            Route::parse(&Method::GET, location).expect("a Location leads somewhere");
        }
        if let Some(link) = self.header("link") {
            let target = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\"")).expect("a Link");
            let target: Uri = target.parse().expect("a Link has a target");
            Route::parse(&Method::GET, target.path()).expect("a Link leads somewhere");
        }
    }

    fn is_what_was_asked_for(&self, asked: &Asked) {
        let Ok(route) = Route::parse(&asked.method, asked.target.path()) else {
            assert!(self.status.is_client_error() || asked.method == Method::OPTIONS || asked.target.path() == "/");
            return;
        };
        if asked.method != Method::GET {
            return;
        }
        let whole = match &route {
            Route::GetBlob(..) => Bytes::from_static(BLOB),
            Route::GetManifest(..) if self.header("etag") == Some(&etag(&volume::referrer())) => volume::referrer(),
            Route::GetManifest(..) => volume::image(),
            _ => return,
        };
        match self.status {
            StatusCode::OK => assert_eq!(self.body, whole),
            StatusCode::PARTIAL_CONTENT => {
                let range = self.header("content-range").expect("a part says which it is");
                let (first, last) =
                    range.strip_prefix("bytes ").and_then(|rest| rest.split_once('-')).expect("a range");
                let (last, size) = last.split_once('/').expect("a size");
                let [first, last, size] = [first, last, size].map(|text| text.parse::<usize>().expect("a number"));
                assert_eq!((&self.body[..], size), (&whole[first..=last], whole.len()));
            }
            StatusCode::NOT_MODIFIED => {
                let had = asked.header("if-none-match").expect("a client that has it says so");
                let digest = Digest::of(Algorithm::Sha256, &whole).to_string();
                assert!(self.body.is_empty() && (had.contains('*') || had.contains(&digest)), "{had:?}");
            }
            StatusCode::RANGE_NOT_SATISFIABLE => assert!(asked.headers.contains_key("range")),
            status => assert!(status.is_client_error(), "{asked:?} is answered {status}"),
        }
    }

    /// What was changed was what the client said that it would be.
    fn condition_held(&self, asked: &Asked, before: &[(String, Option<Digest>)]) {
        let route = Route::parse(&asked.method, asked.target.path());
        let (Ok(Route::PutManifest(name, reference)) | Ok(Route::DeleteManifest(name, reference))) = &route else {
            return;
        };
        let there = before.iter().find(|(seen, _)| *seen == reference.to_string()).and_then(|(_, digest)| *digest);
        let there = there.filter(|_| *name == volume::repository());
        // Tags in the query are held to the condition as well; which of them broke it is not looked at here.
        if asked.target.query().is_none() {
            if let Some(wanted) = asked.header("if-match") {
                let there = there.expect("If-Match asks for something that is there");
                assert!(wanted.contains('*') || wanted.contains(&there.to_string()), "{wanted:?}");
            }
            if let Some(unwanted) = asked.header("if-none-match") {
                assert!(there.is_none() && unwanted.contains('*'), "{unwanted:?}");
            }
        }
        if let Route::PutManifest(..) = route.as_ref().expect("a route") {
            let named = self.header("docker-content-digest").expect("a manifest that was put has a name");
            let named: Digest = named.parse().expect("a digest");
            assert_eq!(named, Digest::of(named.algorithm(), &asked.body));
        }
    }
}

fn etag(content: &[u8]) -> String {
    format!("\"{}\"", Digest::of(Algorithm::Sha256, content))
}
