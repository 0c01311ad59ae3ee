//! Shares as the administration API writes them: of the blobs that are hashed, and of the time that work may be busy.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::registry::{Effort, EffortError, Sample, SampleError};

/// Which share of the blobs is hashed, such as `10%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[0-9]{1,3}(\\.[0-9]{1,4})?%$", examples("10%", "0.5%"))]
pub struct Share(pub Sample);

/// How much of the time work may be busy, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(pub Effort);

impl TryFrom<String> for Share {
    type Error = SampleError;

    fn try_from(text: String) -> Result<Share, SampleError> {
        text.parse().map(Share)
    }
}

impl From<Share> for String {
    fn from(share: Share) -> String {
        share.0.to_string()
    }
}

impl TryFrom<u8> for Percent {
    type Error = EffortError;

    fn try_from(percent: u8) -> Result<Percent, EffortError> {
        Effort::percent(percent).map(Percent).ok_or(EffortError)
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> u8 {
        percent.0.as_percent()
    }
}
