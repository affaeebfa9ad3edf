//! Renders replies as Chat Completions: the role, then content, then why it stopped, then what it used.

use serde_json::{Map, Value, json};

use crate::profile::{Protocol, WireCall};
use crate::server::part::Part;
use crate::server::protocol::{CREATED_AT_SECONDS, Frame, Head};

/// A whole reply as chunks; the last frame is the sentinel.
pub(super) fn stream(head: &Head<'_>, parts: &[Part]) -> Vec<Frame> {
    let mut frames = vec![opening(head)];
    let mut calls = 0;
    for (index, part) in parts.iter().enumerate() {
        let portions = part.portions();
        let last = portions.len() - 1;
        for (at, portion) in portions.iter().enumerate() {
            let delta = match part {
                Part::Reasoning { .. } => json!({"reasoning_content": portion}),
                Part::Text { .. } => json!({"content": portion}),
                Part::Call { id, wire, .. } => {
                    if at == 0 {
                        let first = json!({"tool_calls": [{"index": calls, "id": id, "type": "function",
                            "function": {"name": wire.name(), "arguments": ""}}]});
                        frames.push(chunk(head, first, None).bringing(index, "", false));
                    }
                    json!({"tool_calls": [{"index": calls, "function": {"arguments": portion}}]})
                }
            };
            frames.push(chunk(head, delta, None).bringing(index, portion, at == last));
        }
        calls += usize::from(matches!(part, Part::Call { .. }));
    }
    frames.push(chunk(head, json!({}), Some(head.stop_word(Protocol::Chat, parts))));
    if head.reports_usage {
        let mut last = envelope(head, "chat.completion.chunk");
        last["choices"] = json!([]);
        last["usage"] = usage(head, parts);
        frames.push(Frame::event(None, &last));
    }
    frames.push(Frame::text(None, String::from("[DONE]")));
    frames
}

/// The first chunk, which says who speaks.
pub(super) fn opening(head: &Head<'_>) -> Frame {
    chunk(head, json!({"role": "assistant", "content": "", "refusal": null}), None)
}

/// A whole reply as one body.
pub(super) fn whole(head: &Head<'_>, parts: &[Part]) -> Value {
    let mut text: Option<String> = None;
    let mut reasoning: Option<String> = None;
    let mut calls = Vec::new();
    for part in parts {
        match part {
            Part::Reasoning { .. } => reasoning.get_or_insert_default().push_str(&part.whole()),
            Part::Text { .. } => text.get_or_insert_default().push_str(&part.whole()),
            Part::Call { id, wire: WireCall::Function { name, .. }, .. } => calls.push(json!({
                "id": id, "type": "function", "function": {"name": name, "arguments": part.whole()},
            })),
            Part::Call { id, wire: WireCall::Custom { name, input }, .. } => calls.push(json!({
                "id": id, "type": "custom", "custom": {"name": name, "input": input},
            })),
        }
    }
    let mut message = json!({"role": "assistant", "content": text, "refusal": null, "annotations": []});
    if let Some(reasoning) = reasoning {
        message["reasoning_content"] = reasoning.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let mut body = envelope(head, "chat.completion");
    let finish_reason = head.stop_word(Protocol::Chat, parts);
    body["choices"] =
        json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}]);
    body["usage"] = usage(head, parts);
    body
}

/// The message that chunks, or a whole body, amount to.
pub(super) fn accumulated(events: &[Value]) -> Value {
    let mut message = json!({"role": "assistant"});
    let mut calls: Vec<Value> = Vec::new();
    for event in events {
        let choice = &event["choices"][0];
        if choice["message"].is_object() {
            return choice["message"].clone();
        }
        let empty = Map::new();
        for (name, value) in choice["delta"].as_object().unwrap_or(&empty) {
            match (name.as_str(), value) {
                ("tool_calls", Value::Array(fragments)) => {
                    fragments.iter().for_each(|fragment| add_fragment(&mut calls, fragment));
                }
                ("content" | "reasoning_content" | "reasoning", Value::String(text)) => {
                    let so_far = message[name].as_str().unwrap_or_default();
                    message[name] = format!("{so_far}{text}").into();
                }
                _ => {}
            }
        }
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

/// More calls than any scripted reply has.
const CALLS_LIMIT: u64 = 1000;

fn add_fragment(calls: &mut Vec<Value>, fragment: &Value) {
    let at = fragment["index"].as_u64().unwrap_or_default().min(CALLS_LIMIT) as usize;
    while calls.len() <= at {
        calls.push(json!({"id": "", "type": "function", "function": {"name": "", "arguments": ""}}));
    }
    let call = &mut calls[at];
    if let Some(id) = fragment["id"].as_str() {
        call["id"] = id.into();
    }
    for name in ["name", "arguments"] {
        if let Some(more) = fragment["function"][name].as_str() {
            let so_far = call["function"][name].as_str().unwrap_or_default();
            call["function"][name] = format!("{so_far}{more}").into();
        }
    }
}

fn chunk(head: &Head<'_>, delta: Value, finish_reason: Option<&str>) -> Frame {
    let mut chunk = envelope(head, "chat.completion.chunk");
    chunk["choices"] =
        json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
    if head.reports_usage {
        chunk["usage"] = Value::Null;
    }
    Frame::event(None, &chunk)
}

fn envelope(head: &Head<'_>, object: &str) -> Value {
    json!({
        "id": format!("chatcmpl-{}", head.id), "object": object, "created": CREATED_AT_SECONDS,
        "model": head.model, "service_tier": "default", "system_fingerprint": "fp_wassert",
    })
}

fn usage(head: &Head<'_>, parts: &[Part]) -> Value {
    let usage = head.usage(parts);
    json!({
        "prompt_tokens": usage.input, "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}
