//! `transcript-paired`: in every request, each tool call has a result, and each result a call before it.

use std::collections::BTreeMap;

use serde_json::Value;
use wassert_guest::{Assertion, Evidence, NoParameters, Node, Report, path};

use crate::demand;
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
        let mut pairs = Vec::new();
        let mut clean = true;
        for (transcript, items) in called(evidence)? {
            let paired = pair(&items);
            for (index, call) in &paired.results_without_call {
                clean = false;
                report.fail(
                    &path::element(&transcript, *index),
                    format!("a result of call `{call}` that nothing called before"),
                    format!("call `{call}` before it"),
                );
            }
            for (index, call) in &paired.calls_without_result {
                clean = false;
                report.fail(
                    &path::element(&transcript, *index),
                    format!("the model is asked to go on, and call `{call}` has no result"),
                    format!("a result of call `{call}`"),
                );
            }
            pairs.extend(paired.results.iter().map(|index| path::element(&transcript, *index)));
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
            let number = demand::counted(pairs.len() as u32, "result");
            report.pass(
                &texts::places(pairs, "$['requests']"),
                format!("{number} in the conversations, each after its call, and no call is left open"),
            );
        }
        Ok(())
    }
}

/// A call or a result: its position in the transcript, whether it is a call, and the call's identifier.
type Item = (usize, bool, String);

/// The calls and results of every request, by the path of its transcript. What they say may be large and is not asked
/// for.
fn called(evidence: &Evidence) -> Result<Vec<(String, Vec<Item>)>, String> {
    let mut called: BTreeMap<usize, Vec<Item>> = BTreeMap::new();
    for (kind, is_call) in [("call", true), ("result", false)] {
        for node in evidence.query(&format!("$.requests[*].transcript[?@.kind == '{kind}'].call"))? {
            if let Some((request, index)) = position(&node) {
                called.entry(request).or_default().push((index, is_call, node.read()?));
            }
        }
    }
    // One without an identifier pairs with nothing but another such.
    let unnamed = "$.requests[*].transcript[?!@.call && (@.kind == 'call' || @.kind == 'result')].kind";
    for node in evidence.query(unnamed)? {
        if let Some((request, index)) = position(&node) {
            let kind: String = node.read()?;
            called.entry(request).or_default().push((index, kind == "call", String::new()));
        }
    }
    let of_request = |(request, mut items): (usize, Vec<Item>)| {
        items.sort();
        (path::member(&path::element("$['requests']", request), "transcript"), items)
    };
    Ok(called.into_iter().map(of_request).collect())
}

/// Positions of the request and of the item that a node is a member of.
fn position(node: &Node) -> Option<(usize, usize)> {
    match path::parts(&node.path)?[..] {
        [_, path::Part::Index(request), _, path::Part::Index(index), _] => Some((request, index)),
        _ => None,
    }
}

/// Positions in a transcript.
#[derive(Debug, Default, PartialEq, Eq)]
struct Paired {
    results: Vec<usize>,
    results_without_call: Vec<(usize, String)>,
    calls_without_result: Vec<(usize, String)>,
}

/// A request asks the model for its next step, so every call in it is one that the model waits for.
fn pair(items: &[Item]) -> Paired {
    let mut paired = Paired::default();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen: Vec<&str> = Vec::new();
    for (index, is_call, call) in items {
        if *is_call {
            seen.push(call);
            open.insert(call, *index);
        } else if seen.contains(&call.as_str()) {
            open.remove(call.as_str());
            paired.results.push(*index);
        } else {
            paired.results_without_call.push((*index, call.clone()));
        }
    }
    paired.calls_without_result = open.into_iter().map(|(call, index)| (index, call.to_owned())).collect();
    paired.calls_without_result.sort();
    paired
}

#[cfg(test)]
mod tests {
    use super::pair;

    #[test]
    fn a_result_before_its_call_pairs_with_nothing() {
        let call = |index| (index, true, "a".to_owned());
        let result = |index| (index, false, "a".to_owned());
        let paired = pair(&[result(0), call(1)]);
        assert_eq!(paired.results_without_call, [(0, "a".to_owned())]);
        assert_eq!(paired.calls_without_result, [(1, "a".to_owned())]);
        assert_eq!(pair(&[call(2), result(5)]).results, [5]);
    }
}
