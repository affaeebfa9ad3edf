//! Files that a scenario writes out: a table from path to text, or to a text that is repeated.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::findings::Findings;
use super::path;
use super::table::{Table, as_table, as_text, quote};
use crate::diagnostic::Diagnostic;

/// Bytes of all files that one scenario writes out.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
const MOST_MEBIBYTES: u64 = MOST_BYTES / 1024 / 1024;

/// A file's content: a text, so many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// What is repeated.
    pub text: String,
    /// How often it stands there; 1 for a text that is written as it is.
    pub times: u32,
}

impl From<&str> for FileText {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), times: 1 }
    }
}

impl FileText {
    /// Size of the file.
    pub fn bytes(&self) -> u64 {
        self.text.len() as u64 * u64::from(self.times)
    }
}

/// Files by path, and where each is written in the scenario.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) texts: BTreeMap<String, FileText>,
    pub(super) places: BTreeMap<String, Range<usize>>,
    has_conflict: bool,
}

impl Files {
    /// Lays others over these.
    pub(super) fn extend(&mut self, others: &Self) {
        self.texts.extend(others.texts.clone());
        self.places.extend(others.places.clone());
    }

    /// Reports every path that would be a file and a folder at once; what is laid over that later is not told again.
    pub(super) fn check(&mut self, findings: &Findings) {
        if self.has_conflict {
            return;
        }
        for (inner, range) in &self.places {
            let parents = inner.match_indices('/').map(|(at, _)| &inner[..at]);
            for (parent, place) in parents.filter_map(|parent| self.places.get_key_value(parent)) {
                self.has_conflict = true;
                let message = format!("{} is a file and a folder at once", quote(parent));
                findings.add(
                    Diagnostic::error("file-and-folder", message)
                        .at(findings.span(range.clone(), "needs it to be a folder"))
                        .at(findings.span(place.clone(), "makes it a file")),
                );
            }
        }
    }
}

/// Reads tables of files, and counts what they hold together.
pub(super) struct Reader<'a> {
    findings: &'a Findings,
    bytes: Cell<u64>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(findings: &'a Findings) -> Self {
        Self { findings, bytes: Cell::new(0) }
    }

    /// The table `files` of another table.
    pub(super) fn files(&self, table: &mut Table<'_>) -> Files {
        let mut files = Files::default();
        let Some(table) = table.table("files", "`files`") else { return files };
        for (name, value) in table.entries() {
            let right_path = check(self.findings, "files", name.get_ref(), name.span());
            let Some(text) = self.content(name.get_ref(), value) else { continue };
            self.count(&text, value.span());
            if right_path {
                files.texts.insert((*name.get_ref()).to_owned(), text);
                files.places.insert((*name.get_ref()).to_owned(), name.span());
            }
        }
        files
    }

    fn content(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<FileText> {
        if !value.get_ref().is_table() {
            return as_text(self.findings, name, value).map(|text| FileText::from(*text.get_ref()));
        }
        let mut table = as_table(self.findings, name, "a file", value)?;
        let text = table.text("repeat");
        if text.is_none() && !table.has("repeat") {
            table.missing("repeat");
        }
        if !table.has("times") {
            table.missing("times");
        }
        let times = table.integer("times", 1..=MOST_BYTES as i64);
        table.finish(|_| None);
        let text = text?;
        if text.get_ref().is_empty() {
            self.findings.error(
                "empty-text",
                "`repeat` is empty",
                text.span(),
                "makes nothing, however often",
            );
            return None;
        }
        Some(FileText { text: (*text.get_ref()).to_owned(), times: u32::try_from(times?).ok()? })
    }

    fn count(&self, text: &FileText, range: Range<usize>) {
        let before = self.bytes.get();
        self.bytes.set(before.saturating_add(text.bytes()));
        if before <= MOST_BYTES && self.bytes.get() > MOST_BYTES {
            let message =
                format!("the files that a scenario writes out have at most {MOST_MEBIBYTES} MiB together");
            let label = format!("{} bytes, and {before} before it", text.bytes());
            let help =
                "put larger files in a folder beside the scenario and name it as `from` of `[workspace]`";
            self.findings.error_with_help("too-large", message, range, label, help);
        }
    }
}

/// Reports a path that may not be used.
pub(super) fn check(findings: &Findings, key: &str, written: &str, range: Range<usize>) -> bool {
    match path::check(written) {
        Ok(()) => true,
        Err(bad) => {
            let message = format!("`{key}`: {} can't be used", quote(written));
            findings.error_with_help("bad-path", message, range, bad.to_string(), bad.help());
            false
        }
    }
}
