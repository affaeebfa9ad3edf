//! Renders replies as events of the OpenAI Responses protocol: the same objects over HTTP and WebSocket.
//!
//! Complete enough for the OpenAI SDKs, which build the reply from deltas, and not only for codex, which reads
//! `output_item.done` alone. Deterministic: identifiers come from place, times and usage from fixed rules.

use serde_json::{Value, json};

use crate::profile::WireCall;
use crate::server::script::Part;

/// What `created_at` always is.
const CREATED_AT_SECONDS: u64 = 1_700_000_000;
/// Tokens each item of a transcript counts as.
const INPUT_TOKENS_PER_ITEM: usize = 100;
/// Tokens each item of a reply counts as.
const OUTPUT_TOKENS_PER_ITEM: usize = 10;

/// What a response is called and counts.
#[derive(Clone, Debug)]
pub(in crate::server) struct Head<'a> {
    /// Identifier of the response.
    pub(in crate::server) id: &'a str,
    /// What identifiers of its items hold: `<lane>_<step>`.
    pub(in crate::server) stem: &'a str,
    /// The model the request asked for.
    pub(in crate::server) model: &'a str,
    /// Items of the request's transcript.
    pub(in crate::server) input_items: usize,
}

/// The events of a whole reply.
pub(in crate::server) fn reply(head: &Head<'_>, parts: &[Part]) -> Vec<Value> {
    let mut events = opening(head);
    for (index, part) in parts.iter().enumerate() {
        item_events(head, index, part, &mut events);
    }
    let mut response = response(head, "completed", &output(head, parts));
    response["usage"] = usage(head.input_items, parts.len());
    events.push(json!({"type": "response.completed", "response": response}));
    numbered(events)
}

/// The events of a reply that fails after it began.
pub(in crate::server) fn failed(head: &Head<'_>, code: &str, message: &str) -> Vec<Value> {
    let mut response_failed = response(head, "failed", &[]);
    response_failed["error"] = json!({"code": code, "message": message});
    let mut events = opening(head);
    events.push(json!({"type": "response.failed", "response": response_failed}));
    numbered(events)
}

/// The events of a reply that is cut inside its first item, and the part of that item's text that was sent.
pub(in crate::server) fn cut(head: &Head<'_>, parts: &[Part]) -> (Vec<Value>, Option<Part>) {
    let mut events = opening(head);
    let Some(first) = parts.first() else { return (numbered(events), None) };
    let mut whole = Vec::new();
    item_events(head, 0, first, &mut whole);
    for mut event in whole {
        let delta = event.get("delta").and_then(Value::as_str).map(first_half);
        if let Some(delta) = &delta {
            event["delta"] = delta.clone().into();
        }
        events.push(event);
        if let Some(delta) = delta {
            // Agents keep partial messages, never partial calls.
            let kept = match first {
                Part::Reasoning(_) => Some(Part::Reasoning(delta)),
                Part::Text(_) => Some(Part::Text(delta)),
                Part::Call { .. } => None,
            };
            return (numbered(events), kept);
        }
    }
    (numbered(events), None)
}

/// The items of a reply as they stand in the output of a response, and in the input of later requests.
pub(in crate::server) fn output(head: &Head<'_>, parts: &[Part]) -> Vec<Value> {
    parts.iter().enumerate().map(|(index, part)| finished(head, index, part)).collect()
}

fn opening(head: &Head<'_>) -> Vec<Value> {
    let response = response(head, "in_progress", &[]);
    vec![
        json!({"type": "response.created", "response": response}),
        json!({"type": "response.in_progress", "response": response}),
    ]
}

