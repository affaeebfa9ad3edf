//! `time-budget`: the agent was done in time. It reads `timing`, so its receipt is that of one run and no other.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::ledger::Ledger;
use crate::needle::Needle;

/// See the module.
pub struct TimeBudget;

/// The most milliseconds for all turns together, or for one; a ledger can only make it less.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    max_ms: Option<u64>,
    turn: Option<NonZeroU32>,
    ledger: Option<Needle>,
}

impl Assertion for TimeBudget {
    const NAME: &'static str = "time-budget";
    const SUMMARY: &'static str = "was done within its time";
    const READS: &'static [&'static str] = &["timing.turns_ms", "files"];
    const SCHEMA: &'static str = include_str!("../schemas/time-budget.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let ledger = parameters.ledger.map(|path| Ledger::read(evidence, path.text())).transpose()?;
        let left = ledger.and_then(|ledger| ledger.left("wall-clock-ms"));
        let limit = parameters.max_ms.into_iter().chain(left).min();
        let limit =
            limit.ok_or("parameters: nothing is limited: name `max-ms`, or a ledger that leaves time")?;
        let turns = match parameters.turn {
            Some(turn) => evidence.query(&format!("$.timing.turns_ms[{}]", turn.get() - 1))?,
            None => evidence.query("$.timing.turns_ms[*]")?,
        };
        if turns.is_empty() {
            return Err("no time is told of such a turn: nothing was looked at".to_owned());
        }
        let mut used: u64 = 0;
        for turn in &turns {
            used = used.saturating_add(turn.read()?);
        }
        let clamped = if left == Some(limit) { ", which is what the ledger leaves" } else { "" };
        report.demand(used <= limit, &turns, format!("{used} ms"), format!("at most {limit} ms{clamped}"));
        Ok(())
    }
}
