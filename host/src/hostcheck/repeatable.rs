//! `run/repeatable`: two runs of a scenario gave equal documents, apart from what differs by design. Asked by
//! `run --twice`; it judges two documents, so one recording alone can't be judged by it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::{finding, pass};
use crate::document::{Difference, Document, Part, SECTIONS, VARYING, differences};
use crate::value::{Digest, Finding, Outcome, Verdict, canonical};

/// Differences told; the rest is counted.
const TOLD: usize = 20;

/// Sections whose entries may arrive in another order.
const ARRIVING: [&str; 2] = ["requests", "events"];

/// Compares two runs.
pub fn repeatable(first: &Document, second: &Document) -> Verdict {
    let value = |document: &Document| serde_json::to_value(document).unwrap_or_default();
    let (left, mut right) = (value(first), value(second));
    let (findings, dropped) = check(&left, &right);
    let compared: Vec<_> = SECTIONS.into_iter().filter(|section| !VARYING.contains(section)).collect();
    let mut verdict = super::verdict("run/repeatable", &compared, &left, Some(findings));
    verdict.findings_dropped = u32::try_from(dropped).unwrap_or(u32::MAX);
    if let (Some(receipt), Some(members)) = (&mut verdict.receipt, right.as_object_mut()) {
        members.retain(|section, _| !VARYING.contains(&section.as_str()));
        receipt.inputs.parameters = Digest::of(canonical(&right));
    }
    verdict
}

fn check(left: &Value, right: &Value) -> (Vec<Finding>, usize) {
    let all = differences(left, right, &VARYING);
    let reordered: BTreeSet<&str> =
        ARRIVING.into_iter().filter(|section| is_reordered(&left[*section], &right[*section])).collect();
    let mut findings: Vec<_> = reordered
        .iter()
        .map(|section| {
            let message = format!(
                "`{section}` of two runs have the same entries in another order: the order of arrival, which nothing in \
                 the scenario decides"
            );
            finding(Outcome::Fail, message, format!("$['{section}']"), None)
        })
        .collect();
    let others: Vec<_> =
        all.found.iter().filter(|difference| !reordered.contains(difference.section())).collect();
    findings.extend(others.iter().take(TOLD).map(|difference| told(difference)));
    if findings.is_empty() {
        findings.push(pass("two runs gave equal documents", "$"));
    }
    (findings, others.len().saturating_sub(TOLD) + all.more)
}

fn is_reordered(left: &Value, right: &Value) -> bool {
    let sorted = |value: &Value| -> Vec<String> {
        let mut entries: Vec<_> = value.as_array().into_iter().flatten().map(canonical).collect();
        entries.sort();
        entries
    };
    left != right && sorted(left) == sorted(right)
}

fn told(difference: &Difference) -> Finding {
    let (left, right) = difference.excerpts();
    let mut message = format!("differs between two runs: {left} in the first, {right} in the second; ");
    let cause = cause(difference);
    message.push_str(cause.words());
    if cause.is_volatile()
        && let Some(place) = volatile_place(difference, cause.kind())
    {
        let _ = write!(message, "; if it may differ, declare it: {place}");
    }
    // A value that only the second run has stands nowhere in the first.
    let path = match (&difference.left, difference.at.split_last()) {
        (None, Some((_, above))) => Difference { at: above.to_vec(), ..difference.clone() }.path(),
        _ => difference.path(),
    };
    finding(Outcome::Fail, message, path, left)
}

/// Why two runs may differ somewhere, guessed from what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Missing,
    Path,
    Address,
    Time,
    Number,
    Identifier,
    Unknown,
}

impl Cause {
    fn words(self) -> &'static str {
        match self {
            Self::Missing => "one run had what the other had not",
            Self::Path => "looks like a path in the run's own folder, in a form that is not recognised",
            Self::Address => "looks like the server's address, in a form that is not recognised",
            Self::Time => "looks like a date or time at an undeclared place",
            Self::Number => "looks like a duration or counter at an undeclared place",
            Self::Identifier => "looks like an identifier at an undeclared place",
            Self::Unknown => "the agent did something else the second time",
        }
    }

    fn is_volatile(self) -> bool {
        matches!(self, Self::Time | Self::Number | Self::Identifier)
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Number => "count",
            _ => "id",
        }
    }
}

fn cause(difference: &Difference) -> Cause {
    let (a, b) = match (&difference.left, &difference.right) {
        (None, _) | (_, None) => return Cause::Missing,
        (Some(Value::String(a)), Some(Value::String(b))) => differing_words(a, b),
        (Some(a @ Value::Number(_)), Some(b @ Value::Number(_))) => (a.to_string(), b.to_string()),
        _ => return Cause::Unknown,
    };
    let both = |holds: fn(&str) -> bool| holds(&a) && holds(&b);
    if both(|word| word.contains("wassert-") || word.contains("/tmp/")) {
        Cause::Path
    } else if both(|word| word.starts_with("127.0.0.1:") || word.starts_with("localhost:")) {
        Cause::Address
    } else if both(is_time) {
        Cause::Time
    } else if both(|word| word.parse::<f64>().is_ok()) {
        Cause::Number
    } else if both(is_identifier) {
        Cause::Identifier
    } else {
        Cause::Unknown
    }
}

