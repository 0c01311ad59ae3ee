//! The codes that errors carry to clients (distribution-spec, "Error Codes", those that registry:2 adds, and
//! those of the administration API).

use std::fmt;

/// What went wrong, in the one word that clients look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ErrorCode {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    BodyInvalid,
    ContentTypeInvalid,
    CrossSite,
    Denied,
    DigestInvalid,
    JobRunning,
    JobUnknown,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    PaginationNumberInvalid,
    PreconditionFailed,
    RangeInvalid,
    SizeInvalid,
    TagInvalid,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unknown,
    Unsupported,
}

impl ErrorCode {
    /// The code as it is written in an answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorCode::BlobUnknown => "BLOB_UNKNOWN",
            ErrorCode::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            ErrorCode::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            ErrorCode::BodyInvalid => "BODY_INVALID",
            ErrorCode::ContentTypeInvalid => "CONTENT_TYPE_INVALID",
            ErrorCode::CrossSite => "CROSS_SITE",
            ErrorCode::Denied => "DENIED",
            ErrorCode::DigestInvalid => "DIGEST_INVALID",
            ErrorCode::JobRunning => "JOB_RUNNING",
            ErrorCode::JobUnknown => "JOB_UNKNOWN",
            ErrorCode::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            ErrorCode::ManifestInvalid => "MANIFEST_INVALID",
            ErrorCode::ManifestUnknown => "MANIFEST_UNKNOWN",
            ErrorCode::NameInvalid => "NAME_INVALID",
            ErrorCode::NameUnknown => "NAME_UNKNOWN",
            ErrorCode::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            ErrorCode::PreconditionFailed => "PRECONDITION_FAILED",
            ErrorCode::RangeInvalid => "RANGE_INVALID",
            ErrorCode::SizeInvalid => "SIZE_INVALID",
            ErrorCode::TagInvalid => "TAG_INVALID",
            ErrorCode::TooManyRequests => "TOOMANYREQUESTS",
            ErrorCode::Unauthorized => "UNAUTHORIZED",
            ErrorCode::Unavailable => "UNAVAILABLE",
            ErrorCode::Unknown => "UNKNOWN",
            ErrorCode::Unsupported => "UNSUPPORTED",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
