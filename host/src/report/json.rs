//! Results for programs: one object, members are only ever added.

use serde_json::{Value, json};

use super::{Count, ScenarioResult};

/// The schema's name and major version.
pub const SCHEMA: &str = "wassert.results/1";

/// All results as one object.
pub fn results(results: &[ScenarioResult], diagnostics: &[Value], duration_ms: u64) -> Value {
    let scenarios = Count::of_scenarios(results);
    let verdicts =
        Count::of(results.iter().flat_map(|result| &result.verdicts).map(|judged| judged.verdict.outcome));
    let mut counted = count(scenarios);
    counted["not_applicable"] = scenarios.not_applicable.into();
    json!({
        "schema": SCHEMA,
        "summary": { "scenarios": counted, "verdicts": count(verdicts), "duration_ms": duration_ms },
        "diagnostics": diagnostics,
        "scenarios": results.iter().map(scenario).collect::<Vec<_>>(),
    })
}

fn scenario(result: &ScenarioResult) -> Value {
    let verdicts: Vec<_> = result
        .verdicts
        .iter()
        .map(|judged| {
            let mut verdict = json!(judged.verdict);
            verdict["asked_at"] = json!(judged.asked_at);
            verdict
        })
        .collect();
    json!({
        "name": result.name,
        "agent": result.agent,
        "outcome": result.outcome,
        "recording": result.recording,
        "duration_ms": result.duration_ms,
        "verdicts": verdicts,
        "notices": result.notices,
        "problem": result.problem.as_ref().map(|problem| json!({
            "id": problem.id,
            "message": problem.message,
            "help": problem.help,
        })),
        "notes": result.notes,
    })
}

fn count(count: Count) -> Value {
    json!({ "passed": count.passed, "failed": count.failed, "skipped": count.skipped, "errors": count.errors })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Outcome;

    #[test]
    fn the_sum_is_counted_from_the_parts() {
        let part = |outcome| ScenarioResult {
            notes: Vec::new(),
            name: "a".into(),
            agent: "example".into(),
            outcome,
            recording: None,
            duration_ms: 1,
            verdicts: vec![],
            notices: vec![],
            problem: None,
        };
        let value = results(&[part(Outcome::Pass), part(Outcome::Error), part(Outcome::Pass)], &[], 5);
        assert_eq!(
            value["summary"]["scenarios"],
            json!({"passed": 2, "failed": 0, "skipped": 0, "errors": 1, "not_applicable": 0})
        );
        assert_eq!(value["scenarios"][1]["outcome"], "error");
    }
}
