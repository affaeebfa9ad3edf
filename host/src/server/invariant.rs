//! What every well-formed request keeps, whatever its protocol: calls and results pair, identifiers are unique, marks
//! of reasoning come back unchanged, and nothing that was said before is missing.
//!
//! What one protocol alone forbids is for its decoder to say. Nothing here refuses a request: what is broken is noted.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::{Item, Role, Violation};

use super::conversation::quote;
use super::request::violation;

/// Violations of one code that are told of a request.
const MOST_TOLD: usize = 100;

/// What agents send in place of a mark that they never got (gemini 0.61.0).
const NO_SIGNATURE: [&str; 2] = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];

/// What is wrong with a transcript as a whole.
pub(super) fn transcript_violations(transcript: &[Item]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut calls = BTreeMap::new();
    let mut answered = BTreeSet::new();
    for (position, item) in transcript.iter().enumerate() {
        match item {
            Item::Call { call, .. } => {
                if call.is_empty() {
                    let message = format!("transcript item {position} is a call without identifier");
                    found.push(violation("call-without-id", message));
                } else if let Some(first) = calls.insert(call.as_str(), position) {
                    let message = format!(
                        "transcript items {first} and {position} are calls with the identifier {}",
                        quote(call)
                    );
                    found.push(violation("duplicate-call", message));
                }
            }
            Item::Result { call, .. } => {
                if !calls.contains_key(call.as_str()) {
                    let message = format!(
                        "transcript item {position} is a result of call {}, which is not before it",
                        quote(call)
                    );
                    found.push(violation("result-without-call", message));
                } else if !answered.insert(call.as_str()) {
                    let message =
                        format!("transcript item {position} is another result of call {}", quote(call));
                    found.push(violation("duplicate-result", message));
                }
            }
            _ => {}
        }
    }
    // Calls at the very end may still be answered.
    let last_other =
        transcript.iter().rposition(|item| !matches!(item, Item::Call { .. } | Item::Reasoning { .. }));
    for (call, position) in calls {
        if last_other.is_some_and(|last| position < last) && !answered.contains(call) {
            let message = format!("transcript item {position} is call {}, which has no result", quote(call));
            found.push(violation("call-without-result", message));
        }
    }
    told(found)
}

/// What of an earlier request of a conversation is missing from a later one, in its order. Reasoning may be dropped.
pub(super) fn lost(before: &[Item], now: &[Item]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut from = 0;
    // Made when something does not stand where it should: transcripts come from agents and may be very long.
    let mut places: Option<BTreeMap<Same<'_>, Vec<usize>>> = None;
    for (position, item) in before.iter().enumerate() {
        if matches!(item, Item::Reasoning { .. }) {
            continue;
        }
        let same = Same::of(item);
        if now.get(from).is_some_and(|other| Same::of(other) == same) {
            from += 1;
            continue;
        }
        let places = places.get_or_insert_with(|| {
            let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
            now.iter().enumerate().for_each(|(at, item)| places.entry(Same::of(item)).or_default().push(at));
            places
        });
        let at = places.get(&same).and_then(|at| at.get(at.partition_point(|at| *at < from)));
        match at {
            Some(at) => from = at + 1,
            None => {
                let message = format!(
                    "item {position} of the conversation's earlier request is missing: {}",
                    describe(item)
                );
                found.push(violation("item-lost", message));
            }
        }
    }
    told(found)
}

/// So many of one code; that there are more is said once.
fn told(found: Vec<Violation>) -> Vec<Violation> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut told = Vec::new();
    for Violation { code, message } in found {
        let count = counts.entry(code.clone()).or_default();
        *count += 1;
        match *count {
            ..=MOST_TOLD => told.push(Violation { code, message }),
            count if count == MOST_TOLD + 1 => {
                told.push(Violation { code, message: String::from("and more that are not told") });
            }
            _ => {}
        }
    }
    told
}

