//! `[[step]]`: the server's script.

use std::collections::{BTreeMap, BTreeSet};

use super::call::{self, Calls};
use super::capture::{self, Names};
use super::fault;
use super::findings::Findings;
use super::load::{belongs_to_the_scenario, known_word};
use super::reply::{self, Words};
use super::table::Table;
use super::{AgentChoice, Branch, Fault, Reply, Step};
use super::{expect, opened, schedule};

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
    let disturbed = faults_of_the_scenario(root, findings);
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

/// Fills in `repeat` along each conversation, and reports conversations that could take each other's steps.
fn conversations(steps: &mut [Step], findings: &Findings) {
    let mut last: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for step in steps {
        let (repeats, goes_on) = last.get(&step.lane).copied().unwrap_or((false, false));
        let begins = step.opened_by.is_some() || !last.contains_key(&step.lane);
        if begins || (step.repeat && !goes_on) {
            // Whether it repeats is its own to say.
        } else if step.repeat && !repeats {
            findings.error_with_help(
                "bad-repeat",
                "the conversation begins with an earlier step, which does not repeat",
                step.span.clone(),
                "goes on with it",
                "write `repeat = true` on the first step of the conversation",
            );
        } else {
            step.repeat = repeats;
        }
        if step.repeat && !(step.faults.is_empty() && step.branches.is_empty()) {
            findings.error(
                "bad-repeat",
                "a step that repeats can't tell attempts apart and has no branches",
                step.span.clone(),
                "repeats",
            );
        }
        if step.lane == "subagent" && !begins && !goes_on && !step.repeat {
            findings.error_with_help(
                "who-opens",
                "this step begins another conversation of the lane, and nothing says which",
                step.span.clone(),
                "begins a conversation",
                "add `opened-by = \"…\"`, the prompt that its spawner sent, or `opened-by = { call = \"…\" }`",
            );
        }
        let goes_on = step.replies().any(|reply| match reply {
            Reply::Items { calls, .. } => !calls.is_empty(),
            Reply::Events(_) | Reply::Fail(_) | Reply::Default | Reply::Nothing => false,
        });
        last.insert(step.lane.clone(), (step.repeat, goes_on));
    }
}

fn step(
    mut table: Table<'_>,
    findings: &Findings,
    calls: &mut Calls<'_>,
    names: &mut Names,
) -> Option<(&'static str, Step)> {
    let span = table.range();
    let lane = match table.text("lane") {
        Some(written) => known_word(findings, "unknown-lane", "lane", &written, &LANES),
        None => LANES.first().copied(),
    };
    let optional = table.boolean("optional").is_some_and(|optional| *optional.get_ref());
    let repeat = table.boolean("repeat").is_some_and(|repeat| *repeat.get_ref());
    let opened_by = opened::read(&mut table, findings, calls);
    // What is asked of the request comes first: a step can't expect the result of a call that it makes itself.
    let expect = table
        .table("expect", "`expect`")
        .map(|table| expect::read(table, findings, calls))
        .unwrap_or_default();
    let captures = capture::read(&mut table, findings, calls, names);
    let when = table.tables("when", "`[[step.when]]`");
    let faults = faults(&mut table, findings);
    let wire = schedule::read(&mut table, findings);
    let has_branches = !when.is_empty();
    let branches: Vec<Branch> = when.into_iter().filter_map(|when| branch(when, findings, calls)).collect();
    let default_range = table.key_range("default");
    let is_default = table.boolean("default").is_some_and(|default| *default.get_ref());
    let reply = reply(&mut table, findings, calls, has_branches, is_default);
    table.finish(belongs_to_the_scenario);
    let lane = lane?;
    if let (Some(range), true) = (default_range, is_default && !IN_ORDER.contains(&lane)) {
        let message = format!("lane `{lane}` has no answer of its own");
        findings.error_with_help(
            "no-reply",
            message,
            range,
            "nothing to answer with",
            "add `text` or a call",
        );
        return None;
    }
    let reply = reply?;
    if IN_ORDER.contains(&lane) && !matches!(reply, Reply::Default | Reply::Fail(_)) {
        let message = format!("a step of lane `{lane}` says nothing of its own");
        findings.error_with_help("not-a-reply", message, span, "here", "write `default = true`, or `fail`");
        return None;
    }
    let step = Step {
        lane: lane.to_owned(),
        number: 0,
        optional,
        opened_by,
        repeat,
        faults,
        reply,
        branches,
        wire,
        expect,
        captures,
        span,
    };
    Some((lane, step))
}

