//! Reads requests of the Chat Completions protocol.
//!
//! Field names: OpenAI API reference, `POST /v1/chat/completions`; `reasoning_content` and `reasoning` as compatible
//! servers have them. Tolerant: what it does not know becomes [`Item::Other`].

use serde_json::Value;

use crate::document::{Item, Role, Violation};
use crate::server::protocol::Decoded;
use crate::server::protocol::content::{joined, other, text_of, unique};
use crate::server::request::violation;

/// Reads a request.
pub(super) fn request(body: &Value) -> Decoded {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut violations = Vec::new();
    if messages.is_empty() {
        violations.push(violation("no-messages", String::from("the request has no `messages`")));
    }
    violations.extend(results_out_of_place(messages));
    Decoded {
        model: body["model"].as_str().map(str::to_owned),
        streams: body["stream"] == true,
        transcript: messages.iter().flat_map(message).collect(),
        tools: tools(body),
        violations,
        reports_usage: body["stream_options"]["include_usage"] == true,
        ..Decoded::default()
    }
}

/// The items of one message.
pub(super) fn message(raw: &Value) -> Vec<Item> {
    let text = joined(raw.get("content"), "\n");
    let role = match raw["role"].as_str() {
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some("user") => Role::User,
        Some("assistant") => return assistant(raw, text),
        Some("tool") => return vec![Item::Result { call: text_of(raw, "tool_call_id"), output: text }],
        role => return vec![other(role, raw)],
    };
    vec![Item::Message { role, text }]
}

fn assistant(raw: &Value, text: String) -> Vec<Item> {
    let mut items = Vec::new();
    let reasoning = raw.get("reasoning_content").or_else(|| raw.get("reasoning"));
    if let Some(text) = reasoning.and_then(Value::as_str).filter(|text| !text.is_empty()) {
        items.push(Item::Reasoning { text: text.to_owned() });
    }
    let calls = raw["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !text.is_empty() || calls.is_empty() {
        let refusal = raw["refusal"].as_str().filter(|_| text.is_empty());
        items.push(Item::Message { role: Role::Assistant, text: refusal.map_or(text, str::to_owned) });
    }
    items.extend(calls.iter().map(call));
    items
}

fn call(raw: &Value) -> Item {
    let id = text_of(raw, "id");
    if let Some(custom) = raw.get("custom") {
        return Item::Call {
            call: id,
            tool: text_of(custom, "name"),
            input: text_of(custom, "input").into(),
        };
    }
    let function = &raw["function"];
    let arguments = text_of(function, "arguments");
    let input = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
    Item::Call { call: id, tool: text_of(function, "name"), input }
}

/// Messages of role `tool` that no message with calls stands before, other such messages apart: servers refuse them.
fn results_out_of_place(messages: &[Value]) -> Vec<Violation> {
    let mut may_answer = false;
    let mut found = Vec::new();
    for (position, message) in messages.iter().enumerate() {
        if message["role"] == "tool" {
            if !may_answer {
                let sentence =
                    format!("message {position} is of role `tool` and follows no message with calls");
                found.push(violation("result-out-of-place", sentence));
            }
        } else {
            may_answer = message["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
        }
    }
    found
}

fn tools(body: &Value) -> Vec<String> {
    let named = |tool: &Value| {
        let name = tool.pointer("/function/name").or_else(|| tool.pointer("/custom/name"));
        name.or_else(|| tool.get("type"))?.as_str().map(str::to_owned)
    };
    unique(body["tools"].as_array().into_iter().flatten().filter_map(named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_are_read_in_the_documents_words() {
        let decoded = request(
            &json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
            "messages": [
                {"role": "system", "content": "rules"},
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]},
                {"role": "assistant", "content": null, "reasoning_content": "why", "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
                    {"id": "d", "type": "function", "function": {"name": "g", "arguments": "{"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "out"},
                {"role": "tool", "tool_call_id": "d", "content": [{"type": "text", "text": "x"}]},
                {"role": "strange"}],
            "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "p"}}]}),
        );
        let call = |id: &str, tool: &str, input| Item::Call { call: id.into(), tool: tool.into(), input };
        let result = |id: &str, text: &str| Item::Result { call: id.into(), output: text.into() };
        let said = |role, text: &str| Item::Message { role, text: text.into() };
        assert_eq!(
            decoded.transcript,
            [
                said(Role::System, "rules"),
                said(Role::User, "a\n[image_url]"),
                Item::Reasoning { text: "why".into() },
                call("c", "f", json!({"x": 1})),
                call("d", "g", json!("{")),
                result("c", "out"),
                result("d", "x"),
                other(Some("strange"), &json!({"role": "strange"})),
            ]
        );
        assert_eq!(
            (decoded.tools, decoded.streams, decoded.reports_usage),
            (vec!["f".into(), "p".into()], true, true)
        );
        assert!(decoded.violations.is_empty());
    }

    #[test]
    fn a_result_without_a_message_of_calls_is_out_of_place() {
        let codes = |messages: Value| -> Vec<String> {
            request(&json!({"messages": messages})).violations.into_iter().map(|found| found.code).collect()
        };
        assert_eq!(codes(json!([])), ["no-messages"]);
        let tool = json!({"role": "tool", "tool_call_id": "c", "content": ""});
        let calls = json!({"role": "assistant", "tool_calls": [{"id": "c"}]});
        assert_eq!(codes(json!([calls, tool, tool])), Vec::<String>::new());
        assert_eq!(codes(json!([calls, {"role": "user", "content": "x"}, tool])), ["result-out-of-place"]);
    }
}
