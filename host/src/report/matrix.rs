//! Results as a table: a row a scenario, a column an agent. Nothing but the outcomes; their grounds are in the summary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{ScenarioResult, Style};
use crate::value::{Outcome, escape_terminal};

/// The table; empty where there is one agent only.
pub fn matrix(results: &[ScenarioResult], style: Style) -> String {
    let agents: BTreeSet<&str> =
        results.iter().map(|result| result.agent.as_str()).filter(|agent| !agent.is_empty()).collect();
    if agents.len() < 2 {
        return String::new();
    }
    let mut rows: BTreeMap<&str, BTreeMap<&str, &ScenarioResult>> = BTreeMap::new();
    for result in results.iter().filter(|result| !result.agent.is_empty()) {
        rows.entry(&result.name).or_default().insert(&result.agent, result);
    }
    let name_width = rows.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let width = |agent: &str| agent.chars().count().max(5);
    let mut text = format!("\n{:name_width$}", "");
    for agent in &agents {
        let _ = write!(text, "  {:>width$}", escape_terminal(agent), width = width(agent));
    }
    text.push('\n');
    for (name, cells) in rows {
        let _ = write!(text, "{:name_width$}", escape_terminal(name));
        for agent in &agents {
            let word = format!(
                "{:>width$}",
                cells.get(agent).map_or("-", |result| word(result)),
                width = width(agent)
            );
            let cell = match cells.get(agent) {
                Some(result) if !result.is_not_applicable() => style.outcome(result.outcome, &word),
                _ => style.faint(&word),
            };
            let _ = write!(text, "  {cell}");
        }
        text.push('\n');
    }
    text
}

/// The word of a cell.
fn word(result: &ScenarioResult) -> &'static str {
    match result.outcome {
        _ if result.is_not_applicable() => "n/a",
        Outcome::Pass => "pass",
        Outcome::Fail => "FAIL",
        Outcome::Skip => "skip",
        Outcome::Error => "ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Problem;

    fn result(name: &str, agent: &str, outcome: Outcome) -> ScenarioResult {
        let problem =
            (outcome == Outcome::Skip).then(|| Problem::not_applicable(agent, &["read-file".to_owned()]));
        ScenarioResult {
            notes: Vec::new(),
            name: name.into(),
            agent: agent.into(),
            outcome,
            recording: None,
            duration_ms: 0,
            verdicts: Vec::new(),
            notices: Vec::new(),
            problem,
        }
    }

    #[test]
    fn every_cell_has_its_word() {
        let results = [
            result("a/one", "pi", Outcome::Pass),
            result("a/one", "codex", Outcome::Skip),
            result("b/longer", "pi", Outcome::Fail),
            result("b/broken", "", Outcome::Error),
        ];
        let expected = "\n          codex     pi\na/one       n/a   pass\nb/longer      -   FAIL\n";
        assert_eq!(matrix(&results, Style::Plain), expected);
        assert_eq!(matrix(&results[..1], Style::Plain), "");
    }
}
