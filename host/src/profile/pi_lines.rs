//! The lines of `pi --mode json` (0.73.1) in the words all agents share.
//!
//! `message_update` and `tool_execution_update` hold live objects: how many there are and what they say is a race, so
//! they are told apart from events. An `agent_end` is final only when no retry follows.

use serde_json::Value;

use super::lines::{self, Names, count, joined, microdollars, text, tool_started};
use super::{Line, UsageReport, UsageScope};
use crate::document::{EventKind, Phase, Terminal};

const NAMES: Names = Names { shell: "bash", files: &["write", "edit"], path: "/path" };

/// What a command's output ends with when it failed.
const EXIT: &str = "Command exited with code ";

/// Reads one line of standard output.
pub(super) fn read_line(line: &str) -> Line {
    lines::object(line, |raw, type_name, read| match type_name {
        "session" => {
            read.event.kind = EventKind::Session;
            read.session = text(raw, "/id");
        }
        "agent_start" => {
            read.event.kind = EventKind::Turn;
            read.event.phase = Phase::Started;
            read.reopens = true;
        }
        "turn_start" | "turn_end" | "message_start" => read.event.kind = EventKind::Progress,
        "message_update" | "tool_execution_update" => {
            read.event.kind = EventKind::Progress;
            read.is_racy = true;
        }
        "message_end" => message_end(raw, read),
        "tool_execution_start" => {
            let name = text(raw, "/toolName").unwrap_or_default();
            let input = raw.get("args").unwrap_or(&Value::Null);
            read.event = tool_started(&NAMES, &name, text(raw, "/toolCallId"), input);
        }
        "tool_execution_end" => tool_end(raw, read),
        "agent_end" => agent_end(raw, read),
        "auto_retry_start" => {
            read.event.kind = EventKind::Retry;
            read.event.phase = Phase::Started;
            read.event.text = text(raw, "/errorMessage");
            read.reopens = true;
        }
        "auto_retry_end" => {
            read.event.kind = EventKind::Retry;
            let succeeded = raw.get("success") == Some(&Value::Bool(true));
            read.event.phase = if succeeded { Phase::Completed } else { Phase::Failed };
            read.event.text = text(raw, "/finalError");
        }
        _ => {}
    })
}

fn message_end(raw: &Value, read: &mut Line) {
    let role = text(raw, "/message/role").unwrap_or_default();
    read.event.type_name = format!("message_end/{role}");
    read.event.kind = EventKind::Progress;
    if role != "assistant" {
        return;
    }
    let message = raw.get("message").unwrap_or(&Value::Null);
    read.usage = count(message, "/usage/input").zip(count(message, "/usage/output")).map(
        |(input_tokens, output_tokens)| UsageReport {
            input_tokens,
            output_tokens,
            cost_microdollars: microdollars(message, "/usage/cost/total"),
            scope: UsageScope::Step,
        },
    );
    read.is_last_word = text(message, "/stopReason").is_some_and(|reason| reason != "toolUse");
    let said = message.get("content").and_then(joined);
    if let Some(error) = failure(message) {
        read.event.kind = EventKind::Error;
        read.event.text = Some(error);
    } else if said.is_some() {
        read.event.kind = EventKind::Message;
        read.event.phase = Phase::Completed;
        read.event.text = said;
    } else if let Some(thought) = text(message, "/content/0/thinking") {
        read.event.kind = EventKind::Reasoning;
        read.event.phase = Phase::Completed;
        read.event.text = Some(thought);
    }
}

fn tool_end(raw: &Value, read: &mut Line) {
    let name = text(raw, "/toolName").unwrap_or_default();
    let failed = raw.get("isError") == Some(&Value::Bool(true));
    read.event.kind = NAMES.kind(&name);
    read.event.phase = if failed { Phase::Failed } else { Phase::Completed };
    read.event.call = text(raw, "/toolCallId");
    read.event.output = raw.pointer("/result/content").and_then(joined);
    if read.event.kind == EventKind::Command {
        let last = read.event.output.as_deref().and_then(|output| output.lines().last()).unwrap_or_default();
        read.event.exit = match last.strip_prefix(EXIT) {
            Some(code) => code.parse().ok(),
            None => (!failed).then_some(0),
        };
    }
    read.event.tool = Some(name);
}

fn agent_end(raw: &Value, read: &mut Line) {
    read.event.kind = EventKind::Turn;
    let messages = raw.get("messages").and_then(Value::as_array);
    let last = messages
        .into_iter()
        .flatten()
        .rev()
        .find(|message| message.get("role").and_then(Value::as_str) == Some("assistant"));
    let failed = last.and_then(failure);
    (read.event.phase, read.terminal) = match (&failed, last) {
        (None, Some(_)) => (Phase::Completed, Some(Terminal::Completed)),
        _ => (Phase::Failed, Some(Terminal::Failed)),
    };
    read.event.text = failed;
}

/// Why an assistant message is none: its error, or that it was broken off.
fn failure(message: &Value) -> Option<String> {
    text(message, "/errorMessage").or_else(|| {
        text(message, "/stopReason")
            .filter(|reason| matches!(reason.as_str(), "error" | "aborted" | "cancelled"))
    })
}
