//! What is left of a day, as a file of the workspace says it: `{ "left": { "tokens": 1000, "wall-clock-ms": 60000 } }`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Evidence, path};

/// What may be left.
const QUANTITIES: [&str; 6] =
    ["input-tokens", "output-tokens", "tokens", "cost-microdollars", "requests", "wall-clock-ms"];

/// A ledger as it was before the run: what the agent writes into it gives it nothing.
#[derive(Debug, Deserialize)]
pub struct Ledger {
    left: BTreeMap<String, u64>,
}

impl Ledger {
    /// Reads it.
    ///
    /// # Errors
    /// When there is none, or it says nothing that can be judged by.
    pub fn read(evidence: &Evidence, name: &str) -> Result<Self, String> {
        let entry = path::member(&path::member("$['files']", name), "before");
        let state: Value = evidence
            .first(&entry)?
            .ok_or_else(|| format!("there was no ledger `{name}` before the run: what is left is unknown"))?
            .read()?;
        let text = state.get("text").and_then(Value::as_str).unwrap_or_default();
        Self::parse(text).map_err(|why| format!("the ledger `{name}`: {why}"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let ledger: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match ledger.left.keys().find(|name| !QUANTITIES.contains(&name.as_str())) {
            Some(name) => {
                Err(format!("`{name}` is nothing that is judged; there are {}", QUANTITIES.join(", ")))
            }
            None if ledger.left.is_empty() => Err("`left` is empty".to_owned()),
            None => Ok(ledger),
        }
    }

    /// What is left of a quantity.
    pub fn left(&self, name: &str) -> Option<u64> {
        self.left.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn a_ledger_that_leaves_nothing_known_is_refused() {
        assert_eq!(
            Ledger::parse(r#"{"day": "2026-01-01", "left": {"tokens": 7}}"#).unwrap().left("tokens"),
            Some(7)
        );
        for text in ["", "{}", r#"{"left": {}}"#, r#"{"left": {"token": 7}}"#, r#"{"left": {"tokens": -1}}"#]
        {
            assert!(Ledger::parse(text).is_err(), "{text}");
        }
    }
}
