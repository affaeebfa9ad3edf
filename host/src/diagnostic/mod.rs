//! One `Diagnostic` for everything that is wrong with what a person wrote: a scenario, a manifest, parameters.
//!
//! It is data. Rendering is in `report/`; printing is in `cli/`.

use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

/// How bad it is. Only `Error` changes the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The file works, but probably not as meant.
    Warning,
    /// The file can't be used.
    Error,
}

/// A place in a text file, with what to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The file as the user named it.
    pub file: PathBuf,
    /// Its text, so that a renderer can quote the line.
    #[serde(skip)]
    pub source: std::sync::Arc<str>,
    /// Byte range in the text.
    pub range: Range<usize>,
    /// What is said under the caret; may be empty.
    pub label: String,
}

impl Span {
    /// Line and column (both from 1, the column in characters) where the span starts.
    pub fn line_and_column(&self) -> (usize, usize) {
        let start =
            (0..=self.range.start.min(self.source.len())).rev().find(|at| self.source.is_char_boundary(*at));
        let before = &self.source[..start.unwrap_or(0)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

/// One thing that is wrong, where, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// A kebab-case identifier, stable across releases, such as `unknown-key`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, no full stop.
    pub message: String,
    /// Where; the first is the main place. Empty when there is no text to point at.
    pub spans: Vec<Span>,
    /// What to do about it, such as ``did you mean `summary`?``.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(id: &'static str, message: impl Into<String>) -> Self {
        Self { id, severity: Severity::Error, message: message.into(), spans: Vec::new(), help: None }
    }

    /// A warning without a place.
    pub fn warning(id: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(id, message) }
    }

    /// The same with one more place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.spans.push(span);
        self
    }

    /// The same with a help line; `None` changes nothing.
    #[must_use]
    pub fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into().or(self.help);
        self
    }

    /// Whether this makes the file unusable.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// ``did you mean `x`?`` when one of the known words is close to what was written.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(written, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len().min(written.len()) / 4)
        .min()
        .map(|(_, word)| format!("did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_knows_its_line_and_column() {
        let span = Span {
            file: "a.toml".into(),
            source: "é = 1\nbad = 2\n".into(),
            range: 7..10,
            label: String::new(),
        };
        assert_eq!(span.line_and_column(), (2, 1));
    }

    #[test]
    fn only_close_words_are_suggested() {
        assert_eq!(did_you_mean("sumary", ["summary", "steps"]).as_deref(), Some("did you mean `summary`?"));
        assert_eq!(did_you_mean("zzz", ["summary", "steps"]), None);
    }
}
