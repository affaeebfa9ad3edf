//! The commands an agent ran, as its events tell them: the beginning and the end of one command are one command.

use std::num::NonZeroU32;

use serde_json::Value;
use wassert_guest::Evidence;

/// What of the events tells of commands.
pub const READS: &[&str] = &[
    "events.turn",
    "events.kind",
    "events.phase",
    "events.call",
    "events.command",
    "events.output",
    "events.exit",
];

/// One command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The event that tells most of it.
    pub path: String,
    /// Its command line.
    pub line: String,
    /// Whether its end was told.
    pub ended: bool,
    /// Whether the agent calls it failed.
    pub failed: bool,
    /// Its exit code.
    pub exit: Option<i64>,
    /// What it gave back; portions are joined.
    pub output: Option<String>,
    call: Option<String>,
    turn: u64,
}

/// Every command in the order they were begun; of one turn if given.
///
/// # Errors
/// When the evidence has no events, or none of that turn: an agent that says nothing is not known to run nothing.
pub fn commands(evidence: &Evidence, turn: Option<NonZeroU32>) -> Result<Vec<Command>, String> {
    let filter = turn.map_or_else(|| "*".to_owned(), |turn| format!("?@.turn == {turn}"));
    let events = evidence.query(&format!("$.events[{filter}]"))?;
    if events.is_empty() {
        return Err("there are no such events: nothing was looked at".to_owned());
    }
    let mut commands: Vec<Command> = Vec::new();
    for event in events {
        let value: Value = event.read()?;
        if value.get("kind").and_then(Value::as_str) == Some("command") {
            add(&mut commands, event.path, &value);
        }
    }
    Ok(commands)
}

fn add(commands: &mut Vec<Command>, path: String, event: &Value) {
    let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
    let (call, phase) = (text("call"), text("phase").unwrap_or_default());
    let turn = event.get("turn").and_then(Value::as_u64).unwrap_or_default();
    let is_open = |command: &&mut Command| !command.ended && command.turn == turn && command.call == call;
    let known = commands.iter_mut().rev().find(is_open).filter(|_| phase != "started" && call.is_some());
    let command = match known {
        Some(command) => command,
        None => {
            commands.push(Command { call, turn, ..Command::default() });
            let Some(last) = commands.last_mut() else { return };
            last
        }
    };
    command.path = path;
    if let Some(line) = text("command").filter(|line| !line.is_empty()) {
        command.line = line;
    }
    if let Some(exit) = event.get("exit").and_then(Value::as_i64) {
        command.exit = Some(exit);
    }
    command.failed |= phase == "failed";
    let is_end = matches!(phase.as_str(), "completed" | "failed" | "instant");
    if let Some(output) = text("output") {
        // The end repeats all of it; portions come before.
        match &mut command.output {
            Some(so_far) if !is_end => so_far.push_str(&output),
            so_far => *so_far = Some(output),
        }
    }
    command.ended |= is_end;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Command, add};

    #[test]
    fn beginning_portions_and_end_are_one_command() {
        let mut commands = Vec::new();
        for event in [
            json!({"turn": 1, "phase": "started", "call": "a", "command": "ls"}),
            json!({"turn": 1, "phase": "started", "call": "b", "command": "id"}),
            json!({"turn": 1, "phase": "updated", "call": "a", "output": "x"}),
            json!({"turn": 1, "phase": "completed", "call": "a", "exit": 0, "output": "xy"}),
            json!({"turn": 1, "phase": "completed", "command": "alone", "exit": 1}),
        ] {
            add(&mut commands, String::new(), &event);
        }
        let told: Vec<_> = commands
            .iter()
            .map(|Command { line, ended, exit, output, .. }| {
                (line.as_str(), *ended, *exit, output.as_deref())
            })
            .collect();
        assert_eq!(
            told,
            [("ls", true, Some(0), Some("xy")), ("id", false, None, None), ("alone", true, Some(1), None)]
        );
    }
}
