//! `retries`: how often the agent tried a step, and how long it waited before it tried again.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::amount::Amount;
use crate::demand;

/// See the module.
pub struct Retries;

/// Which step, how many attempts, and the least time between two of them: a number, or what the server asked for in
/// `retry-after`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    step: NonZeroU32,
    lane: Option<String>,
    count: Option<u32>,
    min: Option<u32>,
    max: Option<u32>,
    min_gap_ms: Option<u64>,
    #[serde(default)]
    heeds_retry_after: bool,
}

/// One attempt.
struct Attempt {
    path: String,
    retry_after_ms: Option<u64>,
    arrived_ms: Option<u64>,
}

impl Assertion for Retries {
    const NAME: &'static str = "retries";
    const SUMMARY: &'static str = "tried this step this often, with enough time between";
    const READS: &'static [&'static str] = &[
        "requests.lane",
        "requests.step",
        "requests.attempt",
        "requests.reply.retry_after_ms",
        "timing.arrival",
        "timing.arrived_ms",
    ];
    const SCHEMA: &'static str = include_str!("../schemas/retries.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { step, lane, count, min, max, min_gap_ms, heeds_retry_after } = parameters;
        let amount = count.or(min).or(max).map(|_| Amount::new(count, min, max)).transpose()?;
        if amount.is_none() && min_gap_ms.is_none() && !heeds_retry_after {
            return Err(
                "parameters: a number of attempts, `min-gap-ms` or `heeds-retry-after` is needed".to_owned()
            );
        }
        let lane = lane.unwrap_or_else(|| "main".to_owned());
        let attempts = attempts(evidence, &lane, step.get())?;
        let Some(first) = attempts.first() else {
            report.fail(
                &evidence.section("requests")?,
                format!("no request reached step {step} of lane `{lane}`"),
                "an attempt",
            );
            return Ok(());
        };
        if let Some(amount) = amount {
            let number = attempts.len() as u32;
            let paths: Vec<String> = attempts.iter().map(|attempt| attempt.path.clone()).collect();
            let message = format!("step {step} was tried {}", demand::counted(number, "time"));
            report.demand(amount.allows(number), &paths, message, format!("{} attempts", amount.words()));
        }
        if min_gap_ms.is_none() && !heeds_retry_after {
            return Ok(());
        }
        if attempts.len() < 2 {
            report.fail(
                &first.path,
                format!("step {step} was tried once: there is no gap"),
                "a second attempt",
            );
            return Ok(());
        }
        if heeds_retry_after && attempts.iter().all(|attempt| attempt.retry_after_ms.is_none()) {
            return Err("the server never said `retry-after`: there is nothing to heed".to_owned());
        }
        for pair in attempts.windows(2) {
            let [one, next] = pair else { continue };
            let asked = one.retry_after_ms.filter(|_| heeds_retry_after);
            let Some(least) = asked.into_iter().chain(min_gap_ms).max() else { continue };
            let (Some(from), Some(to)) = (one.arrived_ms, next.arrived_ms) else {
                return Err("the evidence does not tell when requests arrived".to_owned());
            };
            let gap = to.saturating_sub(from);
            report.demand(
                gap >= least,
                &vec![one.path.clone(), next.path.clone()],
                format!("{gap} ms between two attempts"),
                format!("at least {least} ms"),
            );
        }
        Ok(())
    }
}

/// The attempts of a step, in the order of their numbers.
fn attempts(evidence: &Evidence, lane: &str, step: u32) -> Result<Vec<Attempt>, String> {
    let nodes =
        evidence.query(&format!("$.requests[?@.lane == {} && @.step == {step}]", path::quote(lane)))?;
    let arrival = numbers(evidence, "arrival")?;
    let arrived_ms = numbers(evidence, "arrived_ms")?;
    let mut attempts = Vec::new();
    for node in nodes {
        let request: Value = node.read()?;
        let index = match path::parts(&node.path).as_deref() {
            Some([_, path::Part::Index(index)]) => *index,
            _ => return Err(format!("{} is no request", node.path)),
        };
        attempts.push((
            request.get("attempt").and_then(Value::as_u64).unwrap_or_default(),
            Attempt {
                path: node.path,
                retry_after_ms: request.pointer("/reply/retry_after_ms").and_then(Value::as_u64),
                arrived_ms: arrival
                    .iter()
                    .position(|position| *position == index as u64)
                    .and_then(|order| arrived_ms.get(order).copied()),
            },
        ));
    }
    attempts.sort_by_key(|(number, _)| *number);
    Ok(attempts.into_iter().map(|(_, attempt)| attempt).collect())
}

/// A list of `timing`; empty where the evidence has none.
fn numbers(evidence: &Evidence, name: &str) -> Result<Vec<u64>, String> {
    match evidence.first(&format!("$.timing.{name}"))? {
        Some(node) => node.read(),
        None => Ok(Vec::new()),
    }
}
