//! Regular expressions of `match` and `search`: linear time, bounded size, what they may cost charged before.

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};

use super::iregexp::{self, Expression};
use super::{Budget, Refusal};

/// Units for reading one expression, for each of its bytes, and for compiling each of its states.
const READ_UNITS: u64 = 100;
const READ_UNITS_PER_BYTE: u64 = 1;
const COMPILE_UNITS_PER_STATE: u64 = 200;

/// Memory of one compiled expression, in bytes; far above what `iregexp` lets through.
const COMPILED_LIMIT_BYTES: usize = 16 << 20;

/// Memory of the automaton that is made while searching, in bytes.
const AUTOMATON_LIMIT_BYTES: usize = 1 << 20;

/// Expressions kept during one query; one from the document may differ for every node.
const KEPT_LIMIT: usize = 16;

/// Compiled expressions of one evaluation.
#[derive(Default)]
pub(super) struct Patterns {
    kept: Vec<Kept>,
}

/// An expression and what became of it; looked for by comparing, for a query has one or two.
struct Kept {
    whole: bool,
    expression: String,
    compiled: Option<Compiled>,
}

struct Compiled {
    matcher: Matcher,
    units_per_byte: u64,
}

enum Matcher {
    /// The whole of a text.
    Equals(String),
    /// Within a text.
    Contains(Box<Finder<'static>>),
    Regex(Regex),
}

impl Matcher {
    fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Equals(whole) => text == whole,
            Self::Contains(part) => part.find(text.as_bytes()).is_some(),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Patterns {
    /// Whether a text matches; an expression that is none matches nothing (RFC 9535 section 2.4.6).
    pub fn matches(
        &mut self,
        expression: &str,
        whole: bool,
        text: &str,
        budget: &mut Budget,
    ) -> Result<bool, Refusal> {
        budget.charge(expression.len() as u64)?;
        let is_it = |kept: &Kept| kept.whole == whole && kept.expression == expression;
        let at = match self.kept.iter().position(is_it) {
            Some(at) => at,
            None => {
                let compiled = compile(expression, whole, budget)?;
                if self.kept.len() == KEPT_LIMIT {
                    self.kept.clear();
                }
                self.kept.push(Kept { whole, expression: expression.to_owned(), compiled });
                self.kept.len() - 1
            }
        };
        match &self.kept[at].compiled {
            Some(compiled) => {
                budget.charge((text.len() as u64 + 1).saturating_mul(compiled.units_per_byte))?;
                Ok(compiled.matcher.is_match(text))
            }
            None => Ok(false),
        }
    }
}

fn compile(expression: &str, whole: bool, budget: &mut Budget) -> Result<Option<Compiled>, Refusal> {
    budget.charge(READ_UNITS + READ_UNITS_PER_BYTE * expression.len() as u64)?;
    let Ok(Expression { translated, states, is_literal }) = iregexp::read(expression) else {
        return Ok(None);
    };
    budget.charge(COMPILE_UNITS_PER_STATE * states)?;
    if is_literal {
        let matcher = match whole {
            true => Matcher::Equals(expression.to_owned()),
            false => Matcher::Contains(Box::new(Finder::new(expression).into_owned())),
        };
        return Ok(Some(Compiled { matcher, units_per_byte: 1 }));
    }
    let anchored = if whole { format!(r"\A(?:{translated})\z") } else { translated };
    let mut builder = RegexBuilder::new(&anchored);
    builder.size_limit(COMPILED_LIMIT_BYTES).dfa_size_limit(AUTOMATON_LIMIT_BYTES);
    let matcher = builder.build().ok().map(Matcher::Regex);
    Ok(matcher.map(|matcher| Compiled { matcher, units_per_byte: states }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_charged_for_its_text_and_its_expression() {
        let text = "a".repeat(100_000);
        let cost = |expression: &str| {
            let mut budget = Budget::new(u64::MAX);
            Patterns::default().matches(expression, false, &text, &mut budget).unwrap();
            u64::MAX - budget.left()
        };
        assert!(cost("(a?){50}a{50}b") > 30 * cost("b"));
        assert!(cost(&"b".repeat(100)) < 2 * cost("b"), "a text is no automaton");
        assert!(cost(&"b.".repeat(50)) > 30 * cost("b"));
        let mut budget = Budget::new(10_000);
        let stopped = Patterns::default().matches("(a|a)*b", true, &text, &mut budget);
        assert_eq!(stopped, Err(Refusal::Exhausted));
    }

    #[test]
    fn what_is_no_expression_matches_nothing() {
        let mut patterns = Patterns::default();
        let mut budget = Budget::new(10_000);
        assert_eq!(patterns.matches("(", false, "(", &mut budget), Ok(false));
        assert_eq!(patterns.matches("(", false, "(", &mut budget), Ok(false));
    }
}
