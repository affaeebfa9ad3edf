//! Budgets: which of them a turn passed.

use serde::{Deserialize, Serialize};

/// A budget that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceeded {
    /// Whose budget it was.
    pub level: BudgetLevel,
    /// Of what.
    pub measure: Measure,
    /// How much there was: milliseconds, tokens, or millionths of a US dollar.
    pub limit: u64,
}

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BudgetLevel {
    /// One turn.
    Turn,
    /// All turns of a scenario on one agent.
    Scenario,
    /// Everything that runs.
    Run,
}

/// What a budget is a budget of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Time.
    WallClock,
    /// Tokens, sent and received, as the agent reports them.
    Tokens,
    /// Money, as the agent reports it.
    Cost,
}

impl Measure {
    /// What it is called in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::WallClock => "how long it took",
            Self::Tokens => "how many tokens it used",
            Self::Cost => "what it cost",
        }
    }
}

impl BudgetLevel {
    /// The word in the document.
    pub fn word(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Scenario => "scenario",
            Self::Run => "run",
        }
    }
}

impl std::fmt::Display for Exceeded {
    /// `the turn's budget of 100 tokens`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the {}'s budget of ", self.level.word())?;
        match self.measure {
            Measure::WallClock => write!(f, "{} seconds", self.limit as f64 / 1e3),
            Measure::Tokens => write!(f, "{} tokens", self.limit),
            Measure::Cost => write!(f, "{} dollars", self.limit as f64 / 1e6),
        }
    }
}
