//! The file and the environment, made into each module's own Settings.
//!
//! The configuration is registry:2's: its `config.yml`, and `REGISTRY_*` variables over it. It goes through these steps,
//! each in a file of its own: the text becomes a tree in which every value knows where it was written (`yaml`, `node`),
//! variables change the tree (`variables`), keys are checked (`schema`, `check`), what is not served is refused
//! (`unserved`), defaults are filled in (`defaults`), and each module's settings are read from it (`http`, `auth`,
//! `registry`, `storage`, `telemetry`). A [`Config`] that was made is valid; files that it names may still be absent.
//!
//! The environment is an argument. Nothing here reads it, or any file but the one that is named and those that are a part
//! of it: access rules that it includes, and a password.

mod accepted;
mod access;
mod access_remarks;
mod address;
mod auth;
mod check;
mod collection;
mod defaults;
mod document;
mod duration;
mod error;
mod http;
mod item;
mod ldap;
mod named_file;
mod node;
mod oidc;
mod origin;
mod quotas;
mod registry;
mod retention;
mod schema;
mod secret;
mod service_links;
mod show;
mod storage;
mod tags;
mod telemetry;
mod tls;
mod token_server;
mod unserved;
mod url;
mod variables;
mod warning;
mod yaml;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::{ConfigError, Found};
pub use origin::Origin;
pub use warning::Warning;

use document::Document;
use node::Node;
use origin::Source;
use schema::TOP;

/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Everything that an operator decides; valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// The front door.
    pub http: crate::http::Settings,
    /// Who may do what.
    pub auth: crate::auth::Settings,
    /// What the registry does.
    pub registry: crate::registry::Settings,
    /// Where the bytes are.
    pub storage: crate::storage::Settings,
    /// What is logged.
    pub telemetry: crate::telemetry::Settings,
    /// Every value that holds, with where it was written.
    effective: Node,
}

impl Config {
    /// Reads the file and the `REGISTRY_*` variables among `environment` over it. Without a path the file is the one
    /// that `REGISTRY_CONFIGURATION_PATH` names, as for registry:2, or else none: then what `builtin.yml` says holds.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Config, Vec<Warning>), ConfigError> {
        let environment: Vec<(String, String)> = environment.into_iter().collect();
        let named = environment.iter().find(|(name, value)| name == variables::PATH && !value.is_empty());
        match path.map(Path::to_owned).or_else(|| named.map(|(_, path)| PathBuf::from(path))) {
            Some(path) => Config::parse(&path.display().to_string(), &read(&path)?, environment),
            None => Config::build(defaults::builtin(), environment),
        }
    }

    /// The same for a text; errors call it `name`.
    pub fn parse(
        name: &str,
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Config, Vec<Warning>), ConfigError> {
        let source = Source::File(Arc::from(name));
        Config::build(yaml::read(text, &source)?, environment)
    }

    /// Writes every value that holds as YAML, each with where it was written; secrets are masked.
    pub fn show(&self, out: &mut dyn io::Write) -> io::Result<()> {
        show::write(&self.effective, out)
    }

    fn build(
        mut root: Node,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Config, Vec<Warning>), ConfigError> {
        variables::spell_out(&mut root, TOP);
        root.mask("");
        // Before variables change it, so that a slip in the file is named even where a variable covers it.
        check::check(&root, TOP)?;
        version(&root)?;
        let mut warnings = variables::apply(&mut root, environment)?;
        root.mask("");
        warnings.extend(check::check(&root, TOP)?);
        storage::driver(&root)?;
        let mut document = Document { root, warnings };
        unserved::refuse(&document)?;
        document.warnings.extend(accepted::note(&document));
        document.older_names();
        defaults::fill(&mut document.root);

        let storage = storage::settings(&document)?;
        let http = http::settings(&mut document, &storage.root)?;
        let auth = auth::settings(&mut document, &storage.root, &http)?;
        if auth.is_open() {
            http::note_host(&mut document, &http);
        }
        let config = Config {
            http,
            auth,
            registry: registry::settings(&mut document)?,
            telemetry: telemetry::settings(&document)?,
            storage,
            effective: document.root,
        };
        Ok((config, document.warnings))
    }
}

/// Refuses any version of the format but the one there is.
fn version(root: &Node) -> Result<(), ConfigError> {
    let found = root.find("version");
    match found.and_then(document::text_of) {
        Some("0.1") => Ok(()),
        Some(_) | None => Err(ConfigError::Expected {
            origin: found.unwrap_or(root).origin.clone(),
            key: "version".to_owned(),
            expected: "0.1".to_owned(),
            found: found.map_or_else(Found::nothing, Found::from),
        }),
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(ConfigError::TooLong { path: path.to_owned(), limit: MAX_FILE });
    }
    String::from_utf8(bytes).map_err(|source| ConfigError::NotText { path: path.to_owned(), source })
}
