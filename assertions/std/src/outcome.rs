//! `outcome`: what became of the agent in a turn, and why, apart from any verdict.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::exit::expression;
use crate::known::known;

/// How a turn comes out, as the run document says it.
const KINDS: [&str; 8] = [
    "completed",
    "failed",
    "incomplete",
    "timed-out",
    "stalled",
    "crashed",
    "budget-exhausted",
    "interrupted",
];

/// Why an agent fails, as the run document says it.
const CATEGORIES: [&str; 10] = [
    "usage-limit",
    "short-rate-limit",
    "provider-overloaded",
    "transient-infra",
    "invalid-model",
    "auth-or-proxy",
    "harness-launch",
    "incomplete-finalization",
    "agent-error",
    "unidentified-issue",
];

/// What a category is concluded from.
const SOURCES: [&str; 5] = ["reply", "limit", "event-field", "event-text", "process"];

/// See the module.
pub struct Outcome;

/// What it demands of the last turn, or of one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    kind: Option<String>,
    category: Option<String>,
    source: Option<String>,
    status: Option<u64>,
    turn: Option<NonZeroU32>,
}

impl Assertion for Outcome {
    const NAME: &'static str = "outcome";
    const SUMMARY: &'static str = "came out like this, for this reason";
    const READS: &'static [&'static str] = &["turns.turn", "turns.outcome"];
    const SCHEMA: &'static str = include_str!("../schemas/outcome.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { kind, category, source, status, turn } = parameters;
        let wanted = [
            ("kind", kind.map(|word| known(word, "kind of an outcome", &KINDS)).transpose()?),
            ("category", category.map(|word| known(word, "category of a failure", &CATEGORIES)).transpose()?),
            ("evidence/source", source.map(|word| known(word, "source of evidence", &SOURCES)).transpose()?),
            ("evidence/status", status.map(|status| status.to_string())),
        ];
        if wanted.iter().all(|(_, wanted)| wanted.is_none()) {
            return Err("parameters: `kind`, `category`, `source` or `status` is needed".to_owned());
        }
        let turn = evidence.one(&expression(turn))?;
        let at = path::member(&turn.path, "outcome");
        let outcome: Value =
            evidence.one(&at).map_err(|_| "the evidence does not tell how the turn came out")?.read()?;
        for (name, wanted) in wanted {
            let Some(wanted) = wanted else { continue };
            let found = outcome.pointer(&format!("/{name}")).filter(|found| !found.is_null());
            let noun = name.replace('/', "'s ");
            match found.map(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned)) {
                Some(found) => {
                    let place = name.split('/').fold(at.clone(), |path, name| path::member(&path, name));
                    report.demand(
                        found == wanted,
                        &place,
                        format!("its {noun} is `{found}`"),
                        format!("`{wanted}`"),
                    );
                }
                None => report.fail(&at, format!("it has no {noun}"), format!("`{wanted}`")),
            }
        }
        Ok(())
    }
}
