//! What a registry does. Knows nothing of HTTP.

mod settings;

pub use settings::{IndexPlatforms, Platform, References, Settings, UploadPurging, UrlRules, Validation};
