//! Demands on one text, in the same words in every assertion.

use wassert_guest::{Places, Report};

use crate::needle::Needle;

/// Characters of a text that a message quotes.
const QUOTED: usize = 60;

/// `what` is this text, and nothing else.
pub fn equals(report: &mut Report, at: impl Places, what: &str, holds: bool, expected: &str) {
    let says = if holds { "is as expected" } else { "differs" };
    report.demand(holds, at, format!("{what} {says}"), expected);
}

/// `what` contains this text.
pub fn contains(report: &mut Report, at: impl Places, what: &str, holds: bool, needle: &Needle) {
    let says = if holds { "contains" } else { "does not contain" };
    let text = quoted(needle.text());
    report.demand(holds, at, format!("{what} {says} {text}"), format!("a text with {text} in it"));
}

/// `what` does not contain this text.
pub fn omits(report: &mut Report, at: impl Places, what: &str, holds: bool, needle: &Needle) {
    let says = if holds { "does not contain" } else { "contains" };
    let text = quoted(needle.text());
    report.demand(holds, at, format!("{what} {says} {text}"), format!("a text without {text}"));
}

/// A text in quotes, escaped, shortened where it is long.
pub fn quoted(text: &str) -> String {
    if text.chars().count() <= QUOTED {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(QUOTED).collect();
    format!("{start:?}…")
}

/// `1 request`, `2 requests`.
pub fn counted(number: u32, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::{counted, quoted};

    #[test]
    fn a_long_text_is_shortened() {
        assert_eq!(quoted("a\n"), r#""a\n""#);
        assert_eq!(quoted(&"é".repeat(61)), format!("\"{}\"…", "é".repeat(60)));
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|number| counted(number, "time")), ["0 times", "1 time", "2 times"]);
    }
}
