//! A TOML table read key by key: every getter reports a wrong type at its place and goes on, and
//! [`Table::finish`] reports the keys nobody asked for.
//!
//! It knows nothing of scenarios; which keys there are is said by whoever reads.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::findings::Findings;
use crate::value::excerpt;

/// Characters of a user's word that are quoted in a message.
pub(super) const QUOTED_CHARACTERS: usize = 60;

/// A user's word as it stands in a message: one line, bounded, harmless to a terminal.
pub(super) fn quote(word: &str) -> String {
    format!("`{}`", excerpt(word, QUOTED_CHARACTERS))
}

/// A table being read.
pub(super) struct Table<'a> {
    table: &'a DeTable<'a>,
    range: Range<usize>,
    name: String,
    findings: &'a Findings,
    asked: BTreeSet<&'static str>,
    missing: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// Starts to read `table`, which messages call `name`; `range` is where a missing key is reported.
    pub(super) fn new(
        table: &'a DeTable<'a>,
        range: Range<usize>,
        name: impl Into<String>,
        findings: &'a Findings,
    ) -> Self {
        Self { table, range, name: name.into(), findings, asked: BTreeSet::new(), missing: Vec::new() }
    }

    /// Where the table begins in the text.
    pub(super) fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Whether a key is there, whatever its type; it counts as asked for.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Where a key is written, when it is there.
    pub(super) fn key_range(&self, key: &str) -> Option<Range<usize>> {
        self.table.get_key_value(key).map(|(key, _)| key.span())
    }

    /// The value of a key, of any type.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.insert(key);
        self.table.get(key)
    }

    /// Every key and value of a table whose keys are the user's own.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (Spanned<&'a str>, &'a Spanned<DeValue<'a>>)> + use<'a> {
        self.table.iter().map(|(key, value)| (Spanned::new(key.span(), key.get_ref().as_ref()), value))
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Spanned<&'a str>> {
        let value = self.value(key)?;
        as_text(self.findings, key, value)
    }

    /// A text that must be there and must not be empty.
    pub(super) fn required_text(&mut self, key: &'static str) -> Option<Spanned<&'a str>> {
        if !self.has(key) {
            self.missing(key);
            return None;
        }
        let text = self.text(key)?;
        if text.get_ref().trim().is_empty() {
            self.findings.error("empty-text", format!("`{key}` is empty"), text.span(), "says nothing");
            return None;
        }
        Some(text)
    }

    /// Notes that a key is missing; [`Table::finish`] reports it, unless an unknown key looks like it.
    pub(super) fn missing(&mut self, key: &'static str) {
        self.missing.push(key);
    }

    /// A truth value.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<Spanned<bool>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Boolean(truth) => Some(Spanned::new(value.span(), *truth)),
            _ => self.wrong_type(key, "true or false", value),
        }
    }

    /// A whole number within a range.
    pub(super) fn integer(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.value(key)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            return self.wrong_type(key, "a whole number", value);
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let fits = number.filter(|number| range.contains(number));
        if fits.is_none() {
            self.out_of_range(key, value, &format!("{} to {}", range.start(), range.end()));
        }
        fits
    }

    /// A time in seconds, whole or with a fraction, as milliseconds.
    pub(super) fn seconds_as_ms(&mut self, key: &'static str, seconds: RangeInclusive<u32>) -> Option<u64> {
        let value = self.value(key)?;
        let number: Option<f64> = match value.get_ref() {
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|whole| whole as f64)
            }
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => return self.wrong_type(key, "a number of seconds", value),
        };
        let limits = f64::from(*seconds.start())..=f64::from(*seconds.end());
        let fits = number.filter(|number| limits.contains(number));
        if fits.is_none() {
            self.out_of_range(key, value, &format!("{} to {} seconds", seconds.start(), seconds.end()));
        }
        fits.map(|number| (number * 1000.0).round() as u64)
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<Spanned<&'a str>>> {
        let value = self.value(key)?;
        let DeValue::Array(array) = value.get_ref() else {
            return self.wrong_type(key, "a list of texts", value);
        };
        Some(array.iter().filter_map(|item| as_text(self.findings, key, item)).collect())
    }

    /// A table, written `[key]` or inline.
    pub(super) fn table(&mut self, key: &'static str, name: impl Into<String>) -> Option<Self> {
        let value = self.value(key)?;
        as_table(self.findings, key, name, value)
    }

    /// A list of tables, written `[[key]]` or inline; `name` is what messages call each.
    pub(super) fn tables(&mut self, key: &'static str, name: &str) -> Vec<Self> {
        let Some(value) = self.value(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(array) => {
                array.iter().filter_map(|item| as_table(self.findings, key, name, item)).collect()
            }
            _ => {
                let found = word(value.get_ref());
                self.findings.error_with_help(
                    "wrong-type",
                    format!("`{key}`: expected a list of tables, found {found}"),
                    value.span(),
                    "expected a list of tables",
                    format!("write {name} with two brackets on each side"),
                );
                Vec::new()
            }
        }
    }

    /// One table, or a list of them.
    pub(super) fn one_or_many(&mut self, key: &'static str, name: &str) -> Vec<Self> {
        match self.value(key) {
            None => Vec::new(),
            Some(value) if matches!(value.get_ref(), DeValue::Array(_)) => self.tables(key, name),
            Some(value) => as_table(self.findings, key, name, value).into_iter().collect(),
        }
    }

    /// Reports a value of the wrong type.
    pub(super) fn wrong_type<T>(&self, key: &str, expected: &str, value: &Spanned<DeValue<'_>>) -> Option<T> {
        wrong_type(self.findings, key, expected, value)
    }

    /// Reports missing keys and keys that were not asked for; `elsewhere` says where a key belongs that is known in
    /// another table.
    pub(super) fn finish(self, elsewhere: impl Fn(&str) -> Option<String>) {
        let unknown: Vec<(Range<usize>, &str)> = self
            .table
            .iter()
            .map(|(key, _)| (key.span(), key.get_ref().as_ref()))
            .filter(|(_, written)| !self.asked.contains(written))
            .collect();
        for key in &self.missing {
            if !unknown.iter().any(|(_, written)| self.findings.suggest(written, [*key]).is_some()) {
                let label = format!("`{key}` is missing");
                let message = format!("{} needs `{key}`", self.name);
                self.findings.error("missing-key", message, self.range(), label);
            }
        }
        for (range, written) in unknown {
            let help = self
                .findings
                .suggest(written, self.asked.iter().copied())
                .or_else(|| elsewhere(written))
                .unwrap_or_else(|| self.known_keys());
            let message = format!("unknown key {} in {}", quote(written), self.name);
            self.findings.error_with_help("unknown-key", message, range, "unknown key", help);
        }
    }

    fn known_keys(&self) -> String {
        let keys: Vec<String> = self.asked.iter().map(|key| format!("`{key}`")).collect();
        format!("known keys are: {}", keys.join(", "))
    }

    pub(super) fn out_of_range(&self, key: &str, value: &Spanned<DeValue<'_>>, limits: &str) {
        self.findings.error(
            "out-of-range",
            format!("`{key}` is out of range"),
            value.span(),
            format!("must be {limits}"),
        );
    }
}

