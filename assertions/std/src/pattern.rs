//! Which events are meant: kind, phase, the agent's own word, a text.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::Evidence;

use crate::demand;
use crate::known::known;
use crate::needle::Needle;
use crate::texts;

/// What an event is about, as the run document says it.
const KINDS: [&str; 14] = [
    "session",
    "turn",
    "message",
    "reasoning",
    "command",
    "file-change",
    "tool",
    "usage",
    "retry",
    "warning",
    "error",
    "progress",
    "other",
    "text",
];

/// Where in its life the thing stands, as the run document says it.
const PHASES: [&str; 5] = ["started", "updated", "completed", "failed", "instant"];

/// Demands on one event; all that are given must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    kind: Option<Kind>,
    phase: Option<Phase>,
    #[serde(rename = "type")]
    type_name: Option<Needle>,
    contains: Option<Needle>,
}

impl Pattern {
    /// A pattern of its parts.
    pub fn new(
        kind: Option<Kind>,
        phase: Option<Phase>,
        type_name: Option<Needle>,
        contains: Option<Needle>,
    ) -> Self {
        Self { kind, phase, type_name, contains }
    }

    /// Whether it fits every event.
    pub fn is_empty(&self) -> bool {
        self.kind.is_none() && self.phase.is_none() && self.type_name.is_none() && self.contains.is_none()
    }

    /// Whether it fits an event.
    pub fn fits(&self, event: &Event) -> bool {
        let word = |name: &str| event.value.get(name).and_then(Value::as_str);
        self.kind.as_ref().is_none_or(|kind| word("kind") == Some(&kind.0))
            && self.phase.as_ref().is_none_or(|phase| word("phase") == Some(&phase.0))
            && self.type_name.as_ref().is_none_or(|name| word("type") == Some(name.text()))
            && self.contains.as_ref().is_none_or(|needle| {
                ["text", "command", "output", "paths", "raw"]
                    .into_iter()
                    .filter_map(|member| event.value.get(member))
                    .any(|value| texts::any(value, &|text| needle.is_in(text)))
            })
    }

    /// ``kind `command`, containing "ls"``, for messages.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.kind.as_ref().map(|kind| format!("kind `{}`", kind.0)));
        words.extend(self.phase.as_ref().map(|phase| format!("phase `{}`", phase.0)));
        words.extend(self.type_name.as_ref().map(|name| format!("type `{}`", name.text())));
        words.extend(
            self.contains.as_ref().map(|needle| format!("containing {}", demand::quoted(needle.text()))),
        );
        if words.is_empty() { "any kind".to_owned() } else { words.join(", ") }
    }
}

/// One event and where it stands.
pub struct Event {
    /// Its path.
    pub path: String,
    value: Value,
}

impl Event {
    /// The line itself, as JSON or as text.
    pub fn raw(&self) -> &Value {
        &self.value["raw"]
    }
}

/// Every event, in order.
///
/// # Errors
/// When the evidence has no events section.
pub fn events(evidence: &Evidence) -> Result<Vec<Event>, String> {
    evidence
        .query("$.events[*]")?
        .into_iter()
        .map(|node| Ok(Event { value: node.read()?, path: node.path }))
        .collect()
}

/// A known kind of event.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Kind(String);

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        known(word, "kind of an event", &KINDS).map(Self)
    }
}

/// A known phase of an event.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Phase(String);

impl TryFrom<String> for Phase {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        known(word, "phase of an event", &PHASES).map(Self)
    }
}
