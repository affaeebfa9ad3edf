//! `printed`: what the agent wrote to standard output or standard error.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::output::{Stream, outputs, whole};
use crate::wanted::With;

/// See the module.
pub struct Printed;

/// What it demands of the last turn's stream, or of one turn's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    stream: Stream,
    turn: Option<NonZeroU32>,
}

impl Assertion for Printed {
    const NAME: &'static str = "printed";
    const SUMMARY: &'static str = "wrote this to standard output or standard error";
    const READS: &'static [&'static str] = &["stdout", "stderr"];
    const SCHEMA: &'static str = include_str!("../schemas/printed.json");
    type Parameters = With<Parameters>;

    fn check(parameters: With<Parameters>, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let With { own: parameters, text } = parameters;
        let wanted = text.checked()?;
        let outputs = outputs(evidence, parameters.stream, parameters.turn)?;
        let Some(output) = outputs.last() else { return Err("no output".to_owned()) };
        if wanted.needs_all_of_it() {
            whole(output, parameters.stream)?;
        }
        wanted.judge(report, &output.place, &output.name(parameters.stream), &output.text);
        Ok(())
    }
}