fn item_events(head: &Head<'_>, index: usize, part: &Part, events: &mut Vec<Value>) {
    let item = finished(head, index, part);
    let id = item["id"].clone();
    let mut started = item.clone();
    if !matches!(part, Part::Reasoning(_)) {
        started["status"] = "in_progress".into();
    }
    let place = |name: &str, more: Value| {
        let mut event = json!({"type": name, "item_id": id, "output_index": index});
        if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
            event.extend(more);
        }
        event
    };
    let middle = match part {
        Part::Reasoning(text) => {
            started["summary"] = json!([]);
            let part = json!({"type": "summary_text", "text": text});
            let empty = json!({"type": "summary_text", "text": ""});
            vec![
                place("response.reasoning_summary_part.added", json!({"summary_index": 0, "part": empty})),
                place("response.reasoning_summary_text.delta", json!({"summary_index": 0, "delta": text})),
                place("response.reasoning_summary_text.done", json!({"summary_index": 0, "text": text})),
                place("response.reasoning_summary_part.done", json!({"summary_index": 0, "part": part})),
            ]
        }
        Part::Text(text) => {
            started["content"] = json!([]);
            let part = text_part(text);
            vec![
                place("response.content_part.added", json!({"content_index": 0, "part": text_part("")})),
                place(
                    "response.output_text.delta",
                    json!({"content_index": 0, "delta": text, "logprobs": []}),
                ),
                place("response.output_text.done", json!({"content_index": 0, "text": text, "logprobs": []})),
                place("response.content_part.done", json!({"content_index": 0, "part": part})),
            ]
        }
        Part::Call { wire: WireCall::Function { name, .. }, .. } => {
            let arguments = std::mem::replace(&mut started["arguments"], "".into());
            vec![
                place("response.function_call_arguments.delta", json!({"delta": arguments})),
                place("response.function_call_arguments.done", json!({"name": name, "arguments": arguments})),
            ]
        }
        Part::Call { wire: WireCall::Custom { input, .. }, .. } => {
            started["input"] = "".into();
            vec![
                place("response.custom_tool_call_input.delta", json!({"delta": input})),
                place("response.custom_tool_call_input.done", json!({"input": input})),
            ]
        }
    };
    events.push(json!({"type": "response.output_item.added", "output_index": index, "item": started}));
    events.extend(middle);
    events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
}

fn finished(head: &Head<'_>, index: usize, part: &Part) -> Value {
    let stem = head.stem;
    match part {
        Part::Reasoning(text) => json!({
            "type": "reasoning", "id": format!("rs_{stem}_{index}"),
            "summary": [{"type": "summary_text", "text": text}],
        }),
        Part::Text(text) => json!({
            "type": "message", "id": format!("msg_{stem}_{index}"), "status": "completed",
            "role": "assistant", "content": [text_part(text)],
        }),
        Part::Call { id, wire: WireCall::Function { name, arguments } } => json!({
            "type": "function_call", "id": format!("fc_{stem}_{index}"), "status": "completed",
            "call_id": id, "name": name, "arguments": arguments.to_string(),
        }),
        Part::Call { id, wire: WireCall::Custom { name, input } } => json!({
            "type": "custom_tool_call", "id": format!("ctc_{stem}_{index}"), "status": "completed",
            "call_id": id, "name": name, "input": input,
        }),
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn response(head: &Head<'_>, status: &str, output: &[Value]) -> Value {
    json!({
        "id": head.id, "object": "response", "created_at": CREATED_AT_SECONDS, "status": status,
        "background": false, "error": null, "incomplete_details": null, "instructions": null,
        "max_output_tokens": null, "metadata": {}, "model": head.model, "output": output,
        "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": 1,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1,
        "truncation": "disabled", "usage": null, "user": null,
    })
}

fn usage(input_items: usize, output_items: usize) -> Value {
    let input = input_items * INPUT_TOKENS_PER_ITEM;
    let output = output_items * OUTPUT_TOKENS_PER_ITEM;
    json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + output,
    })
}

fn numbered(mut events: Vec<Value>) -> Vec<Value> {
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = number.into();
    }
    events
}

/// The first half of a text, rounded up, in whole characters.
fn first_half(text: &str) -> String {
    text.chars().take(text.chars().count().div_ceil(2)).collect()
}
