//! `no-ansi`: what is meant for machines has no escape sequences in it.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::output::{Stream, outputs, whole};
use crate::terminal_text::{Control, control};

/// See the module.
pub struct NoAnsi;

/// Where it looks: standard output unless `streams` says otherwise, and the final messages; every turn unless one is
/// named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    #[serde(default = "stdout")]
    streams: Vec<Stream>,
    turn: Option<NonZeroU32>,
}

fn stdout() -> Vec<Stream> {
    vec![Stream::Stdout]
}

impl Assertion for NoAnsi {
    const NAME: &'static str = "no-ansi";
    const SUMMARY: &'static str = "printed no escape sequences where machines read";
    const READS: &'static [&'static str] = &["stdout", "stderr", "turns.turn", "turns.final_message"];
    const SCHEMA: &'static str = include_str!("../schemas/no-ansi.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        if parameters.streams.is_empty() {
            return Err("parameters: an empty list of streams demands nothing".to_owned());
        }
        let mut looked = Vec::new();
        for stream in &parameters.streams {
            for output in outputs(evidence, *stream, parameters.turn)?.iter().filter(|o| !o.text.is_empty()) {
                whole(output, *stream)?;
                looked.push((output.place.clone(), output.name(*stream), output.text.clone()));
            }
        }
        if looked.is_empty() {
            return Err("nothing was printed: nothing was looked at".to_owned());
        }
        let turn = parameters.turn.map_or_else(|| "*".to_owned(), |turn| format!("?@.turn == {turn}"));
        for node in evidence.query(&format!("$.turns[{turn}].final_message"))? {
            if let Some(message) = node.read::<Option<String>>()? {
                looked.push((node.path, "a final message".to_owned(), message));
            }
        }
        let mut clean = Vec::new();
        for (place, what, text) in looked {
            match control(&text) {
                Some(Control { line, name, .. }) => {
                    report.fail(&place, format!("{what} has {name} in line {line}"), "no escape sequences");
                }
                None => clean.push(place),
            }
        }
        if !clean.is_empty() {
            report.pass(&clean, "no escape sequences");
        }
        Ok(())
    }
}
