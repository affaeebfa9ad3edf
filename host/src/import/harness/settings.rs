//! How the agent is set: model, sandbox, configuration, environment.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::text::{key, quoted};
use super::{Reading, list_of, text_list};

/// The only agent that takes `-c key=value` and `--sandbox`.
const CODEX: &str = "codex";

/// `[agent.NAME]`, or nothing where nothing is set.
pub(super) fn agent(reading: &mut Reading) -> String {
    let is_codex = reading.agent == CODEX;
    let mut arguments = Vec::new();
    let model = reading.text("model");
    let not_of = |what: &str, agent: &str| format!("`{what}`: {agent} takes no settings of codex");
    let agent = reading.agent.clone();
    if let Some(sandbox) = reading.text("sandbox") {
        if is_codex {
            arguments.extend(["--sandbox".to_owned(), sandbox]);
        } else {
            reading.note(not_of("sandbox", &agent));
        }
    }
    if let Some(text) = reading.text("config_toml") {
        match (is_codex, toml::from_str::<toml::Table>(&text)) {
            (false, _) => reading.note(not_of("config_toml", &agent)),
            (true, Err(error)) => reading.note(format!("`config_toml` is no TOML: {}", error.message())),
            (true, Ok(table)) => flatten("", &table, &mut arguments),
        }
    }
    for value in list_of(reading, "config_overrides") {
        match (is_codex, value.as_str()) {
            (true, Some(pair)) => arguments.extend(["-c".to_owned(), pair.to_owned()]),
            (false, Some(_)) => reading.note(not_of("config_overrides", &agent)),
            (_, None) => reading.note(format!("an override that is no text: {value}")),
        }
    }
    for (name, why) in [
        ("max_seconds", "the agent's own time limit; `timeout_seconds` holds at every level"),
        ("include_plan_tool", "a flag of the agent that its profile does not know; put it into `arguments`"),
        ("auto_review", "a flag of the agent that its profile does not know; put it into `arguments`"),
        ("inherit_auth", "a run never sees the user's credentials"),
    ] {
        if let Some(value) = reading.take(name).filter(|value| *value != Value::Bool(false)) {
            reading.note(format!("`{name}` = {value}: {why}"));
        }
    }
    let mut variables = Vec::new();
    for (name, value) in reading.object("env") {
        match value {
            Value::String(text) => variables.push((name, text)),
            Value::Number(number) => variables.push((name, number.to_string())),
            other => reading.note(format!("the variable `{name}` is no text: {other}")),
        }
    }
    let mut toml = String::new();
    if model.is_none() && arguments.is_empty() && variables.is_empty() {
        return toml;
    }
    let _ = writeln!(toml, "\n[agent.{}]", key(&agent));
    if let Some(model) = model {
        let _ = writeln!(toml, "model = {}", quoted(&model));
    }
    if !arguments.is_empty() {
        let _ = writeln!(toml, "arguments = {}", text_list(&arguments));
    }
    if !variables.is_empty() {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| format!("{} = {}", key(name), quoted(value))).collect();
        let _ = writeln!(toml, "env = {{ {} }}", variables.join(", "));
    }
    toml
}

/// `-c a.b=value` for every value of a configuration, which is what a configuration file says.
fn flatten(below: &str, table: &toml::Table, arguments: &mut Vec<String>) {
    for (name, value) in table {
        let path = if below.is_empty() { key(name) } else { format!("{below}.{}", key(name)) };
        match value {
            toml::Value::Table(inner) if !inner.is_empty() => flatten(&path, inner, arguments),
            other => arguments.extend(["-c".to_owned(), format!("{path}={other}")]),
        }
    }
}
