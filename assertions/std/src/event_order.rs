//! `event-order`: these events in this order; others may stand between them.

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::pattern::{self, Pattern};

/// See the module.
pub struct EventOrder;

/// What it demands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    sequence: Vec<Pattern>,
}

impl Assertion for EventOrder {
    const NAME: &'static str = "event-order";
    const SUMMARY: &'static str = "printed these events in this order";
    const READS: &'static [&'static str] = &["events"];
    const SCHEMA: &'static str = include_str!("../schemas/event-order.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        if parameters.sequence.len() < 2 {
            return Err("parameters: an order needs two entries in `sequence`".to_owned());
        }
        if let Some(empty) = parameters.sequence.iter().position(Pattern::is_empty) {
            return Err(format!("parameters: entry {} of `sequence` fits every event", empty + 1));
        }
        let section = evidence.section("events")?;
        let events = pattern::events(evidence)?;
        let mut rest = events.iter();
        let mut found: Vec<String> = Vec::new();
        for (index, pattern) in parameters.sequence.iter().enumerate() {
            match rest.find(|event| pattern.fits(event)) {
                Some(event) => found.push(event.path.clone()),
                None => {
                    let after = if index == 0 { "there is" } else { "after this, there is" };
                    report.fail(
                        found.last().unwrap_or(&section),
                        format!("{after} no event for entry {} of the sequence", index + 1),
                        pattern.words(),
                    );
                    return Ok(());
                }
            }
        }
        report.pass(&found, format!("the {} events come in this order", found.len()));
        Ok(())
    }
}
