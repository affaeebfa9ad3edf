//! Requests that nobody would send, each from a seed, so that what is found once is found again.

use serde_json::{Value, json};

use super::protocols::opening;
use crate::profile::Protocol;

/// xorshift64* (Vigna 2016): enough to shuffle bytes.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }
}

/// A value in which some parts are of another kind, are missing or are there twice.
pub(super) fn twisted(value: &Value, random: &mut Random) -> Value {
    match random.below(12) {
        0 => [json!(null), json!(7), json!("x"), json!([]), json!({}), json!([[{}]]), json!({"type": 3})]
            [random.below(7)]
        .clone(),
        _ => match value {
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(|item| twisted(item, random)).collect();
                if !items.is_empty() && random.below(4) == 0 {
                    items.push(items[random.below(items.len())].clone());
                }
                items.into()
            }
            Value::Object(members) => {
                let mut kept = serde_json::Map::new();
                for (name, member) in members {
                    if random.below(16) > 0 {
                        kept.insert(name.clone(), twisted(member, random));
                    }
                }
                kept.into()
            }
            other => other.clone(),
        },
    }
}

/// A conversation with everything that the protocol's messages may hold.
pub(super) fn rich(protocol: Protocol) -> Value {
    let mut body = opening(protocol, true);
    let more = match protocol {
        Protocol::Responses => json!([
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "why"}], "encrypted_content": "e"},
            {"type": "function_call", "call_id": "a", "name": "f", "namespace": "n", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "x"},
            {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": []}},
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "o"}]},
            {"type": "additional_tools", "tools": [{"type": "namespace", "name": "n", "tools": [{"name": "f"}]}]}]),
        Protocol::Chat => json!([
            {"role": "assistant", "content": [{"type": "text", "text": "x"}], "reasoning_content": "why",
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}},
                    {"id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "o"}]),
        Protocol::Messages => json!([
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "why", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"}, {"type": "text", "text": "x"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "image"}]}]}]),
        Protocol::Gemini => json!([
            {"role": "model", "parts": [{"text": "why", "thought": true}, {"text": "x"},
                {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "s"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"error": 3}}}, {"inlineData": {}}]}]),
    };
    let list = match protocol {
        Protocol::Responses => "input",
        Protocol::Chat | Protocol::Messages => "messages",
        Protocol::Gemini => "contents",
    };
    body[list].as_array_mut().unwrap().extend(more.as_array().unwrap().clone());
    body
}

/// Some bytes changed, left out, repeated or put in.
pub(super) fn damaged(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len().max(1));
        match random.below(5) {
            _ if bytes.is_empty() => bytes.push(random.below(256) as u8),
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, b"{}[]\",:\\\xff0"[random.below(10)]),
            _ => {
                let end = (at + random.below(64)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}
