//! `event-count`: how many events of a sort the agent printed.

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::amount::Amount;
use crate::demand;
use crate::needle::Needle;
use crate::pattern::{self, Kind, Pattern, Phase};
use crate::texts;

/// See the module.
pub struct EventCount;

/// What it demands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    kind: Option<Kind>,
    phase: Option<Phase>,
    #[serde(rename = "type")]
    type_name: Option<Needle>,
    contains: Option<Needle>,
    count: Option<u32>,
    min: Option<u32>,
    max: Option<u32>,
}

impl Assertion for EventCount {
    const NAME: &'static str = "event-count";
    const SUMMARY: &'static str = "printed this many events of a sort";
    const READS: &'static [&'static str] = &["events"];
    const SCHEMA: &'static str = include_str!("../schemas/event-count.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let amount = Amount::new(parameters.count, parameters.min, parameters.max)?;
        let pattern =
            Pattern::new(parameters.kind, parameters.phase, parameters.type_name, parameters.contains);
        let section = evidence.section("events")?;
        let fitting: Vec<String> = pattern::events(evidence)?
            .into_iter()
            .filter(|event| pattern.fits(event))
            .map(|event| event.path)
            .collect();
        let number = fitting.len() as u32;
        report.demand(
            amount.allows(number),
            &texts::places(fitting, &section),
            format!("{} of {}", demand::counted(number, "event"), pattern.words()),
            amount.words(),
        );
        Ok(())
    }
}
