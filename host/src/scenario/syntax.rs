//! The TOML parser's errors as diagnostics: a few, with their echoes left out.

use std::ops::Range;

use toml::de::DeTable;

use super::findings::Findings;
use super::table::quote;
use crate::diagnostic::Diagnostic;

/// Syntax errors that are shown: what follows the first few is mostly their echo.
const MOST_SHOWN: usize = 10;
/// Syntax errors that are looked at: a large file may have one at every byte.
const MOST_READ: usize = 200;
/// How the parser says that a key is there twice; the rest of the file is still worth reading.
const DUPLICATE_KEY: &str = "duplicate key";
/// How the parser begins to say that a list or an inline table goes on where it should not.
const MISSING_COMMA: &str = "missing comma";

/// The file's tables. Nothing when its syntax is so wrong that reading on would report echoes.
pub(super) fn parse<'a>(source: &'a str, findings: &Findings) -> Option<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(source);
    let readable = errors.iter().all(|error| error.message() == DUPLICATE_KEY);
    let mut lines = Vec::new();
    for error in errors.iter().take(MOST_READ) {
        let range = error.span().unwrap_or(source.len()..source.len());
        let before = source.as_bytes().get(..range.start).unwrap_or(source.as_bytes());
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        // A line that went wrong once goes wrong in several ways.
        if lines.contains(&line) {
            continue;
        }
        lines.push(line);
        report(source, error.message(), range, findings);
        let blank_before =
            before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t')).is_none_or(|byte| *byte == b'\n');
        // A list that was not closed swallows the lines after it: whatever else is reported is an echo.
        let is_swallowed = blank_before && error.message().starts_with(MISSING_COMMA);
        if is_swallowed || lines.len() == MOST_SHOWN {
            break;
        }
    }
    readable.then(|| table.into_inner())
}

fn report(source: &str, message: &str, range: Range<usize>, findings: &Findings) {
    if message == DUPLICATE_KEY {
        let key = quote(source.get(range.clone()).unwrap_or_default());
        let help = "write a key or a `[table]` once; a list of tables has two brackets, such as `[[step]]`";
        findings.error_with_help("duplicate-key", format!("{key} is there twice"), range, "again here", help);
        return;
    }
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let label = if expected.is_empty() { "here".to_owned() } else { format!("expected {expected}") };
    let help =
        message.starts_with(MISSING_COMMA).then(|| "is a `]` or `}` missing in a line above?".to_owned());
    let place = findings.span(range, label);
    findings.add(Diagnostic::error("syntax", format!("this is not TOML: {what}")).at(place).help(help));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn errors(text: &str) -> usize {
        let findings = Findings::new("a.toml".into(), Arc::from(text));
        assert!(parse(text, &findings).is_none());
        findings.into_sorted().len()
    }

    #[test]
    fn each_wrong_line_is_reported_once() {
        assert_eq!(errors("a = b c\nd = 1\ne = f\n"), 2);
        assert_eq!(errors("a = [1 2]\nb = c\n"), 2);
    }

    #[test]
    fn what_an_unclosed_list_swallows_is_not_reported() {
        assert_eq!(errors("a = [1\nb = 1\nc = 2\nd = 3\n"), 1);
    }

    #[test]
    fn an_error_at_every_byte_is_bounded() {
        assert_eq!(errors(&"a ".repeat(100_000)), 1);
        assert_eq!(errors(&"a\n".repeat(100_000)), MOST_SHOWN);
    }

    #[test]
    fn a_file_with_a_key_twice_is_still_read() {
        let text = "a = 1\na = 2\nb = 3\n";
        let findings = Findings::new("a.toml".into(), Arc::from(text));
        assert!(parse(text, &findings).unwrap().contains_key("b"));
        assert!(findings.has_errors());
    }
}
