//! What a person reads when the server has started.

use std::fmt;
use std::path::PathBuf;

/// Where it listens, where it stores, who may do what, and what to type next.
pub(super) struct Banner {
    /// The addresses, as URLs.
    pub(super) urls: Vec<String>,
    /// The directory.
    pub(super) root: PathBuf,
    /// What everybody may do.
    pub(super) may: &'static str,
    /// How to make clients trust a private authority, if there is one.
    pub(super) trust: Option<String>,
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Wharf {}", env!("CARGO_PKG_VERSION"))?;
        for url in &self.urls {
            writeln!(f, "  listening  {url}")?;
        }
        writeln!(f, "  storing    {}", self.root.display())?;
        writeln!(f, "  open to    everyone who can reach it, without logging in, to {}", self.may)?;
        let host = self.example_host();
        writeln!(f, "  try        docker tag IMAGE {host}/IMAGE && docker push {host}/IMAGE")?;
        match &self.trust {
            Some(trust) => write!(f, "\n{trust}"),
            None => Ok(()),
        }
    }
}

impl Banner {
    /// How a client on this machine names the registry.
    fn example_host(&self) -> String {
        let port = self.urls.iter().find_map(|url| url.rsplit_once(':')?.1.parse::<u16>().ok());
        format!("localhost:{}", port.unwrap_or(5000))
    }
}
