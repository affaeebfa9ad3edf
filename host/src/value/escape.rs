//! Text from agents and guests made safe for a terminal, a CI log and a report.

use std::fmt::Write as _;

/// Escapes what can drive a terminal or reorder text: control characters (except newline and tab) and the
/// Unicode bidirectional controls. Everything else stays as it is.
pub fn escape_terminal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        let bidirectional = matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let separator = matches!(character, '\u{2028}' | '\u{2029}');
        if bidirectional || separator || (character.is_control() && !matches!(character, '\n' | '\t')) {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// At most `most` characters of a text, on one line, escaped; an ellipsis marks what was left out.
pub fn excerpt(text: &str, most: usize) -> String {
    // No character becomes fewer than one; texts may be very long.
    let end = text.char_indices().nth(most.saturating_add(1)).map_or(text.len(), |(end, _)| end);
    let line: String = escape_terminal(&text[..end]).replace('\n', "\\n").replace('\t', "\\t");
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_drive_the_terminal() {
        assert_eq!(
            escape_terminal("\x1b[31mred\x07\u{202e}\r\n\tok é"),
            "\\u{1b}[31mred\\u{7}\\u{202e}\\u{d}\n\tok é"
        );
    }

    #[test]
    fn an_excerpt_is_one_bounded_line() {
        assert_eq!(excerpt("a\nb", 10), "a\\nb");
        for (text, shown) in [("abcdef", "abc…"), ("abcde", "abc…"), ("abcd", "abcd"), ("ééééé", "ééé…")]
        {
            assert_eq!(excerpt(text, 4), shown);
        }
        assert_eq!(excerpt("", 0), "");
    }
}
