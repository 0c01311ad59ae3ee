//! What a token opens: its claim `access`.

use serde_json::{Map, Value};

use crate::auth::jwt::{Claims, JwtError};
use crate::auth::scope::Access;

const WRONG: JwtError = JwtError::ClaimType("access");

/// What the claim lists; nothing if it is missing. As in Go, null is an empty text or list: servers written in Go write it
/// for no actions.
pub(super) fn of(claims: &Claims) -> Result<Vec<Access>, JwtError> {
    list(claims.get("access"))?.iter().map(one).collect()
}

fn one(value: &Value) -> Result<Access, JwtError> {
    let object = value.as_object().ok_or(WRONG)?;
    let actions = list(object.get("actions"))?.iter().map(|action| action.as_str().map(str::to_owned).ok_or(WRONG));
    Ok(Access { kind: text(object, "type")?, name: text(object, "name")?, actions: actions.collect::<Result<_, _>>()? })
}

fn text(object: &Map<String, Value>, key: &str) -> Result<String, JwtError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(WRONG),
    }
}

fn list(value: Option<&Value>) -> Result<&[Value], JwtError> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(WRONG),
    }
}
