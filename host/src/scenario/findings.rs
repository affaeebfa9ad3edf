//! Collects what is wrong with one scenario file, so that loading goes on after a mistake.
//!
//! It does not render anything.

use std::cell::RefCell;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Span, did_you_mean};

/// More than this helps nobody; the rest is counted.
const MOST_DIAGNOSTICS: usize = 100;
/// Longest word that a suggestion is looked for, in bytes, and most words that it is compared with: comparing costs
/// the product of lengths and words.
const MOST_COMPARED_BYTES: usize = 64;
const MOST_COMPARED_WORDS: usize = 200;

/// The mistakes found so far, and the text they are in.
pub(super) struct Findings {
    file: PathBuf,
    source: Arc<str>,
    found: RefCell<Vec<Diagnostic>>,
}

impl Findings {
    /// Nothing found yet in `file`, whose text is `source`.
    pub(super) fn new(file: PathBuf, source: Arc<str>) -> Self {
        Self { file, source, found: RefCell::new(Vec::new()) }
    }

    /// A place in the text.
    pub(super) fn span(&self, range: Range<usize>, label: impl Into<String>) -> Span {
        Span { file: self.file.clone(), source: self.source.clone(), range, label: label.into() }
    }

    /// One more diagnostic.
    pub(super) fn add(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// One more error at one place.
    pub(super) fn error(
        &self,
        id: &'static str,
        message: impl Into<String>,
        range: Range<usize>,
        label: impl Into<String>,
    ) {
        self.add(Diagnostic::error(id, message).at(self.span(range, label)));
    }

    /// One more error at one place, with what to do about it.
    pub(super) fn error_with_help(
        &self,
        id: &'static str,
        message: impl Into<String>,
        range: Range<usize>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Diagnostic::error(id, message).at(self.span(range, label)).help(help.into()));
    }

    /// ``did you mean `x`?`` when a known word is close. Nothing is looked for once nobody would see it.
    pub(super) fn suggest<'k>(
        &self,
        written: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<String> {
        if written.len() > MOST_COMPARED_BYTES || self.found.borrow().len() > MOST_DIAGNOSTICS {
            return None;
        }
        did_you_mean(
            written,
            known.into_iter().filter(|word| word.len() <= MOST_COMPARED_BYTES).take(MOST_COMPARED_WORDS),
        )
    }

    /// Whether the file can't be used.
    pub(super) fn has_errors(&self) -> bool {
        self.found.borrow().iter().any(Diagnostic::is_error)
    }

    /// Everything found, in the order of the text, at most [`MOST_DIAGNOSTICS`] and a count of the rest.
    pub(super) fn into_sorted(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|diagnostic| diagnostic.spans.first().map_or(0, |span| span.range.start));
        let more = found.len().saturating_sub(MOST_DIAGNOSTICS);
        if more > 0 {
            let next = found.swap_remove(MOST_DIAGNOSTICS);
            found.truncate(MOST_DIAGNOSTICS);
            let message = format!("there are {more} more mistakes in this file, not shown");
            found.push(Diagnostic { spans: next.spans, ..Diagnostic::error("more-mistakes", message) });
        }
        found
    }
}
