//! Reads requests of the Messages protocol.
//!
//! Field names: Anthropic API reference, `POST /v1/messages`; a message of role `system` as claude 2.1.197 sends it.
//! Tolerant: what it does not know becomes [`Item::Other`].

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::{Item, Role, Violation};
use crate::server::protocol::Decoded;
use crate::server::protocol::content::{joined, other, part_text, text_of, unique};
use crate::server::request::violation;

/// Reads a request.
pub(super) fn request(body: &Value) -> Decoded {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let system = joined(body.get("system"), "\n");
    let mut transcript = Vec::new();
    if !system.is_empty() {
        transcript.push(Item::Message { role: Role::System, text: system });
    }
    transcript.extend(messages.iter().flat_map(message));
    let named = |tool: &Value| tool.get("name").or_else(|| tool.get("type"))?.as_str().map(str::to_owned);
    Decoded {
        model: body["model"].as_str().map(str::to_owned),
        streams: body["stream"] == true,
        transcript,
        tools: unique(body["tools"].as_array().into_iter().flatten().filter_map(named)),
        violations: violations(body, messages),
        signatures: messages.iter().flat_map(signatures).collect(),
        ..Decoded::default()
    }
}

/// The items of one message: text blocks that stand together are one.
pub(super) fn message(raw: &Value) -> Vec<Item> {
    let role = match raw["role"].as_str() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        role => return vec![other(role, raw)],
    };
    let blocks = match raw.get("content") {
        Some(Value::Array(blocks)) => blocks,
        content => return vec![Item::Message { role, text: joined(content, "\n") }],
    };
    let mut items = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    for block in blocks {
        let item = match block["type"].as_str() {
            Some("text" | "image" | "document") => {
                texts.push(part_text(block));
                continue;
            }
            Some("thinking") => Item::Reasoning { text: text_of(block, "thinking") },
            Some("redacted_thinking") => Item::Reasoning { text: String::new() },
            Some("tool_use") => Item::Call {
                call: text_of(block, "id"),
                tool: text_of(block, "name"),
                input: block["input"].clone(),
            },
            Some("tool_result") => Item::Result {
                call: text_of(block, "tool_use_id"),
                output: joined(block.get("content"), "\n"),
            },
            name => other(name, block),
        };
        flush(role, &mut texts, &mut items);
        items.push(item);
    }
    flush(role, &mut texts, &mut items);
    items
}

fn flush(role: Role, texts: &mut Vec<String>, items: &mut Vec<Item>) {
    if !texts.is_empty() {
        items.push(Item::Message { role, text: std::mem::take(texts).join("\n") });
    }
}

fn blocks<'a>(message: &'a Value, name: &'static str) -> impl Iterator<Item = &'a Value> {
    message["content"].as_array().into_iter().flatten().filter(move |block| block["type"] == name)
}

fn signatures(message: &Value) -> Vec<String> {
    let thinking = blocks(message, "thinking").filter_map(|block| block["signature"].as_str());
    let redacted = blocks(message, "redacted_thinking").filter_map(|block| block["data"].as_str());
    thinking.chain(redacted).map(str::to_owned).collect()
}

/// What the API itself would refuse, or would change before it reads it.
fn violations(body: &Value, messages: &[Value]) -> Vec<Violation> {
    let mut found = Vec::new();
    if messages.is_empty() {
        found.push(violation("no-messages", String::from("the request has no `messages`")));
    }
    if !body["max_tokens"].is_u64() {
        found.push(violation("missing-member", String::from("the request has no `max_tokens`")));
    }
    // A message of role `system` stands between the others without being one of their turns.
    let turns: Vec<_> =
        messages.iter().enumerate().filter(|(_, message)| message["role"] != "system").collect();
    if let Some((position, first)) = turns.first()
        && first["role"] != "user"
    {
        let sentence = format!("message {position} is the first and not of role `user`");
        found.push(violation("roles-do-not-alternate", sentence));
    }
    for pair in turns.windows(2) {
        let [(_, before), (position, message)] = pair else { continue };
        if before["role"] == message["role"] {
            let sentence = format!("message {position} is of the same role as the one before it");
            found.push(violation("roles-do-not-alternate", sentence));
        }
        // The API wants results before anything else in a message (Anthropic, "Handling results").
        let kinds =
            message["content"].as_array().into_iter().flatten().map(|block| block["type"] == "tool_result");
        if kinds.skip_while(|is_result| *is_result).any(|is_result| is_result) {
            let sentence = format!("message {position} has something before a result");
            found.push(violation("result-out-of-place", sentence));
        }
        let results: BTreeSet<_> =
            blocks(message, "tool_result").map(|block| text_of(block, "tool_use_id")).collect();
        for call in blocks(before, "tool_use").map(|block| text_of(block, "id")) {
            if !results.contains(&call) {
                let quoted = crate::server::conversation::quote(&call);
                let sentence =
                    format!("message {position} has no result of call {quoted} of the one before it");
                found.push(violation("result-out-of-place", sentence));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn blocks_are_read_in_the_documents_words() {
        let decoded = request(&json!({"model": "m", "max_tokens": 9,
            "system": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image", "source": {}}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "why", "signature": "s"},
                    {"type": "redacted_thinking", "data": "d"},
                    {"type": "text", "text": "b"},
                    {"type": "tool_use", "id": "c", "name": "f", "input": {"x": 1}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "out"}]},
                    {"type": "text", "text": "more"}]}],
            "tools": [{"name": "f"}, {"type": "web_search_20250305", "name": "web_search"}]}));
        let said = |role, text: &str| Item::Message { role, text: text.into() };
        assert_eq!(
            decoded.transcript,
            [
                said(Role::System, "one\ntwo"),
                said(Role::User, "a\n[image]"),
                Item::Reasoning { text: "why".into() },
                Item::Reasoning { text: String::new() },
                said(Role::Assistant, "b"),
                Item::Call { call: "c".into(), tool: "f".into(), input: json!({"x": 1}) },
                Item::Result { call: "c".into(), output: "out".into() },
                said(Role::User, "more"),
            ]
        );
        assert_eq!(decoded.tools, ["f", "web_search"]);
        assert_eq!(decoded.signatures, ["s", "d"]);
        assert!(decoded.violations.is_empty() && !decoded.streams);
    }

    #[test]
    fn what_the_api_would_refuse_is_said() {
        let codes = |messages: Value| -> Vec<String> {
            let body = json!({"max_tokens": 1, "messages": messages});
            request(&body).violations.into_iter().map(|found| found.code).collect()
        };
        let user = json!({"role": "user", "content": "x"});
        let call = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]});
        let system = json!({"role": "system", "content": "x"});
        assert_eq!(
            codes(json!([user, system, {"role": "assistant", "content": "y"}, user])),
            Vec::<String>::new()
        );
        assert_eq!(codes(json!([user, user])), ["roles-do-not-alternate"]);
        assert_eq!(codes(json!([call])), ["roles-do-not-alternate"]);
        assert_eq!(codes(json!([user, call, user])), ["result-out-of-place"]);
        assert_eq!(request(&json!({"messages": [user]})).violations[0].code, "missing-member");
    }
}
