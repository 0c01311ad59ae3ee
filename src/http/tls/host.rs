//! What this host is called and which addresses it has.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{CertifiedName, TlsError};

/// Every name and address under which clients may know this host, and those that the operator adds.
///
/// A name of the host's own that cannot be certified is left out; one that the operator wrote is an error.
pub(super) fn names(configured: &[String]) -> Result<BTreeSet<CertifiedName>, TlsError> {
    let mut names = BTreeSet::from([
        CertifiedName::Host("localhost".to_owned()),
        CertifiedName::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        CertifiedName::Address(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ]);
    let hostname = hostname();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let own = std::iter::once(hostname.clone()).chain(relatives(&hosts, &hostname));
    names.extend(own.filter_map(|name| name.parse::<CertifiedName>().ok()));
    names.extend(addresses().into_iter().map(CertifiedName::Address));
    for name in configured {
        names.insert(name.parse()?);
    }
    Ok(names)
}

/// Where clients on other hosts reach this one: what the operator added first, then the host's names, then its addresses.
///
/// # Errors
///
/// When what the operator added is neither a host name nor an address.
pub fn reachable_names(configured: &[String]) -> Result<Vec<CertifiedName>, TlsError> {
    let mut reachable = configured.iter().map(|name| name.parse()).collect::<Result<Vec<_>, _>>()?;
    for name in names(configured)? {
        let local = match &name {
            CertifiedName::Host(host) => host == "localhost",
            CertifiedName::Address(address) => address.is_loopback(),
        };
        if !local && !reachable.contains(&name) {
            reachable.push(name);
        }
    }
    Ok(reachable)
}

/// The host's name as the kernel knows it.
pub(super) fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The longer and shorter forms of the host's name: its first label, and the qualified names that `/etc/hosts` knows.
fn relatives(hosts: &str, hostname: &str) -> BTreeSet<String> {
    let short = hostname.split('.').next().unwrap_or(hostname);
    let qualified = hosts
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(|line| line.split_whitespace().skip(1))
        .filter(|name| name.strip_prefix(short).is_some_and(|rest| rest.starts_with('.')));
    qualified.chain([short]).map(str::to_owned).collect()
}

/// The addresses of the interfaces, without those that mean something on one link only.
fn addresses() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => {
            let useful = interfaces.iter().filter(|interface| !interface.is_link_local());
            useful.map(|interface| interface.ip().to_canonical()).collect()
        }
        Err(error) => {
            tracing::debug!(%error, "the addresses of this host cannot be listed");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_qualified_name_is_found_in_the_hosts_file() {
        let hosts = "127.0.0.1 localhost\n# 10.0.0.1 build.other\n127.0.1.1 build.example.org build\n10.0.0.2 builder.example.org\n";
        let found = relatives(hosts, "build");
        assert_eq!(found, BTreeSet::from(["build".to_owned(), "build.example.org".to_owned()]));
    }

    #[test]
    fn a_qualified_host_name_is_known_by_its_first_label_too() {
        assert_eq!(relatives("", "build.example.org"), BTreeSet::from(["build".to_owned()]));
    }

    #[test]
    fn the_operators_names_come_beside_the_hosts_own() {
        let names = names(&["registry.example.org".to_owned()]).unwrap();
        for wanted in ["localhost", "127.0.0.1", "::1", "registry.example.org"] {
            assert!(names.contains(&wanted.parse().unwrap()), "{wanted} in {names:?}");
        }
    }

    #[test]
    fn clients_elsewhere_are_told_names_that_work_elsewhere() {
        let names = reachable_names(&["registry.example.org".to_owned()]).unwrap();
        assert_eq!(names[0].to_string(), "registry.example.org");
        assert!(!names.iter().any(|name| ["localhost", "127.0.0.1", "::1"].contains(&&*name.to_string())));
    }

    #[test]
    fn a_name_of_the_operators_that_cannot_be_certified_is_an_error() {
        assert!(matches!(names(&["registry:5000".to_owned()]), Err(TlsError::Name { .. })));
    }
}
