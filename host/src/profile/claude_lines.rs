//! The lines of `claude -p --output-format stream-json --verbose` (2.1.197) in the words all agents share. Also what
//! `--output-format json` prints: the last line alone.

use serde_json::Value;

use super::lines::{self, Names, count, joined, microdollars, text, tool_started};
use super::{Line, UsageReport, UsageScope};
use crate::document::{EventKind, Phase, Terminal};

const NAMES: Names =
    Names { shell: "Bash", files: &["Write", "Edit", "MultiEdit", "NotebookEdit"], path: "/file_path" };

/// Reads one line of standard output.
pub(super) fn read_line(line: &str) -> Line {
    lines::object(line, |raw, type_name, read| match type_name {
        "system" => system(raw, read),
        "assistant" => assistant(raw, read),
        "user" => user(raw, read),
        "result" => result(raw, read),
        "stream_event" => read.event.kind = EventKind::Progress,
        _ => {}
    })
}

fn system(raw: &Value, read: &mut Line) {
    let subtype = text(raw, "/subtype").unwrap_or_default();
    read.event.type_name = format!("system/{subtype}");
    match subtype.as_str() {
        "init" => {
            read.event.kind = EventKind::Session;
            read.session = text(raw, "/session_id");
        }
        "api_retry" => {
            read.event.kind = EventKind::Retry;
            read.event.text = text(raw, "/error").or_else(|| text(raw, "/error/message"));
        }
        "thinking_tokens" => read.event.kind = EventKind::Progress,
        sub_agent if sub_agent.starts_with("task_") => read.event.kind = EventKind::Progress,
        _ => {}
    }
}

/// One content block a line.
fn assistant(raw: &Value, read: &mut Line) {
    let block = raw.pointer("/message/content/0").unwrap_or(&Value::Null);
    let block_type = text(block, "/type").unwrap_or_default();
    match block_type.as_str() {
        // What it makes up itself when the model fails.
        "text" if text(raw, "/message/model").as_deref() == Some("<synthetic>") => {
            read.event.kind = EventKind::Error;
            read.event.text = text(block, "/text");
        }
        "text" => {
            read.event.kind = EventKind::Message;
            read.event.phase = Phase::Completed;
            read.event.text = text(block, "/text");
        }
        "thinking" => {
            read.event.kind = EventKind::Reasoning;
            read.event.phase = Phase::Completed;
            read.event.text = text(block, "/thinking");
        }
        "tool_use" => {
            let name = text(block, "/name").unwrap_or_default();
            let input = block.get("input").unwrap_or(&Value::Null);
            read.event = tool_started(&NAMES, &name, text(block, "/id"), input);
        }
        _ => {}
    }
    read.event.type_name = format!("assistant/{block_type}");
}

/// The result of a tool call, or an echo of the prompt.
fn user(raw: &Value, read: &mut Line) {
    let block = raw.pointer("/message/content/0").unwrap_or(&Value::Null);
    if block.get("type").and_then(Value::as_str) != Some("tool_result") {
        read.event.kind = EventKind::Progress;
        return;
    }
    let failed = block.get("is_error") == Some(&Value::Bool(true));
    let output = block.get("content").and_then(joined);
    read.event.type_name = "user/tool_result".to_owned();
    read.event.kind = EventKind::Tool;
    read.event.phase = if failed { Phase::Failed } else { Phase::Completed };
    read.event.call = text(block, "/tool_use_id");
    let structured = raw.get("tool_use_result").unwrap_or(&Value::Null);
    read.event.exit = match output.as_deref().and_then(|output| output.strip_prefix("Exit code ")) {
        Some(rest) if failed => rest.lines().next().and_then(|code| code.parse().ok()),
        _ if !failed && structured.get("interrupted") == Some(&Value::Bool(false)) => Some(0),
        _ => None,
    };
    read.event.output = output;
}

fn result(raw: &Value, read: &mut Line) {
    let failed = raw.get("is_error") == Some(&Value::Bool(true))
        || text(raw, "/subtype").is_some_and(|subtype| subtype.starts_with("error"));
    read.event.kind = EventKind::Turn;
    read.event.type_name = format!("result/{}", text(raw, "/subtype").unwrap_or_default());
    (read.event.phase, read.terminal) = if failed {
        (Phase::Failed, Some(Terminal::Failed))
    } else {
        (Phase::Completed, Some(Terminal::Completed))
    };
    read.event.text = match raw.get("result") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    read.session = text(raw, "/session_id");
    read.usage = count(raw, "/usage/input_tokens").zip(count(raw, "/usage/output_tokens")).map(
        |(input_tokens, output_tokens)| UsageReport {
            input_tokens,
            output_tokens,
            cost_microdollars: microdollars(raw, "/total_cost_usd"),
            scope: UsageScope::Turn,
        },
    );
}
