//! `--chaos`: what of a scenario can be disturbed so that each of its agents is known to recover.

use crate::profile::Retried;
use crate::scenario::{Assertion, Reply, Scenario, Step, Survived, Target, Uses, schedule};
use crate::server::Shape;

/// The lanes whose requests are answered with streams.
const STREAMED: [&str; 2] = ["main", "subagent"];

/// A schedule of faults for a scenario, as TOML that can be put at the end of its file. The same seed gives the same
/// schedule, whichever of the scenario's agents run.
pub fn chaos(scenario: &Scenario, seed: u64) -> String {
    let targets: Vec<Target> = scenario.steps.iter().filter_map(|step| target(scenario, step)).collect();
    schedule(seed, &targets, &survived(scenario))
}

/// Whether an assertion of the standard pack counts requests, or events that are printed again with a repeated request:
/// one that repeats nothing passes it, and no retry should turn it red.
fn counts(assertion: &Assertion) -> bool {
    let Uses::Pack { pack, assertion: name } = &assertion.uses else { return false };
    let says = |parameter: &str| assertion.with.get(parameter).is_some();
    pack == "std"
        && match name.as_str() {
            "budget" => says("requests"),
            "event-count" | "event-counts" | "request-count" | "retries" => true,
            // The first request stays the first, whatever is sent again after it.
            name if name.starts_with("request-") => match assertion.with.get("request") {
                Some(request) => *request != 1,
                None => ["count", "min", "max"].into_iter().any(says),
            },
            _ => false,
        }
}

/// A step that nothing disturbs yet and that every agent reaches.
fn target(scenario: &Scenario, step: &Step) -> Option<Target> {
    let is_left_alone = step.faults.is_empty() && step.wire.is_empty() && !step.optional && !step.repeat;
    let counts_differ = scenario
        .attempts
        .values()
        .flatten()
        .any(|expected| expected.lane == step.lane && expected.step == step.number);
    let replies = step.replies().all(|reply| matches!(reply, Reply::Items { .. }));
    if !is_left_alone || counts_differ || !replies || !STREAMED.contains(&step.lane.as_str()) {
        return None;
    }
    let shapes: Option<Vec<Shape>> = scenario
        .agents
        .iter()
        .filter(|agent| agent.lacks.is_empty())
        .map(|agent| Shape::of(step, agent.known.0, agent.protocol, agent.transport))
        .collect();
    let Shape { frames, unfinished } = shapes?.into_iter().reduce(Shape::met)?;
    (!frames.is_empty()).then(|| Target { lane: step.lane.clone(), step: step.number, frames, unfinished })
}

/// What every agent recovers from, and the scenario with it.
fn survived(scenario: &Scenario) -> Survived {
    let mut taking_part = scenario.agents.iter().filter(|agent| agent.lacks.is_empty());
    let comments = taking_part.all(|agent| agent.known.0.skips_comments());
    if scenario.assertions.iter().any(counts) {
        return Survived { comments, ..Survived::default() };
    }
    let retries: Vec<_> = scenario
        .agents
        .iter()
        .filter(|agent| agent.lacks.is_empty())
        .map(|agent| agent.known.0.retries())
        .collect();
    let Some((first, others)) = retries.split_first() else { return Survived::default() };
    let everyone = |what: &&Retried| others.iter().all(|other| other.after.contains(what));
    Survived {
        most: retries.iter().map(|retries| retries.most).min().unwrap_or(0),
        after: first.after.iter().filter(everyone).copied().collect(),
        comments,
    }
}
