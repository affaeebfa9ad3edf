//! `call` and `calls` of a step: the tools that the model asks the agent to use.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::DeValue;

use super::Call;
use super::findings::Findings;
use super::json::to_json;
use super::reply::refuse;
use super::table::{Table, quote};
use crate::diagnostic::Diagnostic;
use crate::profile::{self, NEUTRAL_TOOLS, Protocol};

/// Longest identifier of a call: that of the strictest protocol, the Responses API.
const MOST_ID_CHARACTERS: usize = 64;
/// Most portions in which the input of a call is sent.
const MOST_PIECES: i64 = 1000;

/// The calls of the steps read so far.
pub(super) struct Calls<'a> {
    places: BTreeMap<String, Range<usize>>,
    inputs: BTreeMap<String, Value>,
    profiles: BTreeSet<&'a str>,
    protocols: Vec<(&'a str, Protocol)>,
}

impl<'a> Calls<'a> {
    /// No calls yet; each will be shown to these profiles, and go over the protocol of each agent.
    pub(super) fn new(profiles: BTreeSet<&'a str>, protocols: Vec<(&'a str, Protocol)>) -> Self {
        Self { places: BTreeMap::new(), inputs: BTreeMap::new(), profiles, protocols }
    }

    /// The agents of the scenario, each with the protocol it speaks.
    pub(super) fn protocols(&self) -> impl Iterator<Item = (&'a str, Protocol)> {
        self.protocols.iter().copied()
    }

    /// Whether a step read so far makes this call.
    pub(super) fn is_known(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    /// The input of a call.
    pub(super) fn input(&self, id: &str) -> Option<&Value> {
        self.inputs.get(id)
    }

    /// The identifiers of all calls so far.
    pub(super) fn identifiers(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }
}

/// Reads `call` or `calls` of a step.
pub(super) fn read(step: &mut Table<'_>, findings: &Findings, calls: &mut Calls<'_>) -> Vec<Call> {
    let one = step.table("call", "`call`");
    let several = step.tables("calls", "`calls`");
    if let (true, Some(range)) = (one.is_some(), step.key_range("calls")) {
        findings.error_with_help(
            "two-replies",
            "the step has both `call` and `calls`",
            range,
            "and here",
            "write every call in `calls`",
        );
    }
    if let Some(DeValue::Array(list)) = step.value("calls").map(Spanned::get_ref)
        && list.is_empty()
    {
        let range = step.key_range("calls").unwrap_or(step.range());
        findings.error("no-reply", "`calls` is empty", range, "calls nothing");
    }
    one.into_iter().chain(several).filter_map(|table| call(table, findings, calls)).collect()
}

fn call(mut table: Table<'_>, findings: &Findings, calls: &mut Calls<'_>) -> Option<Call> {
    let span = table.range();
    let id = table.required_text("id").and_then(|id| identifier(&id, findings, calls));
    let tool = table.required_text("tool");
    let input = match table.value("input") {
        None => Some(Value::Object(Map::new())),
        Some(value) if matches!(value.get_ref(), DeValue::Table(_) | DeValue::String(_)) => {
            to_json(findings, value)
        }
        Some(value) => table.wrong_type("input", "a table, or a text for a tool that takes one", value),
    };
    let pieces = table.integer("pieces", 1..=MOST_PIECES).and_then(|pieces| usize::try_from(pieces).ok());
    let unoffered = table.boolean("unoffered").is_some_and(|unoffered| *unoffered.get_ref());
    let input_range = table.value("input").map_or(span.clone(), Spanned::span);
    table.finish(|_| None);
    let (tool, input) = (tool?, input?);
    if has_neutral_members(&tool, &input, input_range, findings) {
        let objections: BTreeSet<String> = calls
            .profiles
            .iter()
            .filter_map(|name| profile::by_name(name))
            // What an agent lacks is no mistake of the scenario: it does not apply to that agent.
            .filter(|profile| !profile.lacks(tool.get_ref()))
            .filter_map(|profile| profile.tool(tool.get_ref(), &input).err())
            .collect();
        for objection in objections {
            findings.error("bad-call", objection, span.clone(), "this call");
        }
        if input.is_string() {
            refuse(findings, calls, &span, "a call whose input is a text", Protocol::has_text_calls);
        }
    }
    let id = id?;
    calls.inputs.insert(id.clone(), input.clone());
    let pieces = pieces.unwrap_or(1);
    Some(Call { id, tool: (*tool.get_ref()).to_owned(), input, pieces, unoffered, span })
}

fn identifier(id: &Spanned<&str>, findings: &Findings, calls: &mut Calls<'_>) -> Option<String> {
    let written = *id.get_ref();
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if written.len() > MOST_ID_CHARACTERS || !written.chars().all(plain) {
        let message = format!("{} can't be a call's `id`", quote(written));
        findings.error("bad-id", message, id.span(), "use letters, digits, `-`, `_` and `.`, at most 64");
        return None;
    }
    if let Some(first) = calls.places.get(written) {
        findings.add(
            Diagnostic::error("duplicate-call", format!("two calls have the `id` {}", quote(written)))
                .at(findings.span(id.span(), "again here"))
                .at(findings.span(first.clone(), "first here"))
                .help("give each call of the scenario an `id` of its own".to_owned()),
        );
        return None;
    }
    calls.places.insert(written.to_owned(), id.span());
    Some(written.to_owned())
}

/// Reports members that a neutral tool lacks or doesn't know. Other tools are the agent's own.
fn has_neutral_members(
    tool: &Spanned<&str>,
    input: &Value,
    range: Range<usize>,
    findings: &Findings,
) -> bool {
    let Some((name, members)) = NEUTRAL_TOOLS.iter().find(|(name, _)| name == tool.get_ref()) else {
        return true;
    };
    let Value::Object(object) = input else {
        let list: Vec<String> = members.iter().map(|member| format!("`{member}`")).collect();
        let message = format!("the input of `{name}` must be a table");
        findings.error("bad-call", message, range, format!("must have {}", list.join(" and ")));
        return false;
    };
    let unknown: Vec<&String> = object.keys().filter(|key| !members.contains(&key.as_str())).collect();
    let mut right = unknown.is_empty();
    for member in members.iter().filter(|member| !object.contains_key(**member)) {
        right = false;
        // A misspelt member is reported once, as what it is.
        if !unknown.iter().any(|key| findings.suggest(key, [*member]).is_some()) {
            let message = format!("tool `{name}` needs `{member}` in its input");
            findings.error("bad-call", message, range.clone(), format!("`{member}` is missing"));
        }
    }
    let list: Vec<String> = members.iter().map(|member| format!("`{member}`")).collect();
    for key in unknown {
        let message = format!("tool `{name}` has no {} in its input", quote(key));
        let help = findings
            .suggest(key, members.iter().copied())
            .unwrap_or_else(|| format!("its input is {}", list.join(" and ")));
        findings.error_with_help("bad-call", message, range.clone(), "unknown member", help);
    }
    right
}
