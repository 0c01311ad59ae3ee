//! Names that are made from claims: `ci-{repository_owner}`.

use serde_json::{Map, Value};

use super::{IdentityError, claim};

/// A name with claims in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Claim(String),
}

impl Template {
    /// Reads a template; none if its braces do not stand in pairs around names.
    pub(super) fn parse(text: &str) -> Option<Template> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(brace);
            let (name, after) = after.strip_prefix('{')?.split_once('}')?;
            if name.is_empty() || name.contains('{') {
                return None;
            }
            pieces.extend([Piece::Text(before.to_owned()), Piece::Claim(name.to_owned())]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Some(Template { text: text.to_owned(), pieces })
    }

    /// As it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Filled in, with claims that are single texts.
    pub(super) fn one(&self, claims: &Map<String, Value>) -> Result<String, IdentityError> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Claim(name) => {
                    let text = claim::find(claims, name).and_then(claim::text).filter(|text| !text.is_empty());
                    filled.push_str(&text.ok_or_else(|| self.lacks(name))?);
                }
            }
        }
        Ok(filled)
    }

    /// Filled in once for each item of the claims that are lists, and at most `most` times.
    pub(super) fn each(&self, claims: &Map<String, Value>, most: usize) -> Result<Vec<String>, IdentityError> {
        let mut filled = vec![String::new()];
        for piece in &self.pieces {
            let texts = match piece {
                Piece::Text(text) => vec![text.clone()],
                Piece::Claim(name) => self.texts(claims, name)?,
            };
            if filled.len() * texts.len() > most {
                return Err(IdentityError::Groups(most));
            }
            filled = filled.iter().flat_map(|start| texts.iter().map(move |text| format!("{start}{text}"))).collect();
        }
        Ok(filled)
    }

    fn texts(&self, claims: &Map<String, Value>, name: &str) -> Result<Vec<String>, IdentityError> {
        let full = |value: &Value| claim::text(value).filter(|text| !text.is_empty());
        let texts: Option<Vec<String>> = match claim::find(claims, name) {
            Some(Value::Array(items)) => items.iter().map(full).collect(),
            Some(value) => full(value).map(|text| vec![text]),
            None => None,
        };
        texts.ok_or_else(|| self.lacks(name))
    }

    fn lacks(&self, claim: &str) -> IdentityError {
        IdentityError::Claim { template: self.text.clone(), claim: claim.to_owned() }
    }
}
