//! `exit`: the agent's process ended with this code.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

/// See the module.
pub struct Exit;

/// What it demands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    code: i32,
    turn: Option<NonZeroU32>,
}

impl Assertion for Exit {
    const NAME: &'static str = "exit";
    const SUMMARY: &'static str = "ended with this exit code";
    const READS: &'static [&'static str] = &["turns.turn", "turns.exit", "turns.signal", "turns.end"];
    const SCHEMA: &'static str = include_str!("../schemas/exit.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let turn = evidence.one(&expression(parameters.turn))?;
        let value: Value = turn.read()?;
        let expected = parameters.code.to_string();
        match value.get("exit").and_then(Value::as_i64) {
            Some(code) => report.demand(
                code == i64::from(parameters.code),
                &path::member(&turn.path, "exit"),
                format!("the process ended with exit code {code}"),
                expected,
            ),
            None => match value.get("signal").and_then(Value::as_str) {
                Some(signal) => report.fail(
                    &path::member(&turn.path, "signal"),
                    format!("the process was ended by {signal} and has no exit code"),
                    expected,
                ),
                None => report.fail(&turn, "the process has no exit code", expected),
            },
        }
        Ok(())
    }
}

/// The expression of one turn: the one with that ordinal, or the last.
pub fn expression(turn: Option<NonZeroU32>) -> String {
    match turn {
        Some(turn) => format!("$.turns[?@.turn == {turn}]"),
        None => "$.turns[-1]".to_owned(),
    }
}
