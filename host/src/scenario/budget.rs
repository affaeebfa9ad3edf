//! Budgets: what a turn, a scenario or a whole run may use. Read from a scenario's tables here; a project's settings and
//! the command line say the same with [`Budget::limit`].

use toml::de::DeValue;

use super::load::belongs_to_the_scenario;
use super::table::Table;
use crate::document::Measure;

/// What may be used; what is absent is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Milliseconds.
    pub wall_clock_ms: Option<u64>,
    /// Tokens, sent and received.
    pub tokens: Option<u64>,
    /// Millionths of a US dollar.
    pub cost_microdollars: Option<u64>,
}

/// The keys of a budget, and the most each may say.
pub const BUDGET_KEYS: [(&str, f64); 3] = [("seconds", 86_400.0), ("tokens", 1e12), ("dollars", 1e6)];

impl Budget {
    /// The limit of one measure.
    pub fn of(&self, measure: Measure) -> Option<u64> {
        match measure {
            Measure::WallClock => self.wall_clock_ms,
            Measure::Tokens => self.tokens,
            Measure::Cost => self.cost_microdollars,
        }
    }

    /// Of two budgets that both hold: of each measure the smaller one.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        Self {
            wall_clock_ms: least(self.wall_clock_ms, other.wall_clock_ms),
            tokens: least(self.tokens, other.tokens),
            cost_microdollars: least(self.cost_microdollars, other.cost_microdollars),
        }
    }

    /// Sets what the key says.
    ///
    /// # Errors
    /// When there is no such key, or the number is not one that it takes; the sentence says which.
    pub fn limit(&mut self, key: &str, number: f64) -> Result<(), String> {
        let Some((_, most)) = BUDGET_KEYS.iter().find(|(known, _)| *known == key) else {
            return Err(format!("a budget is one of `seconds`, `tokens` and `dollars`, not `{key}`"));
        };
        if !(0.0..=*most).contains(&number) {
            return Err(format!("`{key}` of a budget is 0 to {most}"));
        }
        match key {
            "seconds" => self.wall_clock_ms = Some((number * 1e3).round() as u64),
            "dollars" => self.cost_microdollars = Some((number * 1e6).round() as u64),
            _ if number.fract() != 0.0 => return Err("`tokens` of a budget is a whole number".to_owned()),
            _ => self.tokens = Some(number as u64),
        }
        Ok(())
    }
}

/// Reads the `budget` of a table.
pub(super) fn read(table: &mut Table<'_>) -> Budget {
    let mut budget = Budget::default();
    let Some(mut table) = table.table("budget", "`budget`") else { return budget };
    for (key, most) in BUDGET_KEYS {
        let Some(value) = table.value(key) else { continue };
        let number = match value.get_ref() {
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|whole| whole as f64)
            }
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            _ => {
                let _: Option<()> = table.wrong_type(key, "a number", value);
                continue;
            }
        };
        if number.is_none_or(|number| budget.limit(key, number).is_err()) {
            let whole = if key == "tokens" { ", whole" } else { "" };
            table.out_of_range(key, value, &format!("0 to {most}{whole}"));
        }
    }
    table.finish(belongs_to_the_scenario);
    budget
}

#[cfg(test)]
mod tests {
    use super::super::every_key::load_text;
    use super::*;

    const PLAIN: &str = "summary = 's'\n[[assert]]\nuse = 'std/exit'\n[[turn]]\nprompt = 'p'\n";

    #[test]
    fn budgets_of_turn_and_scenario_are_read() {
        let text = format!("{PLAIN}budget.dollars = 0.25\n[budget]\nseconds = 1.5\ntokens = 100\n");
        let scenario = load_text("a.toml", text.as_bytes()).scenario.unwrap();
        let whole = Budget { wall_clock_ms: Some(1500), tokens: Some(100), ..Budget::default() };
        assert_eq!(scenario.budget, whole);
        let turn = Budget { cost_microdollars: Some(250_000), ..Budget::default() };
        assert_eq!(scenario.turns[0].conduct.budget, turn);
    }

    #[test]
    fn what_is_no_budget_is_told_at_its_place() {
        for (budget, id) in [
            ("tokens = -1", "out-of-range"),
            ("tokens = 1.5", "out-of-range"),
            ("dollars = nan", "out-of-range"),
            ("seconds = 'x'", "wrong-type"),
            ("token = 1", "unknown-key"),
        ] {
            let loaded = load_text("a.toml", format!("{PLAIN}[budget]\n{budget}\n").as_bytes());
            let ids: Vec<_> = loaded.diagnostics.iter().map(|found| found.id).collect();
            assert_eq!(ids, [id], "{budget}");
        }
    }

    #[test]
    fn of_two_budgets_the_smaller_holds() {
        let tokens = |tokens| Budget { tokens: Some(tokens), ..Budget::default() };
        let seconds = Budget { wall_clock_ms: Some(7), ..Budget::default() };
        assert_eq!(tokens(3).with(tokens(2)).with(seconds), Budget { tokens: Some(2), ..seconds });
    }
}
