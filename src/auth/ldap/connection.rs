//! A connection to the directory's server, and what is said on it.

use ldap3::{LdapConnAsync, LdapResult, ResultEntry, Scope, SearchOptions};
use tokio_util::task::AbortOnDropHandle;

use super::limits::{CONVERSATION, TEXT};
use super::server::Server;
use super::{LdapError, LdapStep};

/// What was asked is done.
pub(super) const SUCCESS: u32 = 0;
/// There are more entries than were asked for.
const SIZE_LIMIT_EXCEEDED: u32 = 4;
/// The password is wrong, or there is no such user; servers do not say which.
pub(super) const INVALID_CREDENTIALS: u32 = 49;
/// What servers say of a user whose account is locked, or who has no password.
pub(super) const NO_LOGIN: [u32; 3] = [19, 48, 53];

/// A connection; closed when this is dropped.
pub(super) struct Connection<'a> {
    server: &'a Server,
    ldap: ldap3::Ldap,
    _driven: AbortOnDropHandle<()>,
}

/// Entries to look for.
pub(super) struct Search<'a> {
    pub(super) step: LdapStep,
    pub(super) base: &'a str,
    pub(super) filter: &'a str,
    /// The attribute that counts.
    pub(super) attribute: &'a str,
    /// How many entries there may be.
    pub(super) most: u16,
}

/// What was found.
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    /// Whether there is more than was asked for.
    pub(super) more: bool,
}

/// An entry, with the values of the attribute that counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dn: String,
    pub(super) values: Vec<String>,
}

impl<'a> Connection<'a> {
    /// Connects, encrypted if it is to be.
    pub(super) async fn open(server: &'a Server, step: LdapStep) -> Result<Connection<'a>, LdapError> {
        let opened = LdapConnAsync::with_settings(server.connecting.clone(), &server.url).await;
        let (connection, ldap) = opened.map_err(|error| failure(server, step, error))?;
        let driven = tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the LDAP server ended in an error");
            }
        });
        Ok(Connection { server, ldap, _driven: AbortOnDropHandle::new(driven) })
    }

    /// Logs in. The password is not empty: with an empty one, this succeeds for everybody.
    pub(super) async fn bind(&mut self, step: LdapStep, dn: &str, password: &str) -> Result<LdapResult, LdapError> {
        let bound = self.ldap.simple_bind(dn, password).await;
        bound.map_err(|error| failure(self.server, step, error))
    }

    /// Looks for entries. References to other servers are not followed.
    pub(super) async fn search(&mut self, search: Search<'_>) -> Result<Found, LdapError> {
        let Search { step, base, filter, attribute, most } = search;
        let failed = |error| failure(self.server, step, error);
        let limit = i32::try_from(CONVERSATION.as_secs()).unwrap_or(i32::MAX);
        self.ldap.with_search_options(SearchOptions::new().sizelimit(most.into()).timelimit(limit));
        let searching = self.ldap.streaming_search(base, Scope::Subtree, filter, vec![attribute]);
        let mut stream = searching.await.map_err(failed)?;
        let mut entries = Vec::new();
        while let Some(entry) = stream.next().await.map_err(failed)? {
            if entry.is_ref() || entry.is_intermediate() {
                continue;
            }
            // A server need not keep to the limit.
            if entries.len() >= usize::from(most) {
                return Ok(Found { entries, more: true });
            }
            let malformed = || LdapError::Malformed { url: self.server.url.clone() };
            entries.push(Entry::read(entry, attribute).ok_or_else(malformed)?);
        }
        let result = stream.finish().await;
        match result.rc {
            SUCCESS => Ok(Found { entries, more: false }),
            SIZE_LIMIT_EXCEEDED => Ok(Found { entries, more: true }),
            _ => Err(refusal(self.server, step, &result)),
        }
    }
}

impl Entry {
    /// Reads it, which ldap3 does too, but falls over what is malformed.
    fn read(entry: ResultEntry, attribute: &str) -> Option<Entry> {
        let mut parts = entry.0.expect_constructed()?.into_iter();
        let dn = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
        let mut values = Vec::new();
        for attributes in parts.next()?.expect_constructed()? {
            let mut pair = attributes.expect_constructed()?.into_iter();
            let name = pair.next()?.expect_primitive()?;
            if name.eq_ignore_ascii_case(attribute.as_bytes()) {
                for value in pair.next()?.expect_constructed()? {
                    // What is no text is no name.
                    values.extend(String::from_utf8(value.expect_primitive()?).ok());
                }
            }
        }
        // To log in with an empty name is to log in as nobody, which succeeds.
        (!dn.is_empty()).then_some(Entry { dn, values })
    }
}

/// What went wrong with a connection.
fn failure(server: &Server, step: LdapStep, error: ldap3::LdapError) -> LdapError {
    let url = server.url.clone();
    match error {
        ldap3::LdapError::Timeout { .. } => LdapError::Late { url },
        ldap3::LdapError::LdapResult { result } => refusal(server, step, &result),
        error => LdapError::Connection { url, step, source: Box::new(error) },
    }
}

/// What a server refuses.
pub(super) fn refusal(server: &Server, step: LdapStep, result: &LdapResult) -> LdapError {
    let text = result.text.chars().take(TEXT).collect();
    LdapError::Result { url: server.url.clone(), step, code: result.rc, text }
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::{PL, StructureTag, TagClass};

    use super::*;

    fn text(text: &str) -> StructureTag {
        StructureTag { class: TagClass::Universal, id: 4, payload: PL::P(text.into()) }
    }

    fn list(items: Vec<StructureTag>) -> StructureTag {
        StructureTag { class: TagClass::Universal, id: 16, payload: PL::C(items) }
    }

    fn read(dn: StructureTag, attributes: Vec<StructureTag>) -> Option<Entry> {
        Entry::read(ResultEntry::new(list(vec![dn, list(attributes)])), "uid")
    }

    #[test]
    fn an_entry_is_its_name_and_the_values_of_one_attribute() {
        let attribute = |name, values: &[&str]| list(vec![text(name), list(values.iter().map(|v| text(v)).collect())]);
        let entry = read(text("uid=a,dc=b"), vec![attribute("cn", &["no"]), attribute("UID", &["a", "b"])]).unwrap();
        assert_eq!((entry.dn.as_str(), entry.values), ("uid=a,dc=b", vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn what_is_malformed_is_no_entry() {
        assert_eq!(read(text(""), vec![]), None);
        assert_eq!(read(list(vec![]), vec![]), None);
        assert_eq!(read(text("dc=a"), vec![text("uid")]), None);
        assert_eq!(read(text("dc=a"), vec![list(vec![text("uid")])]), None);
        assert_eq!(Entry::read(ResultEntry::new(text("dc=a")), "uid"), None);
        assert_eq!(Entry::read(ResultEntry::new(list(vec![])), "uid"), None);
    }
}
