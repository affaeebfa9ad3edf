//! What a JSON Schema from a stranger may look like: bounded before a validator sees it, for a validator has no budget.
//!
//! A few lines of references that each name the next one twice take a validator exponential time, and references in a
//! circle forever, so both are refused here. What a schema means is the validator's.

use std::collections::BTreeMap;

use regex::RegexBuilder;
use serde_json::Value;

use crate::value::excerpt;

/// Values within values.
const DEPTH_LIMIT: usize = 32;

/// Places of a schema, those it refers to counted each time.
const PLACES_LIMIT: u64 = 10_000;

/// Regular expressions, and the memory of each one's program, in bytes.
const PATTERNS_LIMIT: usize = 50;
const PATTERN_LIMIT_BYTES: usize = 1 << 20;

/// Why a schema is not used, if it is not.
pub(super) fn refusal(schema: &Value) -> Option<String> {
    if depth(schema) > DEPTH_LIMIT {
        return Some(format!("it is nested deeper than {DEPTH_LIMIT} levels"));
    }
    let mut patterns = Vec::new();
    collect(schema, &mut patterns);
    if patterns.len() > PATTERNS_LIMIT {
        return Some(format!("it has more than {PATTERNS_LIMIT} regular expressions"));
    }
    if let Some(large) = patterns.into_iter().find(|pattern| is_too_large(pattern)) {
        return Some(format!("its regular expression `{}` is too large", excerpt(large, 60)));
    }
    let mut counted = Counted { root: schema, known: BTreeMap::new() };
    match counted.places(schema) {
        Err(refusal) => Some(refusal),
        Ok(places) if places > PLACES_LIMIT => {
            Some(format!("with what it refers to it has more than {PLACES_LIMIT} places"))
        }
        Ok(_) => None,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn collect<'v>(value: &'v Value, patterns: &mut Vec<&'v str>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, patterns)),
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("pattern", Value::String(pattern)) => patterns.push(pattern),
                    ("patternProperties", Value::Object(named)) => {
                        patterns.extend(named.keys().map(String::as_str))
                    }
                    _ => {}
                }
                collect(member, patterns);
            }
        }
        _ => {}
    }
}

/// What is no expression at all is told by the validator.
fn is_too_large(pattern: &str) -> bool {
    let compiled = RegexBuilder::new(pattern).size_limit(PATTERN_LIMIT_BYTES).nest_limit(64).build();
    matches!(compiled, Err(regex::Error::CompiledTooBig(_)))
}

struct Counted<'v> {
    root: &'v Value,
    /// By reference; `None` while it is being counted.
    known: BTreeMap<&'v str, Option<u64>>,
}

impl<'v> Counted<'v> {
    fn places(&mut self, value: &'v Value) -> Result<u64, String> {
        let mut places = 1_u64;
        match value {
            Value::Array(elements) => {
                for element in elements {
                    places = places.saturating_add(self.places(element)?);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let below = match (name.as_str(), member) {
                        ("$ref", Value::String(reference)) => self.referred(reference)?,
                        ("$dynamicRef" | "$recursiveRef", _) => {
                            return Err(format!("it uses `{name}`; only `$ref` is followed"));
                        }
                        _ => self.places(member)?,
                    };
                    places = places.saturating_add(below);
                }
            }
            _ => {}
        }
        Ok(places)
    }

    fn referred(&mut self, reference: &'v str) -> Result<u64, String> {
        match self.known.get(reference) {
            Some(Some(places)) => return Ok(*places),
            Some(None) => return Err(format!("it refers to itself with `{}`", excerpt(reference, 60))),
            None => {}
        }
        let target = match reference.strip_prefix('#') {
            Some("") => Some(self.root),
            // The pointer of a fragment is percent-encoded; what needs that is not found.
            Some(pointer) => self.root.pointer(pointer),
            None => {
                let reference = excerpt(reference, 100);
                return Err(format!("it refers to `{reference}`, and nothing outside the schema is read"));
            }
        };
        let Some(target) = target else {
            return Err(format!("it refers to `{}`, which is not in it", excerpt(reference, 100)));
        };
        self.known.insert(reference, None);
        let places = self.places(target)?;
        self.known.insert(reference, Some(places));
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: &Value, word: &str) {
        let refusal = refusal(schema).unwrap_or_default();
        assert!(refusal.contains(word), "{word}: {refusal:?}");
    }

    #[test]
    fn what_would_take_a_validator_forever_is_refused() {
        // 30 definitions of 60 bytes: 2^30 places.
        let mut definitions = serde_json::Map::new();
        for number in 0..30 {
            let next = json!({ "$ref": format!("#/$defs/{}", number + 1) });
            definitions.insert(number.to_string(), json!({ "allOf": [next, next] }));
        }
        definitions.insert("30".to_owned(), json!({ "type": "object" }));
        refused(&json!({ "$defs": definitions, "$ref": "#/$defs/0" }), "places");
        refused(&json!({ "$ref": "#" }), "itself");
        refused(
            &json!({ "$defs": { "a": { "not": { "$ref": "#/$defs/a" } } }, "$ref": "#/$defs/a" }),
            "itself",
        );
        refused(&json!({ "$dynamicRef": "#a" }), "$dynamicRef");
    }

    #[test]
    fn what_reaches_out_is_refused() {
        for reference in ["file:///etc/passwd", "https://example.com/a.json", "other.json", "//host/a"] {
            refused(&json!({ "properties": { "a": { "$ref": reference } } }), "nothing outside");
        }
        refused(&json!({ "$ref": "#/$defs/nowhere" }), "not in it");
    }

    #[test]
    fn depth_and_expressions_are_bounded() {
        let deep = |levels: usize| (0..levels).fold(json!({}), |inner, _| json!({ "not": inner }));
        assert_eq!(refusal(&deep(DEPTH_LIMIT - 1)), None);
        refused(&deep(DEPTH_LIMIT), "deeper");
        refused(&json!({ "pattern": "((a{100}){100}){100}" }), "too large");
        refused(&json!({ "patternProperties": { "(\\pL{50}){100}": true } }), "too large");
        let many: Vec<_> =
            (0..=PATTERNS_LIMIT).map(|number| json!({ "pattern": number.to_string() })).collect();
        refused(&json!({ "anyOf": many }), "more than 50");
    }

    #[test]
    fn an_ordinary_schema_with_definitions_is_used() {
        let schema = json!({
            "$defs": { "name": { "type": "string", "pattern": "^[a-z]+$" } },
            "properties": { "a": { "$ref": "#/$defs/name" }, "b": { "$ref": "#/$defs/name" } },
        });
        assert_eq!(refusal(&schema), None);
    }
}
