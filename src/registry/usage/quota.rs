//! What an operator decides about how much namespaces may hold.

use crate::oci::RepositoryName;

use super::ByteSize;

/// How much namespaces may hold (`quotas`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas(pub Vec<Quota>);

/// How much a namespace may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The key of its bytes in the configuration, by which messages call it.
    pub key: String,
    /// Which namespace.
    pub namespace: Namespace,
    /// So much.
    pub bytes: ByteSize,
}

/// A namespace is a path and everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// This one.
    Named(RepositoryName),
    /// Each by itself that is the first part of a name, and that no other quota names.
    EachFirst,
}

impl Quotas {
    /// The namespaces with a quota that a repository is in, the widest first.
    pub(super) fn about(&self, repository: &RepositoryName) -> Vec<(RepositoryName, &Quota)> {
        let mut found: Vec<(RepositoryName, &Quota)> = Vec::new();
        let first = first_part(repository);
        for quota in &self.0 {
            match &quota.namespace {
                Namespace::Named(name) if is_within(repository, name) => found.push((name.clone(), quota)),
                Namespace::EachFirst => {
                    found.extend(first.clone().filter(|first| !self.names(first)).map(|first| (first, quota)))
                }
                Namespace::Named(_) => {}
            }
        }
        found.sort_by_key(|(name, _)| name.as_str().len());
        found
    }

    fn names(&self, namespace: &RepositoryName) -> bool {
        self.0.iter().any(|quota| matches!(&quota.namespace, Namespace::Named(name) if name == namespace))
    }

    /// Those that are named.
    pub(super) fn named(&self) -> impl Iterator<Item = &RepositoryName> {
        self.0.iter().filter_map(|quota| match &quota.namespace {
            Namespace::Named(name) => Some(name),
            Namespace::EachFirst => None,
        })
    }

    /// Whether one is about each first part of names.
    pub(super) fn has_each_first(&self) -> bool {
        self.0.iter().any(|quota| quota.namespace == Namespace::EachFirst)
    }
}

fn first_part(repository: &RepositoryName) -> Option<RepositoryName> {
    repository.components().next()?.parse().ok()
}

/// Whether a repository is in a namespace.
pub(in crate::registry) fn is_within(repository: &RepositoryName, namespace: &RepositoryName) -> bool {
    let rest = repository.as_str().strip_prefix(namespace.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_in_every_namespace_above_it_and_a_star_is_about_those_that_nothing_names() {
        let quota = |namespace: &str| Quota {
            key: namespace.to_owned(),
            namespace: namespace.parse().map_or(Namespace::EachFirst, Namespace::Named),
            bytes: ByteSize(1),
        };
        let quotas = Quotas(["team/app", "*", "team", "lone/deep"].map(quota).to_vec());
        let about = |text: &str| -> Vec<(String, String)> {
            let found = quotas.about(&text.parse().unwrap());
            found.into_iter().map(|(name, quota)| (name.to_string(), quota.key.clone())).collect()
        };
        let pair = |name: &str, key: &str| (name.to_owned(), key.to_owned());
        assert_eq!(about("team/app/web"), [pair("team", "team"), pair("team/app", "team/app")]);
        assert_eq!(about("team/app"), [pair("team", "team"), pair("team/app", "team/app")]);
        assert_eq!(about("team/application"), [pair("team", "team")]);
        assert_eq!(about("teams/app"), [pair("teams", "*")]);
        assert_eq!(about("lone/deep/a"), [pair("lone", "*"), pair("lone/deep", "lone/deep")]);
        assert_eq!(about("lone"), [pair("lone", "*")]);
        assert_eq!(Quotas::default().about(&"a".parse().unwrap()), []);
    }
}
