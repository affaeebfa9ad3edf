//! What the scripted model says: from the Nth entry for the Nth request to steps that follow one another by cause.
//!
//! A reply of known items becomes a step in neutral words, so that any agent can be run with it; another is written out
//! event by event. An entry that fails in a way agents try again after is an attempt of the step that comes next.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::super::text::{inline, quoted};
use super::Reading;

/// Statuses that agents try again after.
const RETRIED: [u64; 7] = [408, 409, 429, 500, 502, 503, 504];

/// Events that say nothing which the server does not say by itself.
const IMPLIED: [&str; 3] = ["response.created", "response.in_progress", "response.completed"];

/// The steps as TOML.
pub(super) fn steps(reading: &mut Reading) -> String {
    let entries = match reading.take("responses_api") {
        None => return String::new(),
        Some(Value::Array(entries)) => entries,
        Some(Value::Object(mut api)) => {
            let entries = api.remove("responses");
            for name in api.keys() {
                reading.note(format!("`{name}` of `responses_api` is unknown"));
            }
            match entries {
                Some(Value::Array(entries)) => entries,
                other => {
                    reading.note(format!(
                        "`responses_api` has no list of `responses`: {}",
                        other.unwrap_or_default()
                    ));
                    return String::new();
                }
            }
        }
        Some(other) => {
            reading.note(format!("`responses_api` is neither an object nor a list: {other}"));
            return String::new();
        }
    };
    let mut toml = String::new();
    let mut faults: Vec<String> = Vec::new();
    let last = entries.len().saturating_sub(1);
    for (index, entry) in entries.into_iter().enumerate() {
        let number = index + 1;
        let Value::Object(mut entry) = entry else {
            reading.note(format!("reply {number} is no object: {entry}"));
            continue;
        };
        match reply(reading, number, &mut entry, index == last) {
            Spoken::Fault(fault) => faults.push(fault),
            Spoken::Step(step) => {
                let _ = write!(toml, "\n[[step]]\n{step}");
                for fault in faults.drain(..) {
                    let _ = write!(toml, "[[step.attempt]]\nfault = {fault}\n");
                }
            }
            Spoken::Nothing => {}
        }
        for name in entry.keys() {
            reading.note(format!("`{name}` of reply {number} is unknown"));
        }
    }
    toml
}

enum Spoken {
    /// What stands in a step.
    Step(String),
    /// A fault, as TOML.
    Fault(String),
    Nothing,
}

fn reply(reading: &mut Reading, number: usize, entry: &mut Map<String, Value>, is_last: bool) -> Spoken {
    let status = entry.remove("status").and_then(|status| status.as_u64()).unwrap_or(200);
    let is_cut = entry.remove("completed") == Some(Value::Bool(false));
    let id = entry.remove("response_id").and_then(|id| id.as_str().map(str::to_owned));
    if let Some(body) = entry.remove("body") {
        return error(reading, number, status, &body, is_last);
    }
    if let Some(sse) = entry.remove("sse") {
        return match sse.as_str() {
            Some(text) => Spoken::Step(format!("events = [{}]\n", quoted(text))),
            None => {
                reading.note(format!("`sse` of reply {number} is no text"));
                Spoken::Nothing
            }
        };
    }
    if status >= 400 {
        return error(reading, number, status, &Value::Null, is_last);
    }
    let events = match entry.remove("events") {
        Some(Value::Array(events)) => events,
        other => {
            reading.note(format!("reply {number} has no list of `events`: {}", other.unwrap_or_default()));
            return Spoken::Nothing;
        }
    };
    let events: Vec<Value> = events.into_iter().filter_map(|event| data(reading, number, event)).collect();
    if is_cut && !is_last {
        reading
            .note(format!("reply {number} breaks off: the next reply is cut once, whatever this one said"));
        return Spoken::Fault("{ cut = true }".to_owned());
    }
    if let Some(step) = (!is_cut).then(|| neutral(&events)).flatten() {
        if let Some(id) = id {
            reading.note(format!("`response_id` of reply {number} ({id}): the server makes its own"));
        }
        return Spoken::Step(step);
    }
    let id = id.unwrap_or_else(|| format!("resp_{number}"));
    Spoken::Step(written_out(events, &id, is_cut))
}

