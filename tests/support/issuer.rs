//! An identity provider: it describes itself, has keys that can be changed, and signs whatever it is asked to.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A provider on a port of its own. It stops when this is dropped.
pub struct Issuer {
    /// `http://127.0.0.1:PORT`, which is what its tokens are from.
    pub url: String,
    provider: Arc<Provider>,
    serving: JoinHandle<()>,
}

struct Provider {
    url: String,
    key: Mutex<(String, KeyPair)>,
    keys_made: AtomicUsize,
    fetches: AtomicUsize,
    /// What it describes itself as, and what it answers with instead of keys.
    described: Mutex<Option<Value>>,
    answer: Mutex<Option<(StatusCode, String)>>,
    delay: AtomicU64,
}

fn locked<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Issuer {
    /// Starts one.
    pub async fn start() -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let provider = Arc::new(Provider {
            url: url.clone(),
            key: Mutex::new(("key-0".to_owned(), KeyPair::generate().unwrap())),
            keys_made: AtomicUsize::new(1),
            fetches: AtomicUsize::new(0),
            described: Mutex::new(None),
            answer: Mutex::new(None),
            delay: AtomicU64::new(0),
        });
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(description))
            .route("/keys", get(keys))
            .with_state(Arc::clone(&provider));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Issuer { url, provider, serving }
    }

    /// Takes a new key, with a new name, in place of the old.
    pub fn rotate(&self) {
        let number = self.provider.keys_made.fetch_add(1, Ordering::Relaxed);
        *locked(&self.provider.key) = (format!("key-{number}"), KeyPair::generate().unwrap());
    }

    /// A token of now, signed with the key of now. `iss` need not be said.
    pub fn sign(&self, claims: &Value) -> String {
        let name = locked(&self.provider.key).0.clone();
        self.sign_as(&json!({ "alg": "ES256", "kid": name }), claims)
    }

    /// A token with exactly this header.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let mut whole = json!({ "iss": self.url });
        whole.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let base64 = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let message = format!("{}.{}", base64(header), base64(&whole));
        let key = EncodingKey::from_ec_der(locked(&self.provider.key).1.serialized_der());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).unwrap();
        format!("{message}.{signature}")
    }

    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        self.provider.fetches.load(Ordering::Relaxed)
    }

    /// From now on this is what it describes itself as.
    pub fn describe(&self, description: Value) {
        *locked(&self.provider.described) = Some(description);
    }

    /// From now on it answers with this when it is asked for keys.
    pub fn answer(&self, status: u16, body: &str) {
        *locked(&self.provider.answer) = Some((StatusCode::from_u16(status).unwrap(), body.to_owned()));
    }

    /// From now on it answers with its keys again.
    pub fn recover(&self) {
        *locked(&self.provider.answer) = None;
    }

    /// From now on it takes this long to answer when it is asked for keys.
    pub fn delay(&self, delay: Duration) {
        self.provider.delay.store(delay.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn reply(status: StatusCode, body: String) -> Response<Body> {
    // Only redirects look at the location.
    Response::builder().status(status).header("location", "/keys").body(body.into()).unwrap()
}

async fn description(State(provider): State<Arc<Provider>>) -> Response<Body> {
    let described = locked(&provider.described).clone();
    let usual = json!({ "issuer": provider.url, "jwks_uri": format!("{}/keys", provider.url) });
    reply(StatusCode::OK, described.unwrap_or(usual).to_string())
}

async fn keys(State(provider): State<Arc<Provider>>) -> Response<Body> {
    provider.fetches.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(provider.delay.load(Ordering::Relaxed))).await;
    if let Some((status, body)) = locked(&provider.answer).clone() {
        return reply(status, body);
    }
    let key = locked(&provider.key);
    let point = key.1.public_key_raw();
    let (x, y) = (BASE64URL_NOPAD.encode(&point[1..33]), BASE64URL_NOPAD.encode(&point[33..]));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key.0, "x": x, "y": y });
    reply(StatusCode::OK, json!({ "keys": [jwk] }).to_string())
}
