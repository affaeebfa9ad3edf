//! `transcript-paired`: in every request, each tool call has a result, and each result a call before it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use wassert_guest::{Assertion, Evidence, NoParameters, Node, Refusal, Report, path};

use crate::demand;
use crate::selection::transcript;
use crate::texts;

/// What the server calls the same thing when it reads a request.
const VIOLATIONS: [&str; 3] = ["result-without-call", "call-without-result", "duplicate-call"];

/// See the module.
pub struct TranscriptPaired;

impl Assertion for TranscriptPaired {
    const NAME: &'static str = "transcript-paired";
    const SUMMARY: &'static str = "sent a result for every tool call, and none without its call";
    const READS: &'static [&'static str] = &["requests.transcript", "requests.violations"];
    const SCHEMA: &'static str = include_str!("../schemas/transcript-paired.json");
    type Parameters = NoParameters;

    fn check(_: NoParameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let nodes = called(evidence)?;
        let items = in_order(&nodes)?;
        let (mut number, mut pairs, mut clean) = (0, Vec::new(), true);
        for items in items.chunk_by(|one, next| one.request == next.request) {
            let request = items[0].request;
            let place = |index| path::element(&transcript(request), index);
            let paired = pair(items);
            for (index, call) in &paired.results_without_call {
                clean = false;
                report.fail(
                    &place(*index),
                    format!("a result of call `{call}` that nothing called before"),
                    format!("call `{call}` before it"),
                );
            }
            for (index, call) in &paired.calls_without_result {
                clean = false;
                report.fail(
                    &place(*index),
                    format!("the model is asked to go on, and call `{call}` has no result"),
                    format!("a result of call `{call}`"),
                );
            }
            number += paired.results.len();
            let more = texts::PLACES - pairs.len();
            pairs.extend(paired.results.into_iter().take(more).map(place));
        }
        for node in evidence.query("$.requests[*].violations[*]")? {
            let violation: Value = node.read()?;
            let code = violation.get("code").and_then(Value::as_str).unwrap_or_default();
            if VIOLATIONS.contains(&code) {
                clean = false;
                report.fail(&node, format!("the server noted `{code}`"), "calls and results in pairs");
            }
        }
        if clean && pairs.is_empty() {
            return Err("no request holds a tool call: there is nothing to pair".to_owned());
        }
        if clean {
            let number = demand::counted(number as u32, "result");
            report.pass(
                &texts::places(pairs, "$['requests']"),
                format!("{number} in the conversations, each after its call, and no call is left open"),
            );
        }
        Ok(())
    }
}

/// A call or a result: where it stands, and the call's identifier.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Item<'n> {
    request: usize,
    index: usize,
    is_call: bool,
    call: Cow<'n, str>,
}

/// Identifiers of calls, those of results, and the kinds of both that have none: what else they say may be large and is
/// not asked for.
fn called(evidence: &Evidence) -> Result<[Vec<Node>; 3], Refusal> {
    let of = |kind| evidence.query(&format!("$.requests[*].transcript[?@.kind == '{kind}'].call"));
    let unnamed = "$.requests[*].transcript[?!@.call && (@.kind == 'call' || @.kind == 'result')].kind";
    Ok([of("call")?, of("result")?, evidence.query(unnamed)?])
}

/// As they stand in the document.
fn in_order([calls, results, unnamed]: &[Vec<Node>; 3]) -> Result<Vec<Item<'_>>, String> {
    let mut items = Vec::with_capacity(calls.len() + results.len() + unnamed.len());
    for (nodes, is_call) in [(calls, true), (results, false)] {
        for node in nodes {
            if let Some((request, index)) = position(node) {
                items.push(Item { request, index, is_call, call: node.text()? });
            }
        }
    }
    for node in unnamed {
        if let Some((request, index)) = position(node) {
            // One without an identifier pairs with nothing but another such.
            items.push(Item { request, index, is_call: node.text()? == "call", call: Cow::Borrowed("") });
        }
    }
    items.sort();
    Ok(items)
}

/// Positions of the request and of the item that a node is a member of.
fn position(node: &Node) -> Option<(usize, usize)> {
    let mut steps = path::steps(&node.path).skip(1);
    match [steps.next()?, steps.next()?, steps.next()?] {
        [path::Part::Index(request), _, path::Part::Index(index)] => Some((request, index)),
        _ => None,
    }
}

/// Positions in a transcript.
#[derive(Debug, Default, PartialEq, Eq)]
struct Paired<'i> {
    results: Vec<usize>,
    results_without_call: Vec<(usize, &'i str)>,
    calls_without_result: Vec<(usize, &'i str)>,
}

/// A request asks the model for its next step, so every call in it is one that the model waits for.
fn pair<'i>(items: &'i [Item<'_>]) -> Paired<'i> {
    let mut paired = Paired::default();
    // Where a call waits for its result; nowhere once it has one.
    let mut calls: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    for Item { index, is_call, call, .. } in items {
        if *is_call {
            calls.insert(call, Some(*index));
        } else if let Some(waits) = calls.get_mut(&**call) {
            *waits = None;
            paired.results.push(*index);
        } else {
            paired.results_without_call.push((*index, call));
        }
    }
    let open = calls.into_iter().filter_map(|(call, waits)| Some((waits?, call)));
    paired.calls_without_result = open.collect();
    paired.calls_without_result.sort_unstable();
    paired
}

#[cfg(test)]
mod tests {
    use super::{Item, pair};

    #[test]
    fn a_result_before_its_call_pairs_with_nothing() {
        let item = |index, is_call| Item { request: 0, index, is_call, call: "a".into() };
        let (call, result) = (|index| item(index, true), |index| item(index, false));
        let items = [result(0), call(1)];
        let paired = pair(&items);
        assert_eq!(paired.results_without_call, [(0, "a")]);
        assert_eq!(paired.calls_without_result, [(1, "a")]);
        assert_eq!(pair(&[call(2), result(5)]).results, [5]);
    }
}
