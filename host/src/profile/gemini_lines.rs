//! The lines of `gemini --output-format stream-json` (0.61.0) in the words all agents share. A command that fails is a
//! success to it, and its exit code is told to the model alone.

use serde_json::Value;

use super::lines::{self, Names, count, text, tool_started};
use super::{Line, UsageReport, UsageScope};
use crate::document::{EventKind, Phase, Terminal};

const NAMES: Names =
    Names { shell: "run_shell_command", files: &["write_file", "replace"], path: "/file_path" };

/// Reads one line of standard output.
pub(super) fn read_line(line: &str) -> Line {
    lines::object(line, |raw, type_name, read| match type_name {
        "init" => {
            read.event.kind = EventKind::Session;
            read.session = text(raw, "/session_id");
        }
        "message" => message(raw, read),
        "tool_use" => {
            let name = text(raw, "/tool_name").unwrap_or_default();
            let input = raw.get("parameters").unwrap_or(&Value::Null);
            read.event = tool_started(&NAMES, &name, call(raw), input);
        }
        "tool_result" => {
            read.event.kind = EventKind::Tool;
            read.event.phase = match text(raw, "/status").as_deref() {
                Some("success") => Phase::Completed,
                _ => Phase::Failed,
            };
            read.event.call = call(raw);
            read.event.output = text(raw, "/output").or_else(|| text(raw, "/error/message"));
        }
        "error" => {
            let is_warning = text(raw, "/severity").as_deref() == Some("warning");
            read.event.kind = if is_warning { EventKind::Warning } else { EventKind::Error };
            read.event.text = text(raw, "/message");
        }
        "result" => result(raw, read),
        _ => {}
    })
}

fn message(raw: &Value, read: &mut Line) {
    let role = text(raw, "/role").unwrap_or_default();
    read.event.type_name = format!("message/{role}");
    if role != "assistant" {
        read.event.kind = EventKind::Progress;
        return;
    }
    read.event.kind = EventKind::Message;
    read.event.text = text(raw, "/content");
    read.is_part = raw.get("delta") == Some(&Value::Bool(true));
    read.event.phase = if read.is_part { Phase::Updated } else { Phase::Completed };
}

fn result(raw: &Value, read: &mut Line) {
    read.event.kind = EventKind::Turn;
    (read.event.phase, read.terminal) = match text(raw, "/status").as_deref() {
        Some("success") => (Phase::Completed, Some(Terminal::Completed)),
        _ => (Phase::Failed, Some(Terminal::Failed)),
    };
    read.event.text = text(raw, "/error/message");
    read.usage = count(raw, "/stats/input_tokens").zip(count(raw, "/stats/output_tokens")).map(
        |(input_tokens, output_tokens)| UsageReport {
            input_tokens,
            output_tokens,
            cost_microdollars: None,
            scope: UsageScope::Turn,
        },
    );
}

/// `<tool>__<id of the call>`, or what it made up where the model gave no id.
fn call(raw: &Value) -> Option<String> {
    let whole = text(raw, "/tool_id")?;
    Some(whole.rsplit_once("__").map_or(whole.as_str(), |(_, id)| id).to_owned())
}
