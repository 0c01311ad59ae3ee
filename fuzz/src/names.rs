//! Names are printed as they were read, and hold nothing that leads elsewhere.

use std::fmt::Display;
use std::str::FromStr;

use wharf::oci::{Algorithm, Digest, MediaType, Reference, RepositoryName, Tag};
use wharf::registry::UploadId;

/// The text, taken for each kind of name.
pub fn hold(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if printed_as_read::<RepositoryName>(text) {
        assert!(text.len() <= RepositoryName::MAX_LENGTH);
        text.split('/').for_each(is_plain);
    }
    if printed_as_read::<Tag>(text) {
        assert!(text.len() <= Tag::MAX_LENGTH && !text.contains(':'));
        is_plain(text);
    }
    if printed_as_read::<Digest>(text) {
        assert!(text.contains(':'));
        is_plain(text);
    }
    if printed_as_read::<UploadId>(text) {
        is_plain(text);
    }
    printed_as_read::<Algorithm>(text);
    reference(text);
    media_type(text);
}

/// Whether the text is such a name; if it is, it is printed as it was read.
fn printed_as_read<T: FromStr<Err: Display> + Display>(text: &str) -> bool {
    match text.parse::<T>() {
        Ok(name) => {
            assert_eq!(name.to_string(), text);
            true
        }
        Err(refusal) => {
            let length = refusal.to_string().len();
            assert!(length > 0 && length < 2000, "a refusal of {length} bytes");
            false
        }
    }
}

/// A reference is a tag or a digest and never both.
fn reference(text: &str) {
    printed_as_read::<Reference>(text);
    match text.parse() {
        Ok(Reference::Tag(tag)) => assert_eq!(text.parse(), Ok(tag)),
        Ok(Reference::Digest(digest)) => assert_eq!(text.parse(), Ok(digest)),
        Err(_) => assert!(text.parse::<Tag>().is_err() && text.parse::<Digest>().is_err()),
    }
}

/// Parameters behind a media type change nothing.
fn media_type(text: &str) {
    if printed_as_read::<MediaType>(text) {
        let header = format!(" {text} ; charset=utf-8");
        assert_eq!(MediaType::from_content_type(&header).ok(), text.parse().ok());
    }
    if let Ok(media_type) = MediaType::from_content_type(text) {
        assert_eq!(media_type.to_string().parse(), Ok(media_type));
    }
}

/// Whether a text can be the name of a file and no other file's.
fn is_plain(component: &str) {
    assert!(!matches!(component, "" | "." | "..") && !component.contains(['/', '\\', '\0']), "{component:?}");
    assert!(component.is_ascii() && component.len() <= 255, "{component:?}");
}
