//! One step of a script: its attempts that went wrong, and its reply.

use std::collections::BTreeMap;

use serde_json::Value;

use super::conversations::{Turn, is_good};
use super::toml_text::{json, text, texts};
use crate::profile::{Profile, Protocol, Stop, WireCall};
use crate::recording::Secrets;
use crate::scenario::{Call, Manner, Reply};
use crate::server::{Passed, Traffic, frames, neutral};

/// When every scripted reply was made; see the server's own.
const CREATED_AT_SECONDS: &str = "1700000000";
/// Members of replies that hold identifiers of the reply or its parts.
const IDENTIFIERS: [&str; 6] = ["id", "item_id", "call_id", "responseId", "response_id", "tool_use_id"];
/// Members that hold times.
const TIMES: [&str; 3] = ["created", "created_at", "completed_at"];
/// What a symbol of a secret begins with.
const SECRET: &str = "⟦secret";

/// Writes steps, one after the other.
pub(super) struct Steps<'a> {
    traffic: &'a Traffic,
    profile: &'static dyn Profile,
    /// The protocol that the script is checked for.
    protocol: Protocol,
    /// How many there were.
    pub(super) count: usize,
    /// How many calls there were.
    calls: usize,
    /// What is to be said of them.
    pub(super) notes: Vec<String>,
}

impl<'a> Steps<'a> {
    /// None so far.
    pub(super) fn new(traffic: &'a Traffic, profile: &'static dyn Profile, protocol: Protocol) -> Self {
        Self { traffic, profile, protocol, count: 0, calls: 0, notes: Vec::new() }
    }

    /// A step as TOML.
    pub(super) fn step(
        &mut self,
        lane: &str,
        opened_by: Option<&str>,
        turn: &Turn,
        secrets: &mut Secrets,
    ) -> String {
        self.count += 1;
        let mut lines = vec![String::from("\n[[step]]")];
        if lane != "main" {
            lines.push(format!("lane = {}", text(lane)));
        }
        if let Some(prompt) = opened_by {
            // What is left of the prompt opens it as well: the request holds it.
            let prompt = secrets.redact_text(prompt);
            let longest =
                prompt.split(SECRET).map(|part| part.split_once('⟧').map_or(part, |(_, rest)| rest));
            let longest = longest.max_by_key(|part| part.len()).unwrap_or_default();
            lines.push(format!("opened-by = {}", text(longest.trim())));
        }
        let (last, before) = turn.requests.split_last().unwrap_or((&0, &[]));
        let nothing = Passed::default();
        let passed = |request: &usize| self.traffic.passed.get(request).unwrap_or(&nothing);
        if is_good(self.traffic, *last) {
            lines.extend(self.reply(*last, passed(last), secrets));
        } else {
            lines.push(format!("fail = {}", fault(passed(last), secrets)));
        }
        for request in before {
            lines.push(String::from("[[step.attempt]]"));
            lines.push(format!("fault = {}", fault(passed(request), secrets)));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    fn reply(&mut self, request: usize, passed: &Passed, secrets: &mut Secrets) -> Vec<String> {
        let word = &self.traffic.requests[request].protocol;
        let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.word() == word);
        let neutral = protocol.and_then(|protocol| neutral(protocol, passed));
        if let Some(Reply::Items { reasoning, text, calls, manner }) = &neutral
            && self.carries(reasoning.as_deref(), calls, manner)
            && let Some(lines) =
                self.items(request, (reasoning.as_deref(), text.as_deref()), calls, manner, secrets)
        {
            return lines;
        }
        self.notes.push(format!(
            "step {} is written out frame by frame: neutral words would lose something",
            self.count
        ));
        vec![self.written_out(passed, secrets)]
    }

    /// Whether the script's protocol can say all of it, and every tool's name stands for itself.
    fn carries(&self, reasoning: Option<&str>, calls: &[Call], manner: &Manner) -> bool {
        let protocol = self.protocol;
        let both = manner.encrypted.is_some() && reasoning.is_some_and(|text| !text.is_empty());
        let literal = |call: &Call| match self.profile.tool(&call.tool, &call.input) {
            Ok(WireCall::Function { name, arguments }) => name == call.tool && arguments == call.input,
            Ok(WireCall::Custom { name, input }) => {
                name == call.tool && Value::String(input) == call.input && protocol.has_text_calls()
            }
            Err(_) => false,
        };
        (manner.signature.is_none() || protocol.has_signatures())
            && (manner.encrypted.is_none() || protocol.has_encrypted_reasoning())
            && !(both && protocol == Protocol::Messages)
            && (manner.stop == Stop::End || protocol.stop_word(manner.stop, false).is_some())
            && (manner.usage.is_none_or(|usage| usage.reasoning == 0) || protocol != Protocol::Messages)
            && calls.iter().all(literal)
    }

    fn items(
        &mut self,
        request: usize,
        (reasoning, said): (Option<&str>, Option<&str>),
        calls: &[Call],
        manner: &Manner,
        secrets: &mut Secrets,
    ) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        if let Some(reasoning) = reasoning {
            let mut members = Vec::new();
            if !reasoning.is_empty() {
                members.push(format!("text = {}", portions(reasoning, &manner.reasoning_portions, secrets)));
            }
            let marks = [("signature", &manner.signature), ("encrypted", &manner.encrypted)];
            members.extend(
                marks.iter().filter_map(|(name, mark)| Some(format!("{name} = {}", text(mark.as_deref()?)))),
            );
            lines.push(format!("reasoning = {{ {} }}", members.join(", ")));
        }
        if let Some(said) = said {
            lines.push(format!("text = {}", portions(said, &manner.text_portions, secrets)));
        }
        let mut written = Vec::new();
        for call in calls {
            self.calls += 1;
            let mut input = call.input.clone();
            secrets.redact_value(&mut input);
            let offered = self.traffic.requests[request].tools.contains(&call.tool);
            let unoffered = if offered { "" } else { ", unoffered = true" };
            let pieces = if call.pieces > 1 { format!(", pieces = {}", call.pieces) } else { String::new() };
            written.push(format!(
                "  {{ id = \"call-{}\", tool = {}, input = {}{pieces}{unoffered} }},",
                self.calls,
                text(&call.tool),
                json(&input)?
            ));
        }
        if !written.is_empty() {
            lines.push(format!("calls = [\n{}\n]", written.join("\n")));
        }
        if let Some(usage) = manner.usage {
            let mut members = vec![format!("input = {}", usage.input), format!("output = {}", usage.output)];
            let more = [("cached", usage.cached), ("reasoning", usage.reasoning)];
            members.extend(
                more.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} = {count}")),
            );
            lines.push(format!("usage = {{ {} }}", members.join(", ")));
        }
        if manner.stop != Stop::End {
            lines.push(format!("stop = {}", text(manner.stop.word())));
        }
        Some(lines)
    }

    /// Every frame as it came, with symbols for its identifiers.
    fn written_out(&mut self, passed: &Passed, secrets: &mut Secrets) -> String {
        let body = String::from_utf8_lossy(&passed.body).into_owned();
        let mut symbols = BTreeMap::new();
        for event in passed.events() {
            self.collect(&event, &mut symbols);
        }
        let is_whole = serde_json::from_slice::<Value>(&passed.body).is_ok();
        let whole = match is_whole {
            true => vec![body],
            false => frames(&body).into_iter().map(|frame| frame.text).collect(),
        };
        let events: Vec<String> = whole
            .iter()
            .map(|frame| {
                let mut frame = secrets.redact_text(frame);
                for (identifier, symbol) in &symbols {
                    frame = frame.replace(&format!("\"{identifier}\""), &format!("\"{symbol}\""));
                }
                format!("  {},", text(&at_one_time(&frame)))
            })
            .collect();
        format!("events = [\n{}\n]", events.join("\n"))
    }

    fn collect(&mut self, value: &Value, symbols: &mut BTreeMap<String, String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, symbols)),
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(identifier)
                            if IDENTIFIERS.contains(&name.as_str()) && !symbols.contains_key(identifier) =>
                        {
                            let symbol = self.symbol(value, name, identifier);
                            symbols.insert(identifier.clone(), symbol);
                        }
                        _ => self.collect(member, symbols),
                    }
                }
            }
            _ => {}
        }
    }

    /// The symbol of an identifier: what it begins with, and a number of its own.
    fn symbol(&mut self, holder: &Value, name: &str, identifier: &str) -> String {
        let is_call = name == "call_id"
            || ["tool_use", "function", "custom"].iter().any(|kind| holder["type"] == *kind)
            || holder.get("args").is_some();
        self.calls += 1;
        if is_call {
            return format!("call-{}", self.calls);
        }
        let kind: String = identifier.chars().take_while(char::is_ascii_lowercase).take(12).collect();
        let kind = if kind.is_empty() { "id" } else { &kind };
        format!("{kind}_{}", self.calls)
    }
}

