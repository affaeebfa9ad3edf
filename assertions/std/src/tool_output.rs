//! `tool-output`: what a tool call gave back reached the model.

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::demand;
use crate::needle::Needle;
use crate::several::Several;
use crate::texts;
use crate::wanted::With;

/// See the module.
pub struct ToolOutput;

/// Which call; with nothing beside it, that its output reached the model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    call: Needle,
}

impl Assertion for ToolOutput {
    const NAME: &'static str = "tool-output";
    const SUMMARY: &'static str = "gave the model this output of a tool call";
    const READS: &'static [&'static str] = &["requests.transcript"];
    const SCHEMA: &'static str = include_str!("../schemas/tool-output.json");
    type Parameters = With<Parameters>;

    fn check(parameters: With<Parameters>, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let section = evidence.section("requests")?;
        let With { own: parameters, text: mut wanted } = parameters;
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
        let what = format!("the output of call `{call}`");
        if wanted.is_empty() {
            report.pass(first, format!("{what} reached the model"));
            return Ok(());
        }
        let omits = wanted.not_contains.take();
        wanted.judge(report, first, &what, &output);
        for needle in omits.iter().flat_map(Several::list) {
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
