//! Renders replies as events of the OpenAI Responses protocol: the same objects over HTTP and WebSocket.
//!
//! Complete enough for the OpenAI SDKs, which build the reply from deltas, and not only for codex, which reads
//! `output_item.done` alone. Deterministic: identifiers come from place, times and usage from fixed rules.

use serde_json::{Value, json};

use crate::profile::{Protocol, Stop, WireCall};
use crate::server::part::Part;
use crate::server::protocol::frame::Piece;
use crate::server::protocol::{CREATED_AT_SECONDS, Frame, Head};

/// An event, and what of the reply it brings.
type Event = (Value, Option<Piece>);

/// The events of a whole reply.
pub(super) fn reply(head: &Head<'_>, parts: &[Part]) -> Vec<Frame> {
    let mut events = opening(head);
    for (index, part) in parts.iter().enumerate() {
        item_events(head, index, part, &mut events);
    }
    let name = if head.stop == Stop::End { "response.completed" } else { "response.incomplete" };
    events.push((json!({"type": name, "response": completed(head, parts)}), None));
    numbered(events)
}

/// The response at the end of a whole reply.
pub(super) fn completed(head: &Head<'_>, parts: &[Part]) -> Value {
    let status = if head.stop == Stop::End { "completed" } else { "incomplete" };
    let mut response = response(head, status, &output(head, parts));
    if head.stop != Stop::End {
        response["incomplete_details"] = json!({"reason": head.stop_word(Protocol::Responses, parts)});
    }
    response["usage"] = usage(head, parts);
    response
}

/// The events of a reply that fails after it began.
pub(super) fn failed(head: &Head<'_>, code: &str, message: &str) -> Vec<Frame> {
    let mut events = opening(head);
    let response = failed_response(head, code, message);
    events.push((json!({"type": "response.failed", "response": response}), None));
    numbered(events)
}

/// The response of a reply that failed.
pub(super) fn failed_response(head: &Head<'_>, code: &str, message: &str) -> Value {
    let mut response = response(head, "failed", &[]);
    response["error"] = json!({"code": code, "message": message});
    response
}

/// The items of a reply as they stand in the output of a response, and in the input of later requests.
pub(super) fn output(head: &Head<'_>, parts: &[Part]) -> Vec<Value> {
    parts.iter().enumerate().map(|(index, part)| finished(head, index, part)).collect()
}

fn opening(head: &Head<'_>) -> Vec<Event> {
    let response = response(head, "in_progress", &[]);
    vec![
        (json!({"type": "response.created", "response": response}), None),
        (json!({"type": "response.in_progress", "response": response}), None),
    ]
}

