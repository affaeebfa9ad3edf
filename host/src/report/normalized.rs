//! Normalized paths (RFC 9535 section 2.7) taken apart, and in the short notation people type:
//! `$.files["notes.txt"].after` for `$['files']['notes.txt']['after']`. It means the same, and stands in a shell's
//! single quotes.

use serde_json::Value;

/// One part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A member's name.
    Name(String),
    /// A position in a list.
    Index(usize),
}

/// The parts of a normalized path; nothing for text that is none.
pub(super) fn parts(path: &str) -> Option<Vec<Part>> {
    let mut rest = path.strip_prefix('$')?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        rest = if let Some(quoted) = rest.strip_prefix("['") {
            let (name, after) = name(quoted)?;
            parts.push(Part::Name(name));
            after.strip_prefix(']')?
        } else {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            parts.push(Part::Index(index.parse().ok()?));
            after
        };
    }
    Some(parts)
}

/// The values on the way, the root first; shorter than the path where something is missing.
pub(super) fn walk<'v>(root: &'v Value, parts: &[Part]) -> Vec<&'v Value> {
    let mut values = vec![root];
    let mut here = root;
    for part in parts {
        let next = match part {
            Part::Name(name) => here.get(name),
            Part::Index(index) => here.get(index),
        };
        let Some(next) = next else { break };
        values.push(next);
        here = next;
    }
    values
}

/// The short notation; a path with names that would need escapes, or anything else, stays as it is.
pub(super) fn short(path: &str) -> String {
    parts(path).and_then(|parts| shorten(&parts)).unwrap_or_else(|| path.to_owned())
}

fn shorten(parts: &[Part]) -> Option<String> {
    let mut short = String::from("$");
    for part in parts {
        match part {
            Part::Index(index) => short.push_str(&format!("[{index}]")),
            Part::Name(name) if is_plain(name) => {
                short.push('.');
                short.push_str(name);
            }
            Part::Name(name) if name.contains(['\'', '"', '\\']) || name.contains(char::is_control) => {
                return None;
            }
            Part::Name(name) => short.push_str(&format!("[\"{name}\"]")),
        }
    }
    Some(short)
}

fn is_plain(name: &str) -> bool {
    let letter = |character: char| character.is_ascii_alphabetic() || character == '_';
    name.starts_with(letter) && name.chars().all(|character| letter(character) || character.is_ascii_digit())
}

/// A name up to its closing quote, and what follows that.
fn name(quoted: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut characters = quoted.char_indices();
    loop {
        name.push(match characters.next()? {
            (end, '\'') => return Some((name, &quoted[end + 1..])),
            (_, '\\') => match characters.next()?.1 {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                other => other,
            },
            (_, other) => other,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_where_it_says_and_so_does_its_short_form() {
        let document = json!({
            "files": { "a b.txt": [1, { "after": 2 }], "it's": 3, "]": 4, "x']y": 5, "\"": 6, "é": 7, "\n\u{1}\\": 8 },
        });
        let mut budget = crate::query::Budget::new(10_000);
        let all = crate::query::Query::parse("$..*").unwrap();
        for node in crate::query::nodes(&all, &document, &mut budget).unwrap() {
            let parts = parts(&node.path).unwrap();
            assert_eq!(walk(&document, &parts).get(parts.len()), Some(&node.value), "{}", node.path);
            let found = crate::query::singular_path(&short(&node.path), &document);
            assert_eq!(found, Some((node.path, node.value)));
        }
        assert_eq!(short("$['files']['a b.txt'][1]['after']"), "$.files[\"a b.txt\"][1].after");
        assert_eq!(short("files/notes.txt/after"), "files/notes.txt/after");
    }

    #[test]
    fn what_is_no_path_has_no_parts() {
        for path in ["", "files", "$['a'", "$[a]", "$['a]", "$.a", "$['\\u00']"] {
            assert_eq!(parts(path), None, "{path}");
        }
        assert_eq!(walk(&json!([[1]]), &[Part::Index(0), Part::Name("x".into())]).len(), 2);
    }
}
