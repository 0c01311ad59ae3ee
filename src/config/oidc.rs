//! `auth.oidc`: identity providers, and whom their tokens stand for.

use std::path::PathBuf;

use super::document::{Document, texts_of};
use super::error::ConfigError;
use super::item::{Item, items};
use super::node::{Node, below};
use super::url;
use super::warning::Warning;
use crate::auth::{OidcIdentity, OidcIssuer};

const KEY: &str = "auth.oidc";

/// Reads the settings; there may be none.
pub(super) fn settings(document: &mut Document) -> Result<Vec<OidcIssuer>, ConfigError> {
    let mut warnings = Vec::new();
    let mut issuers: Vec<OidcIssuer> = Vec::new();
    let listed = items(document.find(KEY), KEY);
    if listed.is_empty() && document.find(KEY).is_some() {
        return Err(document.expected(KEY, "at least one identity provider"));
    }
    for item in &listed {
        let issuer = issuer(item, &mut warnings)?;
        if issuers.iter().any(|other| other.issuer == issuer.issuer) {
            return Err(item.conflict("issuer", "stands here a second time; write all its identities in one place"));
        }
        issuers.push(issuer);
    }
    document.warnings.extend(warnings);
    Ok(issuers)
}

fn issuer(item: &Item<'_>, warnings: &mut Vec<Warning>) -> Result<OidcIssuer, ConfigError> {
    let name = item.text("issuer").filter(|text| url::is_url(text));
    let name =
        name.ok_or_else(|| item.expected("issuer", "a URL such as https://token.actions.githubusercontent.com"))?;
    let jwks = item.text("jwks");
    if jwks.is_some_and(|jwks| !url::is_url(jwks)) {
        return Err(item.expected("jwks", "a URL of a JSON Web Key Set"));
    }
    if name.starts_with("https://") && jwks.is_some_and(|jwks| !jwks.starts_with("https://")) {
        return Err(
            item.conflict("jwks", "keys of an https issuer come over https too, or anybody on the way makes tokens")
        );
    }
    let (asked, asked_key) = jwks.map_or((name, "issuer"), |jwks| (jwks, "jwks"));
    if url::split(asked).is_some_and(|(scheme, host, _)| scheme == "http" && !url::is_loopback(host)) {
        let what = "keys come over plain http, so whoever is on the way can make tokens; use https";
        warnings.push(item.surprise(asked_key, what));
    }
    let audiences = item.some_texts("audience", "what the claim aud of tokens for this registry holds")?;
    let identities = items(item.find("identities"), &below(&item.key, "identities"));
    if identities.is_empty() {
        return Err(item.expected("identities", "a list that says whom which tokens stand for"));
    }
    Ok(OidcIssuer {
        issuer: name.to_owned(),
        audiences: audiences.into_iter().map(str::to_owned).collect(),
        jwks: jwks.map(str::to_owned),
        ca: item.text("ca").map(PathBuf::from),
        identities: identities.iter().map(identity).collect::<Result<_, _>>()?,
    })
}

/// Without claims, every token of the issuer would do: of a public one, anybody's.
fn identity(item: &Item<'_>) -> Result<OidcIdentity, ConfigError> {
    let claims = item.find("claims").and_then(Node::map).map(|map| map.entries.as_slice()).unwrap_or_default();
    if claims.is_empty() {
        return Err(
            item.expected("claims", "claims with patterns, such as repository: acme/*; sub: \"*\" is every token")
        );
    }
    let key = below(&item.key, "claims");
    let claim = |(name, node): &(String, Node)| {
        let patterns = texts_of(node, &below(&key, name))?;
        let patterns: Vec<String> =
            patterns.into_iter().filter(|pattern| !pattern.is_empty()).map(str::to_owned).collect();
        if patterns.is_empty() {
            let (origin, key) = (node.origin.clone(), below(&key, name));
            return Err(ConfigError::Conflict {
                origin,
                key,
                reason: "a pattern is missing, such as acme/*".to_owned(),
            });
        }
        Ok((name.clone(), patterns))
    };
    let user = item.text("user").filter(|text| is_template(text));
    let groups = item.texts("groups")?;
    if !groups.iter().all(|group| is_template(group)) {
        return Err(item.expected("groups", "names of groups, in which {claim} stands for a claim"));
    }
    Ok(OidcIdentity {
        claims: claims.iter().map(claim).collect::<Result<_, _>>()?,
        user: user.ok_or_else(|| item.expected("user", "a name such as ci-{repository_owner}"))?.to_owned(),
        groups: groups.into_iter().map(str::to_owned).collect(),
    })
}

/// Whether a text is a name in which each brace belongs to a claim.
fn is_template(text: &str) -> bool {
    let plain = |text: &str| !text.contains(['{', '}', ':']) && !text.chars().any(char::is_control);
    let mut pieces = text.split('{');
    let begins_plain = pieces.next().is_some_and(plain);
    let with_claim =
        |piece: &str| piece.split_once('}').is_some_and(|(claim, behind)| !claim.trim().is_empty() && plain(behind));
    !text.is_empty() && begins_plain && pieces.all(with_claim)
}

#[cfg(test)]
mod tests {
    use super::is_template;

    #[test]
    fn a_template_is_a_name_with_claims_in_braces() {
        for text in ["ci", "ci-{repository_owner}", "{sub}", "{a}{b}", "{https://example.com/role}"] {
            assert!(is_template(text), "{text}");
        }
        for text in ["", "{", "}", "{}", "a}", "{a", "{a{b}}", "repo:{sub}", "a\nb{c}"] {
            assert!(!is_template(text), "{text:?}");
        }
    }
}
