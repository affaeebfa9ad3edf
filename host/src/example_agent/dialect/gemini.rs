//! Gemini `generateContent` (Gemini API reference). The model stands in the path; the end of the body ends the reply.

use serde_json::{Value, json};

use super::{Kept, Reader, called_name, function_call, kept, message, reasoning, stream_error};
use crate::example_agent::reply::{Reply, StepError};
use crate::example_agent::session::TokenUsage;

/// Where an item keeps the mark that came with it.
const SIGNATURE: &str = "thought_signature";

pub(super) fn body(tools: &Value, items: &[Value]) -> Value {
    let tools: Vec<Value> = tools
        .as_array()
        .into_iter()
        .flatten()
        .map(|tool| json!({"name": tool["name"], "description": tool["description"], "parametersJsonSchema": tool["parameters"]}))
        .collect();
    let mut system = Vec::new();
    let mut contents: Vec<Value> = Vec::new();
    for item in kept(items) {
        let (role, part) = match item {
            Kept::Said { role: "developer" | "system", text } => {
                system.push(json!({"text": text}));
                continue;
            }
            Kept::Said { role: "assistant", text } => ("model", json!({"text": text})),
            Kept::Said { text, .. } => ("user", json!({"text": text})),
            Kept::Thought { text, .. } => ("model", json!({"text": text, "thought": true})),
            Kept::Called { id, name, arguments, raw } => {
                let args: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
                let mut part = json!({"functionCall": {"id": id, "name": name, "args": args}});
                if raw[SIGNATURE].is_string() {
                    part["thoughtSignature"] = raw[SIGNATURE].clone();
                }
                ("model", part)
            }
            Kept::Answered { id, output } => {
                let name = called_name(items, id);
                (
                    "user",
                    json!({"functionResponse": {"id": id, "name": name, "response": {"output": output}}}),
                )
            }
        };
        match contents.last_mut().filter(|last| last["role"] == role) {
            Some(last) => last["parts"].as_array_mut().into_iter().for_each(|parts| parts.push(part.clone())),
            None => contents.push(json!({"role": role, "parts": [part]})),
        }
    }
    json!({"systemInstruction": {"parts": system}, "contents": contents,
        "tools": [{"functionDeclarations": tools}]})
}

#[derive(Default)]
pub(super) struct GeminiReader {
    id: Option<String>,
    items: Vec<Value>,
    text: String,
    thought: String,
    finish_reason: Option<String>,
    usage: TokenUsage,
}

impl Reader for GeminiReader {
    fn event(&mut self, data: &str) -> Result<Option<Reply>, StepError> {
        let chunk: Value = serde_json::from_str(data)
            .map_err(|error| StepError::Terminal(format!("a chunk is not JSON: {error}")))?;
        if let Some(error) = chunk.get("error") {
            let text = |member: &str| error[member].as_str().unwrap_or_default();
            return Err(stream_error(text("status"), text("message")));
        }
        if let Some(id) = chunk["responseId"].as_str() {
            self.id = Some(id.to_owned());
        }
        let usage = &chunk["usageMetadata"];
        if usage.is_object() {
            let count = |member: &str| usage[member].as_u64().unwrap_or(0);
            self.usage = TokenUsage {
                input_tokens: count("promptTokenCount"),
                cached_input_tokens: count("cachedContentTokenCount"),
                output_tokens: count("candidatesTokenCount"),
            };
        }
        let candidate = &chunk["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            self.part(part);
        }
        if let Some(reason) = candidate["finishReason"].as_str() {
            self.finish_reason = Some(reason.to_owned());
        }
        Ok(None)
    }

    fn end(&mut self) -> Result<Reply, StepError> {
        match self.finish_reason.as_deref() {
            Some("STOP") => {}
            Some(reason) => return Err(StepError::Terminal(format!("incomplete response: {reason}"))),
            None => return Err(StepError::retryable("stream closed before a finish reason")),
        }
        self.flush();
        let items = std::mem::take(&mut self.items);
        Ok(Reply { response_id: self.id.take(), items, usage: self.usage.clone() })
    }
}

impl GeminiReader {
    fn part(&mut self, part: &Value) {
        let text = part["text"].as_str().unwrap_or_default();
        if part["thought"] == true {
            self.thought.push_str(text);
        } else if let Some(call) = part.get("functionCall") {
            self.flush();
            let member = |name: &str| call[name].as_str().unwrap_or_default();
            let mut item = function_call(member("id"), member("name"), &call["args"].to_string());
            if part["thoughtSignature"].is_string() {
                item[SIGNATURE] = part["thoughtSignature"].clone();
            }
            self.items.push(item);
        } else {
            self.text.push_str(text);
        }
    }

    fn flush(&mut self) {
        if !self.thought.is_empty() {
            self.items.push(reasoning(&std::mem::take(&mut self.thought)));
        }
        if !self.text.is_empty() {
            self.items.push(message(&std::mem::take(&mut self.text)));
        }
    }
}