fn item_events(head: &Head<'_>, index: usize, part: &Part, events: &mut Vec<Event>) {
    let item = finished(head, index, part);
    let id = item["id"].clone();
    let mut started = item.clone();
    if !matches!(part, Part::Reasoning { .. }) {
        started["status"] = "in_progress".into();
    }
    let place = |name: &str, more: Value| {
        let mut event = json!({"type": name, "item_id": id, "output_index": index});
        if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
            event.extend(more);
        }
        event
    };
    let whole = part.whole();
    // Before its deltas, the name of each delta with its members, and after them.
    let (before, delta, more, after) = match part {
        Part::Reasoning { .. } => {
            started["summary"] = json!([]);
            let part = json!({"type": "summary_text", "text": whole});
            let empty = json!({"type": "summary_text", "text": ""});
            (
                vec![place(
                    "response.reasoning_summary_part.added",
                    json!({"summary_index": 0, "part": empty}),
                )],
                "response.reasoning_summary_text.delta",
                json!({"summary_index": 0}),
                vec![
                    place("response.reasoning_summary_text.done", json!({"summary_index": 0, "text": whole})),
                    place("response.reasoning_summary_part.done", json!({"summary_index": 0, "part": part})),
                ],
            )
        }
        Part::Text { .. } => {
            started["content"] = json!([]);
            let part = text_part(&whole);
            (
                vec![place(
                    "response.content_part.added",
                    json!({"content_index": 0, "part": text_part("")}),
                )],
                "response.output_text.delta",
                json!({"content_index": 0, "logprobs": []}),
                vec![
                    place(
                        "response.output_text.done",
                        json!({"content_index": 0, "text": whole, "logprobs": []}),
                    ),
                    place("response.content_part.done", json!({"content_index": 0, "part": part})),
                ],
            )
        }
        Part::Call { wire: WireCall::Function { name, .. }, .. } => {
            started["arguments"] = "".into();
            let done = json!({"name": name, "arguments": whole});
            (
                vec![],
                "response.function_call_arguments.delta",
                json!({}),
                vec![place("response.function_call_arguments.done", done)],
            )
        }
        Part::Call { wire: WireCall::Custom { .. }, .. } => {
            started["input"] = "".into();
            let done = json!({"input": whole});
            (
                vec![],
                "response.custom_tool_call_input.delta",
                json!({}),
                vec![place("response.custom_tool_call_input.done", done)],
            )
        }
    };
    let plain = |event| (event, None);
    let added = json!({"type": "response.output_item.added", "output_index": index, "item": started});
    events.push(plain(added));
    events.extend(before.into_iter().map(plain));
    for portion in part.portions() {
        let mut event = place(delta, more.clone());
        event["delta"] = portion.clone().into();
        events.push((event, Some(Piece { part: index, text: portion, is_complete: false })));
    }
    events.extend(after.into_iter().map(plain));
    events.push((
        json!({"type": "response.output_item.done", "output_index": index, "item": item}),
        Some(Piece { part: index, text: String::new(), is_complete: true }),
    ));
}

fn finished(head: &Head<'_>, index: usize, part: &Part) -> Value {
    let stem = head.stem;
    let text = part.whole();
    match part {
        Part::Reasoning { encrypted, .. } => {
            let summary =
                if text.is_empty() { json!([]) } else { json!([{"type": "summary_text", "text": text}]) };
            let mut item =
                json!({"type": "reasoning", "id": format!("rs_{stem}_{index}"), "summary": summary});
            if let Some(encrypted) = encrypted {
                item["encrypted_content"] = encrypted.clone().into();
            }
            item
        }
        Part::Text { .. } => json!({
            "type": "message", "id": format!("msg_{stem}_{index}"), "status": "completed",
            "role": "assistant", "content": [text_part(&text)],
        }),
        Part::Call { id, wire: WireCall::Function { name, .. }, .. } => json!({
            "type": "function_call", "id": format!("fc_{stem}_{index}"), "status": "completed",
            "call_id": id, "name": name, "arguments": text,
        }),
        Part::Call { id, wire: WireCall::Custom { name, .. }, .. } => json!({
            "type": "custom_tool_call", "id": format!("ctc_{stem}_{index}"), "status": "completed",
            "call_id": id, "name": name, "input": text,
        }),
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn response(head: &Head<'_>, status: &str, output: &[Value]) -> Value {
    json!({
        "id": format!("resp_{}", head.id), "object": "response", "created_at": CREATED_AT_SECONDS, "status": status,
        "background": false, "error": null, "incomplete_details": null, "instructions": null,
        "max_output_tokens": null, "metadata": {}, "model": head.model, "output": output,
        "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": 1,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1,
        "truncation": "disabled", "usage": null, "user": null,
    })
}

fn usage(head: &Head<'_>, parts: &[Part]) -> Value {
    let usage = head.usage(parts);
    json!({
        "input_tokens": usage.input, "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    })
}

fn numbered(events: Vec<Event>) -> Vec<Frame> {
    events
        .into_iter()
        .enumerate()
        .map(|(number, (mut event, piece))| {
            event["sequence_number"] = number.into();
            Frame { piece, ..Frame::event(event["type"].as_str(), &event) }
        })
        .collect()
}
