//! I-Regexp (RFC 9485): read, measured, and said in the words of the `regex` crate.
//!
//! The `regex` crate knows more (`\d`, flags, lazy repetition); what RFC 9485 does not have is refused, so that an
//! expression means the same in any other program. `^` and `$` are anchors, as in the compliance suite.

use super::parse::NESTING_LIMIT;

/// States an expression may have: what is searched costs up to one step for each state and byte.
const STATES_LIMIT: u64 = 5_000;

/// States of a character beyond ASCII in UTF-8, of one range of characters, and of a Unicode category: from above.
const CHARACTER_STATES: u64 = 4;
const RANGE_STATES: u64 = 12;
const CATEGORY_STATES: u64 = 600;

/// The general categories RFC 9485 names.
const CATEGORIES: [&str; 36] = [
    "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe",
    "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs", "C", "Cc", "Cf", "Cn", "Co",
];

/// Characters that mean something else than themselves, here or in the `regex` crate.
const SPECIAL: [char; 15] = ['(', ')', '*', '+', '-', '.', '?', '[', '\\', ']', '^', '{', '|', '}', '$'];

/// An expression that is one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expression {
    /// For the `regex` crate.
    pub translated: String,
    /// A bound of its automaton's states; at least one.
    pub states: u64,
    /// Whether it is nothing but the text that is searched for: then each byte is looked at about once, however long
    /// that text is.
    pub is_literal: bool,
}

