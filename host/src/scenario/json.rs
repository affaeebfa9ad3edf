//! TOML values as JSON: numbers keep the digits they were written with, dates become text.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::DeValue;

use super::findings::Findings;

/// Deepest nesting: everything that later walks the JSON may do so by recursion.
const MOST_LEVELS: u32 = 64;

/// The JSON of a value, or a diagnostic at the part that has none.
pub(super) fn to_json(findings: &Findings, value: &Spanned<DeValue<'_>>) -> Option<Value> {
    convert(findings, value, MOST_LEVELS)
}

fn convert(findings: &Findings, value: &Spanned<DeValue<'_>>, levels: u32) -> Option<Value> {
    if levels == 0 {
        findings.error("too-deep", "this value is nested too deeply", value.span(), "deeper than 64 levels");
        return None;
    }
    match value.get_ref() {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Boolean(truth) => Some(Value::Bool(*truth)),
        DeValue::Datetime(datetime) => Some(Value::String(datetime.to_string())),
        DeValue::Integer(integer) if integer.radix() == 10 => number(findings, integer.as_str(), value),
        DeValue::Integer(integer) => {
            let whole = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
            number(findings, &whole.map_or_else(String::new, |whole| whole.to_string()), value)
        }
        DeValue::Float(float) => number(findings, float.as_str(), value),
        DeValue::Array(items) => {
            // Every item is converted even after a mistake, so that all mistakes are reported.
            let converted: Vec<Option<Value>> =
                items.iter().map(|item| convert(findings, item, levels - 1)).collect();
            converted.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
        }
        DeValue::Table(members) => {
            let converted: Vec<Option<(String, Value)>> = members
                .iter()
                .map(|(key, member)| {
                    Some((key.get_ref().to_string(), convert(findings, member, levels - 1)?))
                })
                .collect();
            converted.into_iter().collect::<Option<Map<String, Value>>>().map(Value::Object)
        }
    }
}

fn number(findings: &Findings, lexeme: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
    let number = serde_json::from_str::<Number>(lexeme.trim_start_matches('+')).ok();
    if number.is_none() {
        findings.error(
            "not-a-json-number",
            "this number can't be handed on as JSON",
            value.span(),
            "`inf`, `nan` and integers beyond 64 bits have no JSON",
        );
    }
    number.map(Value::Number)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use toml::de::DeTable;

    use super::*;

    fn json(text: &str) -> (Option<Value>, usize) {
        let findings = Findings::new("a.toml".into(), Arc::from(text));
        let table = DeTable::parse(text).unwrap();
        let value = to_json(&findings, table.get_ref().get("v").unwrap());
        (value, findings.into_sorted().len())
    }

    #[test]
    fn numbers_keep_their_digits() {
        let (value, _) = json("v = [1.50, +7, 1_000, 0xff, 0o17, 0b11, -0.0, 6.02e23, 1e06]");
        assert_eq!(value.unwrap().to_string(), "[1.50,7,1000,255,15,3,-0.0,6.02e+23,1e+06]");
    }

    #[test]
    fn a_date_becomes_text() {
        let (value, _) = json("v = 2026-01-02T03:04:05Z");
        assert_eq!(value.unwrap(), Value::String("2026-01-02T03:04:05Z".into()));
    }

    #[test]
    fn every_number_without_json_is_reported() {
        assert_eq!(json("v = { a = inf, b = [nan, 1], c = -inf }"), (None, 3));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!("v = {}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(json(&nested(64)).0.is_some());
        assert_eq!(json(&nested(65)), (None, 1));
    }
}
