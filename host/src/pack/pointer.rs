//! JSON Pointer (RFC 6901), as far as JSON Patch needs it: find, insert and remove one value.

use serde_json::Value;

use crate::value::excerpt;

/// A place in a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    text: String,
    tokens: Vec<String>,
}

impl Pointer {
    /// Reads the text of a pointer. The error is a sentence for people.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tokens = match text.strip_prefix('/') {
            None if text.is_empty() => Vec::new(),
            None => return Err(format!("the pointer `{}` does not start with `/`", excerpt(text, 200))),
            Some(rest) => rest.split('/').map(unescape).collect::<Option<_>>().ok_or_else(|| {
                format!("the pointer `{}` has a `~` that is neither `~0` nor `~1`", excerpt(text, 200))
            })?,
        };
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How far below the root it points.
    pub(super) fn depth(&self) -> usize {
        self.tokens.len()
    }

    /// Whether the other pointer leads to something inside what this one points at.
    pub(super) fn is_above(&self, other: &Self) -> bool {
        self.tokens.len() < other.tokens.len() && other.tokens.starts_with(&self.tokens)
    }

    /// What stands there.
    pub(super) fn find<'v>(&self, document: &'v Value) -> Result<&'v Value, String> {
        self.tokens.iter().enumerate().try_fold(document, |value, (depth, token)| match value {
            Value::Object(members) => members.get(token).ok_or_else(|| self.no_member(depth)),
            Value::Array(items) => Ok(&items[self.index(depth, items.len())?]),
            _ => Err(self.no_container(depth)),
        })
    }

    /// What stands there, to be changed.
    pub(super) fn find_mut<'v>(&self, document: &'v mut Value) -> Result<&'v mut Value, String> {
        self.descend(document, self.tokens.len())
    }

    /// Puts a value there: a member is replaced, elements make room, `-` is the end of a list.
    pub(super) fn insert(&self, document: &mut Value, value: Value) -> Result<(), String> {
        let Some((last, above)) = self.tokens.split_last() else {
            *document = value;
            return Ok(());
        };
        let depth = above.len();
        match self.descend(document, depth)? {
            Value::Object(members) => {
                members.insert(last.clone(), value);
            }
            Value::Array(items) if last == "-" => items.push(value),
            Value::Array(items) => {
                // One past the end is a place to insert, though not one to find.
                let index = self.index(depth, items.len() + 1)?;
                items.insert(index, value);
            }
            _ => return Err(self.no_container(depth)),
        }
        Ok(())
    }

    /// Takes away what stands there.
    pub(super) fn remove(&self, document: &mut Value) -> Result<Value, String> {
        let Some((last, above)) = self.tokens.split_last() else {
            return Err("the whole document can't be taken away".to_owned());
        };
        let depth = above.len();
        match self.descend(document, depth)? {
            Value::Object(members) => members.remove(last).ok_or_else(|| self.no_member(depth)),
            Value::Array(items) => {
                let index = self.index(depth, items.len())?;
                Ok(items.remove(index))
            }
            _ => Err(self.no_container(depth)),
        }
    }

    fn descend<'v>(&self, document: &'v mut Value, depth: usize) -> Result<&'v mut Value, String> {
        self.tokens[..depth].iter().enumerate().try_fold(document, |value, (depth, token)| match value {
            Value::Object(members) => members.get_mut(token).ok_or_else(|| self.no_member(depth)),
            Value::Array(items) => {
                let index = self.index(depth, items.len())?;
                Ok(&mut items[index])
            }
            _ => Err(self.no_container(depth)),
        })
    }

    /// A position below `length`: decimal digits without leading zeros (RFC 6901 section 4).
    fn index(&self, depth: usize, length: usize) -> Result<usize, String> {
        let token = &self.tokens[depth];
        let plain =
            token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
        let index = if plain { token.parse::<usize>().ok() } else { None };
        index.filter(|index| *index < length).ok_or_else(|| {
            format!(
                "`{}` is no position in {}, which has room for {length}",
                excerpt(token, 60),
                self.above(depth)
            )
        })
    }

    fn no_member(&self, depth: usize) -> String {
        format!("{} has no member `{}`", self.above(depth), excerpt(&self.tokens[depth], 60))
    }

    fn no_container(&self, depth: usize) -> String {
        format!("{} is neither an object nor a list", self.above(depth))
    }

    fn above(&self, depth: usize) -> String {
        match self.text.match_indices('/').nth(depth) {
            Some((0, _)) | None => "the document".to_owned(),
            Some((end, _)) => format!("`{}`", excerpt(&self.text[..end], 200)),
        }
    }
}

fn unescape(token: &str) -> Option<String> {
    let mut text = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 6901 section 5.
    #[test]
    fn the_examples_of_the_rfc() {
        let document = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
        });
        for (pointer, expected) in [
            ("", document.clone()),
            ("/foo", json!(["bar", "baz"])),
            ("/foo/0", json!("bar")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/c%d", json!(2)),
            ("/e^f", json!(3)),
            ("/g|h", json!(4)),
            ("/i\\j", json!(5)),
            ("/k\"l", json!(6)),
            ("/ ", json!(7)),
            ("/m~0n", json!(8)),
        ] {
            assert_eq!(Pointer::parse(pointer).unwrap().find(&document), Ok(&expected), "{pointer}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_from_the_last_place_that_is() {
        let document = json!({ "a": [{ "b": "text" }] });
        for (pointer, reason) in [
            ("/x", "the document has no member `x`"),
            ("/a/1", "`1` is no position in `/a`, which has room for 1"),
            ("/a/00", "`00` is no position in `/a`, which has room for 1"),
            ("/a/-", "`-` is no position in `/a`, which has room for 1"),
            ("/a/+0", "`+0` is no position in `/a`, which has room for 1"),
            ("/a/0/c", "`/a/0` has no member `c`"),
            ("/a/0/b/c", "`/a/0/b` is neither an object nor a list"),
        ] {
            assert_eq!(Pointer::parse(pointer).unwrap().find(&document), Err(reason.to_owned()));
        }
        assert!(Pointer::parse("/a~2").is_err() && Pointer::parse("/a~").is_err());
    }
}
