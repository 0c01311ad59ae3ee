//! Files and variables that people have for registry:2 and registry:3, unchanged.

use std::path::PathBuf;
use std::time::Duration;

use tracing::Level;
use wharf::http::{Address, Health};

use super::{load, sentences, try_load};

/// The default of the registry:2 image.
const REGISTRY_2: &str = "
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

/// The default of the registry:3 image.
const REGISTRY_3: &str = "
version: 0.1
log:
  level: debug
  fields:
    service: registry
    environment: development
storage:
  delete:
    enabled: true
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
  tag:
    concurrencylimit: 5
http:
  addr: :5000
  debug:
    addr: :5001
    prometheus:
      enabled: true
      path: /metrics
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

/// A Helm chart's file: the driver comes by a variable.
const HELM: &str = "
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
  debug:
    addr: :5001
    prometheus:
      enabled: false
      path: /metrics
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

#[test]
fn the_default_of_registry_2_means_here_what_it_means_there() {
    let (config, warnings) = load(REGISTRY_2, &[]);
    assert_eq!(config.storage.root, PathBuf::from("/var/lib/registry"));
    assert!(!config.registry.delete_enabled);
    assert_eq!(config.http.listeners.len(), 1);
    assert_eq!(config.http.listeners[0].address, Address::Tcp(":5000".to_owned()));
    assert!(config.http.listeners[0].tls.is_none());
    assert_eq!(config.http.headers[0].0, "x-content-type-options");
    assert!(config.http.debug.is_none());
    assert_eq!(config.http.health, Some(Health { interval: Duration::from_secs(10), threshold: 3 }));
    assert_eq!(config.telemetry.level, Level::INFO);
    assert_eq!(config.telemetry.fields["service"], "registry");
    assert_eq!(sentences(&warnings), ["config.yml:7: storage.cache has no meaning here: Wharf keeps its own cache"]);
    assert_eq!(warnings[0].level(), Level::INFO);
}

#[test]
fn the_default_of_registry_3_means_here_what_it_means_there() {
    let (config, warnings) = load(REGISTRY_3, &[]);
    assert!(config.registry.delete_enabled);
    assert_eq!(config.telemetry.level, Level::DEBUG);
    let debug = config.http.debug.unwrap();
    assert_eq!(debug.address, Address::Tcp(":5001".to_owned()));
    assert_eq!(debug.metrics_path.as_deref(), Some("/metrics"));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn a_helm_chart_names_the_driver_by_a_variable() {
    let variables = [
        ("REGISTRY_HTTP_SECRET", "0123456789abcdef"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/var/lib/registry"),
        ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
        ("DOCKER_REGISTRY_PORT", "tcp://10.0.0.1:5000"),
        ("REGISTRY_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
        ("REGISTRY_SERVICE_HOST", "10.0.0.1"),
    ];
    let (config, warnings) = load(HELM, &variables);
    assert_eq!(config.storage.root, PathBuf::from("/var/lib/registry"));
    assert!(config.registry.delete_enabled);
    assert_eq!(config.http.debug.unwrap().metrics_path, None);
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    let sentence = try_load(HELM, &[]).map(|_| ()).unwrap_err();
    assert_eq!(
        sentence,
        "config.yml:6: storage: must provide exactly one storage type, \
         found none; storage.filesystem.rootdirectory names a directory"
    );
}

#[test]
fn the_variables_of_compose_files_work() {
    let variables = [
        ("REGISTRY_HTTP_ADDR", "0.0.0.0:5443"),
        ("REGISTRY_HTTP_HOST", "https://registry.example.com"),
        ("REGISTRY_HTTP_RELATIVEURLS", "true"),
        ("REGISTRY_HTTP_TLS_CERTIFICATE", "/certs/domain.crt"),
        ("REGISTRY_HTTP_TLS_KEY", "/certs/domain.key"),
        ("REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin", "['http://ui:8080', 'http://ui:8081']"),
        ("REGISTRY_HTTP_HEADERS_Access-Control-Allow-Credentials", "[true]"),
        ("REGISTRY_HTTP_DEBUG_ADDR", "0.0.0.0:5001"),
        ("REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED", "true"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/data"),
        ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
        ("REGISTRY_STORAGE_REDIRECT_DISABLE", "true"),
        ("REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR", "inmemory"),
        ("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{\"enabled\":true}"),
        ("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED", "false"),
        ("REGISTRY_LOG_LEVEL", "WARN"),
        ("REGISTRY_LOG_FORMATTER", "json"),
        ("REGISTRY_LOG_ACCESSLOG_DISABLED", "true"),
        ("REGISTRY_HEALTH_STORAGEDRIVER_ENABLED", "false"),
        ("REGISTRY_VALIDATION_DISABLED", "true"),
        ("REGISTRY_CATALOG_MAXENTRIES", "500"),
        ("REGISTRY_NOTIFICATIONS_ENDPOINTS_0_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("AWS_REGION", "eu-central-1"),
    ];
    let (config, _) = load(REGISTRY_2, &variables);
    assert_eq!(config.http.listeners[0].address, Address::Tcp("0.0.0.0:5443".to_owned()));
    assert!(config.http.listeners[0].tls.is_some());
    let headers: Vec<String> =
        config.http.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    assert_eq!(
        headers,
        [
            "x-content-type-options: nosniff",
            "access-control-allow-credentials: true",
            "access-control-allow-origin: http://ui:8080",
            "access-control-allow-origin: http://ui:8081",
        ]
    );
    assert_eq!(config.http.debug.unwrap().metrics_path.as_deref(), Some("/metrics"));
    assert_eq!(config.storage.root, PathBuf::from("/data"));
    assert!(config.registry.delete_enabled);
    assert!(config.registry.read_only);
    assert!(config.registry.upload_purging.is_none());
    assert_eq!(config.registry.catalog_page_max, 500);
    assert_eq!(config.telemetry.level, Level::WARN);
    assert!(!config.telemetry.access_log);
    assert!(config.http.health.is_none());
}

#[test]
fn keys_that_only_registry_2_had_are_accepted() {
    let text = "
version: 0.1
loglevel: debug
storage: {filesystem: {rootdirectory: /data, maxthreads: 100}, cache: {layerinfo: redis}}
http: {addr: ':5000', secret: s, tls: {minimumtls: tls1.0, letsencrypt: {cachefile: '', hosts: []}}}
redis: {addr: 'redis:6379', password: p, db: 0, pool: {maxidle: 16, maxactive: 64, idletimeout: 300s}}
reporting: {bugsnag: {apikey: k}, newrelic: {licensekey: l}}
compatibility: {schema1: {signingkeyfile: /k, enabled: true}}
policy: {repository: {classes: [image, plugin]}}
";
    let (config, warnings) = load(text, &[]);
    assert_eq!(config.telemetry.level, Level::DEBUG);
    let notes = sentences(&warnings);
    for key in ["http.secret", "storage.cache", "storage.filesystem.maxthreads", "redis", "policy", "reporting"] {
        assert!(notes.iter().any(|note| note.contains(&format!(": {key} has no meaning"))), "{key}: {notes:?}");
    }
}
