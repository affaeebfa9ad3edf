//! The form of symbols, and how text that looks like one is kept apart from them.
//!
//! `⟦kind⟧` or `⟦kind#1⟧` is a symbol. A literal `⟦` of the data is doubled, so that every other `⟦` begins a symbol;
//! [`unescape`] gives the data back. `⟧` needs nothing.

use std::borrow::Cow;

/// What a symbol begins with.
pub(super) const OPEN: char = '⟦';
/// What a symbol ends with.
pub(super) const CLOSE: char = '⟧';

const OPEN_TEXT: &str = "⟦";
const DOUBLED: &str = "⟦⟦";

/// Doubles every literal `⟦`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.contains(OPEN_TEXT) { text.replace(OPEN_TEXT, DOUBLED).into() } else { text.into() }
}

/// Gives back what was escaped; symbols stay as they are.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains(DOUBLED) {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OPEN_TEXT) {
        plain.push_str(&rest[..at]);
        plain.push(OPEN);
        let after = &rest[at + OPEN.len_utf8()..];
        rest = after.strip_prefix(OPEN).unwrap_or(after);
    }
    plain.push_str(rest);
    plain.into()
}

/// Length of what begins at the `⟦` that `text` begins with: a doubled one, a symbol, or, in text that was never
/// escaped, the one character.
pub(super) fn opened(text: &str) -> usize {
    let open = OPEN.len_utf8();
    if text[open..].starts_with(OPEN) {
        return 2 * open;
    }
    let inner = &text[open..];
    let end = inner.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '#'));
    match end {
        Some(end) if inner[end..].starts_with(CLOSE) => open + end + CLOSE.len_utf8(),
        _ => open,
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate::Generator;
    use super::*;

    #[test]
    fn any_text_survives_escaping() {
        let mut generator = Generator::new(1);
        let pieces = ["⟦", "⟧", "⟦thread#1⟧", "⟦⟦", "a", "[", "é", "\n", "⟦workspace⟧/x", "#1"];
        for _ in 0..5_000 {
            let text: String = (0..generator.below(12)).map(|_| *generator.pick(&pieces)).collect();
            let escaped = escape(&text);
            assert_eq!(unescape(&escaped), text);
            let mut rest = &*escaped;
            while let Some(at) = rest.find(OPEN) {
                assert!(rest[at..].starts_with(DOUBLED), "{escaped} would be read as a symbol");
                rest = &rest[at + opened(&rest[at..])..];
            }
        }
    }

    #[test]
    fn symbols_stay_what_they_are() {
        assert_eq!(unescape("⟦⟦⟦thread#1⟧⟦⟦"), "⟦⟦thread#1⟧⟦");
        assert_eq!(opened("⟦thread#1⟧ x"), "⟦thread#1⟧".len());
        assert_eq!(opened("⟦not one⟧"), "⟦".len());
    }
}
