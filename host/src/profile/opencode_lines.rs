//! The lines of `opencode run --format json` (1.18.33) in the words all agents share. Nothing streams: each line is a
//! finished part. There is no terminal event of its own; the last step's reason says how the turn ended, and after a
//! permission that was refused there is none.

use serde_json::Value;

use super::lines::{self, Names, count, microdollars, text, tool_started};
use super::{Line, UsageReport, UsageScope};
use crate::document::{EventKind, Phase, Terminal};

const NAMES: Names = Names { shell: "bash", files: &["write", "edit", "patch"], path: "/filePath" };

/// Reads one line of standard output.
pub(super) fn read_line(line: &str) -> Line {
    lines::object(line, |raw, type_name, read| {
        read.session = text(raw, "/sessionID");
        match type_name {
            "step_start" => {
                read.event.kind = EventKind::Progress;
                read.reopens = true;
                // A stream that broke off before its first part begins a step or does not.
                read.may_repeat = true;
            }
            "text" => {
                read.event.kind = EventKind::Message;
                read.event.phase = Phase::Completed;
                read.event.text = text(raw, "/part/text");
            }
            "reasoning" => {
                read.event.kind = EventKind::Reasoning;
                read.event.phase = Phase::Completed;
                read.event.text = text(raw, "/part/text");
            }
            "tool_use" => tool(raw, read),
            "step_finish" => step_finish(raw, read),
            "error" => {
                read.event.kind = EventKind::Error;
                read.event.text = text(raw, "/error/data/message").or_else(|| text(raw, "/error/name"));
                read.terminal = Some(Terminal::Failed);
            }
            _ => {}
        }
    })
}

fn tool(raw: &Value, read: &mut Line) {
    let name = text(raw, "/part/tool").unwrap_or_default();
    let input = raw.pointer("/part/state/input").unwrap_or(&Value::Null);
    read.event = tool_started(&NAMES, &name, text(raw, "/part/callID"), input);
    let failed = text(raw, "/part/state/status").as_deref() == Some("error");
    read.event.phase = if failed { Phase::Failed } else { Phase::Completed };
    read.event.output = text(raw, "/part/state/output").or_else(|| text(raw, "/part/state/error"));
    read.event.exit = raw.pointer("/part/state/metadata/exit").and_then(Value::as_i64);
}

fn step_finish(raw: &Value, read: &mut Line) {
    read.usage = count(raw, "/part/tokens/input").zip(count(raw, "/part/tokens/output")).map(
        |(input_tokens, output_tokens)| UsageReport {
            input_tokens,
            output_tokens,
            cost_microdollars: microdollars(raw, "/part/cost"),
            scope: UsageScope::Step,
        },
    );
    match text(raw, "/part/reason").as_deref() {
        Some("stop" | "length") => {
            read.event.kind = EventKind::Turn;
            read.event.phase = Phase::Completed;
            read.terminal = Some(Terminal::Completed);
        }
        Some("error" | "content-filter") => {
            read.event.kind = EventKind::Turn;
            read.event.phase = Phase::Failed;
            read.terminal = Some(Terminal::Failed);
        }
        _ => read.event.kind = EventKind::Usage,
    }
}
