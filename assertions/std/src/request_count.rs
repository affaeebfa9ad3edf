//! `request-count`: how many requests the agent sent.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::amount::Amount;
use crate::demand;
use crate::selection::{Selection, request_of};
use crate::texts;

/// See the module.
pub struct RequestCount;

/// What it demands. A retried request counts as often as it was sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    count: Option<u32>,
    min: Option<u32>,
    max: Option<u32>,
    lane: Option<String>,
    turn: Option<NonZeroU32>,
}

impl Assertion for RequestCount {
    const NAME: &'static str = "request-count";
    const SUMMARY: &'static str = "sent this many requests";
    const READS: &'static [&'static str] = &["requests.turn", "requests.lane"];
    const SCHEMA: &'static str = include_str!("../schemas/request-count.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let amount = Amount::new(parameters.count, parameters.min, parameters.max)?;
        let section = evidence.section("requests")?;
        let selection = Selection::new(parameters.lane, parameters.turn, None);
        let number = selection.number(evidence)?;
        let first = selection.first_members(evidence, "lane", texts::PLACES)?;
        report.demand(
            amount.allows(number),
            &texts::places(first.iter().map(request_of).collect(), &section),
            format!("{}{}", demand::counted(number, "request"), selection.qualifier()),
            amount.words(),
        );
        Ok(())
    }
}
