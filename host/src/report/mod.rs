//! Outcomes and diagnostics as text: one file a format. A report never sees a live run; it renders what was concluded.

mod aftermath;
mod causal;
mod diagnostic;
mod difference;
mod event;
mod examples;
mod file_diff;
#[cfg(test)]
mod fixture;
mod human;
mod items;
mod json;
mod layout;
mod matrix;
mod news;
mod normalized;
mod notes;
mod part;
mod place;
mod request;
mod style;
mod timeline;
mod transcript;

use std::path::PathBuf;

pub use diagnostic::{render_human, render_json};
pub use difference::{difference, difference_json};
pub use event::event;
pub use examples::{EXAMPLES_SCHEMA, ExampleResult, examples_for_people, examples_json};
pub use file_diff::{Content, file_diff};
pub use human::{scenario_line, summary};
pub use json::{SCHEMA, results};
pub use layout::Layout;
pub use matrix::matrix;
pub use notes::notes;
pub use part::NoSuchPart;
pub use place::{blob_place, matches, place};
pub use request::request;
pub use style::Style;
pub use timeline::timeline;
pub use transcript::transcript;

use crate::value::{Outcome, Verdict};

/// What became of one scenario on one agent.
#[derive(Clone, Debug)]
pub struct ScenarioResult {
    /// The scenario's name.
    pub name: String,
    /// The agent's name; empty when the scenario could not be loaded.
    pub agent: String,
    /// The whole's outcome.
    pub outcome: Outcome,
    /// Where the recording is.
    pub recording: Option<PathBuf>,
    /// From the start of the preparation to the last verdict.
    pub duration_ms: u64,
    /// Host assertions first, then the scenario's, in file order.
    pub verdicts: Vec<Judged>,
    /// What was worth saying while it ran, and changed no verdict.
    pub notices: Vec<String>,
    /// Why there is nothing to judge: a missing agent, a workspace that could not be laid.
    pub problem: Option<Problem>,
    /// What else should be known of the run; no verdict depends on it.
    pub notes: Vec<String>,
}

/// A verdict and where it was asked for.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// `scenarios/x.toml:12`, where it was asked for in a file.
    pub asked_at: Option<String>,
}

/// Why a scenario could not be judged at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A kebab-case word, such as `agent-missing`.
    pub id: &'static str,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// The identifier of a problem that is none: the scenario says nothing about this agent.
const NOT_APPLICABLE: &str = "not-applicable";

impl Problem {
    /// A scenario that calls tools which the agent has not.
    pub fn not_applicable(agent: &str, lacks: &[String]) -> Self {
        let tools: Vec<String> = lacks.iter().map(|tool| format!("`{tool}`")).collect();
        let message = format!("`{agent}` has no tool that answers to {}", tools.join(" or "));
        Self { id: NOT_APPLICABLE, message, help: None }
    }

    /// Whether it is one of those.
    pub fn is_not_applicable(&self) -> bool {
        self.id == NOT_APPLICABLE
    }
}

impl ScenarioResult {
    /// Whether the scenario says nothing about this agent, because the agent lacks a tool that it calls. Never a pass.
    pub fn is_not_applicable(&self) -> bool {
        self.outcome == Outcome::Skip
            && self.problem.as_ref().is_some_and(|problem| problem.id == NOT_APPLICABLE)
    }

    /// The outcome that verdicts and a problem add up to; nothing judged is an error.
    pub fn outcome_of(verdicts: &[Judged], problem: Option<&Problem>) -> Outcome {
        let verdicts = verdicts.iter().map(|judged| judged.verdict.outcome);
        Outcome::of_all(verdicts.chain(problem.map(|_| Outcome::Error))).unwrap_or(Outcome::Error)
    }
}

/// How many of each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Pass.
    pub passed: usize,
    /// Fail.
    pub failed: usize,
    /// Skip.
    pub skipped: usize,
    /// Error.
    pub errors: usize,
    /// Scenarios that do not apply to their agent; not among the skipped.
    pub not_applicable: usize,
}

impl Count {
    /// Counts outcomes.
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let mut count = Self::default();
        for outcome in outcomes {
            *match outcome {
                Outcome::Pass => &mut count.passed,
                Outcome::Fail => &mut count.failed,
                Outcome::Skip => &mut count.skipped,
                Outcome::Error => &mut count.errors,
            } += 1;
        }
        count
    }

    /// Counts scenarios.
    pub fn of_scenarios(results: &[ScenarioResult]) -> Self {
        let (not_applicable, judged): (Vec<_>, Vec<_>) =
            results.iter().partition(|result| result.is_not_applicable());
        let count = Self::of(judged.into_iter().map(|result| result.outcome));
        Self { not_applicable: not_applicable.len(), ..count }
    }

    /// All of them.
    pub fn total(self) -> usize {
        self.passed + self.failed + self.skipped + self.errors + self.not_applicable
    }
}
