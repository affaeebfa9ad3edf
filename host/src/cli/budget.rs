//! Budgets of the project and of the command line: `[budget.run]` of `wassert.toml`, and `--budget run.tokens=1000`.

use std::collections::BTreeMap;

use crate::run::Budgets;
use crate::scenario::Budget;

/// One limit of the command line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Limit {
    level: String,
    measure: String,
    number: f64,
}

/// Reads `LEVEL.MEASURE=N`.
pub(super) fn limit(text: &str) -> Result<Limit, String> {
    let parts = text.split_once('=').and_then(|(name, number)| Some((name.split_once('.')?, number)));
    let ((level, measure), number) =
        parts.ok_or_else(|| "it is written like `run.tokens=1000`".to_owned())?;
    let number = number.parse().map_err(|_| format!("`{number}` is no number"))?;
    let limit = Limit { level: level.to_owned(), measure: measure.to_owned(), number };
    put(&mut Budgets::default(), &limit.level, &limit.measure, number)?;
    Ok(limit)
}

/// What the project and the command line allow together.
pub(super) fn budgets(
    project: &BTreeMap<String, BTreeMap<String, f64>>,
    arguments: &[Limit],
) -> anyhow::Result<Budgets> {
    let mut budgets = Budgets::default();
    for (level, limits) in project {
        for (measure, number) in limits {
            put(&mut budgets, level, measure, *number)
                .map_err(|error| anyhow::anyhow!("`wassert.toml`: `[budget.{level}]`: {error}"))?;
        }
    }
    for Limit { level, measure, number } in arguments {
        put(&mut budgets, level, measure, *number).map_err(anyhow::Error::msg)?;
    }
    Ok(budgets)
}

fn put(budgets: &mut Budgets, level: &str, measure: &str, number: f64) -> Result<(), String> {
    let budget = match level {
        "turn" => &mut budgets.turn,
        "scenario" => &mut budgets.scenario,
        "run" => &mut budgets.run,
        _ => return Err(format!("a budget is one of `turn`, `scenario` or `run`, not `{level}`")),
    };
    let mut limit = Budget::default();
    limit.limit(measure, number)?;
    *budget = budget.with(limit);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_of_several_counts() {
        let project = toml::from_str("run.tokens = 100\nturn.dollars = 0.5\n").unwrap();
        let arguments =
            ["run.tokens=70", "run.tokens=80", "scenario.seconds=1.5"].map(|text| limit(text).unwrap());
        let found = budgets(&project, &arguments).unwrap();
        let wanted = Budgets {
            run: Budget { tokens: Some(70), ..Budget::default() },
            scenario: Budget { wall_clock_ms: Some(1500), ..Budget::default() },
            turn: Budget { cost_microdollars: Some(500_000), ..Budget::default() },
        };
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_is_no_budget_is_refused() {
        for (text, named) in [
            ("run.tokens", "run.tokens=1000"),
            ("tokens=3", "run.tokens=1000"),
            ("job.tokens=3", "`job`"),
            ("run.token=3", "`token`"),
            ("run.tokens=x", "`x`"),
            ("run.tokens=-3", "0 to"),
            ("run.tokens=1.5", "whole"),
            ("run.dollars=nan", "0 to"),
        ] {
            let error = limit(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
        let project = toml::from_str("run.token = 100\n").unwrap();
        let error = budgets(&project, &[]).unwrap_err().to_string();
        assert!(error.contains("[budget.run]") && error.contains("`token`"), "{error}");
    }
}
