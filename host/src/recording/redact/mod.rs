//! Secrets become symbols before anything is written.
//!
//! A secret is a value the scenario declares (`secrets = […]`), a key of a known shape, or the token of an
//! authorization header that is not the fake key agents are given. It is found as it is, behind JSON (also TOML and C)
//! escapes, percent escapes and base64, also one inside the other, in whole texts and byte strings: a stream is
//! searched when it is complete, so that it does not matter in which chunks it arrived. JSON is searched value by value.
//!
//! `⟦secret#1⟧` stands for the first secret in document order, in whatever form it was written; an equal value has an
//! equal number. This happens at the door to the disk, in [`super::Writer`]: whatever else makes symbols has made them,
//! and has escaped each literal `⟦`, before; so no data can pass for a secret's symbol.
//!
//! Nearly all bytes have no secret, so [`prefilter`] rules most of them out, and [`find`] searches the rest.
//!
//! A known value that was split over consecutive lines, deltas or parts is found by [`split`]. Files too large to be kept
//! are searched as they pass ([`passing`]); nothing but their digest is recorded.
//!
//! Not found: a secret that an agent itself split over several requests or files, compressed bytes other than request
//! bodies, which are decoded before, encryption, and encodings that are not named here.

mod base64;
mod document;
mod find;
mod known;
mod literal;
mod passing;
mod prefilter;
mod shape;
mod split;
mod strings;
mod unescape;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::{Map, Value};

use crate::document::{Redaction, RedactionForm};
use crate::value::{PathPart, push_path_part};
pub use find::windows;
use find::{Found, find};
use known::Known;
pub use passing::Passing;

/// The source of a declared secret.
const DECLARED: &str = "declared";
/// Nothing shorter is declared or learned.
pub const SHORTEST_BYTES: usize = 8;
/// Nothing longer is declared or learned.
pub const LONGEST_BYTES: usize = 8 * 1024;
/// Most tokens learned from authorization headers.
const MOST_LEARNED: usize = 100;
/// In how many places of one text what stands before an ellipsis is looked at.
const MOST_ELLIPSES: usize = 16;
/// How much before a cut is looked at.
const BEFORE_CUT_BYTES: usize = 64 * 1024;
/// Texts of this length may have been cut to it.
const MAYBE_CUT_BYTES: usize = 1024 * 1024 - 3;

/// The secrets of one run, what they have been called so far, and where they stood.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    known: Known,
    declared: Vec<String>,
    numbers: BTreeMap<Vec<u8>, u32>,
    /// The last number given.
    last: u32,
    /// Numbers that a recording gave.
    reserved: BTreeSet<u32>,
    listed: BTreeMap<(u32, String, RedactionForm, &'static str), u32>,
}

impl Secrets {
    /// The declared values, and the known shapes. A value that is a symbol comes from a recorded scenario and stands for
    /// itself.
    pub fn new(declared: &[String]) -> Self {
        let mut secrets = Self { declared: declared.to_vec(), ..Self::default() };
        secrets.known.add(declared.iter().map(String::as_str).filter(|value| !is_symbol(value)), DECLARED);
        secrets
    }

    /// The declared values, called as a recording calls them, whose `scenario.secrets` is `symbols`.
    pub fn as_recorded(declared: &[String], symbols: &[String]) -> Self {
        let mut secrets = Self::new(declared);
        if declared.len() == symbols.len() {
            for (value, symbol) in declared.iter().zip(symbols) {
                if let Some(number) = number_of(symbol) {
                    secrets.numbers.insert(value.clone().into_bytes(), number);
                    secrets.reserved.insert(number);
                }
            }
        }
        secrets
    }

