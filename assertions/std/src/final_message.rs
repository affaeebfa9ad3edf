//! `final-message`: what the agent said last.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::exit::expression;
use crate::wanted::With;

/// See the module.
pub struct FinalMessage;

/// Which turn's message; what it must be stands beside it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    turn: Option<NonZeroU32>,
}

impl Assertion for FinalMessage {
    const NAME: &'static str = "final-message";
    const SUMMARY: &'static str = "ended with a message like this";
    const READS: &'static [&'static str] = &["turns.turn", "turns.final_message"];
    const SCHEMA: &'static str = include_str!("../schemas/final-message.json");
    type Parameters = With<Parameters>;

    fn check(parameters: With<Parameters>, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let wanted = parameters.text.checked()?;
        let turn = evidence.one(&expression(parameters.own.turn))?;
        let value: Value = turn.read()?;
        let Some(message) = value.get("final_message").and_then(Value::as_str) else {
            report.fail(&turn, "the agent said nothing", "a final message");
            return Ok(());
        };
        wanted.judge(report, &path::member(&turn.path, "final_message"), "the final message", message);
        Ok(())
    }
}
