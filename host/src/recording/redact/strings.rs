//! Texts of JSON within bytes that need be no JSON: lines of it between lines of anything, one value over many lines.

use std::ops::Range;

use memchr::memchr3;

/// Deeper than this, it is taken for no JSON.
const MOST_DEPTH: usize = 200;

/// What a place is called: the names of the members that lead to it, without positions in arrays.
pub(super) type PlaceKey = u64;

/// The place at the top.
pub(super) const TOP: PlaceKey = 0xcbf2_9ce4_8422_2325;

/// The place of a member below a place (FNV-1a: two places that agree in it are searched in a row, nothing worse).
pub(super) fn below(place: PlaceKey, name: &[u8]) -> PlaceKey {
    let mix = |key: u64, byte: &u8| (key ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    mix(name.iter().fold(place, mix), &0xff)
}

/// An object or array that is open.
struct Open {
    is_object: bool,
    place: PlaceKey,
}

/// Calls `found` with each text, escapes as they are, and its place.
pub(super) fn each(bytes: &[u8], mut found: impl FnMut(PlaceKey, Range<usize>)) {
    let mut open: Vec<Open> = Vec::new();
    let (mut place, mut is_name, mut at) = (TOP, false, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                if open.len() == MOST_DEPTH {
                    (place, _) = (TOP, open.clear());
                }
                is_name = *byte == b'{';
                open.push(Open { is_object: is_name, place });
            }
            b'}' | b']' => {
                place = open.pop().map_or(TOP, |closed| closed.place);
                is_name = false;
            }
            b',' => {
                if let Some(open) = open.last() {
                    (place, is_name) = (open.place, open.is_object);
                }
            }
            b'"' => match text_end(bytes, at) {
                None => {
                    // No text of JSON: what is open is something else.
                    open.clear();
                    (place, is_name) = (TOP, false);
                }
                Some(end) if is_name => {
                    place = below(place, &bytes[at..end]);
                    (is_name, at) = (false, end + 1);
                }
                Some(end) => {
                    found(place, at..end);
                    at = end + 1;
                }
            },
            _ => {}
        }
    }
}

/// Where a text that begins at `at` ends; none when it does not end in its line.
fn text_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr3(b'"', b'\\', b'\n', bytes.get(at..)?)?;
        match bytes[at] {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(PlaceKey, &str)> {
        let mut all = Vec::new();
        each(text.as_bytes(), |place, range| all.push((place, &text[range])));
        all
    }

    #[test]
    fn texts_are_told_with_the_names_that_lead_to_them() {
        let (a, b) = (below(TOP, b"a"), below(below(TOP, b"a"), b"b"));
        assert_eq!(
            all(r#"{"a":["x",{"b":"y\"z","c":1},"w"],"b":"v"}"#),
            [(a, "x"), (b, r#"y\"z"#), (a, "w"), (below(TOP, b"b"), "v")]
        );
        assert_eq!(all("{\"a\":\"1\"}\r\n{ \"a\" : \"2\" }\n"), [(a, "1"), (a, "2")]);
        assert_eq!(all(r#"{"a":"one\ntwo\\"}"#), [(a, r"one\ntwo\\")]);
    }

    #[test]
    fn what_is_no_json_ends_with_its_line() {
        let a = below(TOP, b"a");
        assert_eq!(all("he said \"no\n{\"a\":\"1\"}"), [(a, "1")]);
        assert_eq!(all(&format!("{}\"\n{{\"a\":\"1\"}}", "[".repeat(1000))), [(a, "1")]);
        for broken in ["\"", "\"\\", "{\"a\":\"x\\\"", "}}]]\"\"", "\"a\\", ",:\"\\n"] {
            each(broken.as_bytes(), |_, _| {});
        }
    }
}
