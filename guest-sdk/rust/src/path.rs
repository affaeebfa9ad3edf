//! Paths of the run document (RFC 9535): writing them, quoting text in them, taking a normalized one apart.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text as a JSONPath string literal in single quotes: `it's` becomes `'it\'s'`.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        match character {
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// The path of a member: `member("$['files']", "a b")` is `$['files']['a b']`.
pub fn member(path: &str, name: &str) -> String {
    format!("{path}[{}]", quote(name))
}

/// The path of an element, counted from 0.
pub fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// One step of a normalized path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'p> {
    /// A member of an object.
    Name(Cow<'p, str>),
    /// An element of an array, from 0.
    Index(usize),
}

/// The steps of a normalized path after `$`; nothing when it is not one.
pub fn parts(path: &str) -> Option<Vec<Part<'_>>> {
    let mut steps = steps(path);
    let parts = steps.by_ref().collect();
    steps.rest.is_some_and(str::is_empty).then_some(parts)
}

/// The same one by one, up to where it is no normalized path; for those who need the first few.
pub fn steps(path: &str) -> Steps<'_> {
    Steps { rest: path.strip_prefix('$') }
}

/// Steps of a path; made by [`steps`].
#[derive(Clone, Debug)]
pub struct Steps<'p> {
    /// None after what is no step.
    rest: Option<&'p str>,
}

impl<'p> Iterator for Steps<'p> {
    type Item = Part<'p>;

    fn next(&mut self) -> Option<Part<'p>> {
        let rest = self.rest.filter(|rest| !rest.is_empty())?;
        let step = step(rest);
        self.rest = step.as_ref().map(|(_, after)| *after);
        step.map(|(part, _)| part)
    }
}

/// The first step, and what comes after it.
fn step(path: &str) -> Option<(Part<'_>, &str)> {
    let path = path.strip_prefix('[')?;
    if let Some(quoted) = path.strip_prefix('\'') {
        let (name, after) = unquote(quoted)?;
        return Some((Part::Name(name), after.strip_prefix(']')?));
    }
    let end = path.bytes().position(|byte| byte == b']')?;
    Some((Part::Index(path[..end].parse().ok()?), &path[end + 1..]))
}

/// The name up to the closing quote, and what comes after it.
fn unquote(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let plain = quoted.bytes().position(|byte| matches!(byte, b'\'' | b'\\'))?;
    if quoted.as_bytes()[plain] == b'\'' {
        return Some((quoted[..plain].into(), &quoted[plain + 1..]));
    }
    let mut name = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Some((name.into(), &quoted[at + 1..])),
            '\\' => match characters.next()?.1 {
                'b' => name.push('\u{8}'),
                'f' => name.push('\u{c}'),
                'n' => name.push('\n'),
                'r' => name.push('\r'),
                't' => name.push('\t'),
                'u' => {
                    let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                    name.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                other => name.push(other),
            },
            other => name.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_apart_into_what_it_was_made_of() {
        let name = "it's [a] \\ b\n\u{1}é";
        let path = member(&element(&member("$", "requests"), 3), name);
        let expected = vec![Part::Name("requests".into()), Part::Index(3), Part::Name(name.into())];
        assert_eq!(parts(&path), Some(expected.clone()));
        assert_eq!(steps(&path).take(2).collect::<Vec<_>>(), expected[..2]);
    }

    #[test]
    fn what_is_no_normalized_path_has_no_parts() {
        for text in ["", "files", "$.files", "$['files'", "$[x]", "$['a]"] {
            assert_eq!(parts(text), None, "{text}");
        }
        assert_eq!(steps("$['a'][x][1]").count(), 1);
    }
}
