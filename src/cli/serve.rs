//! `wharf serve`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::banner::Banner;
use crate::{http, registry, storage};

/// Serves until told to stop.
pub(super) fn run(_config: Option<&Path>) -> ExitCode {
    // Stands in until the configuration is read.
    let address = std::env::var("REGISTRY_HTTP_ADDR").unwrap_or("0.0.0.0:5000".into());
    let root = std::env::var("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY").unwrap_or("wharf-data".into());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let storage = storage::Filesystem::open(Path::new(&root)).expect("a volume");
        let registry = registry::Registry::new(Arc::new(storage), registry::Settings::default());
        let settings = http::Settings {
            listeners: vec![],
            prefix: "/".into(),
            headers: vec![],
            drain_timeout: None,
            http2: true,
            h2c: false,
            debug: None,
        };
        let app = http::App::new(registry, &settings).into_router();
        let listener = tokio::net::TcpListener::bind(address).await.expect("an address");
        let urls = vec![format!("http://{}", listener.local_addr().expect("an address"))];
        let banner = Banner {
            urls,
            root: Path::new(&root),
            read_only: false,
            trust: None,
        };
        let _ = write!(std::io::stdout(), "{banner}");
        axum::serve(listener, app).await.expect("served");
    });
    ExitCode::SUCCESS
}
