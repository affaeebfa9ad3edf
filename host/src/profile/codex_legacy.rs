//! The envelope that codex printed before it had items: `{"id": …, "msg": {"type": …}}`. Builds of that time are still
//! in use; type names are from its protocol's `EventMsg`.

use serde_json::Value;

use super::lines::{count, text};
use super::{Line, UsageReport, UsageScope};
use crate::document::{EventKind, Phase, Terminal};

/// Fills in what a line with a `msg` says.
pub(super) fn read(raw: &Value, read: &mut Line) {
    let msg = raw.get("msg").unwrap_or(&Value::Null);
    let type_name = text(msg, "/type").unwrap_or_default();
    let event = &mut read.event;
    event.call = text(msg, "/call_id");
    (event.kind, event.phase) = match type_name.as_str() {
        "session_configured" => {
            read.session = text(msg, "/session_id");
            (EventKind::Session, Phase::Instant)
        }
        "task_started" => (EventKind::Turn, Phase::Started),
        "task_complete" => {
            read.terminal = Some(Terminal::Completed);
            event.text = text(msg, "/last_agent_message");
            (EventKind::Turn, Phase::Completed)
        }
        "turn_aborted" => {
            read.terminal = Some(Terminal::Failed);
            event.text = text(msg, "/reason");
            (EventKind::Turn, Phase::Failed)
        }
        "error" => {
            read.terminal = Some(Terminal::Failed);
            event.text = text(msg, "/message");
            (EventKind::Error, Phase::Instant)
        }
        "stream_error" => {
            event.text = text(msg, "/message");
            (EventKind::Retry, Phase::Instant)
        }
        "background_event" | "warning" => {
            event.text = text(msg, "/message");
            (EventKind::Warning, Phase::Instant)
        }
        "agent_message" => {
            event.text = text(msg, "/message");
            (EventKind::Message, Phase::Completed)
        }
        "agent_reasoning" => {
            event.text = text(msg, "/text");
            (EventKind::Reasoning, Phase::Completed)
        }
        "exec_command_begin" => {
            let words = msg.get("command").and_then(Value::as_array);
            let words: Vec<_> = words.into_iter().flatten().filter_map(Value::as_str).collect();
            event.command = (!words.is_empty()).then(|| words.join(" "));
            (EventKind::Command, Phase::Started)
        }
        "exec_command_end" => {
            event.exit = msg.get("exit_code").and_then(Value::as_i64);
            event.output = text(msg, "/aggregated_output").or_else(|| text(msg, "/stdout"));
            (EventKind::Command, if event.exit == Some(0) { Phase::Completed } else { Phase::Failed })
        }
        "patch_apply_begin" => {
            let changes = msg.get("changes").and_then(Value::as_object);
            event.paths = changes.into_iter().flat_map(|changes| changes.keys().cloned()).collect();
            (EventKind::FileChange, Phase::Started)
        }
        "patch_apply_end" => {
            let succeeded = msg.get("success") == Some(&Value::Bool(true));
            (EventKind::FileChange, if succeeded { Phase::Completed } else { Phase::Failed })
        }
        "mcp_tool_call_begin" => (EventKind::Tool, Phase::Started),
        "mcp_tool_call_end" => (EventKind::Tool, Phase::Completed),
        "token_count" => {
            let total = msg.pointer("/info/total_token_usage").unwrap_or(msg);
            read.usage = count(total, "/input_tokens").zip(count(total, "/output_tokens")).map(
                |(input_tokens, output_tokens)| UsageReport {
                    input_tokens,
                    output_tokens,
                    cost_microdollars: None,
                    scope: UsageScope::Session,
                },
            );
            (EventKind::Usage, Phase::Instant)
        }
        "user_message"
        | "exec_command_output_delta"
        | "agent_message_delta"
        | "agent_reasoning_delta"
        | "agent_reasoning_section_break"
        | "turn_diff" => (EventKind::Progress, Phase::Instant),
        _ => (EventKind::Other, Phase::Instant),
    };
    event.type_name = format!("msg/{type_name}");
}