    /// Whether any secret stands in `bytes`.
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        !find(&self.known, bytes, false).is_empty()
    }

    /// Whether any secret stands in a stream or body, also in pieces of it that follow one another.
    pub fn are_in_stream(&self, bytes: &[u8]) -> bool {
        self.are_in(bytes) || self.are_split_in(bytes)
    }

    /// Whether any secret stands in pieces of a stream or body that follow one another.
    pub fn are_split_in(&self, bytes: &[u8]) -> bool {
        !split::in_stream(&self.known, bytes).is_empty()
    }

    /// How much of bytes that were cut off at their end can be kept: all, or what stands before a secret that only
    /// begins.
    pub fn before_begun(&self, bytes: &[u8]) -> usize {
        let window = bytes.len().saturating_sub(BEFORE_CUT_BYTES);
        let begun = find(&self.known, &bytes[window..], true).into_iter().next_back();
        begun.filter(|begun| begun.range.end + window == bytes.len()).map_or(bytes.len(), |begun| {
            let whole = find(&self.known, &bytes[window..], false);
            if whole.contains(&begun) { bytes.len() } else { begun.range.start + window }
        })
    }

    /// Bytes with symbols for their secrets, listed under `place`; nothing when there is none.
    pub fn redact_bytes(&mut self, place: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        self.replace(Some(place), bytes, find(&self.known, bytes, false))
    }

    /// A stream or body with symbols for its secrets, also for those in pieces, listed under `place`; nothing when there
    /// is none.
    pub fn redact_stream(&mut self, place: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let whole = self.redact_bytes(place, bytes);
        let parts = split::in_stream(&self.known, whole.as_deref().unwrap_or(bytes));
        self.replace(Some(place), whole.as_deref().unwrap_or(bytes), parts).or(whole)
    }

    /// A text with symbols for its secrets, not listed.
    pub fn redact_text(&mut self, text: &str) -> String {
        self.text(None, text).unwrap_or_else(|| text.to_owned())
    }

    /// JSON with symbols for the secrets in its texts, names and numbers, not listed.
    pub fn redact_value(&mut self, value: &mut Value) {
        self.value(&mut None, value, true);
    }

    /// Symbols of the declared secrets, in file order; those that were nowhere seen get the next numbers.
    fn declared_symbols(&mut self) -> Vec<String> {
        let declared = self.declared.clone();
        declared
            .iter()
            .map(|value| if is_symbol(value) { value.clone() } else { symbol(self.number(value.as_bytes())) })
            .collect()
    }

    /// What was replaced and where, sorted.
    fn list(&self) -> Vec<Redaction> {
        let mut list: Vec<_> = self
            .listed
            .iter()
            .map(|((secret, place, form, source), count)| Redaction {
                secret: *secret,
                source: (*source).to_owned(),
                form: *form,
                place: place.clone(),
                count: *count,
            })
            .collect();
        list.sort();
        list
    }

    /// The number of a value; a new one gets the lowest that is free.
    fn number(&mut self, value: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        self.last += 1;
        while self.reserved.contains(&self.last) {
            self.last += 1;
        }
        self.numbers.insert(value.to_vec(), self.last);
        self.last
    }

    fn replace(&mut self, place: Option<&str>, bytes: &[u8], found: Vec<Found>) -> Option<Vec<u8>> {
        if found.is_empty() {
            return None;
        }
        let mut redacted = Vec::with_capacity(bytes.len());
        let mut done = 0;
        for Found { range, value, source, form } in found {
            let number = self.number(&value);
            redacted.extend_from_slice(&bytes[done..range.start]);
            redacted.extend_from_slice(symbol(number).as_bytes());
            done = range.end;
            if let Some(place) = place {
                *self.listed.entry((number, place.to_owned(), form, source)).or_default() += 1;
            }
        }
        redacted.extend_from_slice(&bytes[done..]);
        Some(redacted)
    }

    /// Also hides what only begins where this program or an agent cut a text off: before an ellipsis, at its limit.
    fn text(&mut self, place: Option<&str>, text: &str) -> Option<String> {
        if text.len() < SHORTEST_BEGUN_BYTES {
            return None;
        }
        let mut found = find(&self.known, text.as_bytes(), false);
        let cuts = text.match_indices('…').map(|(at, _)| at).take(MOST_ELLIPSES);
        let limit = text.find(CUT_MARK).or_else(|| (text.len() >= MAYBE_CUT_BYTES).then_some(text.len()));
        for cut in cuts.chain(limit) {
            let start = cut.saturating_sub(BEFORE_CUT_BYTES);
            let begun = find(&self.known, &text.as_bytes()[start..cut], true).into_iter().next_back();
            let place = |range: &Range<usize>| range.start + start..range.end + start;
            let begun = begun.map(|begun| Found { range: place(&begun.range), ..begun });
            let apart = |begun: &Found| {
                found
                    .iter()
                    .all(|other| other.range.end <= begun.range.start || begun.range.end <= other.range.start)
            };
            found.extend(begun.filter(|begun| begun.range.end == cut && apart(begun)));
        }
        found.sort_by_key(|found| found.range.start);
        let redacted = self.replace(place, text.as_bytes(), found)?;
        // Whole characters are replaced by whole characters.
        Some(String::from_utf8_lossy(&redacted).into_owned())
    }

    /// `path` is where the value is, when what is found is to be listed. Numbers count only where any JSON may stand.
    fn value(&mut self, path: &mut Option<String>, value: &mut Value, free: bool) {
        match value {
            Value::String(text) => {
                if let Some(redacted) = self.text(path.as_deref(), text) {
                    *text = redacted;
                }
            }
            Value::Number(number) if free => {
                if let Some(redacted) = self.text(path.as_deref(), &number.to_string()) {
                    *value = Value::String(redacted);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.below(path, PathPart::Index(index), |secrets, path| {
                        secrets.value(path, item, free);
                    });
                }
            }
            Value::Object(members) => {
                self.names(path, members);
                for (name, member) in members {
                    let free = free || FREE.contains(&name.as_str());
                    self.below(path, PathPart::Name(name), |secrets, path| secrets.value(path, member, free));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Replaces secrets in the names of members; returns each old and new name. Names that become equal are told
    /// apart by `~2`, `~3`, ….
    fn names(
        &mut self,
        path: &mut Option<String>,
        members: &mut Map<String, Value>,
    ) -> BTreeMap<String, String> {
        let secret: Vec<String> =
            members.keys().filter(|name| self.are_in(name.as_bytes())).cloned().collect();
        let mut renamed = BTreeMap::new();
        for name in secret {
            let plain = self.redact_text(&name);
            let new = (1..)
                .map(|number| if number == 1 { plain.clone() } else { format!("{plain}~{number}") })
                .find(|new| !members.contains_key(new))
                .expect("there are more numbers than members");
            self.below(path, PathPart::Name(&new), |secrets, path| {
                secrets.text(path.as_deref(), &name);
            });
            if let Some(member) = members.remove(&name) {
                members.insert(new.clone(), member);
            }
            renamed.insert(name, new);
        }
        renamed
    }

    fn below(
        &mut self,
        path: &mut Option<String>,
        part: PathPart<'_>,
        go: impl FnOnce(&mut Self, &mut Option<String>),
    ) {
        let length = path.as_ref().map(String::len);
        if let Some(path) = path {
            push_path_part(path, part);
        }
        go(self, path);
        if let (Some(path), Some(length)) = (path, length) {
            path.truncate(length);
        }
    }
}

/// Members below which any JSON may stand.
const FREE: [&str; 4] = ["raw", "body", "input", "with"];
/// What marks the end of a text that was cut at its limit.
const CUT_MARK: &str = "\n[cut at 1 MiB]";
/// Texts shorter than this hold no secret, nor the beginning of one with its mark.
const SHORTEST_BEGUN_BYTES: usize = 7;

fn symbol(number: u32) -> String {
    format!("⟦secret#{number}⟧")
}

fn number_of(symbol: &str) -> Option<u32> {
    symbol.strip_prefix("⟦secret#")?.strip_suffix('⟧')?.parse().ok()
}

fn is_symbol(text: &str) -> bool {
    number_of(text).is_some()
}

#[cfg(test)]
mod tests;
