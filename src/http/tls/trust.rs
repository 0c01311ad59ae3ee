//! How clients come to trust our authority: the commands, ready to be pasted.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::{AuthorityCertificate, CertifiedName};

/// What the commands are about.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// What to trust.
    pub certificate: &'a AuthorityCertificate,
    /// The names under which clients reach the server, the usual one first; not empty.
    pub names: &'a [CertifiedName],
    /// The port that speaks https.
    pub port: u16,
    /// The port that speaks plain http, if there is one: the certificate is fetched from there.
    pub plain_port: Option<u16>,
}

/// The commands with which docker, podman, containerd and the system's own store come to trust the authority.
pub fn trust_instructions(trust: Trust<'_>) -> String {
    let Some(usual) = trust.names.first() else {
        return String::new();
    };
    let fetch = match trust.plain_port {
        Some(port) => format!("curl -fsSL http://{}/ca.crt", place(usual, port, 80)),
        None => format!("curl -fsSL -k https://{}/ca.crt", place(usual, trust.port, 443)),
    };
    let places: Vec<_> = trust.names.iter().map(|name| place(name, trust.port, 443)).collect();
    format!(
        "This registry's certificate comes from its own authority, kept in {path}.\n\
         SHA-256 {fingerprint}\n\
         \n\
         On each client, fetch the authority's certificate, and go on only if its fingerprint is the one above:\n\
         \n  {fetch} -o wharf-ca.crt\n  openssl x509 -in wharf-ca.crt -noout -fingerprint -sha256\n\
         \n\
         Docker (needs no restart):\n\
         \n{docker}\
         \n\
         Podman, Buildah, Skopeo, CRI-O:\n\
         \n{podman}\
         \n\
         containerd, nerdctl (with config_path = \"/etc/containerd/certs.d\" in containerd's config.toml):\n\
         \n{containerd}\
         \n\
         Everything else on Debian and Ubuntu:\n\
         \n  sudo cp wharf-ca.crt /usr/local/share/ca-certificates/wharf.crt && sudo update-ca-certificates\n\
         \n\
         Everything else on Fedora and RHEL:\n\
         \n  sudo cp wharf-ca.crt /etc/pki/ca-trust/source/anchors/wharf.crt && sudo update-ca-trust\n",
        path = trust.certificate.path().display(),
        fingerprint = trust.certificate.fingerprint(),
        docker = copies("/etc/docker/certs.d", &places),
        podman = copies("/etc/containers/certs.d", &places),
        containerd = hosts_files(&places),
    )
}

/// How an image reference spells a server: the port is left out when it is the usual one.
fn place(name: &CertifiedName, port: u16, usual: u16) -> String {
    let host = match name {
        CertifiedName::Address(IpAddr::V6(address)) => format!("[{address}]"),
        CertifiedName::Address(IpAddr::V4(_)) | CertifiedName::Host(_) => name.to_string(),
    };
    if port == usual { host } else { format!("{host}:{port}") }
}

fn copies(root: &str, places: &[String]) -> String {
    let mut commands = String::new();
    for place in places {
        // Writing to a string does not fail.
        let _ = writeln!(commands, "  sudo install -D -m 644 wharf-ca.crt {root}/{place}/ca.crt");
    }
    commands
}

fn hosts_files(places: &[String]) -> String {
    let root = "/etc/containerd/certs.d";
    let mut commands = copies(root, places);
    for place in places {
        let file =
            format!(r#"server = "https://{place}"\n\n[host."https://{place}"]\n  ca = "{root}/{place}/ca.crt"\n"#);
        let _ = writeln!(commands, "  printf '{file}' | sudo tee {root}/{place}/hosts.toml");
    }
    commands
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::http::tls::Authority;

    fn instructions(names: &[&str], port: u16, plain_port: Option<u16>) -> String {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(directory.path(), OffsetDateTime::now_utc()).unwrap();
        let names: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
        let certificate = authority.certificate();
        let text = trust_instructions(Trust { certificate, names: &names, port, plain_port });
        assert!(text.contains(&certificate.fingerprint()), "{text}");
        text
    }

    #[test]
    fn every_client_is_told_where_it_looks() {
        let text = instructions(&["build", "fd00::7"], 5443, Some(5000));
        for line in [
            "  curl -fsSL http://build:5000/ca.crt -o wharf-ca.crt\n",
            "  sudo install -D -m 644 wharf-ca.crt /etc/docker/certs.d/build:5443/ca.crt\n",
            "  sudo install -D -m 644 wharf-ca.crt /etc/docker/certs.d/[fd00::7]:5443/ca.crt\n",
            "  sudo install -D -m 644 wharf-ca.crt /etc/containers/certs.d/build:5443/ca.crt\n",
            "  printf 'server = \"https://build:5443\"\\n\\n[host.\"https://build:5443\"]\\n  \
             ca = \"/etc/containerd/certs.d/build:5443/ca.crt\"\\n' \
             | sudo tee /etc/containerd/certs.d/build:5443/hosts.toml\n",
            "sudo update-ca-certificates\n",
            "sudo update-ca-trust\n",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }

    #[test]
    fn without_a_plain_port_the_certificate_is_fetched_unverified_and_compared() {
        let text = instructions(&["build"], 443, None);
        assert!(text.contains("curl -fsSL -k https://build/ca.crt -o wharf-ca.crt\n"), "{text}");
        assert!(text.contains("/etc/docker/certs.d/build/ca.crt"), "{text}");
    }
}
