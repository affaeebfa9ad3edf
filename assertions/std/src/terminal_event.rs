//! `terminal-event`: every turn ended with an event that says how it ended. Errors before it are no failures: "trying
//! again" is told as an error by agents that then succeed. A stream that stops without such an event is one.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::demand;

/// See the module.
pub struct TerminalEvent;

/// What the last turn's terminal event must say; those before it say `completed`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    #[serde(default)]
    says: Says,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Says {
    #[default]
    Completed,
    Failed,
}

impl Says {
    fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl Assertion for TerminalEvent {
    const NAME: &'static str = "terminal-event";
    const SUMMARY: &'static str = "ended every turn with an event that says how it ended";
    const READS: &'static [&'static str] =
        &["turns.turn", "turns.terminal", "turns.end", "turns.exit", "events.turn", "events.kind"];
    const SCHEMA: &'static str = include_str!("../schemas/terminal-event.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let turns = evidence.query("$.turns[*]")?;
        if turns.is_empty() {
            return Err("no turn was begun: nothing was looked at".to_owned());
        }
        let last = turns.len() - 1;
        for (index, node) in turns.iter().enumerate() {
            let turn: Value = node.read()?;
            let number = turn.get("turn").and_then(Value::as_u64).unwrap_or_default();
            let wanted = if index == last { parameters.says } else { Says::Completed };
            let errors = evidence.count(&format!("$.events[?@.turn == {number} && @.kind == 'error']"))?;
            let before = match errors {
                0 => String::new(),
                errors => format!(", after {} that ended nothing", demand::counted(errors, "error")),
            };
            let at = path::member(&node.path, "terminal");
            let expected = format!("a terminal event that says `{}`", wanted.word());
            match turn.get("terminal").and_then(Value::as_str) {
                Some(said) if said == wanted.word() => {
                    report.pass(&at, format!("turn {number} says that it {said}{before}"));
                }
                Some(said) => {
                    let exit = turn.get("exit").and_then(Value::as_i64);
                    let exit = exit.map(|exit| format!(", and its exit code is {exit}")).unwrap_or_default();
                    report.fail(&at, format!("turn {number} says that it {said}{exit}"), expected);
                }
                None => {
                    let end = turn.get("end").and_then(Value::as_str).unwrap_or("unknown");
                    report.fail(
                        node,
                        format!("turn {number} has no terminal event; its process: {end}"),
                        expected,
                    );
                }
            }
        }
        Ok(())
    }
}
