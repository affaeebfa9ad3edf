//! Reads requests of the OpenAI Responses protocol.
//!
//! Field names: OpenAI API reference, `POST /v1/responses`; item types beyond it as codex 0.169.0 sends them.
//! Tolerant: what it does not know becomes [`Item::Other`].

use std::sync::Arc;

use serde_json::{Value, json};

use crate::document::{Item, Role};
use crate::server::protocol::content::{joined, other, text_of, unique};

/// The input items of a request as they are on the wire; text stands for one message of the user.
pub(super) fn input_items(body: &Value) -> Vec<Arc<Value>> {
    match body.get("input") {
        Some(Value::String(text)) => {
            vec![Arc::new(json!({"type": "message", "role": "user", "content": text}))]
        }
        Some(Value::Array(items)) => items.iter().cloned().map(Arc::new).collect(),
        _ => Vec::new(),
    }
}

/// The instructions that stand outside the input, as an item.
pub(super) fn instructions(body: &Value) -> Option<Item> {
    let text = body.get("instructions")?.as_str()?;
    (!text.is_empty()).then(|| Item::Message { role: Role::System, text: text.to_owned() })
}

/// One input item in the document's words.
pub(super) fn item(raw: &Value) -> Item {
    let text_of = |name: &str| text_of(raw, name);
    let type_name = raw.get("type").and_then(Value::as_str);
    match type_name {
        Some("message") | None => match role(raw) {
            Some(role) => Item::Message { role, text: joined(raw.get("content"), "\n") },
            None => other(type_name, raw),
        },
        Some("reasoning") => {
            let parts = [joined(raw.get("summary"), "\n"), joined(raw.get("content"), "\n")];
            let text: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            Item::Reasoning { text: text.join("\n") }
        }
        Some("function_call") => {
            let arguments = text_of("arguments");
            let input = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
            Item::Call { call: text_of("call_id"), tool: called(raw), input }
        }
        Some("custom_tool_call") => {
            Item::Call { call: text_of("call_id"), tool: called(raw), input: text_of("input").into() }
        }
        Some("local_shell_call") => Item::Call {
            call: text_of("call_id"),
            tool: String::from("local_shell"),
            input: raw.get("action").cloned().unwrap_or_default(),
        },
        Some("function_call_output" | "custom_tool_call_output" | "local_shell_call_output") => {
            Item::Result { call: text_of("call_id"), output: joined(raw.get("output"), "\n") }
        }
        _ => other(type_name, raw),
    }
}

/// Names of the tools a request offers, in order: those of `tools` and those of `additional_tools` items. A tool in
/// a namespace is there as `namespace.name` and as `name`; a tool without name by its type.
pub(super) fn tools(body: &Value, input: &[Arc<Value>]) -> Vec<String> {
    let additional = input
        .iter()
        .filter(|item| item.get("type").and_then(Value::as_str) == Some("additional_tools"))
        .filter_map(|item| item.get("tools"));
    let mut names = Vec::new();
    for tool in body.get("tools").into_iter().chain(additional).filter_map(Value::as_array).flatten() {
        let Some(name) = tool_name(tool) else { continue };
        match tool.get("tools").and_then(Value::as_array) {
            Some(inner) => {
                for inner in inner.iter().filter_map(tool_name) {
                    names.push(format!("{name}.{inner}"));
                    names.push(inner.to_owned());
                }
            }
            None => names.push(name.to_owned()),
        }
    }
    unique(names.into_iter())
}

fn tool_name(tool: &Value) -> Option<&str> {
    tool.get("name").or_else(|| tool.get("type")).and_then(Value::as_str)
}

fn called(raw: &Value) -> String {
    let name = raw.get("name").and_then(Value::as_str).unwrap_or_default();
    match raw.get("namespace").and_then(Value::as_str) {
        Some(namespace) => format!("{namespace}.{name}"),
        None => name.to_owned(),
    }
}

fn role(raw: &Value) -> Option<Role> {
    Some(match raw.get("role")?.as_str()? {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_in_the_documents_words() {
        let read = |raw: Value| item(&raw);
        assert_eq!(
            read(
                json!({"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image"}]})
            ),
            Item::Message { role: Role::User, text: "a\n[input_image]".into() }
        );
        assert_eq!(
            read(json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"x\":1}"})),
            Item::Call { call: "c".into(), tool: "f".into(), input: json!({"x": 1}) }
        );
        assert_eq!(
            read(
                json!({"type": "function_call", "call_id": "c", "name": "f", "namespace": "n", "arguments": "{"})
            ),
            Item::Call { call: "c".into(), tool: "n.f".into(), input: json!("{") }
        );
        assert_eq!(
            read(
                json!({"type": "custom_tool_call_output", "call_id": "c", "output": [{"text": "a"}, {"text": "b"}]})
            ),
            Item::Result { call: "c".into(), output: "a\nb".into() }
        );
        assert_eq!(
            read(
                json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "why"}], "content": null})
            ),
            Item::Reasoning { text: "why".into() }
        );
        assert!(
            matches!(read(json!({"type": "compaction"})), Item::Other { type_name, .. } if type_name == "compaction")
        );
        assert!(matches!(read(json!(3)), Item::Other { .. }));
    }

    #[test]
    fn tools_come_from_everywhere_a_request_offers_them() {
        let body = json!({"tools": [{"type": "function", "name": "f"}, {"type": "web_search"}, 7]});
        let input = [Arc::new(json!({"type": "additional_tools", "tools": [
            {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]},
            {"type": "function", "name": "f"}]}))];
        assert_eq!(tools(&body, &input), ["f", "web_search", "functions.exec", "exec"]);
    }
}
