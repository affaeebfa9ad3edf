//! Reads a large JSON object piece by piece, the last first, and gives back the memory of each piece's text at once: so the
//! text and what is made of it are never both there in full.
//!
//! Pieces are the members of the object, and the elements of those that are arrays. It says nothing about what is wrong
//! with a text: who wants to know parses it as a whole.

use std::collections::BTreeSet;
use std::ops::Range;

use memchr::memchr2;
use serde_json::{Map, Value};

/// So much text, or this part of what is left, is given back at once.
const GIVEN_BACK_BYTES: usize = 64 * 1024;
const GIVEN_BACK_PART: usize = 16;

/// The object; none when the text is no JSON object, or one in which a member stands twice.
pub fn parse_piecewise(mut text: Vec<u8>) -> Option<Value> {
    let mut members = members(&text)?;
    let mut object = Map::new();
    while let Some(Member { name, value, elements }) = members.pop() {
        let made = match elements {
            None => parsed(&mut text, value)?,
            Some(mut elements) => {
                let mut made = Vec::with_capacity(elements.len());
                while let Some(element) = elements.pop() {
                    made.push(parsed(&mut text, element)?);
                }
                made.reverse();
                Value::Array(made)
            }
        };
        object.insert(name, made);
    }
    Some(Value::Object(object))
}

/// Parses a piece, behind which nothing is needed any more.
fn parsed(text: &mut Vec<u8>, piece: Range<usize>) -> Option<Value> {
    text.truncate(piece.end);
    if text.capacity() - text.len() > GIVEN_BACK_BYTES.max(text.len() / GIVEN_BACK_PART) {
        text.shrink_to_fit();
    }
    serde_json::from_slice(&text[piece]).ok()
}

struct Member {
    name: String,
    value: Range<usize>,
    /// Of an array.
    elements: Option<Vec<Range<usize>>>,
}

fn members(text: &[u8]) -> Option<Vec<Member>> {
    let mut scan = Scan { text, at: 0 };
    let (mut members, mut names) = (Vec::new(), BTreeSet::new());
    scan.expect(b'{')?;
    if !scan.skip(b'}') {
        loop {
            let name = scan.value()?;
            let name: String = serde_json::from_slice(&text[name]).ok()?;
            scan.expect(b':')?;
            scan.space();
            let (start, mut elements) = (scan.at, None);
            if scan.skip(b'[') {
                elements = Some(scan.elements()?);
            } else {
                scan.value()?;
            }
            if !names.insert(name.clone()) {
                return None;
            }
            members.push(Member { name, value: start..scan.at, elements });
            if !scan.skip(b',') {
                break;
            }
        }
        scan.expect(b'}')?;
    }
    scan.space();
    (scan.at == text.len()).then_some(members)
}

struct Scan<'t> {
    text: &'t [u8],
    at: usize,
}

impl Scan<'_> {
    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    /// Goes over a byte, where it stands next.
    fn skip(&mut self, byte: u8) -> bool {
        self.space();
        let is_next = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip(byte).then_some(())
    }

    /// What stands between the brackets of an array, the first of which has been passed.
    fn elements(&mut self) -> Option<Vec<Range<usize>>> {
        let mut elements = Vec::new();
        if self.skip(b']') {
            return Some(elements);
        }
        loop {
            elements.push(self.value()?);
            if !self.skip(b',') {
                self.expect(b']')?;
                return Some(elements);
            }
        }
    }

    /// Goes over a value, of which only strings and brackets are looked at.
    fn value(&mut self) -> Option<Range<usize>> {
        self.space();
        let start = self.at;
        let mut open = 0_usize;
        loop {
            match self.text.get(self.at)? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    open = open.checked_sub(1)?;
                    self.at += 1;
                }
                _ if open > 0 => self.at += 1,
                _ => {
                    let rest = &self.text[self.at..];
                    let plain = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                    let length = rest.iter().take_while(plain).count();
                    self.at += length;
                    return (length > 0).then_some(start..self.at);
                }
            }
            if open == 0 {
                return Some(start..self.at);
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += memchr2(b'"', b'\\', self.text.get(self.at..)?)?;
            if self.text[self.at] == b'"' {
                self.at += 1;
                return Some(());
            }
            self.at += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<Value> {
        serde_json::from_str(text).ok()
    }

    #[test]
    fn pieces_make_the_same_as_the_whole() {
        let long = format!(r#"{{"a":[{}1],"b":"{}"}}"#, r#"{"x":"y"},"#.repeat(50_000), "z".repeat(500_000));
        for text in [
            "{}",
            " { } ",
            r#"{"a":1,"b":[],"c":{"d":[1,2,{"e":"]}"}]}}"#,
            "{ \"a\" : [ 1 , \"\\\"]\\\\\" , null , -1.50e3 , [ ] , {} ] ,\n\"\\u0062\" : true }\n",
            r#"{"n":9007199254740993,"m":1.0}"#,
            &long,
        ] {
            let made = parse_piecewise(text.as_bytes().to_vec());
            assert!(made.is_some() && made == whole(text), "{}", &text[..60.min(text.len())]);
        }
    }

    #[test]
    fn what_is_no_object_is_none() {
        for text in [
            "",
            "[]",
            "1",
            "{",
            "{}x",
            "{\"a\":}",
            "{\"a\":[1,]}",
            "{\"a\":[1}",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":[\"x]}",
            "{\"a\":{]}",
            "{\"a\":1 2}",
            "{\"a\":\"\\",
            "{\"a\":[1 2]}",
            "{\"a\":nul}",
            "{\"a\":\"\u{1}\"}",
        ] {
            assert_eq!(parse_piecewise(text.as_bytes().to_vec()), None, "{text}");
            assert_eq!(whole(text).filter(Value::is_object), None, "{text}");
        }
        assert_eq!(
            parse_piecewise(br#"{"a":1,"\u0061":2}"#.to_vec()),
            None,
            "which one counts is for others to say"
        );
    }
}
