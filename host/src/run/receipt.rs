//! Receipts against what is judged now: equal, or which part differs.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::value::{Receipt, Verdict};

/// A receipt somebody has, with what else is said about it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What the verdict calls the assertion, where there is a verdict.
    pub verdict: Option<Verdict>,
    /// The receipt.
    pub receipt: Receipt,
    /// Where the recording is, where that is said.
    pub recording: Option<PathBuf>,
}

/// What became of a claim.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What the assertion is called.
    pub assertion: String,
    /// What differs: none for an equal one.
    pub differs: Vec<Difference>,
}

/// One part of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `evidence.turns`, `pack`, `fuel`, ….
    pub part: String,
    /// In the receipt.
    pub claimed: String,
    /// As judged now.
    pub now: String,
}

#[derive(Deserialize)]
struct Verdicts {
    #[serde(default)]
    recording: Option<PathBuf>,
    verdicts: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Results {
    scenarios: Vec<Verdicts>,
}

/// Every receipt in a file: a receipt alone, a verdict, a recording's `verdicts.json`, an answer of a stream, or
/// results of `--format json`. Verdicts without a receipt are host errors and claim nothing.
///
/// # Errors
/// When it is none of these, or has no receipt.
pub fn claims(text: &str) -> Result<Vec<Claim>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let of = |verdicts: Verdicts| {
        let recording = verdicts.recording;
        verdicts.verdicts.into_iter().filter_map(move |verdict| {
            let receipt = verdict.receipt.clone()?;
            Some(Claim { verdict: Some(verdict), receipt, recording: recording.clone() })
        })
    };
    let has = |name: &str| value.get(name).is_some();
    // From text each time: numbers stay as they were written.
    let parsed = if has("scenarios") {
        serde_json::from_str(text).map(|Results { scenarios }| scenarios.into_iter().flat_map(of).collect())
    } else if has("verdicts") {
        serde_json::from_str(text).map(|verdicts| of(verdicts).collect())
    } else if has("receipt") {
        serde_json::from_str(text)
            .map(|verdict| of(Verdicts { recording: None, verdicts: vec![verdict] }).collect())
    } else {
        serde_json::from_str(text).map(|receipt| vec![Claim { verdict: None, receipt, recording: None }])
    };
    let claims: Vec<Claim> = parsed.map_err(|error| format!("it holds no receipt: {error}"))?;
    if claims.is_empty() { Err("it holds no receipt".to_owned()) } else { Ok(claims) }
}

/// Compares a claim with verdicts of now: with the equal one if there is one, else with the nearest. `None` when nothing
/// like it was judged.
pub fn verify(claim: &Claim, judged: &[Verdict]) -> Option<Verified> {
    let claimed = &claim.receipt.inputs;
    let is_like = |verdict: &&Verdict| match &claim.verdict {
        Some(claimed) => claimed.assertion == verdict.assertion,
        None => verdict.receipt.as_ref().is_some_and(|receipt| receipt.inputs.assertion == claimed.assertion),
    };
    let differences = |verdict: &Verdict| -> Vec<Difference> {
        let Some(receipt) = &verdict.receipt else {
            let now = verdict.error.as_ref().map_or("no verdict", |error| &error.message).to_owned();
            let claimed = claim.receipt.result.verdict.word().to_owned();
            return vec![Difference { part: "verdict".to_owned(), claimed, now }];
        };
        let mut found = parts(&claim.receipt, receipt);
        // A verdict is more than its receipt: what is quoted beside it must be what the receipt stands for.
        if found.is_empty() && claim.verdict.as_ref().is_some_and(|claimed| claimed != verdict) {
            let (claimed, now) = ("edited".to_owned(), receipt.result.findings.to_string());
            found.push(Difference { part: "findings".to_owned(), claimed, now });
        }
        found
    };
    judged
        .iter()
        .filter(is_like)
        .map(|verdict| Verified { assertion: verdict.assertion.clone(), differs: differences(verdict) })
        .min_by_key(|verified| verified.differs.len())
}

