//! What holds where the operator is silent: `builtin.yml` without any file, `defaults.yml` key by key.

use super::node::Node;
use super::origin::{Origin, Source};
use super::yaml;

/// Defaults of sections that are off unless they are written.
const OF_SECTIONS: [(&str, &str); 5] = [
    ("https", "https: {addr: ':5443', minimumtls: tls1.2}"),
    ("http.tls.certificate", "http: {tls: {minimumtls: tls1.2}}"),
    ("auth.ldap", "auth: {ldap: {starttls: false, users: {filter: '(uid={user})', name: uid}}}"),
    ("auth.ldap.groups", "auth: {ldap: {groups: {filter: '(member={dn})', name: cn}}}"),
    ("auth.certificate", "auth: {certificate: {user: commonname}}"),
];

/// The configuration in the place of a file that was not given.
pub(super) fn builtin() -> Node {
    read(include_str!("builtin.yml"))
}

/// Fills in every key that is absent. Sections that are off unless they are written get theirs only if they are.
pub(super) fn fill(root: &mut Node) {
    root.fill(&read(include_str!("defaults.yml")));
    for (section, defaults) in OF_SECTIONS {
        if root.find(section).is_some() {
            root.fill(&read(defaults));
        }
    }
}

fn read(text: &str) -> Node {
    yaml::parse(text, &Source::Default).unwrap_or_else(|_| Node::null(Origin::Default))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check::check;
    use crate::config::schema::TOP;

    #[test]
    fn the_defaults_are_keys_that_there_are() {
        let files = [include_str!("builtin.yml"), include_str!("defaults.yml")];
        for text in files.into_iter().chain(OF_SECTIONS.map(|(_, text)| text)) {
            let root = yaml::parse(text, &Source::Default).unwrap();
            assert!(root.map().is_some());
            assert_eq!(check(&root, TOP).unwrap(), []);
        }
    }
}
