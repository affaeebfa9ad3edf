//! `tool-output`: what a tool call gave back reached the model.

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::demand;
use crate::needle::Needle;
use crate::texts;

/// See the module.
pub struct ToolOutput;

/// What it demands; with only a call, that its output reached the model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    call: Needle,
    contains: Option<Needle>,
    equals: Option<String>,
    not_contains: Option<Needle>,
}

impl Assertion for ToolOutput {
    const NAME: &'static str = "tool-output";
    const SUMMARY: &'static str = "gave the model this output of a tool call";
    const READS: &'static [&'static str] = &["requests.transcript"];
    const SCHEMA: &'static str = include_str!("../schemas/tool-output.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let section = evidence.section("requests")?;
        let call = parameters.call.text();
        let nodes = evidence.query(&format!(
            "$.requests[*].transcript[?@.kind == 'result' && @.call == {}].output",
            path::quote(call)
        ))?;
        // The first is the output itself; later requests replay it, and may shorten it.
        let Some(first) = nodes.first() else {
            report.fail(
                &section,
                format!("no request holds a result of call `{call}`"),
                format!("a result of call `{call}`"),
            );
            return Ok(());
        };
        let output: String = first.read()?;
        if parameters.contains.is_none() && parameters.equals.is_none() && parameters.not_contains.is_none() {
            report.pass(first, format!("the output of call `{call}` reached the model"));
        }
        let what = format!("the output of call `{call}`");
        if let Some(equals) = &parameters.equals {
            demand::equals(report, first, &what, &output == equals, equals);
        }
        if let Some(needle) = &parameters.contains {
            demand::contains(report, first, &what, needle.is_in(&output), needle);
        }
        if let Some(needle) = &parameters.not_contains {
            let mut hits = Vec::new();
            for node in &nodes {
                if needle.is_in(&node.read::<String>()?) {
                    hits.push(node.path.clone());
                }
            }
            let holds = hits.is_empty();
            demand::omits(report, &texts::places(hits, &first.path), &what, holds, needle);
        }
        Ok(())
    }
}
