//! The run document: what its requests teach of secrets, and its sections in order.

use std::collections::BTreeMap;

use serde_json::Value;

use super::find::Found;
use super::split::{self, AllSeries};
use super::strings::{PlaceKey, TOP, below};
use super::{LONGEST_BYTES, MOST_LEARNED, SHORTEST_BYTES, Secrets};
use crate::document::{Document, Redaction, Request, SECTIONS};
use crate::profile::is_fake_key;
use crate::value::PathPart;

/// Headers whose whole value is a key.
const KEY_HEADERS: [&str; 3] = ["api-key", "x-api-key", "x-goog-api-key"];

/// Sections with what an agent said, and with quotations of it.
const IN_PIECES: [&str; 5] = ["turns", "events", "requests", "script", "processes"];

impl Secrets {
    /// Takes the tokens that requests authorise themselves with for secrets, but for the fake key and what has a known
    /// shape. Returns whether there were any.
    pub fn learn(&mut self, requests: &[Request]) -> bool {
        let mut tokens: Vec<&str> = requests.iter().flat_map(tokens).collect();
        tokens.retain(|token| {
            (SHORTEST_BYTES..=LONGEST_BYTES).contains(&token.len())
                && !is_fake_key(token)
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
        self.split_document(&mut value);
        if !self.listed.is_empty() {
            *document = serde_json::from_value(value)?;
        }
        Ok(renamed)
    }

    /// Replaces the parts of secrets that stand in several pieces: of a stream, of the events of one turn, of a request.
    fn split_document(&mut self, value: &mut Value) {
        if self.known.is_empty() {
            return;
        }
        for section in ["stdout", "stderr"] {
            let streams = value.get_mut(section).and_then(Value::as_array_mut).into_iter().flatten();
            for (index, stream) in streams.enumerate() {
                let Some(Value::String(text)) = stream.get_mut("text") else { continue };
                let parts = split::in_stream(&self.known, text.as_bytes());
                self.replace_parts(Some(&format!("$['{section}'][{index}]['text']")), text, parts);
            }
        }
        for section in IN_PIECES {
            let Some(value) = value.get_mut(section) else { continue };
            let items = value.as_array().map_or(std::slice::from_ref(&*value), Vec::as_slice);
            let (mut all, mut texts) = (AllSeries::default(), 0);
            for (index, item) in items.iter().enumerate() {
                let whole = match section {
                    "events" => item["turn"].to_string(),
                    _ => index.to_string(),
                };
                collect(item, below(TOP, whole.as_bytes()), &mut texts, &mut all);
            }
            let parts = all.parts(&self.known);
            if !parts.is_empty() {
                self.hide(&mut Some(format!("$['{section}']")), value, &mut 0, &parts);
            }
        }
    }

    /// Replaces parts in the texts they were found in, which are counted as [`collect`] does.
    fn hide(
        &mut self,
        path: &mut Option<String>,
        value: &mut Value,
        texts: &mut usize,
        parts: &BTreeMap<usize, Vec<Found>>,
    ) {
        match value {
            Value::String(text) => {
                let parts = parts.get(texts).cloned().unwrap_or_default();
                *texts += 1;
                self.replace_parts(path.as_deref(), text, parts);
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.below(path, PathPart::Index(index), |secrets, path| {
                        secrets.hide(path, item, texts, parts);
                    });
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.below(path, PathPart::Name(name), |secrets, path| {
                        secrets.hide(path, member, texts, parts);
                    });
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn replace_parts(&mut self, path: Option<&str>, text: &mut String, parts: Vec<Found>) {
        if let Some(redacted) = self.replace(path, text.as_bytes(), parts) {
            // Texts are cut between characters, so the parts of a secret are whole characters.
            *text = String::from_utf8_lossy(&redacted).into_owned();
        }
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

/// Every text of a value with its place.
fn collect(value: &Value, place: PlaceKey, texts: &mut usize, all: &mut AllSeries) {
    match value {
        Value::String(text) => {
            all.push(place, *texts, text.as_bytes());
            *texts += 1;
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, place, texts, all)),
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, below(place, name.as_bytes()), texts, all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
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
