//! The characters of an expression: position, blank space, names, string literals, integers.

use super::Refusal;

/// The largest integer an index or slice may name: 2^53 - 1 (RFC 9535 section 2.1, I-JSON range).
const INTEGER_LIMIT: i64 = (1 << 53) - 1;

pub(super) struct Text<'a> {
    all: &'a str,
    position: usize,
}

impl<'a> Text<'a> {
    pub fn new(all: &'a str) -> Self {
        Self { all, position: 0 }
    }

    pub fn rest(&self) -> &'a str {
        &self.all[self.position..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.position += character.len_utf8();
        Some(character)
    }

    pub fn skip_blank(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.position += 1;
        }
    }

    /// Takes `token` when it stands here.
    pub fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    pub fn expect(&mut self, token: &str) -> Result<(), Refusal> {
        if self.take(token) { Ok(()) } else { Err(self.invalid(format!("expected `{token}`"))) }
    }

    pub fn invalid(&self, detail: impl Into<String>) -> Refusal {
        Refusal::Invalid { position: self.position, detail: detail.into() }
    }

    /// `member-name-shorthand`: a letter, `_` or a character beyond ASCII, then also digits.
    pub fn shorthand(&mut self) -> Result<String, Refusal> {
        let length = name_length(self.rest());
        if length == 0 {
            return Err(self.invalid("expected a name, `*` or `[`"));
        }
        let name = &self.rest()[..length];
        self.position += length;
        Ok(name.to_owned())
    }

    /// The name of a function, when one and its `(` stand here; both are taken.
    pub fn function_name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let length =
            rest.bytes().take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_').count();
        if length == 0 || !rest[length..].starts_with('(') {
            return None;
        }
        self.position += length + 1;
        Some(&rest[..length])
    }

    /// An integer as RFC 9535 writes one: no leading zeros, no `-0`, within 2^53 - 1.
    pub fn integer(&mut self) -> Result<Option<i64>, Refusal> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with('-'));
        let digits = rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return if sign == 0 { Ok(None) } else { Err(self.invalid("expected digits after `-`")) };
        }
        let lexeme = &rest[..sign + digits];
        if lexeme == "-0" || (digits > 1 && rest[sign..].starts_with('0')) {
            return Err(self.invalid("an integer has no leading zeros and no negative zero"));
        }
        let number = lexeme.parse::<i64>().ok().filter(|number| number.abs() <= INTEGER_LIMIT);
        let number = number.ok_or_else(|| self.invalid("the integer is beyond 2^53 - 1"))?;
        self.position += lexeme.len();
        Ok(Some(number))
    }

    /// The lexeme of a number: a JSON number, or `-0` (RFC 9535 section 2.3.5.1, `number`).
    pub fn number(&mut self) -> Result<String, Refusal> {
        let rest = self.rest();
        let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
        let mut end = usize::from(rest.starts_with('-'));
        let integer = digits(end);
        if integer == 0 || (integer > 1 && rest[end..].starts_with('0')) {
            return Err(self.invalid("expected a JSON number"));
        }
        end += integer;
        if rest[end..].starts_with('.') {
            let fraction = digits(end + 1);
            if fraction == 0 {
                return Err(self.invalid("expected digits after the decimal point"));
            }
            end += 1 + fraction;
        }
        if rest[end..].starts_with(['e', 'E']) {
            let signed = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let exponent = digits(end + 1 + signed);
            if exponent == 0 {
                return Err(self.invalid("expected digits in the exponent"));
            }
            end += 1 + signed + exponent;
        }
        self.position += end;
        Ok(rest[..end].to_owned())
    }

    /// A string literal in single or double quotes, its escapes resolved.
    pub fn string(&mut self) -> Result<String, Refusal> {
        let quote = self.next().unwrap_or('"');
        let mut text = String::new();
        loop {
            let here = self.position;
            let invalid = |detail: &str| Refusal::Invalid { position: here, detail: detail.to_owned() };
            match self.next() {
                None => return Err(invalid("the string is not closed")),
                Some(c) if c == quote => return Ok(text),
                Some('\\') => match self.next() {
                    Some('b') => text.push('\u{8}'),
                    Some('f') => text.push('\u{c}'),
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('/' | '\\')) => text.push(c),
                    Some(c) if c == quote => text.push(c),
                    Some('u') => {
                        text.push(self.unicode_escape().ok_or_else(|| invalid("not a character's escape"))?)
                    }
                    _ => return Err(invalid("not an escape of JSONPath strings")),
                },
                Some(c) if c < ' ' => return Err(invalid("control characters must be escaped")),
                Some(c) => text.push(c),
            }
        }
    }

    fn unicode_escape(&mut self) -> Option<char> {
        let first = self.four_hex_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        if !self.take("\\u") {
            return None;
        }
        let second = self.four_hex_digits().filter(|second| (0xdc00..0xe000).contains(second))?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn four_hex_digits(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.position += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

fn name_length(text: &str) -> usize {
    let mut length = 0;
    for character in text.chars() {
        let digit_inside = length > 0 && character.is_ascii_digit();
        if !(character.is_ascii_alphabetic() || character == '_' || !character.is_ascii() || digit_inside) {
            break;
        }
        length += character.len_utf8();
    }
    length
}
