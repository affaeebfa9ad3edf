//! One `[[step]]`: what it asks of the request, and what it answers.

use std::ops::Range;

use super::{IN_ORDER, LANES};
use crate::scenario::call::{self, Calls};
use crate::scenario::capture::{self, Names};
use crate::scenario::findings::Findings;
use crate::scenario::load::{belongs_to_the_scenario, known_word};
use crate::scenario::reply::{self, Words};
use crate::scenario::table::Table;
use crate::scenario::{Branch, Fault, Reply, Step, expect, fault, opened, schedule};

/// Reads a step and its lane; its number is the caller's to give.
pub(super) fn step(
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
    let says_nothing = |reply: &Reply| matches!(reply, Reply::Default | Reply::Fail(_));
    let branched = branches.iter().map(|branch| &branch.reply);
    if IN_ORDER.contains(&lane) && !std::iter::once(&reply).chain(branched).all(says_nothing) {
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
fn events(table: &mut Table<'_>, findings: &Findings, has_other: bool, range: Range<usize>) -> Option<Reply> {
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
