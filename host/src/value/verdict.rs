//! What the host concludes of one assertion, and on what grounds: verdict, findings, places, receipt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, Outcome};

/// The host's conclusion on one assertion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `std/file`, `./check.wasm`, `run/completed`.
    pub assertion: String,
    /// Pass, fail, skip or error.
    pub outcome: Outcome,
    /// Why nothing could be judged; only with the outcome `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Unjudged>,
    /// What was found, in the order it was reported.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Findings beyond the limit that were dropped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub findings_dropped: u32,
    /// What the module logged, oldest first, up to the limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// Queries, blobs and places it asked for beyond what it was granted, each once, up to a limit; it got nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<String>,
    /// What went in and what came out; absent for host errors, which may differ from one judging to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

impl Verdict {
    /// Nothing was judged, for a reason outside the module: there is no receipt.
    pub fn unjudged(assertion: &str, error: Unjudged) -> Self {
        Self {
            assertion: assertion.to_owned(),
            outcome: Outcome::Error,
            error: Some(error),
            findings: Vec::new(),
            findings_dropped: 0,
            log: Vec::new(),
            attempts: Vec::new(),
            receipt: None,
        }
    }
}

/// Why nothing could be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unjudged {
    /// Whether judging again would end the same way.
    pub class: ErrorClass,
    /// A kebab-case word: `trap`, `fuel`, `memory`, `host-work`, `output`, `no-finding`, `no-read`, `no-place`,
    /// `unresolved-place`, `refused-by-guest`, `unknown-assertion`, `not-a-module`, `contract`, `stack`, `wall-clock`, ….
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Where in the module it was, innermost first: function names and, where the module has debug information, lines.
    /// No part of a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// Guest errors are as deterministic as verdicts; host errors are not, carry no receipt and are never cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// The module's doing: trap, limit, bad output.
    Guest,
    /// The machine's doing: stack depth, wall clock, compile limit, memory.
    Host,
}

/// One pass, fail or skip, pointing at evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Pass, fail or skip.
    pub outcome: Outcome,
    /// One sentence.
    pub message: String,
    /// Where in the run document.
    pub at: Vec<Place>,
    /// What was expected there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// JSON for tools, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub extra: String,
}

/// A place in the evidence, with what the host read there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// A normalized path in the run document, or a blob's name.
    pub path: String,
    /// First byte, for a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// One past the last byte, for a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// What stands there, rendered by the host, at most 200 characters on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}

/// The same inputs give the same result, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What the verdict is a function of.
    pub inputs: ReceiptInputs,
    /// The verdict.
    pub result: ReceiptResult,
}

/// What a verdict is a function of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptInputs {
    /// Granted section of the run document to the digest of its canonical JSON (and of the blobs it names).
    pub evidence: BTreeMap<String, Digest>,
    /// Digest of the module.
    pub pack: Digest,
    /// The assertion's name within the module.
    pub assertion: String,
    /// Digest of the parameters' canonical JSON.
    pub parameters: Digest,
    /// Digest of the limits' canonical JSON.
    pub limits: Digest,
    /// Whether it may skip.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may_skip: bool,
    /// wasmtime version, cost table, proposal list and query-evaluator version; never the back end.
    pub engine: String,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptResult {
    /// The outcome.
    pub verdict: Outcome,
    /// Digest of the findings' (and a guest error's) canonical JSON.
    pub findings: Digest,
    /// Fuel used by `check`.
    pub fuel: u64,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