/// The text a value holds, or a diagnostic.
pub(super) fn as_text<'a>(
    findings: &Findings,
    key: &str,
    value: &'a Spanned<DeValue<'a>>,
) -> Option<Spanned<&'a str>> {
    match value.get_ref() {
        DeValue::String(text) => Some(Spanned::new(value.span(), text.as_ref())),
        _ => wrong_type(findings, key, "a text", value),
    }
}

/// The table a value holds, or a diagnostic.
pub(super) fn as_table<'a>(
    findings: &'a Findings,
    key: &str,
    name: impl Into<String>,
    value: &'a Spanned<DeValue<'a>>,
) -> Option<Table<'a>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(Table::new(table, value.span(), name, findings)),
        DeValue::Array(list) if list.iter().any(|item| item.get_ref().is_table()) => {
            findings.error_with_help(
                "wrong-type",
                format!("{}: expected one table, found a list of tables", quote(key)),
                value.span(),
                "expected one table",
                format!("write {} with one bracket on each side", name.into()),
            );
            None
        }
        _ => wrong_type(findings, key, "a table", value),
    }
}

/// Reports a value of the wrong type.
pub(super) fn wrong_type<T>(
    findings: &Findings,
    key: &str,
    expected: &str,
    value: &Spanned<DeValue<'_>>,
) -> Option<T> {
    let found = word(value.get_ref());
    findings.error(
        "wrong-type",
        format!("`{}`: expected {expected}, found {found}", excerpt(key, QUOTED_CHARACTERS)),
        value.span(),
        format!("expected {expected}"),
    );
    None
}

/// A type in the words of the messages.
fn word(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