/// A text in the portions in which it came.
fn portions(whole: &str, lengths: &[usize], secrets: &mut Secrets) -> String {
    let redacted = secrets.redact_text(whole);
    // A secret may stand in several portions: then there is one.
    if lengths.is_empty() || redacted != whole {
        return text(&redacted);
    }
    let mut characters = whole.chars();
    let portions: Vec<String> =
        lengths.iter().map(|length| characters.by_ref().take(*length).collect()).collect();
    texts(&portions)
}

/// A failure as a table.
fn fault(passed: &Passed, secrets: &mut Secrets) -> String {
    if passed.status < 400 {
        return String::from("{ cut = true }");
    }
    let body: Value = serde_json::from_slice(&passed.body).unwrap_or_default();
    let error = &body["error"];
    let word = |names: [&str; 3]| names.iter().find_map(|name| error[*name].as_str()).map(str::to_owned);
    let mut members = vec![format!("status = {}", passed.status)];
    if let Some(code) = word(["code", "status", "type"]) {
        members.push(format!("code = {}", text(&secrets.redact_text(&code))));
    }
    if let Some(message) = word(["message", "message", "message"]) {
        members.push(format!("message = {}", text(&secrets.redact_text(&message))));
    }
    let header = |name: &str| passed.headers.get(name)?.first().cloned();
    if let Some(after) = header("retry-after") {
        match after.parse::<u32>() {
            Ok(seconds) => members.push(format!("retry-after-seconds = {seconds}")),
            Err(_) => members.push(format!("headers = {{ retry-after = {} }}", text(&after))),
        }
    }
    format!("{{ {} }}", members.join(", "))
}

/// A frame in which every time is the same.
fn at_one_time(frame: &str) -> String {
    let mut told = frame.to_owned();
    for name in TIMES {
        let key = format!("\"{name}\":");
        let mut from = 0;
        while let Some(at) = told[from..].find(&key) {
            let start = from + at + key.len();
            let start = start + told[start..].len() - told[start..].trim_start_matches(' ').len();
            let digits = told[start..].bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                told.replace_range(start..start + digits, CREATED_AT_SECONDS);
            }
            from = start;
        }
    }
    told
}
