//! `opened-by` of a step: the prompt that opens the conversation which begins with it.

use serde_json::Value;
use toml::de::DeValue;

use super::call::Calls;
use super::expect::known_call;
use super::findings::Findings;
use super::table::{Table, as_table};

/// Reads `opened-by`: a text, or a call whose input holds it.
pub(super) fn read(step: &mut Table<'_>, findings: &Findings, calls: &Calls<'_>) -> Option<String> {
    let value = step.value("opened-by")?;
    if let DeValue::String(_) = value.get_ref() {
        return step.required_text("opened-by").map(|text| text.get_ref().trim().to_owned());
    }
    let mut table = as_table(findings, "opened-by", "`opened-by`", value)?;
    let call = table.required_text("call");
    let range = table.range();
    table.finish(|_| None);
    let id = known_call(&call?, findings, calls)?;
    let prompt = calls.input(&id).and_then(longest_text).filter(|text| !text.trim().is_empty());
    match prompt {
        Some(prompt) if !prompt.contains("{{") => Some(prompt.trim().to_owned()),
        _ => {
            findings.error_with_help(
                "no-prompt",
                "the call's input has no text that can open a conversation",
                range,
                "no prompt",
                "write the prompt itself: `opened-by = \"…\"`",
            );
            None
        }
    }
}

/// The prompt is the longest text that a spawner's call holds.
fn longest_text(input: &Value) -> Option<&str> {
    match input {
        Value::String(text) => Some(text),
        Value::Array(list) => list.iter().filter_map(longest_text).max_by_key(|text| text.len()),
        Value::Object(members) => members.values().filter_map(longest_text).max_by_key(|text| text.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
