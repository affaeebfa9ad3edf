//! `[[step]]`: the server's script.

mod addressed;
mod conversations;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use super::call::Calls;
use super::capture::Names;
use super::findings::Findings;
use super::table::Table;
use super::{AgentChoice, Step};
use conversations::conversations;
use step::step;

/// Most steps of a scenario.
const MOST_STEPS: usize = 1000;
/// The roles of traffic, the default first.
pub(super) const LANES: [&str; 10] = [
    "main",
    "title",
    "prewarm",
    "compaction",
    "subagent",
    "router",
    "count-tokens",
    "models",
    "probe",
    "upgrade",
];
/// The lanes whose requests hold no conversation: their steps are reached in order, and without a script they have an
/// answer of their own.
const IN_ORDER: [&str; 5] = ["prewarm", "count-tokens", "models", "probe", "upgrade"];

/// Reads every `[[step]]`.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings, agents: &[AgentChoice]) -> Vec<Step> {
    let tables = root.tables("step", "`[[step]]`");
    if let Some(beyond) = tables.get(MOST_STEPS) {
        findings.error(
            "too-many-steps",
            "the scenario has more than 1000 steps",
            beyond.range(),
            "one too many",
        );
    }
    let profiles: BTreeSet<&str> = agents.iter().map(|agent| agent.profile.as_str()).collect();
    let protocols = agents.iter().map(|agent| (agent.name.as_str(), agent.protocol)).collect();
    let mut calls = Calls::new(profiles, protocols);
    let mut names = Names::default();
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut steps = Vec::new();
    for table in tables.into_iter().take(MOST_STEPS) {
        let Some((lane, mut step)) = step(table, findings, &mut calls, &mut names) else { continue };
        let number = numbers.entry(lane).or_default();
        *number += 1;
        step.number = *number;
        steps.push(step);
    }
    let disturbed = addressed::read(root, findings);
    for (place, addressed) in disturbed {
        addressed.add_to(&mut steps, place, findings);
    }
    for step in &steps {
        for reply in step.replies() {
            names.check(reply, step.span.clone(), findings);
        }
    }
    conversations(&mut steps, findings);
    steps
}
