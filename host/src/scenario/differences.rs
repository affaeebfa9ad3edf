//! `exit` and `attempts` of `[expect]`: where agents legitimately differ in how they end and how often they try.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::AgentChoice;
use super::findings::Findings;
use super::load::known_word;
use super::table::{Table, as_table, wrong_type};
use crate::document::ExpectedAttempts;

/// Most attempts that can be expected of a step.
const MOST_ATTEMPTS: i64 = 1000;

/// Exit codes by agent; absent: any.
pub(super) fn exits(
    table: &mut Table<'_>,
    findings: &Findings,
    agents: &[AgentChoice],
) -> BTreeMap<String, i32> {
    let Some(value) = table.value("exit") else { return BTreeMap::new() };
    let code = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::Integer(integer) => i32::from_str_radix(integer.as_str(), integer.radix()).ok(),
        _ => None,
    };
    let wrong = |value| {
        let _: Option<()> =
            wrong_type(findings, "exit", "an exit code, or a table with one for each agent", value);
    };
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        let Some(code) = code(value) else {
            wrong(value);
            return BTreeMap::new();
        };
        return agents.iter().map(|agent| (agent.name.clone(), code)).collect();
    }
    let mut exits = BTreeMap::new();
    let Some(by_agent) = as_table(findings, "exit", "`exit`".to_owned(), value) else { return exits };
    for (name, value) in by_agent.entries() {
        match (known_agent(findings, &name, agents), code(value)) {
            (Some(agent), Some(code)) => {
                exits.insert(agent.to_owned(), code);
            }
            (_, None) => wrong(value),
            (None, _) => {}
        }
    }
    exits
}

/// By agent: steps that it tries this often, whatever the script has for them.
pub(super) fn attempts(
    table: &mut Table<'_>,
    findings: &Findings,
    agents: &[AgentChoice],
) -> BTreeMap<String, Vec<ExpectedAttempts>> {
    let mut expected = BTreeMap::new();
    let Some(by_agent) = table.table("attempts", "`attempts`") else { return expected };
    for (name, value) in by_agent.entries() {
        let called = "the attempts of an agent".to_owned();
        let Some(agent) = known_agent(findings, &name, agents) else { continue };
        let Some(mut one) = as_table(findings, name.get_ref(), called, value) else { continue };
        let lane = one.text("lane").map_or("main", |lane| lane.get_ref()).to_owned();
        let step = one.integer("step", 1..=MOST_ATTEMPTS);
        let count = one.integer("count", 0..=MOST_ATTEMPTS);
        for key in ["step", "count"] {
            if !one.has(key) {
                one.missing(key);
            }
        }
        one.finish(|_| None);
        if let (Some(step), Some(count)) = (step, count) {
            let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
            let entry = ExpectedAttempts { lane, step: small(step), attempts: small(count) };
            expected.entry(agent.to_owned()).or_insert_with(Vec::new).push(entry);
        }
    }
    expected
}

fn known_agent<'a>(findings: &Findings, name: &Spanned<&str>, agents: &'a [AgentChoice]) -> Option<&'a str> {
    let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    known_word(findings, "unknown-agent", "agent", name, &names)
}
