//! Events without what a script does not say: identifiers, times, names of models and machines, echoes of the request,
//! and how the arguments of a call are divided. What is left is what a client understands.

use serde_json::{Map, Value, json};

use crate::profile::Protocol;

/// Members that are left out wherever they stand. Arguments of calls may have members of these names; they are compared
/// with the arguments they were drafted from, which have them too.
const LEFT_OUT: [&str; 17] = [
    "call_id",
    "created",
    "created_at",
    "completed_at",
    "id",
    "item_id",
    "index",
    "model",
    "modelVersion",
    "obfuscation",
    "object",
    "responseId",
    "sequence_number",
    "service_tier",
    "system_fingerprint",
    "createTime",
    "inference_geo",
];
/// What is said of a Responses response beside its echo of the request.
const OF_A_RESPONSE: [&str; 5] = ["error", "incomplete_details", "output", "status", "usage"];

/// The events in a form in which those of two servers are equal when they say the same.
pub(super) fn events(protocol: Protocol, events: Vec<Value>) -> Vec<Value> {
    let last = events.len().saturating_sub(1);
    let mut normal: Vec<Value> = Vec::new();
    for (at, mut event) in events.into_iter().enumerate() {
        match protocol {
            Protocol::Responses => responses(&mut event),
            Protocol::Chat => {}
            Protocol::Messages => messages(&mut event),
            Protocol::Gemini => gemini(&mut event, at == last),
        }
        arguments(&mut event);
        let Some(event) = stripped(event) else { continue };
        join(protocol, &mut normal, event);
    }
    for event in &mut normal {
        let whole =
            event.get("joined").and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
        if let Some(whole) = whole {
            *event = json!({ "joined": Value::Object(Map::from_iter([("parsed".to_owned(), whole)])) });
        }
    }
    normal
}

fn responses(event: &mut Value) {
    if event["object"] == "response" {
        keep(event, &OF_A_RESPONSE);
    } else if let Some(response) = event.get_mut("response") {
        keep(response, &OF_A_RESPONSE);
    }
}

fn messages(event: &mut Value) {
    if event["type"] == "ping" {
        *event = Value::Null;
    }
    // Tokens are counted on while a reply goes on: the last count holds.
    if let Some(message) = event.get_mut("message") {
        message["usage"] = Value::Null;
    }
    let ends = event["type"] == "message_delta";
    let usage = &mut event["usage"];
    if ends {
        keep(usage, &["output_tokens"]);
    }
    if usage["cache_creation_input_tokens"] == 0 {
        usage["cache_creation_input_tokens"] = Value::Null;
    }
    if usage["cache_read_input_tokens"] == 0 {
        usage["cache_read_input_tokens"] = Value::Null;
    }
}

fn gemini(event: &mut Value, is_last: bool) {
    let known = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount"];
    keep(&mut event["usageMetadata"], if is_last { &known } else { &[] });
}

fn keep(value: &mut Value, names: &[&str]) {
    if let Value::Object(members) = value {
        members.retain(|name, _| names.contains(&name.as_str()));
    }
}

/// Arguments as the JSON that they are.
fn arguments(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let parsed = match member {
                    Value::String(text) if name == "arguments" => serde_json::from_str::<Value>(text).ok(),
                    _ => None,
                };
                match parsed {
                    Some(parsed) if parsed.is_object() => *member = json!({ "parsed": parsed }),
                    _ => arguments(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(arguments),
        _ => {}
    }
}

/// Without what is left out, and without what says nothing; none when nothing remains.
fn stripped(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Vec<Value> = items.into_iter().filter_map(stripped).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(members) => {
            let members: Map<String, Value> = members
                .into_iter()
                .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
                .filter_map(|(name, member)| Some((name, stripped(member)?)))
                .collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        other => Some(other),
    }
}

/// Adds an event; pieces of arguments are joined to those before them.
fn join(protocol: Protocol, normal: &mut Vec<Value>, event: Value) {
    let pointer = match protocol {
        // The whole arguments follow.
        Protocol::Responses => {
            let name = event["type"].as_str().unwrap_or_default();
            if ["response.function_call_arguments.delta", "response.custom_tool_call_input.delta"]
                .contains(&name)
            {
                return;
            }
            normal.push(event);
            return;
        }
        Protocol::Chat => "/choices/0/delta/tool_calls/0/function/arguments",
        Protocol::Messages => "/delta/partial_json",
        Protocol::Gemini => "",
    };
    let piece = |event: &Value| match event.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        // A piece that is JSON by itself was parsed.
        parsed => Some(parsed.get("parsed")?.to_string()),
    };
    let Some(more) = piece(&event).filter(|_| !pointer.is_empty()) else {
        normal.push(event);
        return;
    };
    // With the name of the call come the first bytes of its arguments, or none.
    let names_the_call = event.pointer("/choices/0/delta/tool_calls/0/function/name").is_some();
    if names_the_call {
        let mut opened = event;
        if let Some(place) = opened.pointer_mut(pointer) {
            *place = Value::String(String::new());
        }
        normal.push(opened);
        normal.push(json!({ "joined": more }));
        return;
    }
    match normal.last_mut().and_then(|last| last.get_mut("joined")) {
        Some(Value::String(joined)) => joined.push_str(&more),
        _ => normal.push(json!({ "joined": more })),
    }
}
