//! JSON from modules, bounded before it is parsed.

use serde::de::DeserializeOwned;

use crate::sandbox::stop::Stop;

/// Reads JSON from a module; `what` begins the sentence about what is wrong with it.
pub(super) fn read<T: DeserializeOwned>(text: &[u8], what: &str, most_depth: usize) -> Result<T, Stop> {
    let text =
        std::str::from_utf8(text).map_err(|_| Stop::guest("output", format!("{what} is not UTF-8")))?;
    if !is_within(text, most_depth) {
        let message = format!("{what} is nested deeper than {most_depth} (limits.json_depth)");
        return Err(Stop::guest("output", message));
    }
    serde_json::from_str(text)
        .map_err(|error| Stop::guest("output", format!("{what} can't be read: {error}")))
}

/// Whether objects and arrays are nested at most so deep; says nothing of whether it is JSON.
pub fn is_within(text: &str, most_depth: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > most_depth {
                    return false;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_texts() {
        for (text, most, within) in [
            ("[[1]]", 2, true),
            ("[[1]]", 1, false),
            (r#"{"a":["[[[[", "\"[["]}"#, 2, true),
            ("[][][]", 1, true),
            ("7", 0, true),
        ] {
            assert_eq!(is_within(text, most), within, "{text}");
        }
    }
}
