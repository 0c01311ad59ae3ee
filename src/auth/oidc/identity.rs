//! Whom the claims of a token stand for.

use serde_json::{Map, Value};

use super::template::Template;
use super::{IdentityError, OidcError, claim};
use crate::auth::{GroupName, Identity, OidcIssuer};

/// As many groups may a token be in.
const MOST_GROUPS: usize = 64;

/// Whom the tokens with certain claims stand for.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    claims: Vec<(String, Vec<String>)>,
    user: Template,
    groups: Vec<Template>,
}

impl Rule {
    /// The rules of an issuer, in order.
    pub(super) fn all(issuer: &OidcIssuer) -> Result<Vec<Rule>, OidcError> {
        let template = |text: &String| {
            let wrong = || OidcError::Template { issuer: issuer.issuer.clone(), text: text.clone() };
            Template::parse(text).ok_or_else(wrong)
        };
        let rule = |identity: &crate::auth::OidcIdentity| {
            Ok(Rule {
                claims: identity.claims.clone(),
                user: template(&identity.user)?,
                groups: identity.groups.iter().map(template).collect::<Result<_, _>>()?,
            })
        };
        issuer.identities.iter().map(rule).collect()
    }

    fn fits(&self, claims: &Map<String, Value>) -> bool {
        self.claims
            .iter()
            .all(|(name, patterns)| claim::find(claims, name).is_some_and(|value| claim::fits(value, patterns)))
    }

    fn identity(&self, claims: &Map<String, Value>) -> Result<Identity, IdentityError> {
        let name = self.user.one(claims)?;
        let wrong =
            |template: &Template, source| IdentityError::Name { template: template.as_str().to_owned(), source };
        let user = name.parse().map_err(|source| wrong(&self.user, source))?;
        let mut groups: Vec<GroupName> = Vec::new();
        for template in &self.groups {
            for name in template.each(claims, MOST_GROUPS)? {
                let group = name.parse().map_err(|source| wrong(template, source))?;
                if !groups.contains(&group) {
                    groups.push(group);
                }
                if groups.len() > MOST_GROUPS {
                    return Err(IdentityError::Groups(MOST_GROUPS));
                }
            }
        }
        Ok(Identity { user, groups })
    }
}

/// Whom claims stand for: the first rule that fits says it. If it cannot, the ones behind it are not tried, since they were
/// not meant for such a token.
pub(super) fn of(rules: &[Rule], claims: &Map<String, Value>) -> Result<Identity, IdentityError> {
    rules.iter().find(|rule| rule.fits(claims)).ok_or(IdentityError::None)?.identity(claims)
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
