//! `budget`: what the agent says it used is within what it may use. What it does not say is unknown, never zero.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::ledger::Ledger;
use crate::needle::Needle;
use crate::texts;

/// See the module.
pub struct Budget;

/// The most that all turns together may use. A ledger, a JSON file of the workspace, can only make it less.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    tokens: Option<u64>,
    cost_microdollars: Option<u64>,
    requests: Option<u64>,
    ledger: Option<Needle>,
}

impl Assertion for Budget {
    const NAME: &'static str = "budget";
    const SUMMARY: &'static str = "used no more tokens, money and requests than it may";
    const READS: &'static [&'static str] = &["turns.turn", "turns.usage", "requests.lane", "files"];
    const SCHEMA: &'static str = include_str!("../schemas/budget.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { input_tokens, output_tokens, tokens, cost_microdollars, requests, ledger } =
            parameters;
        let ledger = ledger.map(|path| Ledger::read(evidence, path.text())).transpose()?;
        let limits = [
            ("input-tokens", input_tokens),
            ("output-tokens", output_tokens),
            ("tokens", tokens),
            ("cost-microdollars", cost_microdollars),
            ("requests", requests),
        ];
        let mut judged = false;
        for (name, limit) in limits {
            let left = ledger.as_ref().and_then(|ledger| ledger.left(name));
            let Some(limit) = limit.into_iter().chain(left).min() else { continue };
            judged = true;
            let (used, at) = match name {
                "requests" => match evidence.query("$.requests[*].lane")? {
                    nodes => (nodes.len() as u64, vec![evidence.section("requests")?]),
                },
                _ => match used(name, evidence)? {
                    Ok(known) => known,
                    Err(at) => {
                        report.fail(
                            &at,
                            format!("the agent does not say its {name}: unknown is not zero"),
                            format!("at most {limit} {name}"),
                        );
                        continue;
                    }
                },
            };
            let clamped = if left == Some(limit) { ", which is what the ledger leaves" } else { "" };
            report.demand(
                used <= limit,
                &texts::places(at, "$['turns']"),
                format!("{used} {name}"),
                format!("at most {limit} {name}{clamped}"),
            );
        }
        if !judged {
            return Err(
                "parameters: nothing is limited: name a limit, or a ledger that leaves one".to_owned()
            );
        }
        Ok(())
    }
}

/// What all turns used together and where they say so, or the place of the turn that does not.
fn used(name: &str, evidence: &Evidence) -> Result<Result<(u64, Vec<String>), String>, String> {
    let turns = evidence.query("$.turns[*].usage")?;
    if turns.is_empty() {
        return Err("no turn was begun: nothing was looked at".to_owned());
    }
    let mut sum: u64 = 0;
    let mut places = Vec::new();
    for node in turns {
        let usage: Value = node.read()?;
        let member = |name: &str| usage.get(name).and_then(Value::as_u64);
        let reported = usage.get("reported").and_then(Value::as_bool) == Some(true);
        let used = match name {
            "input-tokens" => member("input_tokens").filter(|_| reported),
            "output-tokens" => member("output_tokens").filter(|_| reported),
            "cost-microdollars" => member("cost_microdollars"),
            _ => member("input_tokens")
                .zip(member("output_tokens"))
                .map(|(a, b)| a.saturating_add(b))
                .filter(|_| reported),
        };
        match used {
            Some(used) => sum = sum.saturating_add(used),
            None => return Ok(Err(node.path)),
        }
        places.push(match name {
            "cost-microdollars" => path::member(&node.path, "cost_microdollars"),
            _ => node.path,
        });
    }
    Ok(Ok((sum, places)))
}