/// Every part that differs, inputs first.
fn parts(claimed: &Receipt, now: &Receipt) -> Vec<Difference> {
    let flat = |receipt: &Receipt| {
        let mut parts = std::collections::BTreeMap::new();
        let (inputs, result) = (json!(receipt.inputs), json!(receipt.result));
        for (order, members) in [inputs, result].into_iter().enumerate() {
            for (name, value) in members.as_object().into_iter().flatten() {
                match value {
                    Value::Object(below) => parts.extend(
                        below.iter().map(|(key, value)| ((order, format!("{name}.{key}")), text(value))),
                    ),
                    _ => {
                        parts.insert((order, name.clone()), text(value));
                    }
                }
            }
        }
        parts
    };
    let (claimed, now) = (flat(claimed), flat(now));
    let mut names: Vec<_> = claimed.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    let value = |of: &std::collections::BTreeMap<_, String>, name| {
        of.get(name).cloned().unwrap_or_else(|| "absent".to_owned())
    };
    names
        .into_iter()
        .map(|name| Difference {
            part: name.1.clone(),
            claimed: value(&claimed, name),
            now: value(&now, name),
        })
        .filter(|difference| difference.claimed != difference.now)
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::value::Digest;

    fn verdict() -> Verdict {
        let digest = Digest::of("x").to_string();
        serde_json::from_value(json!({
            "assertion": "std/exit",
            "outcome": "pass",
            "findings": [],
            "receipt": {
                "inputs": { "evidence": { "turns": digest }, "pack": digest, "assertion": "exit",
                    "parameters": digest, "limits": digest, "engine": "e" },
                "result": { "verdict": "pass", "findings": digest, "fuel": 7 },
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_receipt_is_found_wherever_it_stands() {
        let verdict = json!(verdict());
        for (file, recording) in [
            (verdict["receipt"].clone(), None),
            (verdict.clone(), None),
            (json!({ "schema": "wassert.verdicts/1", "verdicts": [verdict] }), None),
            (json!({ "scenarios": [{ "recording": "a/b", "verdicts": [verdict] }] }), Some("a/b")),
        ] {
            let claims = claims(&file.to_string()).unwrap();
            assert_eq!(claims.len(), 1, "{file}");
            assert_eq!(claims[0].recording.as_deref(), recording.map(std::path::Path::new));
            assert_eq!(verify(&claims[0], &[self::verdict()]).unwrap().differs, []);
        }
        for file in ["{}", "[]", "nonsense", r#"{"verdicts":[]}"#] {
            assert!(claims(file).is_err(), "{file}");
        }
    }

    #[test]
    fn what_differs_is_named() {
        let other = Digest::of("y").to_string();
        let edits: [(&str, Value, &str); 6] = [
            ("/receipt/inputs/evidence/turns", json!(other), "evidence.turns"),
            ("/receipt/inputs/engine", json!("f"), "engine"),
            ("/receipt/inputs/parameters", json!(other), "parameters"),
            ("/receipt/result/fuel", json!(8), "fuel"),
            ("/receipt/result/verdict", json!("fail"), "verdict"),
            ("/outcome", json!("fail"), "findings"),
        ];
        for (pointer, value, part) in edits {
            let mut edited = json!(verdict());
            *edited.pointer_mut(pointer).unwrap() = value;
            let claim = claims(&edited.to_string()).unwrap().remove(0);
            let differs = verify(&claim, &[verdict()]).unwrap().differs;
            assert_eq!(differs.iter().map(|difference| difference.part.as_str()).collect::<Vec<_>>(), [part]);
        }
        let mut renamed = verdict();
        renamed.assertion = "std/file".to_owned();
        let claim = claims(&json!(renamed).to_string()).unwrap().remove(0);
        assert!(verify(&claim, &[verdict()]).is_none());
    }
}
