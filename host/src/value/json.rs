//! Canonical JSON: members sorted as RFC 8785 section 3.2.3 says (by UTF-16 code units), no white space,
//! number lexemes kept as they were read (so not RFC 8785's number rule: `1.0` stays `1.0`).

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

/// The canonical text of a JSON value.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text, usize::MAX);
    text
}

/// The beginning of that text: all of it, or at least so many bytes, right up to there.
pub fn canonical_start(value: &Value, most: usize) -> String {
    let mut text = String::new();
    write(value, &mut text, most);
    text
}

/// The canonical text of anything that serialises to JSON.
///
/// # Errors
/// What serialising it returns: a map with keys that are not text, for example.
pub fn to_canonical_string(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(canonical(&serde_json::to_value(value)?))
}

/// Appends one part to a normalized path (RFC 9535 section 2.7): names as `[.….]` in single quotes,
/// indices as `[n]`.
pub fn push_path_part(path: &mut String, part: PathPart<'_>) {
    match part {
        PathPart::Index(index) => {
            let _ = write!(path, "[{index}]");
        }
        PathPart::Name(name) if !name.contains(['\'', '\\']) && !name.bytes().any(|byte| byte < b' ') => {
            path.push_str("['");
            path.push_str(name);
            path.push_str("']");
        }
        PathPart::Name(name) => {
            path.push_str("['");
            for character in name.chars() {
                match character {
                    '\'' => path.push_str("\\'"),
                    '\\' => path.push_str("\\\\"),
                    '\u{8}' => path.push_str("\\b"),
                    '\u{c}' => path.push_str("\\f"),
                    '\n' => path.push_str("\\n"),
                    '\r' => path.push_str("\\r"),
                    '\t' => path.push_str("\\t"),
                    c if c < ' ' => {
                        let _ = write!(path, "\\u{:04x}", u32::from(c));
                    }
                    c => path.push(c),
                }
            }
            path.push_str("']");
        }
    }
}

/// One step of a normalized path.
#[derive(Clone, Copy, Debug)]
pub enum PathPart<'a> {
    /// A member of an object.
    Name(&'a str),
    /// An element of an array.
    Index(usize),
}

/// What stands after `most` bytes may be anything.
fn write(value: &Value, out: &mut String, most: usize) {
    if out.len() >= most {
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => write_string(&text[..text.floor_char_boundary(most)], out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if out.len() >= most {
                    return;
                }
                if index > 0 {
                    out.push(',');
                }
                write(item, out, most);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            if are_sorted(members) {
                write_members(members.iter(), out, most);
            } else {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                write_members(members.into_iter(), out, most);
            }
            out.push('}');
        }
    }
}

/// Whether the members are in order as they come. Bytes order names as UTF-16 does unless a character at or above
/// U+E000, whose first byte is at least 0xEE, meets one above U+FFFF.
fn are_sorted(members: &Map<String, Value>) -> bool {
    members.keys().all(|name| name.bytes().all(|byte| byte < 0xee)) && members.keys().is_sorted()
}

fn write_members<'v>(members: impl Iterator<Item = (&'v String, &'v Value)>, out: &mut String, most: usize) {
    for (index, (name, member)) in members.enumerate() {
        if out.len() >= most {
            return;
        }
        if index > 0 {
            out.push(',');
        }
        write_string(name, out);
        out.push(':');
        write(member, out, most);
    }
}

/// What stands for each byte: 0 for itself, `u` for `\u00xx`, else the letter after the backslash.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        escapes[control] = b'u';
        control += 1;
    }
    escapes[0x08] = b'b';
    escapes[0x0c] = b'f';
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

/// Copies what needs no escape in one piece: every byte that does is ASCII, so pieces end between characters.
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        out.push_str(&text[copied..at]);
        copied = at + 1;
        if escape == b'u' {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push('\\');
            out.push(char::from(escape));
        }
    }
    out.push_str(&text[copied..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        canonical(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn number_lexemes_are_kept() {
        assert_eq!(round("[9007199254740993, 1.0, 1e400, -0]"), "[9007199254740993,1.0,1e+400,-0]");
    }

    #[test]
    fn a_start_is_that_of_the_whole() {
        let value =
            serde_json::json!({ "aé": ["x\ny", 12.5, { "b": {}, "c": [[], null] }], "d": "é".repeat(40) });
        let whole = canonical(&value);
        for most in 0..=whole.len() + 1 {
            let start = canonical_start(&value, most);
            let agreed = most.min(whole.len());
            assert_eq!(&start.as_bytes()[..agreed], &whole.as_bytes()[..agreed], "{most}");
            assert!(start.len() < 2 * most + 20, "{most}: {start}");
        }
        let many = canonical_start(&serde_json::json!(vec![0; 1_000]), 10);
        assert!(many.len() < 20, "{many}");
    }

    #[test]
    fn members_are_sorted_by_utf16_code_units() {
        // RFC 8785 section 3.2.3: U+1F600 starts with the surrogate D83D, so it sorts before U+FB33.
        assert_eq!(round(r#"{"\ufb33":1,"😀":2,"a":3}"#), "{\"a\":3,\"😀\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn control_characters_are_escaped_the_short_way() {
        assert_eq!(round(r#""\u0008\u000c\u0001\u007f\/""#), "\"\\b\\f\\u0001\u{7f}/\"");
    }

    #[test]
    fn a_normalized_path_escapes_names() {
        let mut path = String::from("$");
        push_path_part(&mut path, PathPart::Name("it's\n"));
        push_path_part(&mut path, PathPart::Index(3));
        assert_eq!(path, r"$['it\'s\n'][3]");
    }
}