fn branch(mut table: Table<'_>, findings: &Findings, calls: &mut Calls<'_>) -> Option<Branch> {
    let when = expect::conditions(&mut table, findings, calls);
    if when.is_empty() {
        findings.error_with_help(
            "no-condition",
            "the branch has no condition",
            table.range(),
            "always true",
            "add `tool-result`, `offers`, `header` or `transcript`; what is served otherwise is the step's own reply",
        );
    }
    let reply = reply(&mut table, findings, calls, false, false);
    table.finish(|_| None);
    Some(Branch { when, reply: reply? })
}

fn reply(
    table: &mut Table<'_>,
    findings: &Findings,
    calls: &mut Calls<'_>,
    has_branches: bool,
    is_default: bool,
) -> Option<Reply> {
    let has_items = ["text", "reasoning", "call", "calls"].map(|key| table.has(key)).contains(&true);
    let Words { reasoning, text, manner } = reply::read(table, findings, calls);
    if let Some(range) = table.key_range("events") {
        let has_other = ["fail", "usage", "stop"].map(|key| table.has(key)).contains(&true);
        return events(table, findings, has_items || has_other, range);
    }
    let calls = call::read(table, findings, calls);
    let fail_range = table.key_range("fail");
    let fail = table.table("fail", "`fail`").and_then(|fail| fault::read(fail, findings));
    match (fail_range, has_items) {
        (Some(range), true) => {
            findings.error_with_help(
                "two-replies",
                "the step both replies and fails",
                range,
                "fails here",
                "keep `fail`, or `text`, `reasoning` and calls; what goes wrong before the reply is a `[[step.attempt]]`",
            );
            None
        }
        (Some(_), false) => fail.map(Reply::Fail),
        (None, true) => Some(Reply::Items { reasoning, text, calls, manner }),
        (None, false) if is_default => Some(Reply::Default),
        (None, false) if has_branches => Some(Reply::Nothing),
        (None, false) => {
            findings.error_with_help(
                "no-reply",
                "the step has no reply",
                table.range(),
                "says nothing",
                "add `text`, `reasoning`, `call`, `calls`, `events` or `fail`",
            );
            None
        }
    }
}

/// A reply that is written out, and then has no other words.
fn events(
    table: &mut Table<'_>,
    findings: &Findings,
    has_other: bool,
    range: std::ops::Range<usize>,
) -> Option<Reply> {
    let events = reply::events(table, findings);
    if has_other {
        findings.error_with_help(
            "two-replies",
            "the step both replies and writes out what goes over the wire",
            range,
            "written out here",
            "keep `events`, or `text`, `reasoning`, calls and `fail`",
        );
        return None;
    }
    events.map(Reply::Events)
}

fn faults(table: &mut Table<'_>, findings: &Findings) -> Vec<Fault> {
    let mut faults = Vec::new();
    for mut attempt in table.tables("attempt", "`[[step.attempt]]`") {
        if !attempt.has("fault") {
            attempt.missing("fault");
        }
        faults.extend(attempt.table("fault", "`fault`").and_then(|table| fault::read(table, findings)));
        attempt.finish(|_| None);
    }
    faults
}

/// A `[[fault]]`: a fault that is written apart from its step, and says which attempt of which step it is of.
struct Addressed {
    lane: String,
    step: u32,
    attempt: Option<u32>,
    fault: Fault,
}

fn faults_of_the_scenario(
    root: &mut Table<'_>,
    findings: &Findings,
) -> Vec<(std::ops::Range<usize>, Addressed)> {
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
        let fault = fault::read(table, findings);
        if let (Some(lane), Some(step), Some(fault)) = (lane, step, fault) {
            found.push((place, Addressed { lane: lane.to_owned(), step, attempt, fault }));
        }
    }
    found
}

impl Addressed {
    /// Puts it where it belongs. With `attempt` it comes before the reply, which is then served to a later attempt;
    /// without, it disturbs the reply itself.
    fn add_to(self, steps: &mut [Step], place: std::ops::Range<usize>, findings: &Findings) {
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