/// A status, with what its body says of the error.
fn error(reading: &mut Reading, number: usize, status: u64, body: &Value, is_last: bool) -> Spoken {
    if status < 400 {
        reading.note(format!("reply {number} has status {status} and a body that is no stream: {body}"));
        return Spoken::Nothing;
    }
    let said = |name: &str| {
        let text = body.pointer(&format!("/error/{name}")).or_else(|| body.get(name)).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let mut fault = format!("{{ status = {status}");
    if let Some(code) = said("code").or_else(|| said("type")) {
        let _ = write!(fault, ", code = {}", quoted(code));
    }
    if let Some(message) = said("message") {
        let _ = write!(fault, ", message = {}", quoted(message));
    }
    fault.push_str(" }");
    if RETRIED.contains(&status) && !is_last {
        Spoken::Fault(fault)
    } else {
        Spoken::Step(format!("fail = {fault}\n"))
    }
}

/// The data of an event: `{item}` is an item that is done, everything else has a name and a payload.
fn data(reading: &mut Reading, number: usize, event: Value) -> Option<Value> {
    if let Some(item) =
        event.get("item").filter(|_| event.get("payload").is_none() && event.get("type").is_none())
    {
        return Some(json!({ "type": "response.output_item.done", "item": item }));
    }
    let name = event.get("event").or_else(|| event.get("type")).and_then(Value::as_str).map(str::to_owned);
    let Some(name) = name else {
        reading.note(format!("an event of reply {number} has no name: {event}"));
        return None;
    };
    let mut members = match event.get("payload") {
        Some(Value::Object(members)) => members.clone(),
        None => Map::new(),
        Some(other) => {
            reading.note(format!(
                "the event `{name}` of reply {number} has a payload that is no object: {other}"
            ));
            return None;
        }
    };
    members.entry("type").or_insert(Value::String(name));
    Some(Value::Object(members))
}

/// The reply in neutral words, when all of it is known.
fn neutral(events: &[Value]) -> Option<String> {
    let (mut texts, mut reasoning, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for event in events {
        match event.get("type").and_then(Value::as_str)? {
            "response.output_item.done" => {
                let item = event.get("item")?;
                let text = |name: &str| item.get(name).and_then(Value::as_str);
                match text("type")? {
                    "message" if text("role") == Some("assistant") => {
                        texts.push(parts(item.get("content")?)?)
                    }
                    "reasoning" => reasoning.push(parts(item.get("summary")?)?),
                    "function_call" => {
                        let input: Value = serde_json::from_str(text("arguments")?).ok()?;
                        calls.push(call(text("call_id")?, text("name")?, &input)?);
                    }
                    "custom_tool_call" => {
                        let input = Value::String(text("input")?.to_owned());
                        calls.push(call(text("call_id")?, text("name")?, &input)?);
                    }
                    _ => return None,
                }
            }
            name if IMPLIED.contains(&name) => {}
            _ => return None,
        }
    }
    if texts.len() > 1 || reasoning.len() > 1 || texts.is_empty() && calls.is_empty() {
        return None;
    }
    let mut step = String::new();
    for (name, text) in
        reasoning.iter().map(|text| ("reasoning", text)).chain(texts.iter().map(|text| ("text", text)))
    {
        let _ = writeln!(step, "{name} = {}", quoted(text));
    }
    match calls.as_slice() {
        [] => {}
        [call] => {
            let _ = writeln!(step, "call = {call}");
        }
        calls => {
            let _ = writeln!(step, "calls = [{}]", calls.join(", "));
        }
    }
    Some(step)
}

/// The text of a message's or a summary's parts; nothing when there is something else in it.
fn parts(content: &Value) -> Option<String> {
    if let Some(text) = content.as_str() {
        return Some(text.to_owned());
    }
    let parts = content.as_array()?.iter();
    let texts: Option<Vec<&str>> = parts.map(|part| part.get("text").and_then(Value::as_str)).collect();
    Some(texts?.join("\n")).filter(|text| !text.is_empty())
}

/// A call; the shell's is put in the word that every agent knows.
fn call(id: &str, tool: &str, input: &Value) -> Option<String> {
    let members = input.as_object();
    let only =
        |name: &str| members.filter(|members| members.len() == 1).and_then(|members| members.get(name));
    let shell = match tool {
        "exec_command" => only("cmd").and_then(Value::as_str).map(str::to_owned),
        "shell" => match only("command") {
            Some(Value::Array(words)) => {
                match words.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?.as_slice() {
                    ["bash" | "sh" | "zsh" | "/bin/bash" | "/bin/sh", "-lc" | "-c", line] => {
                        Some((*line).to_owned())
                    }
                    _ => None,
                }
            }
            Some(Value::String(line)) => Some(line.clone()),
            _ => None,
        },
        _ => None,
    };
    let (tool, input) = match shell {
        Some(line) => ("shell", json!({ "command": line })),
        None if tool == "shell" => return None,
        None => (tool, input.clone()),
    };
    Some(format!("{{ id = {}, tool = {}, input = {} }}", quoted(id), quoted(tool), inline(&input)?))
}

/// The reply event by event, with its end unless it breaks off.
fn written_out(mut events: Vec<Value>, id: &str, is_cut: bool) -> String {
    let ends = events.iter().any(|event| event.get("type") == Some(&json!("response.completed")));
    if !is_cut && !ends {
        let usage = json!({ "input_tokens": 0, "output_tokens": 0, "total_tokens": 0 });
        events.push(json!({ "type": "response.completed", "response": { "id": id, "usage": usage } }));
    }
    // TOML has no null: such an event is written as it goes over the wire.
    let written: Vec<String> = events
        .iter()
        .map(|event| {
            inline(event).unwrap_or_else(|| {
                let name = event.get("type").and_then(Value::as_str).unwrap_or("message");
                quoted(&format!("event: {name}\ndata: {event}\n\n"))
            })
        })
        .collect();
    format!("events = [\n{}]\n", written.iter().map(|event| format!("  {event},\n")).collect::<String>())
}
