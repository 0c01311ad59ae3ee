//! A repository and perhaps a tag of it, as people write them: `team/app:1.0`.

use std::fmt;
use std::str::FromStr;

use crate::oci::{NameError, RepositoryName, Tag, TagError};

/// A repository, or a tag of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) repository: RepositoryName,
    pub(super) tag: Option<Tag>,
}

/// A tag of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedTag {
    pub(super) repository: RepositoryName,
    pub(super) tag: Tag,
}

/// Why a text names no repository or no tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NamedError {
    #[error("{0}; write team/app or team/app:1.0, and the registry's address behind --server")]
    Repository(#[from] NameError),
    #[error(transparent)]
    Tag(#[from] TagError),
    #[error("say which tag, as in {0}:latest")]
    NoTag(RepositoryName),
}

impl FromStr for Named {
    type Err = NamedError;

    fn from_str(text: &str) -> Result<Named, NamedError> {
        // A colon before the last slash is one of an address and its port.
        let last = text.rfind('/').unwrap_or_default();
        let (repository, tag) = match text[last..].find(':') {
            Some(at) => (&text[..last + at], Some(&text[last + at + 1..])),
            None => (text, None),
        };
        Ok(Named { repository: repository.parse()?, tag: tag.map(str::parse).transpose()? })
    }
}

impl FromStr for NamedTag {
    type Err = NamedError;

    fn from_str(text: &str) -> Result<NamedTag, NamedError> {
        let Named { repository, tag } = text.parse()?;
        match tag {
            Some(tag) => Ok(NamedTag { repository, tag }),
            None => Err(NamedError::NoTag(repository)),
        }
    }
}

impl fmt::Display for NamedTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_behind_the_last_colon_and_an_address_is_not_part_of_a_name() {
        let read = |text: &str| text.parse::<Named>().map(|named| (named.repository.to_string(), named.tag));
        let tag = |text: &str| Some(text.parse::<Tag>().unwrap());
        assert_eq!(read("team/app:1.0"), Ok(("team/app".to_owned(), tag("1.0"))));
        assert_eq!(read("app"), Ok(("app".to_owned(), None)));
        let address = read("localhost:5000/team/app:1").unwrap_err();
        assert!(address.to_string().contains("--server"), "{address}");
        for text in ["", ":1", "app:", "app:a:b", "App", "team/:1"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!("a/b:c".parse::<NamedTag>().unwrap().to_string(), "a/b:c");
        assert!(matches!("a/b".parse::<NamedTag>(), Err(NamedError::NoTag(_))));
    }
}
