//! The run document: what its requests teach of secrets, and its sections in order.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{LONGEST_BYTES, MOST_LEARNED, SHORTEST_BYTES, Secrets};
use crate::document::{Document, Redaction, Request, SECTIONS};
use crate::profile::FAKE_KEY;

/// Headers whose whole value is a key.
const KEY_HEADERS: [&str; 3] = ["api-key", "x-api-key", "x-goog-api-key"];

impl Secrets {
    /// Takes the tokens that requests authorise themselves with for secrets, but for the fake key and what has a known
    /// shape. Returns whether there were any.
    pub fn learn(&mut self, requests: &[Request]) -> bool {
        let mut tokens: Vec<&str> = requests.iter().flat_map(tokens).collect();
        tokens.retain(|token| {
            (SHORTEST_BYTES..=LONGEST_BYTES).contains(&token.len())
                && *token != FAKE_KEY
                && !self.are_in(token.as_bytes())
        });
        tokens.sort_unstable();
        tokens.dedup();
        tokens.truncate(MOST_LEARNED);
        self.known.add(tokens.iter().copied(), "bearer");
        !tokens.is_empty()
    }

    /// Replaces the secrets of every section. Returns the files whose names had secrets in them, with their new names.
    ///
    /// # Errors
    /// When a word or number that has a meaning in the document was a secret, so that it is no document any more.
    pub fn redact_document(
        &mut self,
        document: &mut Document,
    ) -> Result<BTreeMap<String, String>, serde_json::Error> {
        let mut value = serde_json::to_value(&*document)?;
        let mut renamed = BTreeMap::new();
        for section in SECTIONS {
            let mut path = Some(format!("$['{section}']"));
            let Some(value) = value.get_mut(section) else { continue };
            if let (true, Value::Object(files)) = (section == "files", &mut *value) {
                renamed = self.names(&mut path, files);
            }
            self.value(&mut path, value, false);
        }
        if !self.listed.is_empty() {
            *document = serde_json::from_value(value)?;
        }
        Ok(renamed)
    }

    /// Fills in what the document says of its secrets, when everything has been searched.
    pub fn conclude(&mut self, document: &mut Document) {
        document.scenario.secrets = self.declared_symbols();
        document.redactions = self.redactions();
    }

    fn redactions(&self) -> Vec<Redaction> {
        self.list()
    }
}

fn tokens(request: &Request) -> impl Iterator<Item = &str> {
    let values = |name: &str| request.headers.get(name).into_iter().flatten().map(String::as_str);
    let bearer = ["authorization", "proxy-authorization"].into_iter().flat_map(values).filter_map(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    bearer.chain(KEY_HEADERS.into_iter().flat_map(values))
}
