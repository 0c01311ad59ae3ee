//! What a person reads when the server has started.

use std::fmt;
use std::path::PathBuf;

/// Where it listens, where it stores, who may do what, and what to type next.
pub(super) struct Banner {
    /// The addresses, as URLs.
    pub(super) urls: Vec<String>,
    /// The directory.
    pub(super) root: PathBuf,
    /// Whom it lets do what.
    pub(super) open_to: String,
    /// The user that was made, with the password, which is written nowhere else.
    pub(super) first_user: Option<(String, String)>,
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
        writeln!(f, "  open to    {}", self.open_to)?;
        let host = self.example_host();
        if let Some((user, password)) = &self.first_user {
            writeln!(
                f,
                "  first user {user}, password {password} (shown once; wharf user passwd {user} sets another)"
            )?;
        }
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
