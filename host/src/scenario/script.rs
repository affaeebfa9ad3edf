//! `[[step]]`: the server's script.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeValue;

use super::call::{self, Calls};
use super::fault;
use super::findings::Findings;
use super::load::{belongs_to_the_scenario, known_word};
use super::reply::{self, Words};
use super::table::{Table, as_table, quote};
use super::{AgentChoice, Expectation, Fault, Reply, Step};

/// Most steps of a scenario.
const MOST_STEPS: usize = 1000;
/// The roles of traffic, the default first.
const LANES: [&str; 7] = ["main", "title", "prewarm", "compaction", "subagent", "router", "probe"];

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
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut steps = Vec::new();
    for table in tables.into_iter().take(MOST_STEPS) {
        let Some((lane, mut step)) = step(table, findings, &mut calls) else { continue };
        let number = numbers.entry(lane).or_default();
        *number += 1;
        step.number = *number;
        steps.push(step);
    }
    steps
}

fn step(mut table: Table<'_>, findings: &Findings, calls: &mut Calls<'_>) -> Option<(&'static str, Step)> {
    let span = table.range();
    let lane = match table.text("lane") {
        Some(written) => known_word(findings, "unknown-lane", "lane", &written, &LANES),
        None => LANES.first().copied(),
    };
    let optional = table.boolean("optional").is_some_and(|optional| *optional.get_ref());
    // Expectations come first: a step can't expect the result of a call that it makes itself.
    let expect = table
        .table("expect", "`expect`")
        .map(|table| expectations(table, findings, calls))
        .unwrap_or_default();
    let faults = faults(&mut table, findings);
    let reply = reply(&mut table, findings, calls);
    table.finish(belongs_to_the_scenario);
    let lane = lane?;
    Some((lane, Step { lane: lane.to_owned(), number: 0, optional, faults, reply: reply?, expect, span }))
}

fn reply(table: &mut Table<'_>, findings: &Findings, calls: &mut Calls<'_>) -> Option<Reply> {
    let has_items = ["text", "reasoning", "call", "calls"].map(|key| table.has(key)).contains(&true);
    let Words { reasoning, text, manner } = reply::read(table, findings, calls);
    if let Some(range) = table.key_range("events") {
        let has_other = ["fail", "usage", "stop"].map(|key| table.has(key)).contains(&true);
        return events(table, findings, has_items || has_other, range);
    }
    let calls = call::read(table, findings, calls);
    let fail_range = table.key_range("fail");
    let fail = table.table("fail", "`fail`").and_then(|fail| fault::read(fail, findings, false));
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
        faults.extend(attempt.table("fault", "`fault`").and_then(|table| fault::read(table, findings, true)));
        attempt.finish(|_| None);
    }
    faults
}

fn expectations(mut table: Table<'_>, findings: &Findings, calls: &Calls<'_>) -> Vec<Expectation> {
    let name = "`tool-result`";
    let results = match table.value("tool-result") {
        None => Vec::new(),
        Some(value) if matches!(value.get_ref(), DeValue::Array(_)) => table.tables("tool-result", name),
        Some(value) => as_table(findings, "tool-result", name, value).into_iter().collect(),
    };
    table.finish(belongs_to_the_scenario);
    results.into_iter().filter_map(|result| tool_result(result, findings, calls)).collect()
}

fn tool_result(mut table: Table<'_>, findings: &Findings, calls: &Calls<'_>) -> Option<Expectation> {
    let call = table.required_text("call");
    let contains = table.text("contains").map(|text| (*text.get_ref()).to_owned()).unwrap_or_default();
    table.finish(|_| None);
    let call = call?;
    if !calls.is_known(call.get_ref()) {
        let help = findings
            .suggest(call.get_ref(), calls.identifiers())
            .unwrap_or_else(|| "an earlier step must make a call with this `id`".to_owned());
        let message = format!("no earlier step makes a call {}", quote(call.get_ref()));
        findings.error_with_help("unknown-call", message, call.span(), "unknown call", help);
    }
    Some(Expectation::ToolResult { call: (*call.get_ref()).to_owned(), contains })
}
