//! Everything that is printed goes through here: results to standard output, the rest to standard error, colour decided
//! once. A reader that has gone away is no error.

use std::io::{IsTerminal as _, Write as _};

use super::arguments::Color;
use crate::diagnostic::Diagnostic;
use crate::report::{Style, render_human};

/// Where and how to print.
#[derive(Debug)]
pub(super) struct Output {
    results: Style,
    notes: Style,
}

impl Output {
    pub(super) fn new(color: Color) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let style = |terminal: bool| match color {
            Color::Always => Style::Colored,
            Color::Auto if terminal && !plain => Style::Colored,
            Color::Auto | Color::Never => Style::Plain,
        };
        Self {
            results: style(std::io::stdout().is_terminal()),
            notes: style(std::io::stderr().is_terminal()),
        }
    }

    /// How results are coloured.
    pub(super) fn style(&self) -> Style {
        self.results
    }

    /// Prints results.
    pub(super) fn result(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Prints a line of results.
    pub(super) fn line(&self, text: &str) {
        self.result(&format!("{text}\n"));
    }

    /// Prints what is said beside the results.
    pub(super) fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Prints what is wrong with something a person wrote.
    pub(super) fn diagnostic(&self, diagnostic: &Diagnostic) {
        self.note(render_human(diagnostic, self.notes == Style::Colored).trim_end());
    }

    /// Prints why the program gives up.
    pub(super) fn error(&self, error: &anyhow::Error) {
        self.note(&format!("error: {}", crate::value::escape_terminal(&format!("{error:#}"))));
    }
}