/// The words around the first difference of two texts.
fn differing_words(a: &str, b: &str) -> (String, String) {
    let is_word = |c: char| c.is_alphanumeric() || "_-./:+=".contains(c);
    let same: usize = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let word = |text: &str| {
        let start = text[..same].char_indices().rev().take_while(|(_, c)| is_word(*c)).last();
        let start = start.map_or(same, |(at, _)| at);
        text[start..].chars().take_while(|c| is_word(*c)).collect()
    };
    (word(a), word(b))
}

/// A date, a time of day, or seconds or more since 1970.
fn is_time(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape.contains("0000-00-00")
        || shape.contains("00:00:00")
        || (digits == word.len() && matches!(digits, 10 | 13 | 16 | 19) && word.starts_with(['1', '2']))
}

fn is_identifier(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_alphanumeric() || "_-+/=.:".contains(c));
    plain && word.len() >= 4 && (word.len() >= 16 || word.chars().any(|c| c.is_ascii_digit()))
}

/// What to write in the scenario.
fn volatile_place(difference: &Difference, kind: &str) -> Option<String> {
    let Part::Name(section) = difference.at.first()? else { return None };
    let member = match difference.at.get(2) {
        Some(Part::Name(member)) => member.as_str(),
        _ => "",
    };
    let (section, from) = match (section.as_str(), member) {
        ("events", "raw") => ("events", 3),
        ("requests", "body") => ("requests", 3),
        ("requests", "headers") => ("headers", 3),
        ("requests", "transcript") => ("transcript", 4),
        ("stdout" | "stderr", "text") => {
            return Some(format!(
                "volatile = [{{ section = \"{section}\", pattern = \"…\", kind = \"{kind}\" }}]"
            ));
        }
        _ => return None,
    };
    let mut path = "$".to_owned();
    for part in difference.at.get(from..)? {
        match part {
            Part::Index(_) => path.push_str("[*]"),
            Part::Name(name) if name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                let _ = write!(path, ".{name}");
            }
            Part::Name(name) => {
                let _ = write!(path, "['{name}']");
            }
        }
    }
    Some(format!("volatile = [{{ section = \"{section}\", path = \"{path}\", kind = \"{kind}\" }}]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Event;
    use serde_json::json;

    fn document(raws: &[Value]) -> Document {
        let events = raws.iter().map(|raw| Event { raw: raw.clone(), ..Event::default() }).collect();
        Document { events, ..Document::default() }
    }

    fn message(left: &Value, right: &Value) -> String {
        let verdict =
            repeatable(&document(std::slice::from_ref(left)), &document(std::slice::from_ref(right)));
        assert_eq!(verdict.outcome, Outcome::Fail);
        assert!(verdict.receipt.is_some());
        verdict.findings[0].message.clone()
    }

    #[test]
    fn equal_documents_pass_whatever_their_timing() {
        let mut second = document(&[json!(1)]);
        second.timing.duration_ms = 7;
        assert_eq!(repeatable(&document(&[json!(1)]), &second).outcome, Outcome::Pass);
    }

    #[test]
    fn a_difference_is_told_with_both_values_its_cause_and_what_to_do() {
        let said = message(&json!({"build": "k3f9-a81c"}), &json!({"build": "p0q2-77ab"}));
        assert_eq!(
            said,
            "differs between two runs: \"k3f9-a81c\" in the first, \"p0q2-77ab\" in the second; looks like an identifier at an \
             undeclared place; if it may differ, declare it: volatile = [{ section = \"events\", path = \"$.build\", kind = \"id\" }]"
        );
        for (left, right, cause) in [
            (
                json!("at /tmp/wassert-aaaaaa/x"),
                json!("at /tmp/wassert-bbbbbb/x"),
                "a path in the run's own folder",
            ),
            (json!("to 127.0.0.1:4001"), json!("to 127.0.0.1:4002"), "the server's address"),
            (json!("to localhost:4001"), json!("to localhost:4002"), "the server's address"),
            (json!("2026-11-20T10:00:00Z"), json!("2026-11-20T10:00:01Z"), "a date or time"),
            (json!(1795175698729_u64), json!(1795175698800_u64), "a date or time"),
            (json!("took 0.31 s"), json!("took 0.4 s"), "a duration or counter"),
            (json!("yes"), json!("no"), "did something else"),
            (json!({"a": 1}), json!({}), "one run had what the other had not"),
        ] {
            let said = message(&left, &right);
            assert!(said.contains(cause), "{cause}: {said}");
        }
    }

    #[test]
    fn another_order_of_the_same_entries_is_told_once() {
        let (one, two, three) = (json!({"n": 1}), json!({"n": 2}), json!({"n": 3}));
        let verdict =
            repeatable(&document(&[one.clone(), two.clone(), three.clone()]), &document(&[three, one, two]));
        assert_eq!(verdict.findings.len(), 1);
        assert!(verdict.findings[0].message.contains("order of arrival"));
    }

    #[test]
    fn differences_beyond_what_is_told_are_counted() {
        let numbers = |first: usize| json!((first..first + 5000).collect::<Vec<_>>());
        let verdict = repeatable(&document(&[numbers(0)]), &document(&[numbers(1)]));
        assert_eq!(verdict.findings.len(), TOLD);
        assert_eq!(verdict.findings_dropped as usize, 5000 - TOLD);
    }

    #[test]
    fn what_only_the_second_run_has_is_placed_where_it_is_missing() {
        let verdict = repeatable(&document(&[json!({})]), &document(&[json!({"new": 1})]));
        assert_eq!(verdict.findings[0].at[0].path, "$['events'][0]['raw']");
    }
}
