//! What the readers of all agents share: a line becomes JSON or stays a text, and values are taken out of it.

use serde_json::Value;

use super::Line;
use crate::document::{Event, EventKind, Phase};

/// Reads a line that should hold one JSON object; `read` fills in what is known of it. Any other line is kept as text.
pub(super) fn object(line: &str, read: impl FnOnce(&Value, &str, &mut Line)) -> Line {
    let raw = match serde_json::from_str::<Value>(line) {
        Ok(raw) if raw.is_object() => raw,
        _ => return plain(line),
    };
    let type_name = text(&raw, "/type").unwrap_or_default();
    let mut found = Line::default();
    read(&raw, &type_name, &mut found);
    if found.event.type_name.is_empty() {
        found.event.type_name = type_name;
    }
    found.event.raw = raw;
    found
}

/// A line that is no JSON object.
pub(super) fn plain(line: &str) -> Line {
    let raw = Value::String(line.to_owned());
    Line { event: Event { kind: EventKind::Text, raw, ..Event::default() }, ..Line::default() }
}

/// The event of a tool that starts: its kind follows from its name.
pub(super) fn tool_started(names: &Names, name: &str, call: Option<String>, input: &Value) -> Event {
    let mut event = Event { phase: Phase::Started, tool: Some(name.to_owned()), call, ..Event::default() };
    event.kind = names.kind(name);
    match event.kind {
        EventKind::Command => event.command = text(input, "/command"),
        EventKind::FileChange => event.paths = text(input, names.path).into_iter().collect(),
        _ => {}
    }
    event
}

/// Which of an agent's tools run commands and which change files.
pub(super) struct Names {
    /// The tool that runs commands.
    pub(super) shell: &'static str,
    /// The tools that change files.
    pub(super) files: &'static [&'static str],
    /// Pointer to the path in their input.
    pub(super) path: &'static str,
}

impl Names {
    /// What a call of that tool is about.
    pub(super) fn kind(&self, name: &str) -> EventKind {
        if name == self.shell {
            EventKind::Command
        } else if self.files.contains(&name) {
            EventKind::FileChange
        } else {
            EventKind::Tool
        }
    }
}

/// The text at a JSON pointer.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

/// The count at a JSON pointer.
pub(super) fn count(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

/// An amount of dollars at a JSON pointer, in millionths.
pub(super) fn microdollars(value: &Value, pointer: &str) -> Option<u64> {
    let dollars = value.pointer(pointer).and_then(Value::as_f64)?;
    (0.0..1e9).contains(&dollars).then(|| (dollars * 1e6).round() as u64)
}

/// A text, or the texts of content parts, joined by a newline.
pub(super) fn joined(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<_> = parts.iter().filter_map(|part| text(part, "/text")).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
        _ => None,
    }
}
