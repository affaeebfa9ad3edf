//! The lines of `codex exec --json` (0.169.0) in the words all agents share. Total: an odd shape becomes an event of
//! kind `other` or `text`, never an error.

use serde_json::Value;

use super::lines::{self, count, text};
use super::{Line, UsageReport, UsageScope, codex_legacy};
use crate::document::{Event, EventKind, Phase, Terminal};

/// Reads one line of standard output.
pub(super) fn read_line(line: &str) -> Line {
    lines::object(line, |raw, type_name, read| match type_name {
        "thread.started" => {
            read.event.kind = EventKind::Session;
            read.session = text(raw, "/thread_id");
        }
        "turn.started" => {
            read.event.kind = EventKind::Turn;
            read.event.phase = Phase::Started;
        }
        "turn.completed" => {
            read.event.kind = EventKind::Turn;
            read.event.phase = Phase::Completed;
            read.terminal = Some(Terminal::Completed);
            read.usage = usage(raw);
        }
        "turn.failed" => {
            read.event.kind = EventKind::Turn;
            read.event.phase = Phase::Failed;
            read.event.text = text(raw, "/error/message");
            read.terminal = Some(Terminal::Failed);
        }
        "error" => {
            read.event.kind = EventKind::Error;
            read.event.text = text(raw, "/message");
        }
        "item.started" | "item.updated" | "item.completed" => read.event = item_event(raw, type_name),
        // Before 0.40 every line was `{"id": …, "msg": {"type": …}}`.
        "" if raw.get("msg").is_some() => codex_legacy::read(raw, read),
        _ => {}
    })
}

fn item_event(raw: &Value, type_name: &str) -> Event {
    let item_type = text(raw, "/item/type").unwrap_or_default();
    let mut event = Event {
        kind: match item_type.as_str() {
            "agent_message" => EventKind::Message,
            "reasoning" => EventKind::Reasoning,
            "command_execution" => EventKind::Command,
            "file_change" => EventKind::FileChange,
            "error" => EventKind::Error,
            "mcp_tool_call" | "collab_tool_call" | "web_search" => EventKind::Tool,
            _ => EventKind::Other,
        },
        phase: match type_name {
            "item.started" => Phase::Started,
            "item.updated" => Phase::Updated,
            _ => match text(raw, "/item/status").as_deref() {
                Some("failed" | "declined") => Phase::Failed,
                _ => Phase::Completed,
            },
        },
        type_name: if item_type.is_empty() {
            type_name.to_owned()
        } else {
            format!("{type_name}/{item_type}")
        },
        call: text(raw, "/item/id"),
        ..Event::default()
    };
    match event.kind {
        EventKind::Message | EventKind::Reasoning => event.text = text(raw, "/item/text"),
        EventKind::Error => event.text = text(raw, "/item/message"),
        EventKind::Command => {
            event.command = text(raw, "/item/command");
            event.output = text(raw, "/item/aggregated_output");
            event.exit = raw.pointer("/item/exit_code").and_then(Value::as_i64);
        }
        EventKind::FileChange => {
            let changes = raw.pointer("/item/changes").and_then(Value::as_array);
            event.paths = changes.into_iter().flatten().filter_map(|change| text(change, "/path")).collect();
        }
        _ => {}
    }
    event
}

/// Both counts or nothing: half a report would read as zero tokens. They are those of the whole thread, with what
/// earlier processes of a resumed one used.
fn usage(raw: &Value) -> Option<UsageReport> {
    Some(UsageReport {
        input_tokens: count(raw, "/usage/input_tokens")?,
        output_tokens: count(raw, "/usage/output_tokens")?,
        cost_microdollars: None,
        scope: UsageScope::Session,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_and_the_end_of_the_turn_are_read() {
        let started = read_line(r#"{"type":"thread.started","thread_id":"t1"}"#);
        assert_eq!((started.event.kind, started.session.as_deref()), (EventKind::Session, Some("t1")));
        let done = read_line(
            r#"{"type":"turn.completed","usage":{"input_tokens":9,"cached_input_tokens":1,"output_tokens":2}}"#,
        );
        assert_eq!(done.terminal, Some(Terminal::Completed));
        let usage = done.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.scope), (9, 2, UsageScope::Session));
        let failed = read_line(r#"{"type":"turn.failed","error":{"message":"m"}}"#);
        assert_eq!((failed.terminal, failed.event.phase), (Some(Terminal::Failed), Phase::Failed));
        assert_eq!(failed.event.text.as_deref(), Some("m"));
    }

    #[test]
    fn a_command_has_its_output_and_exit() {
        let line = r#"{"type":"item.completed","item":{"id":"item_1","type":"command_execution","command":"ls",
            "aggregated_output":"a\n","exit_code":3,"status":"failed"}}"#;
        let event = read_line(line).event;
        assert_eq!((event.kind, event.phase), (EventKind::Command, Phase::Failed));
        assert_eq!(event.type_name, "item.completed/command_execution");
        assert_eq!(event.call.as_deref(), Some("item_1"));
        assert_eq!(
            (event.command.as_deref(), event.output.as_deref(), event.exit),
            (Some("ls"), Some("a\n"), Some(3))
        );
    }

    #[test]
    fn a_file_change_has_its_paths() {
        let line = r#"{"type":"item.started","item":{"id":"i","type":"file_change","changes":[{"path":"a"},{},{"path":"b"}]}}"#;
        let event = read_line(line).event;
        assert_eq!((event.kind, event.phase), (EventKind::FileChange, Phase::Started));
        assert_eq!(event.paths, ["a", "b"]);
    }

    #[test]
    fn both_kinds_of_error_have_their_text() {
        let standalone = read_line(r#"{"type":"error","message":"Reconnecting... 1/1"}"#).event;
        let item =
            read_line(r#"{"type":"item.completed","item":{"id":"i","type":"error","message":"w"}}"#).event;
        assert_eq!((standalone.kind, standalone.phase), (EventKind::Error, Phase::Instant));
        assert_eq!((item.kind, item.text.as_deref()), (EventKind::Error, Some("w")));
    }

    #[test]
    fn odd_lines_are_kept_as_they_are() {
        for line in ["", "plain", "[1]", "7", "{\"type\":", "null"] {
            let event = read_line(line).event;
            assert_eq!((event.kind, event.raw), (EventKind::Text, Value::String(line.to_owned())), "{line}");
        }
        let odd = [
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"new.thing"}"#,
            r#"{"type":"item.completed"}"#,
            r#"{"type":"item.completed","item":[]}"#,
            r#"{"type":"item.updated","item":{"type":"todo_list"}}"#,
        ];
        for line in odd {
            assert_eq!(read_line(line).event.kind, EventKind::Other, "{line}");
        }
        assert_eq!(read_line(r#"{"type":"turn.completed","usage":{"input_tokens":-1}}"#).usage, None);
    }
}
