//! Chat Completions (OpenAI API reference).

use serde_json::{Value, json};

use super::{Kept, Reader, function_call, kept, message, reasoning, stream_error};
use crate::example_agent::reply::{Reply, StepError};
use crate::example_agent::session::TokenUsage;

/// More calls than any model makes in one reply.
const MAX_CALLS: usize = 1000;

pub(super) fn body(model: &str, tools: &Value, items: &[Value]) -> Value {
    let tools: Vec<Value> = tools
        .as_array()
        .into_iter()
        .flatten()
        .map(|tool| {
            json!({"type": "function", "function": {"name": tool["name"],
                "description": tool["description"], "parameters": tool["parameters"]}})
        })
        .collect();
    let mut messages: Vec<Value> = Vec::new();
    for item in kept(items) {
        match item {
            Kept::Said { role: "assistant", text } => assistant(&mut messages)["content"] = text.into(),
            Kept::Said { role, text } => messages.push(json!({"role": role, "content": text})),
            Kept::Thought { text, .. } => assistant(&mut messages)["reasoning_content"] = text.into(),
            Kept::Called { id, name, arguments, .. } => {
                let call = json!({"id": id, "type": "function",
                    "function": {"name": name, "arguments": arguments}});
                let message = assistant(&mut messages);
                match message["tool_calls"].as_array_mut() {
                    Some(calls) => calls.push(call),
                    None => message["tool_calls"] = json!([call]),
                }
            }
            Kept::Answered { id, output } => {
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": output}));
            }
        }
    }
    json!({"model": model, "stream": true, "stream_options": {"include_usage": true}, "tools": tools,
        "messages": messages})
}

/// The message of the model at the end, which the items of one reply share.
fn assistant(messages: &mut Vec<Value>) -> &mut Value {
    if messages.last().is_none_or(|last| last["role"] != "assistant") {
        messages.push(json!({"role": "assistant", "content": null}));
    }
    let last = messages.len() - 1;
    &mut messages[last]
}

#[derive(Default)]
pub(super) struct ChatReader {
    id: Option<String>,
    thought: String,
    text: String,
    /// Identifier, name and arguments.
    calls: Vec<(String, String, String)>,
    finish_reason: Option<String>,
    usage: TokenUsage,
}

impl Reader for ChatReader {
    fn event(&mut self, data: &str) -> Result<Option<Reply>, StepError> {
        if data == "[DONE]" {
            return self.end().map(Some);
        }
        let chunk: Value = serde_json::from_str(data)
            .map_err(|error| StepError::Terminal(format!("a chunk is not JSON: {error}")))?;
        if let Some(error) = chunk.get("error") {
            let text = |member: &str| error[member].as_str().unwrap_or_default();
            return Err(stream_error(text("code"), text("message")));
        }
        if let Some(id) = chunk["id"].as_str() {
            self.id = Some(id.to_owned());
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
            self.usage = TokenUsage {
                input_tokens: count("/prompt_tokens"),
                cached_input_tokens: count("/prompt_tokens_details/cached_tokens"),
                output_tokens: count("/completion_tokens"),
            };
        }
        let choice = &chunk["choices"][0];
        let delta = &choice["delta"];
        self.text.push_str(delta["content"].as_str().unwrap_or_default());
        self.thought.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for fragment in delta["tool_calls"].as_array().into_iter().flatten() {
            self.fragment(fragment)?;
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish_reason = Some(reason.to_owned());
        }
        Ok(None)
    }

    fn end(&mut self) -> Result<Reply, StepError> {
        match self.finish_reason.as_deref() {
            Some("stop" | "tool_calls") => {}
            Some(reason) => return Err(StepError::Terminal(format!("incomplete response: {reason}"))),
            None => return Err(StepError::retryable("stream closed before a finish reason")),
        }
        let mut items = Vec::new();
        if !self.thought.is_empty() {
            items.push(reasoning(&self.thought));
        }
        if !self.text.is_empty() {
            items.push(message(&self.text));
        }
        items.extend(self.calls.iter().map(|(id, name, arguments)| function_call(id, name, arguments)));
        Ok(Reply { response_id: self.id.take(), items, usage: self.usage.clone() })
    }
}

impl ChatReader {
    fn fragment(&mut self, fragment: &Value) -> Result<(), StepError> {
        let at = fragment["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(0);
        if at > self.calls.len() || at >= MAX_CALLS {
            return Err(StepError::Terminal(format!("a fragment of call {at}, which was not begun")));
        }
        if at == self.calls.len() {
            self.calls.push(Default::default());
        }
        let (id, name, arguments) = &mut self.calls[at];
        id.push_str(fragment["id"].as_str().unwrap_or_default());
        name.push_str(fragment["function"]["name"].as_str().unwrap_or_default());
        arguments.push_str(fragment["function"]["arguments"].as_str().unwrap_or_default());
        Ok(())
    }
}
