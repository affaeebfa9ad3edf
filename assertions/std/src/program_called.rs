//! `program-called`: the agent called a command of the scenario's, one that stands in for a real one.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::amount::Amount;
use crate::demand;
use crate::needle::Needle;
use crate::texts;
use crate::wanted::Wanted;

/// See the module.
pub struct ProgramCalled;

/// What it demands: at least one call fits, unless `count`, `min` or `max` says otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    program: Needle,
    arguments: Option<Wanted>,
    stdin: Option<Wanted>,
    exit: Option<i64>,
    turn: Option<NonZeroU32>,
    count: Option<u32>,
    min: Option<u32>,
    max: Option<u32>,
}

impl Parameters {
    /// The first demand that a call of the program does not meet.
    fn misfit(&self, call: &Value) -> Option<String> {
        let words = call.get("arguments").and_then(Value::as_array).into_iter().flatten();
        let arguments = words.filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
        if self.arguments.as_ref().is_some_and(|wanted| !wanted.holds(&arguments)) {
            return Some(format!("it was called with {}", demand::quoted(&arguments)));
        }
        if let Some(wanted) = &self.stdin {
            match call.get("stdin").and_then(Value::as_str) {
                None => return Some("it was given nothing on standard input".to_owned()),
                Some(stdin) if !wanted.holds(stdin) => {
                    return Some(format!("it was given {} on standard input", demand::quoted(stdin)));
                }
                Some(_) => {}
            }
        }
        let wanted = self.exit?;
        match call.get("exit").and_then(Value::as_i64) {
            Some(exit) if exit == wanted => None,
            Some(exit) => Some(format!("it answered with exit code {exit}")),
            None => Some("it did not come to its end".to_owned()),
        }
    }

    fn words(&self) -> String {
        let mut words = vec![format!("a call of `{}`", self.program.text())];
        words.extend(self.arguments.as_ref().map(|wanted| format!("with arguments {}", wanted.words())));
        words.extend(self.stdin.as_ref().map(|wanted| format!("with standard input {}", wanted.words())));
        words.extend(self.exit.map(|exit| format!("with exit code {exit}")));
        words.join(" ")
    }
}

impl Assertion for ProgramCalled {
    const NAME: &'static str = "program-called";
    const SUMMARY: &'static str = "called this command that stands in for a real one";
    const READS: &'static [&'static str] = &["calls"];
    const SCHEMA: &'static str = include_str!("../schemas/program-called.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        for wanted in parameters.arguments.iter().chain(&parameters.stdin) {
            wanted.clone().checked()?;
        }
        let amount = match (parameters.count, parameters.min, parameters.max) {
            (None, None, None) => Amount::new(None, Some(1), None)?,
            (count, min, max) => Amount::new(count, min, max)?,
        };
        if evidence.count("$.calls")? == 0 {
            return Err(
                "the scenario has no command that stands in for a real one: nothing was looked at".to_owned()
            );
        }
        let (mut fitting, mut others, mut why) = (Vec::new(), Vec::new(), None);
        for node in evidence.query("$.calls[*]")? {
            let call: Value = node.read()?;
            let is_meant = call.get("program").and_then(Value::as_str) == Some(parameters.program.text());
            let turn = call.get("turn").and_then(Value::as_u64);
            if !is_meant || parameters.turn.is_some_and(|wanted| turn != Some(u64::from(wanted.get()))) {
                continue;
            }
            match parameters.misfit(&call) {
                None => fitting.push(node.path),
                Some(reason) => {
                    why = Some(reason);
                    others.push(node.path);
                }
            }
        }
        let (number, all) = (fitting.len() as u32, fitting.len() + others.len());
        let message = match why.filter(|_| number == 0 && others.len() == 1) {
            Some(why) => why,
            None => format!("{} of {all} fit", demand::counted(number, "call")),
        };
        let places = texts::places(if fitting.is_empty() { others } else { fitting }, "$['calls']");
        let expected = format!("{}: {}", amount.words(), parameters.words());
        report.demand(amount.allows(number), &places, message, expected);
        Ok(())
    }
}
