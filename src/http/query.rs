//! The query of a request.

use std::borrow::Cow;

use crate::registry::Page;

use super::HttpError;

/// The parameters of a request, in order.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Reads what stands behind the question mark.
    pub(super) fn parse(text: Option<&'a str>) -> Query<'a> {
        Query(form_urlencoded::parse(text.unwrap_or_default().as_bytes()).collect())
    }

    /// Reads a form (`application/x-www-form-urlencoded`).
    pub(super) fn of_form(body: &'a [u8]) -> Query<'a> {
        Query(form_urlencoded::parse(body).collect())
    }

    /// The first value of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// The page that `n` and `last` ask for. A number too large to hold is as good as the largest.
    pub(super) fn page(&self) -> Result<Page, HttpError> {
        let limit = match self.get("n") {
            None | Some("") => None,
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => Some(text.parse().unwrap_or(usize::MAX)),
            Some(text) => return Err(HttpError::PageLength(text.chars().take(40).collect())),
        };
        Ok(Page { limit, last: self.get("last").filter(|last| !last.is_empty()).map(str::to_owned) })
    }
}

/// The parameters of the next page.
pub(super) fn next_page(last: &str, page: &Page, more: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("last", last);
    if let Some(limit) = page.limit {
        query.append_pair("n", &limit.to_string());
    }
    query.extend_pairs(more);
    query.finish()
}
