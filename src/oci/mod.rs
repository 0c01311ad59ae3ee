//! The words of the OCI Distribution specification, as values that are parsed once and trusted afterwards.
//!
//! Nothing here does I/O or knows HTTP. Every type has private fields and one way in, its `FromStr` or `parse`.

mod descriptor;
mod digest;
mod edges;
mod error_code;
mod hasher;
mod manifest;
mod media_type;
mod name;
mod pattern;
mod range;
mod reference;
mod strict;
mod tag;
mod tag_pattern;

pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, DigestError};
pub use edges::Edges;
pub use error_code::ErrorCode;
pub use hasher::{Hasher, HasherState};
pub use manifest::{Kind, Manifest, ManifestError};
pub use media_type::{MediaType, MediaTypeError};
pub use name::{NameError, RepositoryName};
pub use pattern::{Pattern, PatternError};
pub use range::{ByteRange, ChunkRange, RangeError};
pub use reference::{Reference, ReferenceError};
pub use tag::{Tag, TagError};
pub use tag_pattern::{TagPattern, TagPatternError};
