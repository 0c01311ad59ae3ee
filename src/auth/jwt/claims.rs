//! What a token says, once its signature has been found good.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::JwtError;
use super::error::excerpt;

/// How far clocks may be apart, as in registry:2.
const LEEWAY: Duration = Duration::seconds(60);
/// The last second that has a date; later times are taken for this one.
const END_OF_TIME: f64 = 253_402_300_799.0;

/// The claims of a token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn parse(json: &[u8]) -> Result<Claims, JwtError> {
        serde_json::from_slice(json).map(Claims).map_err(|_| JwtError::Json("payload"))
    }

    /// Looks at who issued it (`iss`), for whom (`aud`: one of these) and for what time (`exp`, `nbf`), and says when it
    /// expires. It is taken for a minute more, and as much earlier, since clocks differ.
    pub(crate) fn check(
        &self,
        issuer: &str,
        audiences: &[String],
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, JwtError> {
        let from = self.text("iss")?.ok_or(JwtError::NoClaim("iss"))?;
        if from != issuer {
            return Err(JwtError::Issuer(excerpt(from)));
        }
        if !self.is_for(audiences)? {
            return Err(JwtError::Audience);
        }
        let expires = self.time("exp")?.ok_or(JwtError::NoClaim("exp"))?;
        if now - LEEWAY > expires {
            return Err(JwtError::Expired);
        }
        if self.time("nbf")?.is_some_and(|begins| begins > now + LEEWAY) {
            return Err(JwtError::NotYetValid);
        }
        Ok(expires)
    }

    /// A claim that is a text; one that is missing or null is none.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, JwtError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(JwtError::ClaimType(name)),
        }
    }

    /// A claim; one that is null is none.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// All of them.
    pub(crate) fn all(&self) -> &Map<String, Value> {
        &self.0
    }

    fn is_for(&self, audiences: &[String]) -> Result<bool, JwtError> {
        let wanted = |text: &str| audiences.iter().any(|audience| audience == text);
        match self.get("aud") {
            None => Err(JwtError::NoClaim("aud")),
            Some(Value::String(one)) => Ok(wanted(one)),
            Some(Value::Array(many)) => {
                let texts: Option<Vec<&str>> = many.iter().map(Value::as_str).collect();
                Ok(texts.ok_or(JwtError::ClaimType("aud"))?.into_iter().any(wanted))
            }
            Some(_) => Err(JwtError::ClaimType("aud")),
        }
    }

    /// Seconds since 1970, perhaps with a fraction (RFC 7519 §2, `NumericDate`).
    fn time(&self, name: &'static str) -> Result<Option<OffsetDateTime>, JwtError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let seconds = value.as_f64().ok_or(JwtError::ClaimType(name))?;
        Ok(Some(OffsetDateTime::UNIX_EPOCH + Duration::seconds_f64(seconds.clamp(0.0, END_OF_TIME))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn check(claims: &Value) -> Result<OffsetDateTime, JwtError> {
        let claims = Claims::parse(claims.to_string().as_bytes())?;
        claims.check("me", &["here".to_owned(), "there".to_owned()], OffsetDateTime::from_unix_timestamp(NOW).unwrap())
    }

    #[test]
    fn a_token_counts_from_a_minute_before_to_a_minute_after_its_time() {
        for (from, until, expected) in [
            (NOW - 10, NOW + 10, Ok(NOW + 10)),
            (NOW + 60, NOW + 90, Ok(NOW + 90)),
            (NOW + 61, NOW + 90, Err(JwtError::NotYetValid)),
            (0, NOW - 60, Ok(NOW - 60)),
            (0, NOW - 61, Err(JwtError::Expired)),
            (-5, i64::MAX, Ok(253_402_300_799)),
            (i64::MAX, i64::MAX, Err(JwtError::NotYetValid)),
            (0, i64::MIN, Err(JwtError::Expired)),
        ] {
            let checked = check(&json!({ "iss": "me", "aud": "here", "nbf": from, "exp": until }));
            assert_eq!(checked.map(OffsetDateTime::unix_timestamp), expected, "{from} to {until}");
        }
    }

    #[test]
    fn a_token_is_for_us_if_one_of_its_audiences_is_one_of_ours() {
        for (audience, expected) in [
            (json!("there"), Ok(())),
            (json!(["elsewhere", "here"]), Ok(())),
            (json!("elsewhere"), Err(JwtError::Audience)),
            (json!([]), Err(JwtError::Audience)),
            (json!(["here", 1]), Err(JwtError::ClaimType("aud"))),
            (json!({ "here": "here" }), Err(JwtError::ClaimType("aud"))),
            (json!(null), Err(JwtError::NoClaim("aud"))),
        ] {
            let checked = check(&json!({ "iss": "me", "aud": audience, "exp": NOW }));
            assert_eq!(checked.map(|_| ()), expected, "{audience}");
        }
    }

    #[test]
    fn what_a_token_must_say_is_not_guessed() {
        for (claims, expected) in [
            (json!({ "aud": "here", "exp": NOW }), JwtError::NoClaim("iss")),
            (json!({ "iss": "you", "aud": "here", "exp": NOW }), JwtError::Issuer("you".to_owned())),
            (json!({ "iss": ["me"], "aud": "here", "exp": NOW }), JwtError::ClaimType("iss")),
            (json!({ "iss": "me", "aud": "here" }), JwtError::NoClaim("exp")),
            (json!({ "iss": "me", "aud": "here", "exp": NOW.to_string() }), JwtError::ClaimType("exp")),
            (json!({ "iss": "me", "aud": "here", "exp": NOW, "nbf": "0" }), JwtError::ClaimType("nbf")),
            (json!(["iss"]), JwtError::Json("payload")),
        ] {
            assert_eq!(check(&claims), Err(expected), "{claims}");
        }
    }
}
