//! What in a text is meant for a terminal: escape sequences, whether as bytes or escaped in JSON, and characters that
//! move the cursor.

/// The first thing in a text that is meant for a terminal.
#[derive(Debug, PartialEq, Eq)]
pub struct Control {
    /// Its line, from 1.
    pub line: usize,
    /// What it is.
    pub name: &'static str,
    /// Whether it moves a cursor or takes over the screen, beyond colours.
    pub moves: bool,
}

/// Ways to write the escape character: as it is, and as JSON and other notations do.
const ESCAPES: [&str; 5] = ["\u{1b}", "\u{9b}", "\\u001b", "\\u001B", "\\x1b"];

/// The first escape sequence in a text.
pub fn control(text: &str) -> Option<Control> {
    let (at, escape) = ESCAPES.iter().filter_map(|escape| Some((text.find(escape)?, escape))).min()?;
    let rest = &text[at + escape.len()..];
    let line = text[..at].matches('\n').count() + 1;
    let body = rest.strip_prefix('[').unwrap_or(rest);
    let end = body.chars().find(|c| c.is_ascii_alphabetic());
    let is_private = body.starts_with('?');
    let (name, moves) = match end {
        _ if is_private => ("a sequence that changes the terminal's mode", true),
        _ if rest.starts_with(']') => ("a sequence that sets the terminal's title", true),
        Some('m') => ("a colour", false),
        _ => ("a sequence that moves the cursor", true),
    };
    Some(Control { line, name, moves })
}

/// The first line that is written over itself: a carriage return with more behind it, or a backspace.
pub fn overwritten(text: &str) -> Option<usize> {
    let over = |line: &str| line.trim_end_matches('\r').contains(['\r', '\u{8}', '\u{7}']);
    text.split('\n').position(over).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::{control, overwritten};

    #[test]
    fn sequences_are_found_however_they_are_written() {
        for (text, line, moves) in [
            ("a\n\u{1b}[31mred", 2, false),
            ("{\"text\":\"\\u001b[2J\"}", 1, true),
            ("\u{1b}[?1049h", 1, true),
            ("\u{1b}]0;title\u{7}", 1, true),
        ] {
            let found = control(text).unwrap();
            assert_eq!((found.line, found.moves), (line, moves), "{text:?}");
        }
        assert_eq!(control("plain ⟦call#1⟧ text"), None);
    }

    #[test]
    fn a_line_that_is_written_over_is_found() {
        assert_eq!(overwritten("one\r\ntwo\r\n"), None);
        assert_eq!(overwritten("one\n10%\r20%\n"), Some(2));
    }
}
