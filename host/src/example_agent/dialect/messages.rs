//! Anthropic Messages (Anthropic API reference).

use serde_json::{Value, json};

use super::{Kept, Reader, function_call, kept, message, reasoning, stream_error};
use crate::example_agent::reply::{Reply, StepError};
use crate::example_agent::session::TokenUsage;

const MAX_TOKENS: u32 = 32_000;
/// More blocks than any model writes in one reply.
const MAX_BLOCKS: usize = 1000;

pub(super) fn body(model: &str, tools: &Value, items: &[Value]) -> Value {
    let tools: Vec<Value> = tools
        .as_array()
        .into_iter()
        .flatten()
        .map(|tool| json!({"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}))
        .collect();
    let mut system = Vec::new();
    let mut messages: Vec<Value> = Vec::new();
    for item in kept(items) {
        let (role, block) = match item {
            Kept::Said { role: "developer" | "system", text } => {
                system.push(json!({"type": "text", "text": text}));
                continue;
            }
            Kept::Said { role, text } => (role, json!({"type": "text", "text": text})),
            Kept::Thought { raw, .. } if raw["data"].is_string() => {
                ("assistant", json!({"type": "redacted_thinking", "data": raw["data"]}))
            }
            Kept::Thought { text, raw } => {
                ("assistant", json!({"type": "thinking", "thinking": text, "signature": raw["signature"]}))
            }
            Kept::Called { id, name, arguments, .. } => {
                let input = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
                ("assistant", json!({"type": "tool_use", "id": id, "name": name, "input": input}))
            }
            Kept::Answered { id, output } => {
                ("user", json!({"type": "tool_result", "tool_use_id": id, "content": output}))
            }
        };
        match messages.last_mut().filter(|last| last["role"] == role) {
            Some(last) => {
                last["content"].as_array_mut().into_iter().for_each(|blocks| blocks.push(block.clone()))
            }
            None => messages.push(json!({"role": role, "content": [block]})),
        }
    }
    json!({"model": model, "max_tokens": MAX_TOKENS, "stream": true, "system": system, "tools": tools,
        "messages": messages})
}

#[derive(Default)]
pub(super) struct MessagesReader {
    id: Option<String>,
    blocks: Vec<Value>,
    stop_reason: Option<String>,
    usage: TokenUsage,
}

impl Reader for MessagesReader {
    fn event(&mut self, data: &str) -> Result<Option<Reply>, StepError> {
        let event: Value = serde_json::from_str(data)
            .map_err(|error| StepError::retryable(format!("an event is not JSON: {error}")))?;
        match event["type"].as_str() {
            Some("message_start") => {
                self.id = event["message"]["id"].as_str().map(str::to_owned);
                self.count(&event["message"]["usage"]);
            }
            Some("content_block_start") => {
                if self.blocks.len() == MAX_BLOCKS || !event["content_block"].is_object() {
                    return Err(StepError::Terminal(String::from("a block that can't be")));
                }
                self.blocks.push(event["content_block"].clone());
            }
            Some("content_block_delta") => {
                let Some(block) = self.blocks.last_mut() else {
                    return Err(StepError::retryable("Unexpected event order"));
                };
                for (from, to) in [
                    ("text", "text"),
                    ("thinking", "thinking"),
                    ("signature", "signature"),
                    ("partial_json", "json"),
                ] {
                    if let Some(more) = event["delta"][from].as_str() {
                        let so_far = block[to].as_str().unwrap_or_default();
                        block[to] = format!("{so_far}{more}").into();
                    }
                }
            }
            Some("message_delta") => {
                self.stop_reason = event["delta"]["stop_reason"].as_str().map(str::to_owned);
                self.count(&event["usage"]);
            }
            Some("message_stop") => return self.end().map(Some),
            Some("error") => {
                let text = |member: &str| event["error"][member].as_str().unwrap_or_default();
                return Err(stream_error(text("type"), text("message")));
            }
            _ => {}
        }
        Ok(None)
    }

    fn end(&mut self) -> Result<Reply, StepError> {
        match self.stop_reason.as_deref() {
            Some("end_turn" | "tool_use" | "stop_sequence") => {}
            Some(reason) => return Err(StepError::Terminal(format!("incomplete response: {reason}"))),
            None => return Err(StepError::retryable("stream ended without message_stop")),
        }
        let items = self.blocks.iter().filter_map(item).collect();
        Ok(Reply { response_id: self.id.take(), items, usage: self.usage.clone() })
    }
}

impl MessagesReader {
    fn count(&mut self, usage: &Value) {
        let count = |member: &str, so_far: u64| usage[member].as_u64().unwrap_or(so_far);
        self.usage = TokenUsage {
            input_tokens: count("input_tokens", self.usage.input_tokens),
            cached_input_tokens: count("cache_read_input_tokens", self.usage.cached_input_tokens),
            output_tokens: count("output_tokens", self.usage.output_tokens),
        };
    }
}

/// A finished block as it is kept.
fn item(block: &Value) -> Option<Value> {
    let text = |member: &str| block[member].as_str().unwrap_or_default();
    Some(match text("type") {
        "text" => message(text("text")),
        "thinking" => {
            let mut item = reasoning(text("thinking"));
            item["signature"] = block["signature"].clone();
            item
        }
        "redacted_thinking" => {
            let mut item = reasoning("");
            item["data"] = block["data"].clone();
            item
        }
        "tool_use" => {
            let whole = block["input"].to_string();
            let arguments = block["json"].as_str().filter(|json| !json.is_empty()).unwrap_or(&whole);
            function_call(text("id"), text("name"), arguments)
        }
        _ => return None,
    })
}
