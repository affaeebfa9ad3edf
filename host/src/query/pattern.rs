//! Regular expressions of `match` and `search`: linear time, bounded size, I-Regexp's rules for `.` (RFC 9485).
//!
//! The `regex` crate knows more than I-Regexp allows (`\d`, flags); that is not refused.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};

use super::{Budget, Refusal};

/// Memory of one compiled expression, in bytes.
const COMPILED_LIMIT_BYTES: usize = 256 * 1024;

/// Units for compiling one expression, and for each of its bytes.
const COMPILE_UNITS: u64 = 2_000;
const COMPILE_UNITS_PER_BYTE: u64 = 100;

/// Expressions kept during one query; one from the document may differ for every node.
const KEPT_LIMIT: usize = 64;

/// `None` when it is not a regular expression or too large.
pub(super) fn compile(expression: &str, whole: bool) -> Option<Regex> {
    let anchored = if whole { format!(r"\A(?:{expression})\z") } else { expression.to_owned() };
    // The expression must be one by itself: `a)(b` would become one between the anchors' parentheses.
    regex_builder(expression).build().ok()?;
    regex_builder(&anchored).build().ok()
}

fn regex_builder(expression: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(expression);
    builder.crlf(true).size_limit(COMPILED_LIMIT_BYTES).dfa_size_limit(COMPILED_LIMIT_BYTES).nest_limit(32);
    builder
}

/// Compiled expressions of one evaluation.
#[derive(Default)]
pub(super) struct Patterns {
    kept: BTreeMap<(bool, String), Option<Regex>>,
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
        budget.charge(text.len() as u64)?;
        let key = (whole, expression.to_owned());
        if let Some(kept) = self.kept.get(&key) {
            return Ok(kept.as_ref().is_some_and(|regex| regex.is_match(text)));
        }
        budget.charge(COMPILE_UNITS + COMPILE_UNITS_PER_BYTE * expression.len() as u64)?;
        let compiled = compile(expression, whole);
        let matched = compiled.as_ref().is_some_and(|regex| regex.is_match(text));
        if self.kept.len() < KEPT_LIMIT {
            self.kept.insert(key, compiled);
        }
        Ok(matched)
    }
}