/// Reads an I-Regexp.
///
/// # Errors
/// What is wrong, for people.
pub(super) fn read(expression: &str) -> Result<Expression, String> {
    let mut reader = Reader { rest: expression, out: String::new(), depth: 0 };
    let is_literal = !expression.is_empty() && !expression.contains(SPECIAL);
    let states = reader.alternatives()?;
    match reader.peek() {
        None => Ok(Expression { translated: reader.out, states: states.max(1), is_literal }),
        Some(character) => Err(format!("in a regular expression, {character:?} must be escaped")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    fn take(&mut self, character: char) -> bool {
        let found = self.peek() == Some(character);
        if found {
            self.next();
        }
        found
    }

    /// Each part gives its states.
    fn alternatives(&mut self) -> Result<u64, String> {
        let mut states = 1;
        loop {
            while !matches!(self.peek(), None | Some('|' | ')')) {
                states += self.piece()?;
                if states > STATES_LIMIT {
                    return Err("the regular expression is too large".to_owned());
                }
            }
            if !self.take('|') {
                return Ok(states);
            }
            states += 1;
            self.out.push('|');
        }
    }

    fn piece(&mut self) -> Result<u64, String> {
        let states = match self.next() {
            Some('(') => self.group()?,
            Some('[') => self.class()?,
            Some('.') => {
                self.out.push_str(r"[^\n\r]");
                RANGE_STATES
            }
            Some('\\') => self.escape()?,
            Some(anchor @ ('^' | '$')) => {
                self.out.push(anchor);
                1
            }
            Some(character @ ('*' | '+' | '?' | '{')) => {
                return Err(format!("in a regular expression, {character:?} follows what it repeats, once"));
            }
            Some(character @ (']' | '}')) => {
                return Err(format!("in a regular expression, {character:?} must be escaped"));
            }
            Some(character) => self.literal(character),
            None => return Err("the regular expression ends too early".to_owned()),
        };
        let repeated = self.quantifier()?;
        Ok(states.saturating_mul(repeated).saturating_add(1))
    }

    fn group(&mut self) -> Result<u64, String> {
        self.depth += 1;
        if self.depth > NESTING_LIMIT {
            return Err(format!("in a regular expression, groups nest at most {NESTING_LIMIT} levels deep"));
        }
        self.out.push_str("(?:");
        let states = self.alternatives()?;
        if !self.take(')') {
            return Err("in a regular expression, a `(` is not closed".to_owned());
        }
        self.out.push(')');
        self.depth -= 1;
        Ok(states)
    }

    /// How many times what stands before it is there at most, or at least where there is no most.
    fn quantifier(&mut self) -> Result<u64, String> {
        match self.peek() {
            Some(character @ ('*' | '+' | '?')) => {
                self.next();
                self.out.push(character);
                Ok(1)
            }
            Some('{') => {
                self.next();
                let least = self.number()?;
                let most = match (self.take(','), self.peek()) {
                    (false, _) => Some(least),
                    (true, Some('}')) => None,
                    (true, _) => Some(self.number()?),
                };
                if !self.take('}') {
                    return Err("in a regular expression, repetition is `{2}`, `{2,}` or `{2,3}`".to_owned());
                }
                if most.is_some_and(|most| most < least) {
                    return Err(format!("in a regular expression, `{{{least},…}}` ends before it begins"));
                }
                self.out.push_str(&match most {
                    Some(most) => format!("{{{least},{most}}}"),
                    None => format!("{{{least},}}"),
                });
                Ok(most.unwrap_or(least + 1).max(1))
            }
            _ => Ok(1),
        }
    }

    fn number(&mut self) -> Result<u64, String> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        match number.parse::<u64>() {
            Ok(number) if number <= STATES_LIMIT => Ok(number),
            Ok(_) => Err("the regular expression is too large".to_owned()),
            Err(_) => Err("in a regular expression, `{` is followed by a small number".to_owned()),
        }
    }

    fn literal(&mut self, character: char) -> u64 {
        push_literal(&mut self.out, character);
        CHARACTER_STATES
    }

    fn escape(&mut self) -> Result<u64, String> {
        match self.next() {
            Some(property @ ('p' | 'P')) => self.category(property),
            character => self.escaped(character).map(|character| self.literal(character)),
        }
    }

    /// `SingleCharEsc`, its backslash taken.
    fn escaped(&self, character: Option<char>) -> Result<char, String> {
        match character {
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some(
                character @ ('(' | ')' | '*' | '+' | '-' | '.' | '?' | '[' | '\\' | ']' | '^' | '{' | '|'
                | '}' | '$'),
            ) => Ok(character),
            Some('d') => Err("`\\d` is no part of I-Regexp (RFC 9485); write `[0-9]`".to_owned()),
            Some('s') => Err("`\\s` is no part of I-Regexp (RFC 9485); write `[ \\t\\n\\r]`".to_owned()),
            Some('w') => Err("`\\w` is no part of I-Regexp (RFC 9485); write `[A-Za-z0-9_]`".to_owned()),
            Some(other) => Err(format!("`\\{}` is no part of I-Regexp (RFC 9485)", other.escape_debug())),
            None => Err("the regular expression ends with a backslash".to_owned()),
        }
    }

    fn category(&mut self, property: char) -> Result<u64, String> {
        let name = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
        let known = name.and_then(|name| CATEGORIES.iter().find(|known| **known == name));
        let Some(name) = known else {
            return Err(format!(
                "in a regular expression, `\\{property}` is followed by a category: `{{Lu}}`"
            ));
        };
        self.rest = &self.rest[name.len() + 2..];
        self.out.push_str(&format!("\\{property}{{{name}}}"));
        Ok(CATEGORY_STATES)
    }

    /// `charClassExpr`, its `[` taken.
    fn class(&mut self) -> Result<u64, String> {
        let mut states = 0;
        self.out.push('[');
        if self.take('^') {
            self.out.push('^');
            states += RANGE_STATES;
        }
        let mut first = true;
        loop {
            match self.next() {
                Some(']') if !first => break,
                // Only at either end.
                Some('-') if first || self.peek() == Some(']') => {
                    push_literal(&mut self.out, '-');
                    states += CHARACTER_STATES;
                }
                Some('\\') if matches!(self.peek(), Some('p' | 'P')) => {
                    let property = self.next().unwrap_or('p');
                    states += self.category(property)?;
                }
                character => states += self.range(character)?,
            }
            first = false;
        }
        self.out.push(']');
        Ok(states)
    }

    fn range(&mut self, character: Option<char>) -> Result<u64, String> {
        let from = self.class_character(character)?;
        push_literal(&mut self.out, from);
        if !self.rest.starts_with('-') || self.rest.starts_with("-]") {
            return Ok(CHARACTER_STATES);
        }
        self.next();
        let character = self.next();
        let to = self.class_character(character)?;
        if to < from {
            return Err(format!(
                "in a regular expression, `{}-{}` ends before it begins",
                from.escape_debug(),
                to.escape_debug()
            ));
        }
        self.out.push('-');
        push_literal(&mut self.out, to);
        Ok(RANGE_STATES)
    }

    fn class_character(&mut self, character: Option<char>) -> Result<char, String> {
        match character {
            Some('\\') => {
                let character = self.next();
                self.escaped(character)
            }
            Some(character @ ('[' | ']' | '-')) => {
                Err(format!("in a class of a regular expression, {character:?} must be escaped"))
            }
            Some(character) => Ok(character),
            None => Err("in a regular expression, a `[` is not closed".to_owned()),
        }
    }
}

/// The `regex` crate gives some ASCII characters a meaning of its own.
fn push_literal(out: &mut String, character: char) {
    if character.is_ascii_alphanumeric() || !character.is_ascii() {
        out.push(character);
    } else {
        out.push_str(&format!("\\x{{{:02X}}}", u32::from(character)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(expression: &str, text: &str) -> bool {
        let translated =
            read(expression).unwrap_or_else(|refusal| panic!("{expression}: {refusal}")).translated;
        regex::Regex::new(&format!(r"\A(?:{translated})\z")).unwrap().is_match(text)
    }

    #[test]
    fn what_rfc_9485_has_is_read() {
        for (expression, text, expected) in [
            ("", "", true),
            ("a|", "", true),
            ("(a|b)*c?", "abbac", true),
            ("a{2}b{1,}c{0,1}", "aabb", true),
            ("a{2}", "a", false),
            ("[^a-c]", "d", true),
            ("[^a-c]", "b", false),
            ("[-a]", "-", true),
            ("[a-]", "-", true),
            ("[a^]", "^", true),
            ("[a&&b~~]", "&", true),
            (r"[\-\]\\\n]", "\\", true),
            (r"\.\*\$\^", ".*$^", true),
            (r"[\p{Lu}0-9]+", "Ж1", true),
            (r"\P{Lu}", "Ж", false),
            ("é.", "é\u{2028}", true),
            ("a.b", "a\rb", false),
            ("#x y", "#x y", true),
            ("^a$", "a", true),
        ] {
            assert_eq!(matches(expression, text), expected, "{expression}");
        }
    }

    #[test]
    fn what_it_has_not_is_refused() {
        for expression in [
            "(",
            ")",
            "(?i)a",
            "(?:a)",
            "a**",
            "a+?",
            "*",
            "[",
            "[]",
            "[]a]",
            "[a",
            "[a-b-c]",
            "[b-a]",
            "[[:alpha:]]",
            "]",
            "}",
            "a{",
            "a{,2}",
            "a{2,1}",
            "a{99999}",
            r"\d",
            r"\w",
            r"\s",
            r"\b",
            r"\x41",
            r"\pL",
            r"\p{Greek}",
            r"\p{Cs}",
            r"\",
            r"[\",
            "a)(b",
            r"[\d]",
        ] {
            assert!(read(expression).is_err(), "{expression}");
        }
        assert!(read(r"\d").unwrap_err().contains("[0-9]"));
    }

    #[test]
    fn size_and_nesting_are_bounded() {
        for expression in
            ["((a{100}){100}){100}", r"\p{L}{20}", &"a".repeat(4_000), &("(".repeat(20) + &")".repeat(20))]
        {
            assert!(read(expression).is_err(), "{expression}");
        }
        assert!(read("(a{2}|b){10}").unwrap().states > 50);
    }

    /// The engine's own automaton is never larger than was said, so that what is charged bounds what is done.
    #[test]
    fn states_are_counted_from_above() {
        for expression in
            ["a", "é", ".", "[a-z]", r"\p{L}", r"\P{L}", r"\p{C}", "(a|b|c)*", "[^é]", "(.{3,7}x){2}"]
        {
            let read = read(expression).unwrap();
            // Its program takes 16 bytes and more a state; compiling it within so many bytes shows the bound.
            let bytes = usize::try_from(read.states).unwrap() * 128 + 2_000;
            let compiled = regex::RegexBuilder::new(&read.translated).size_limit(bytes).build();
            assert!(compiled.is_ok(), "{expression}: {}", read.states);
        }
    }
}
