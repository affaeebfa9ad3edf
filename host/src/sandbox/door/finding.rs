//! A finding as JSON: what `emit` of the flat ABI takes and a command writes on a line.

use serde::Deserialize;
use serde_json::Value;

use super::bindings::wassert::pack::report;
use super::json;
use crate::sandbox::stop::Stop;
use crate::value::canonical;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Pass,
    Fail,
    Skip,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    path: String,
    #[serde(default)]
    start: Option<u64>,
    #[serde(default)]
    end: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    outcome: Outcome,
    message: String,
    at: Vec<Place>,
    #[serde(default)]
    expected: Option<String>,
    #[serde(default)]
    extra: Value,
}

/// Reads one finding.
pub(super) fn read(text: &[u8], what: &str, most_depth: usize) -> Result<report::Finding, Stop> {
    let written: Written = json::read(text, what, most_depth)?;
    let at = written.at.into_iter();
    Ok(report::Finding {
        outcome: match written.outcome {
            Outcome::Pass => report::Outcome::Pass,
            Outcome::Fail => report::Outcome::Fail,
            Outcome::Skip => report::Outcome::Skip,
        },
        message: written.message,
        at: at.map(|place| report::Place { path: place.path, start: place.start, end: place.end }).collect(),
        expected: written.expected,
        extra: if written.extra.is_null() { String::new() } else { canonical(&written.extra) },
    })
}
