//! `headless`: the agent behaved as if there were no terminal: lines of JSON on standard output, nothing that draws.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::output::{Stream, outputs, whole};
use crate::terminal_text::{control, overwritten};
use crate::texts;

/// See the module.
pub struct Headless;

/// What it demands: with `json = false`, standard output may have lines that are no JSON objects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    #[serde(default = "yes")]
    json: bool,
}

fn yes() -> bool {
    true
}

impl Assertion for Headless {
    const NAME: &'static str = "headless";
    const SUMMARY: &'static str = "printed nothing that only a terminal understands";
    const READS: &'static [&'static str] =
        &["stdout", "stderr", "events.turn", "events.line", "events.kind", "events.text"];
    const SCHEMA: &'static str = include_str!("../schemas/headless.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let mut clean = Vec::new();
        let mut is_clean = true;
        for stream in [Stream::Stdout, Stream::Stderr] {
            for output in outputs(evidence, stream, None)?.iter().filter(|output| !output.text.is_empty()) {
                whole(output, stream)?;
                let what = output.name(stream);
                let found = control(&output.text).filter(|found| found.moves || stream == Stream::Stdout);
                if let Some(found) = found {
                    let message = format!("{what} has {} in line {}", found.name, found.line);
                    is_clean = false;
                    report.fail(&output.place, message, "output for machines");
                } else if let Some(line) = overwritten(&output.text) {
                    is_clean = false;
                    report.fail(
                        &output.place,
                        format!("{what} writes over line {line}"),
                        "lines written once",
                    );
                } else {
                    clean.push(output.place.clone());
                }
            }
        }
        if parameters.json {
            lines_are_json(evidence, report)?;
        } else if clean.is_empty() && is_clean {
            return Err("nothing was printed: nothing was looked at".to_owned());
        }
        if !clean.is_empty() {
            report.pass(&clean, "nothing in the output draws on a terminal");
        }
        Ok(())
    }
}

fn lines_are_json(evidence: &Evidence, report: &mut Report) -> Result<(), String> {
    let events = evidence.query("$.events[*]")?;
    if events.is_empty() {
        report.fail(&evidence.section("events")?, "no line was printed on standard output", "lines of JSON");
        return Ok(());
    }
    let mut json = Vec::new();
    let mut clean = true;
    for event in &events {
        let value: Value = event.read()?;
        if value.get("kind").and_then(Value::as_str) != Some("text") {
            json.push(event.path.clone());
            continue;
        }
        clean = false;
        let number = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
        report.fail(
            event,
            format!("line {} of turn {} is no JSON object", number("line"), number("turn")),
            "a JSON object",
        );
    }
    if clean {
        let lines = demand::counted(json.len() as u32, "line");
        report.pass(&texts::places(json, "$['events']"), format!("{lines}, each a JSON object"));
    }
    Ok(())
}