/// What must be equal for two items to be the same. Agents re-serialise the input of calls, and number items of other
/// types anew.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Same<'i> {
    Message(Role, &'i str),
    Call(&'i str, &'i str),
    Result(&'i str, &'i str),
    Reasoning(&'i str),
    Other(&'i str),
}

impl<'i> Same<'i> {
    fn of(item: &'i Item) -> Self {
        match item {
            Item::Message { role, text } => Self::Message(*role, text),
            Item::Call { call, tool, .. } => Self::Call(call, tool),
            Item::Result { call, output } => Self::Result(call, output),
            Item::Reasoning { text } => Self::Reasoning(text),
            Item::Other { type_name, .. } => Self::Other(type_name),
        }
    }
}

fn describe(item: &Item) -> String {
    match item {
        Item::Message { role, text } => format!("{role:?} message {}", quote(text)).to_lowercase(),
        Item::Call { call, .. } => format!("call {}", quote(call)),
        Item::Result { call, .. } => format!("the result of call {}", quote(call)),
        Item::Reasoning { .. } => String::from("reasoning"),
        Item::Other { type_name, .. } => format!("an item of type {}", quote(type_name)),
    }
}

/// The marks of reasoning that each conversation was given.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    by_conversation: BTreeMap<(String, u32), Issued>,
}

#[derive(Debug, Default)]
struct Issued {
    all: BTreeSet<String>,
    /// Those of the last reply, where it called tools: until these are answered, models want them back.
    needed: Vec<String>,
}

impl Signatures {
    /// Remembers the marks of a reply that was served whole.
    pub(super) fn issue(&mut self, lane: &str, conversation: u32, marks: Vec<String>, calls_tools: bool) {
        let issued = self.by_conversation.entry((lane.to_owned(), conversation)).or_default();
        issued.all.extend(marks.iter().cloned());
        issued.needed = if calls_tools { marks } else { Vec::new() };
    }

    /// What is wrong with the marks that a request sends back.
    pub(super) fn violations(&self, lane: &str, conversation: u32, marks: &[String]) -> Vec<Violation> {
        let nothing = Issued::default();
        let issued = self.by_conversation.get(&(lane.to_owned(), conversation)).unwrap_or(&nothing);
        let strange = marks
            .iter()
            .filter(|mark| !issued.all.contains(*mark) && !NO_SIGNATURE.contains(&mark.as_str()))
            .map(|mark| {
                violation("signature-changed", format!("nobody issued the signature {}", quote(mark)))
            });
        let lost = issued.needed.iter().filter(|mark| !marks.contains(mark)).map(|mark| {
            violation("signature-lost", format!("the signature {} did not come back", quote(mark)))
        });
        strange.chain(lost).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn codes(found: Vec<Violation>) -> Vec<String> {
        found.into_iter().map(|violation| violation.code).collect()
    }
    fn call(id: &str) -> Item {
        Item::Call { call: id.into(), tool: "t".into(), input: Value::Null }
    }
    fn result(id: &str) -> Item {
        Item::Result { call: id.into(), output: String::new() }
    }
    fn said(text: &str) -> Item {
        Item::Message { role: Role::User, text: text.into() }
    }

    #[test]
    fn calls_and_results_must_pair() {
        let found = |items: &[Item]| codes(transcript_violations(items));
        assert!(found(&[call("a"), call("b"), result("b"), result("a"), call("c"), call("d")]).is_empty());
        assert_eq!(found(&[result("a"), call("a")]), ["result-without-call"]);
        assert_eq!(found(&[call("a"), call("b"), result("b")]), ["call-without-result"]);
        assert_eq!(
            found(&[call("a"), result("a"), call("a"), result("a")]),
            ["duplicate-call", "duplicate-result"]
        );
        assert_eq!(found(&[call("a"), result("a"), result("a")]), ["duplicate-result"]);
        assert_eq!(found(&[call("")]), ["call-without-id"]);
    }

    #[test]
    fn what_was_said_before_must_still_be_there() {
        let before = [said("a"), Item::Reasoning { text: "why".into() }, call("c"), result("c")];
        let changed = Item::Call { call: "c".into(), tool: "t".into(), input: Value::Bool(true) };
        assert!(lost(&before, &[said("a"), changed, result("c"), said("b")]).is_empty());
        let found = lost(&before, &[said("A"), call("c"), result("c")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.ends_with("user message `a`"), "{}", found[0].message);
        assert_eq!(codes(lost(&before, &[call("c"), said("a"), result("c")])), ["item-lost"]);
    }

    /// Pairwise, these would be 40,000,000,000 comparisons.
    #[test]
    fn what_has_nothing_in_common_is_told_in_short() {
        let all = |what: &str| -> Vec<Item> { (0..200_000).map(|n| said(&format!("{what} {n}"))).collect() };
        let found = lost(&all("a"), &all("b"));
        assert_eq!(found.len(), MOST_TOLD + 1);
        assert!(found[MOST_TOLD].message.contains("more"));
        let mut turned = all("a");
        turned.rotate_left(1);
        assert_eq!(lost(&all("a"), &turned).len(), MOST_TOLD + 1, "its first item is now its last");
        assert_eq!(lost(&turned[..10], &all("a")).len(), 0);
        assert_eq!(transcript_violations(&vec![result("x"); 1_000]).len(), MOST_TOLD + 1);
    }

    #[test]
    fn marks_come_back_unchanged() {
        let mut signatures = Signatures::default();
        let marks = |list: &[&str]| -> Vec<String> { list.iter().map(|mark| (*mark).to_owned()).collect() };
        signatures.issue("main", 1, marks(&["s"]), true);
        let found = |list: &[&str]| codes(signatures.violations("main", 1, &marks(list)));
        assert!(found(&["s", "skip_thought_signature_validator"]).is_empty());
        assert_eq!(found(&["x"]), ["signature-changed", "signature-lost"]);
        assert_eq!(found(&[]), ["signature-lost"]);
        assert_eq!(codes(signatures.violations("main", 2, &marks(&["s"]))), ["signature-changed"]);
        signatures.issue("main", 1, Vec::new(), false);
        let found = |list: &[&str]| codes(signatures.violations("main", 1, &marks(list)));
        assert!(found(&[]).is_empty() && found(&["s"]).is_empty());
    }
}
