//! Renders replies as Messages: blocks one after the other, then why it stopped.
//!
//! A thought without a scripted signature gets one from its place: clients send back none that they did not get.

use serde_json::{Value, json};

use crate::profile::{Protocol, WireCall};
use crate::server::part::Part;
use crate::server::protocol::{Frame, Head};

/// A whole reply as events.
pub(super) fn stream(head: &Head<'_>, parts: &[Part]) -> Vec<Frame> {
    let mut frames = vec![opening(head)];
    for (index, part) in parts.iter().enumerate() {
        let mut started = block(head, index, part);
        let (delta_name, member) = match part {
            Part::Reasoning { .. } => ("thinking_delta", "thinking"),
            Part::Text { .. } => ("text_delta", "text"),
            Part::Call { .. } => ("input_json_delta", "partial_json"),
        };
        let is_redacted = started["type"] == "redacted_thinking";
        match part {
            Part::Reasoning { .. } if is_redacted => {}
            Part::Reasoning { .. } => {
                started["thinking"] = "".into();
                started["signature"] = "".into();
            }
            Part::Text { .. } => started["text"] = "".into(),
            Part::Call { .. } => started["input"] = json!({}),
        }
        frames.push(event(&json!({"type": "content_block_start", "index": index, "content_block": started})));
        let portions = if is_redacted { Vec::new() } else { part.portions() };
        for portion in &portions {
            let mut delta = json!({"type": delta_name});
            delta[member] = portion.clone().into();
            let frame = event(&json!({"type": "content_block_delta", "index": index, "delta": delta}));
            frames.push(frame.bringing(index, portion, false));
        }
        if let Some(signature) = signature(head, index, part) {
            let delta = json!({"type": "signature_delta", "signature": signature});
            frames.push(event(&json!({"type": "content_block_delta", "index": index, "delta": delta})));
        }
        let stop = event(&json!({"type": "content_block_stop", "index": index}));
        frames.push(stop.bringing(index, "", true));
    }
    let usage = head.usage(parts);
    frames.push(event(&json!({
        "type": "message_delta",
        "delta": {"stop_reason": head.stop_word(Protocol::Messages, parts), "stop_sequence": null},
        "usage": {"input_tokens": usage.input, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": usage.cached, "output_tokens": usage.output},
    })));
    frames.push(event(&json!({"type": "message_stop"})));
    frames
}

/// The first event.
pub(super) fn opening(head: &Head<'_>) -> Frame {
    let mut message = envelope(head);
    let usage = head.usage(&[]);
    message["usage"] = json!({"input_tokens": usage.input, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached, "output_tokens": 1});
    event(&json!({"type": "message_start", "message": message}))
}

/// A whole reply as one body.
pub(super) fn whole(head: &Head<'_>, parts: &[Part]) -> Value {
    let mut message = envelope(head);
    let blocks = parts.iter().enumerate().map(|(index, part)| block(head, index, part));
    message["content"] = blocks.collect::<Vec<_>>().into();
    message["stop_reason"] = head.stop_word(Protocol::Messages, parts).into();
    let usage = head.usage(parts);
    message["usage"] = json!({"input_tokens": usage.input, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached, "output_tokens": usage.output});
    message
}

/// An event under its own name.
pub(super) fn event(data: &Value) -> Frame {
    Frame::event(data["type"].as_str(), data)
}

/// What a client must send back unchanged.
pub(super) fn signatures(head: &Head<'_>, parts: &[Part]) -> Vec<String> {
    let of = |(index, part): (usize, &Part)| match part {
        Part::Reasoning { encrypted: Some(data), .. } => Some(data.clone()),
        _ => signature(head, index, part),
    };
    parts.iter().enumerate().filter_map(of).collect()
}

/// The message that events, or a whole body, amount to.
pub(super) fn accumulated(events: &[Value]) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    for event in events {
        match event["type"].as_str() {
            Some("message") => return event.clone(),
            Some("content_block_start") => blocks.push(event["content_block"].clone()),
            Some("content_block_delta") => {
                let Some(block) = blocks.last_mut().filter(|block| block.is_object()) else { continue };
                let delta = &event["delta"];
                for (from, to) in [
                    ("text", "text"),
                    ("thinking", "thinking"),
                    ("signature", "signature"),
                    ("partial_json", "json"),
                ] {
                    if let Some(more) = delta[from].as_str() {
                        let so_far = block[to].as_str().unwrap_or_default();
                        block[to] = format!("{so_far}{more}").into();
                    }
                }
            }
            _ => {}
        }
    }
    for block in &mut blocks {
        let input = block["json"].as_str().and_then(|text| serde_json::from_str(text).ok());
        if let Some(input) = input {
            block["input"] = input;
        }
    }
    json!({"role": "assistant", "content": blocks})
}

fn block(head: &Head<'_>, index: usize, part: &Part) -> Value {
    match part {
        Part::Reasoning { encrypted: Some(data), .. } => json!({"type": "redacted_thinking", "data": data}),
        Part::Reasoning { .. } => json!({"type": "thinking", "thinking": part.whole(),
            "signature": signature(head, index, part)}),
        Part::Text { .. } => json!({"type": "text", "text": part.whole()}),
        Part::Call { id, wire: WireCall::Function { name, arguments }, .. } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": arguments})
        }
        Part::Call { id, wire: WireCall::Custom { name, input }, .. } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": {"input": input}})
        }
    }
}

fn signature(head: &Head<'_>, index: usize, part: &Part) -> Option<String> {
    match part {
        Part::Reasoning { encrypted: None, signature, .. } => {
            Some(signature.clone().unwrap_or_else(|| format!("sig_{}_{index}", head.stem)))
        }
        _ => None,
    }
}

fn envelope(head: &Head<'_>) -> Value {
    json!({
        "id": format!("msg_{}", head.id), "type": "message", "role": "assistant", "model": head.model,
        "content": [], "stop_reason": null, "stop_sequence": null,
    })
}
