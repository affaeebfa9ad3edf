//! Reads an expression: segments and selectors. What stands in a filter is read by `parse_filter`.

use super::ast::{Origin, Query, Segment, Selector};
use super::text::Text;
use super::{Refusal, parse_filter};

/// The longest expression, in bytes; people write expressions of a few dozen.
pub const EXPRESSION_LIMIT_BYTES: usize = 4 * 1024;

/// How deep parentheses, filters and function calls may nest together: reading and evaluating recurse.
pub const NESTING_LIMIT: usize = 16;

pub(super) fn query(expression: &str) -> Result<Query, Refusal> {
    let mut parser = Parser { text: Text::new(expression), nesting: 0, filters: 0 };
    if expression.len() > EXPRESSION_LIMIT_BYTES {
        return Err(parser.text.invalid(format!("longer than {EXPRESSION_LIMIT_BYTES} bytes")));
    }
    if !parser.text.take("$") {
        return Err(parser.text.invalid("a query starts with `$`"));
    }
    let segments = parser.segments()?;
    match parser.text.peek() {
        None => Ok(Query { origin: Origin::Root, segments }),
        Some(character) => Err(parser.text.invalid(format!("unexpected {character:?}"))),
    }
}

pub(super) struct Parser<'a> {
    pub text: Text<'a>,
    nesting: usize,
    /// How many filters are open around here.
    pub filters: usize,
}

impl Parser<'_> {
    /// Runs `read` one level deeper.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        if self.nesting == NESTING_LIMIT {
            return Err(self.text.invalid(format!("nested deeper than {NESTING_LIMIT} levels")));
        }
        self.nesting += 1;
        let result = read(self);
        self.nesting -= 1;
        result
    }

    /// Segments up to what is none. Blank space is taken only where a segment follows it.
    pub fn segments(&mut self) -> Result<Vec<Segment>, Refusal> {
        let mut segments = Vec::new();
        loop {
            let following = self.text.rest().trim_start_matches([' ', '\t', '\n', '\r']);
            if !following.starts_with(['.', '[']) {
                return Ok(segments);
            }
            self.text.skip_blank();
            let descendant = self.text.take("..");
            let selectors = if self.text.peek() == Some('[') {
                self.bracketed()?
            } else {
                if !descendant {
                    self.text.expect(".")?;
                }
                vec![if self.text.take("*") {
                    Selector::Wildcard
                } else {
                    Selector::Name(self.text.shorthand()?)
                }]
            };
            segments.push(Segment { descendant, selectors });
        }
    }

    fn bracketed(&mut self) -> Result<Vec<Selector>, Refusal> {
        self.text.expect("[")?;
        let mut selectors = Vec::new();
        loop {
            self.text.skip_blank();
            selectors.push(self.selector()?);
            self.text.skip_blank();
            if !self.text.take(",") {
                self.text.expect("]")?;
                return Ok(selectors);
            }
        }
    }

    fn selector(&mut self) -> Result<Selector, Refusal> {
        match self.text.peek() {
            Some('\'' | '"') => self.text.string().map(Selector::Name),
            Some('*') => self.text.expect("*").map(|()| Selector::Wildcard),
            Some('?') => {
                self.text.expect("?")?;
                self.text.skip_blank();
                self.filters += 1;
                let logical = self.nested(parse_filter::logical);
                self.filters -= 1;
                logical.map(Selector::Filter)
            }
            Some(':' | '-' | '0'..='9') => self.index_or_slice(),
            _ => Err(self.text.invalid("expected a quoted name, an index, a slice, `*` or `?`")),
        }
    }

    fn index_or_slice(&mut self) -> Result<Selector, Refusal> {
        let start = self.text.integer()?;
        let following = self.text.rest().trim_start_matches([' ', '\t', '\n', '\r']);
        if !following.starts_with(':') {
            return start.map(Selector::Index).ok_or_else(|| self.text.invalid("expected an index"));
        }
        self.text.skip_blank();
        self.text.expect(":")?;
        self.text.skip_blank();
        let end = self.text.integer()?;
        self.text.skip_blank();
        let mut step = None;
        if self.text.take(":") {
            self.text.skip_blank();
            step = self.text.integer()?;
        }
        Ok(Selector::Slice { start, end, step: step.unwrap_or(1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(expression: &str) -> String {
        match Query::parse(expression) {
            Err(Refusal::Invalid { detail, .. }) => detail,
            other => panic!("{expression}: {other:?}"),
        }
    }

    #[test]
    fn what_the_grammar_does_not_allow_is_refused() {
        for expression in [
            "",
            " $",
            "$ ",
            "$.",
            "$..",
            "$. a",
            "$.[a]",
            "$[a]",
            "$[01]",
            "$[-0]",
            "$['a'",
            "$[]",
            "$[1,]",
            "$['\\x']",
            "$['\\'']['\\\"']",
            "$['\u{1}']",
            "$['\\ud800']",
            "$[9007199254740992]",
            "$[?]",
            "$[?@.a=1]",
            "$[?(@.a]",
            "$[?@.a == ]",
            "$[?@[*] == 1]",
            "$[?1]",
            "$[?length(@.a)]",
            "$[?match(@.a, 'x') == true]",
            "$[?count(1) == 1]",
            "$[?length (@) == 1]",
            "$[?unknown(@)]",
            "$[?@.a == 'x' == 'y']",
            "$[?length(@.*) < 3]",
            "$[?value(@.a)]",
            "$[?match(@.a)]",
            "$[?!(@.a == 1)&&]",
            "$[?@.a == -01]",
            "$[?match(@.a, '(')]",
        ] {
            refused(expression);
        }
    }

    #[test]
    fn length_and_nesting_are_bounded() {
        assert!(refused(&format!("$.{}", "a".repeat(EXPRESSION_LIMIT_BYTES))).contains("longer"));
        assert!(refused(&format!("$[?{}@{}]", "(".repeat(40), ")".repeat(40))).contains("nested"));
        assert!(refused(&format!("$[?{}@{}]", "length(".repeat(100), ")".repeat(100))).contains("nested"));
        assert!(refused(&format!("${}@{}", "[?@".repeat(100), "]".repeat(100))).contains("nested"));
    }

    #[test]
    fn a_filter_of_a_filter_looks_only_below_its_own_node() {
        assert!(refused("$..[?$..[?$..zz]]").contains("filter of a filter"));
        assert!(refused("$[?@[?$.a == 1]]").contains("filter of a filter"));
        assert!(refused("$[?@[?@..a]]").contains("filter of a filter"));
        assert!(Query::parse("$..[?@[?@.a[0] == 1]]").is_ok());
        assert!(Query::parse("$[?@.a == $.b && value($..c) == 1]").is_ok());
    }

    #[test]
    fn blank_space_stands_where_the_grammar_has_it() {
        for expression in
            ["$ .a", "$\n['a' , 1 : 2 : 3 ]", "$[? @.a == 1 && ! ( @.b ) ]", "$[?length( @ ) <2]"]
        {
            assert!(Query::parse(expression).is_ok(), "{expression}");
        }
    }
}
