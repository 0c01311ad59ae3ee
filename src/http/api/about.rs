//! Which program this is, and which API.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::handlers::Answer;
use crate::http::reply::Reply;

/// Which program answers, and which API it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// The program.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// The version of this API. What is added to it does not change that; what is taken away or changed does.
    pub api: u32,
}

#[utoipa::path(
    get,
    path = "/api/v1/",
    operation_id = "about",
    summary = "Which program this is, and which API",
    tag = "registry",
    responses((status = 200, description = "The program and the API", body = About))
)]
pub(super) fn get() -> Answer {
    let about = About { name: "wharf".into(), version: env!("CARGO_PKG_VERSION").into(), api: 1 };
    Ok(Reply::json(super::JSON, &about).done())
}
