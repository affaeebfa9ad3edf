//! `[expect]`: how the run is expected to end, for all agents or for each. Its other keys are read in `effects`.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::AgentChoice;
use super::findings::Findings;
use super::load::{belongs_to_the_scenario, known_word};
use super::model::Effects;
use super::table::{Table, as_text};
use super::{differences, effects};
use crate::document::{Completed, ExpectedAttempts};

const WORDS: [(&str, Completed); 8] = [
    ("completed", Completed::Completed),
    ("failed", Completed::Failed),
    ("silent", Completed::Silent),
    ("timeout", Completed::Timeout),
    ("signal", Completed::Signal),
    ("stalled", Completed::Stalled),
    ("output-limit", Completed::OutputLimit),
    ("budget-exhausted", Completed::BudgetExhausted),
];

/// How each agent is expected to end.
#[derive(Default)]
pub(super) struct Expected {
    /// Where nothing else is said.
    pub(super) everywhere: Completed,
    /// By the agent's name.
    pub(super) by_agent: BTreeMap<String, Completed>,
    /// What it may do beyond its workspace.
    pub(super) effects: Effects,
    /// Exit codes by agent.
    pub(super) exits: BTreeMap<String, i32>,
    /// Attempts by agent.
    pub(super) attempts: BTreeMap<String, Vec<ExpectedAttempts>>,
}

/// Reads `[expect]`.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings, agents: &[AgentChoice]) -> Expected {
    let mut expected = Expected::default();
    let Some(mut table) = root.table("expect", "`[expect]`") else { return expected };
    match table.value("completed").map(|value| (value, value.get_ref())) {
        None => {}
        Some((value, DeValue::Table(_))) => by_agent(value, findings, agents, &mut expected),
        Some((value, DeValue::String(_))) => {
            expected.everywhere = word(value, findings).unwrap_or_default();
        }
        Some((value, _)) => {
            let _: Option<()> =
                table.wrong_type("completed", "a text, or a table with a text for each agent", value);
        }
    }
    expected.exits = differences::exits(&mut table, findings, agents);
    expected.attempts = differences::attempts(&mut table, findings, agents);
    expected.effects = effects::read(&mut table, findings, agents);
    table.finish(belongs_to_the_scenario);
    expected
}

fn by_agent(
    value: &Spanned<DeValue<'_>>,
    findings: &Findings,
    agents: &[AgentChoice],
    expected: &mut Expected,
) {
    let Some(table) = super::table::as_table(findings, "completed", "`completed`", value) else { return };
    let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    for (name, value) in table.entries() {
        let known = known_word(findings, "unknown-agent", "agent", &name, &names);
        if let (Some(known), Some(completed)) = (known, word(value, findings)) {
            expected.by_agent.insert(known.to_owned(), completed);
        }
    }
}

fn word(value: &Spanned<DeValue<'_>>, findings: &Findings) -> Option<Completed> {
    let text = as_text(findings, "completed", value)?;
    let known = WORDS.map(|(word, _)| word);
    let written = known_word(findings, "unknown-end", "end of a run", &text, &known)?;
    WORDS.iter().find(|(word, _)| *word == written).map(|(_, completed)| *completed)
}
