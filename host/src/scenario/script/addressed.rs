//! `[[fault]]`: a fault that is written apart from its step, and says which attempt of which step it is of.

use std::ops::Range;

use super::LANES;
use crate::scenario::fault::{self, Of};
use crate::scenario::findings::Findings;
use crate::scenario::load::known_word;
use crate::scenario::table::Table;
use crate::scenario::{Fault, Step};

/// A fault and where it belongs.
pub(super) struct Addressed {
    lane: String,
    step: u32,
    attempt: Option<u32>,
    fault: Fault,
}

/// Reads every `[[fault]]`, with its place in the file.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings) -> Vec<(Range<usize>, Addressed)> {
    let mut found = Vec::new();
    for mut table in root.tables("fault", "`[[fault]]`") {
        let place = table.range();
        let lane = match table.text("lane") {
            Some(written) => known_word(findings, "unknown-lane", "lane", &written, &LANES),
            None => LANES.first().copied(),
        };
        if !table.has("step") {
            table.missing("step");
        }
        let step = table.integer("step", 1..=1000).and_then(|step| u32::try_from(step).ok());
        let attempt = table.integer("attempt", 1..=1000).and_then(|attempt| u32::try_from(attempt).ok());
        let of = if attempt.is_some() { Of::Attempt } else { Of::Reply };
        let fault = fault::read_for(of, table, findings);
        if let (Some(lane), Some(step), Some(fault)) = (lane, step, fault) {
            found.push((place, Addressed { lane: lane.to_owned(), step, attempt, fault }));
        }
    }
    found
}

impl Addressed {
    /// Puts it where it belongs. With `attempt` it comes before the reply, which is then served to a later attempt;
    /// without, it disturbs the reply itself.
    pub(super) fn add_to(self, steps: &mut [Step], place: Range<usize>, findings: &Findings) {
        let Some(step) = steps.iter_mut().find(|step| step.lane == self.lane && step.number == self.step)
        else {
            let message = format!("lane `{}` has no step {}", self.lane, self.step);
            findings.error("bad-fault", message, place, "addressed here");
            return;
        };
        match (self.attempt, self.fault) {
            (Some(attempt), fault) if attempt as usize == step.faults.len() + 1 => step.faults.push(fault),
            (Some(_), _) => {
                let message = format!("the step has {} attempts before its reply so far", step.faults.len());
                findings.error("bad-fault", message, place, "attempts are counted from 1, without a gap");
            }
            (None, Fault::Disturbed { fault: None, wire }) => {
                step.wire.headers.extend(wire.headers);
                step.wire.changes.extend(wire.changes);
            }
            (None, _) => {
                let help = "add `attempt = 1`, or disturb the reply itself with `wire` and `headers`";
                findings.error_with_help(
                    "bad-fault",
                    "the reply itself is no fault",
                    place,
                    "no attempt",
                    help,
                );
            }
        }
    }
}
