//! `known-events`: every line is one the agent's profile knows. A new word means that the agent has changed, and that
//! what is concluded from its output may be wrong.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::texts;

/// See the module.
pub struct KnownEvents;

/// Words that are let through though the profile does not know them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    allow: BTreeSet<String>,
}

impl Assertion for KnownEvents {
    const NAME: &'static str = "known-events";
    const SUMMARY: &'static str = "printed only events that its profile knows";
    const READS: &'static [&'static str] =
        &["events.kind", "events.type", "events.line", "events.turn", "events.duplicate_member"];
    const SCHEMA: &'static str = include_str!("../schemas/known-events.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let events = evidence.query("$.events[*]")?;
        if events.is_empty() {
            return Err("no event was printed: nothing was looked at".to_owned());
        }
        let mut known = Vec::new();
        let mut clean = true;
        for event in &events {
            let value: Value = event.read()?;
            let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
            let word = text("type");
            let why = match text("kind") {
                "other" if !parameters.allow.contains(word) => {
                    Some(format!("the profile knows no event `{word}`"))
                }
                "text" => Some("a line that is no JSON object".to_owned()),
                _ => value
                    .get("duplicate_member")
                    .and_then(Value::as_str)
                    .map(|member| format!("the member `{member}` stands twice in one object")),
            };
            match why {
                Some(why) => {
                    clean = false;
                    report.fail(event, why, "an event of the agent's known vocabulary");
                }
                None => known.push(event.path.clone()),
            }
        }
        if clean {
            let number = demand::counted(known.len() as u32, "event");
            report.pass(&texts::places(known, "$['events']"), format!("{number}, all of them known"));
        }
        Ok(())
    }
}
