//! `final-message`: what the agent said last.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::demand;
use crate::exit::expression;
use crate::needle::Needle;

/// See the module.
pub struct FinalMessage;

/// What it demands; at least one of the texts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    contains: Option<Needle>,
    #[serde(default)]
    contains_all: Vec<Needle>,
    equals: Option<String>,
    not_contains: Option<Needle>,
    turn: Option<NonZeroU32>,
}

impl Assertion for FinalMessage {
    const NAME: &'static str = "final-message";
    const SUMMARY: &'static str = "ended with a message like this";
    const READS: &'static [&'static str] = &["turns.turn", "turns.final_message"];
    const SCHEMA: &'static str = include_str!("../schemas/final-message.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let wanted: Vec<&Needle> = parameters.contains.iter().chain(&parameters.contains_all).collect();
        if wanted.is_empty() && parameters.equals.is_none() && parameters.not_contains.is_none() {
            return Err(
                "parameters: `contains`, `contains-all`, `equals` or `not-contains` is needed".to_owned()
            );
        }
        let turn = evidence.one(&expression(parameters.turn))?;
        let value: Value = turn.read()?;
        let Some(message) = value.get("final_message").and_then(Value::as_str) else {
            report.fail(&turn, "the agent said nothing", "a final message");
            return Ok(());
        };
        let at = path::member(&turn.path, "final_message");
        let what = "the final message";
        if let Some(equals) = &parameters.equals {
            demand::equals(report, &at, what, message == equals, equals);
        }
        for needle in wanted {
            demand::contains(report, &at, what, needle.is_in(message), needle);
        }
        if let Some(needle) = &parameters.not_contains {
            demand::omits(report, &at, what, !needle.is_in(message), needle);
        }
        Ok(())
    }
}
