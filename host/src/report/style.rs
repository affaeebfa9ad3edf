//! All decisions about colour, in one place. Everything must read without it.

use anstyle::{AnsiColor, Style as Ansi};

use crate::value::Outcome;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No escape sequences at all.
    Plain,
    /// ANSI colours.
    Colored,
}

impl Style {
    /// An outcome's word in its colour.
    pub fn outcome(self, outcome: Outcome, text: &str) -> String {
        let color = match outcome {
            Outcome::Pass => AnsiColor::Green,
            Outcome::Fail => AnsiColor::Red,
            Outcome::Skip => AnsiColor::Cyan,
            Outcome::Error => AnsiColor::Yellow,
        };
        self.paint(color.on_default().bold(), text)
    }

    /// A name that matters.
    pub fn strong(self, text: &str) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    /// A path or place.
    pub fn place(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// What may be overlooked.
    pub fn faint(self, text: &str) -> String {
        self.paint(Ansi::new().dimmed(), text)
    }

    /// What came to a file, or to a list.
    pub fn added(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// What is gone from it, or went wrong.
    pub fn removed(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    fn paint(self, style: Ansi, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colored => format!("{style}{text}{style:#}"),
        }
    }
}
