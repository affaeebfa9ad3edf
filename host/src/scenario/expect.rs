//! `expect` of a step and the conditions of `[[step.when]]`: what must be true of the request.

use toml::Spanned;

use super::call::Calls;
use super::findings::Findings;
use super::load::{belongs_to_the_scenario, known_word};
use super::table::{Table, quote};
use super::{Expectation, TextTest};
use crate::document::Role;

/// Longest regular expression, in bytes.
const MOST_REGEX_BYTES: usize = 1000;
/// Most memory that one compiled expression may take.
const REGEX_LIMIT_BYTES: usize = 1024 * 1024;

/// Reads the conditions of a table and leaves its other keys alone.
pub(super) fn conditions(table: &mut Table<'_>, findings: &Findings, calls: &Calls<'_>) -> Vec<Expectation> {
    let mut found = Vec::new();
    for mut table in table.one_or_many("tool-result", "`tool-result`") {
        let call = table.required_text("call");
        let test = test(&mut table, findings, false);
        table.finish(|_| None);
        if let (Some(call), Some(test)) = (call.and_then(|call| known_call(&call, findings, calls)), test) {
            found.push(Expectation::ToolResult { call, test });
        }
    }
    for tool in table.texts("offers").unwrap_or_default() {
        found.push(Expectation::Offers((*tool.get_ref()).to_owned()));
    }
    for mut table in table.one_or_many("header", "`header`") {
        let name = table.required_text("name").map(|name| name.get_ref().to_ascii_lowercase());
        let test = test(&mut table, findings, false);
        table.finish(|_| None);
        if let (Some(name), Some(test)) = (name, test) {
            found.push(Expectation::Header { name, test });
        }
    }
    for mut table in table.one_or_many("transcript", "`transcript`") {
        let role = table.text("role").and_then(|written| {
            let roles = ["system", "developer", "user", "assistant"];
            known_word(findings, "unknown-role", "role", &written, &roles).map(|word| match word {
                "system" => Role::System,
                "developer" => Role::Developer,
                "user" => Role::User,
                _ => Role::Assistant,
            })
        });
        let test = test(&mut table, findings, true);
        table.finish(|_| None);
        if let Some(test) = test {
            found.push(Expectation::Transcript { role, test });
        }
    }
    found
}

/// Reads `expect`.
pub(super) fn read(mut table: Table<'_>, findings: &Findings, calls: &Calls<'_>) -> Vec<Expectation> {
    let found = conditions(&mut table, findings, calls);
    table.finish(belongs_to_the_scenario);
    found
}

/// The identifier of a call that an earlier step makes.
pub(super) fn known_call(call: &Spanned<&str>, findings: &Findings, calls: &Calls<'_>) -> Option<String> {
    if !calls.is_known(call.get_ref()) {
        let help = findings
            .suggest(call.get_ref(), calls.identifiers())
            .unwrap_or_else(|| "an earlier step must make a call with this `id`".to_owned());
        let message = format!("no earlier step makes a call {}", quote(call.get_ref()));
        findings.error_with_help("unknown-call", message, call.span(), "unknown call", help);
        return None;
    }
    Some((*call.get_ref()).to_owned())
}

fn test(table: &mut Table<'_>, findings: &Findings, is_required: bool) -> Option<TextTest> {
    const TESTS: [&str; 4] = ["contains", "equals", "matches", "lacks"];
    let given: Vec<&'static str> = TESTS.into_iter().filter(|key| table.has(key)).collect();
    let key = match given[..] {
        [] if !is_required => return Some(TextTest::Anything),
        [key] => key,
        _ => {
            findings.error_with_help(
                "bad-test",
                "a text is tested in one way",
                table.range(),
                if given.is_empty() { "no test" } else { "more than one test" },
                "write one of `contains`, `equals`, `matches`, `lacks`",
            );
            return None;
        }
    };
    let written = table.text(key)?;
    let text = (*written.get_ref()).to_owned();
    Some(match key {
        "contains" => TextTest::Contains(text),
        "equals" => TextTest::Equals(text),
        "lacks" => TextTest::Lacks(text),
        _ => TextTest::Matches(regex(&written, findings)?),
    })
}

/// A regular expression that compiles within bounds.
pub(super) fn regex(written: &Spanned<&str>, findings: &Findings) -> Option<String> {
    let text = *written.get_ref();
    let compiled = (text.len() <= MOST_REGEX_BYTES)
        .then(|| regex::RegexBuilder::new(text).size_limit(REGEX_LIMIT_BYTES).build());
    let reason = match compiled {
        Some(Ok(_)) => return Some(text.to_owned()),
        Some(Err(error)) => error.to_string().lines().last().unwrap_or_default().to_owned(),
        None => format!("it is longer than {MOST_REGEX_BYTES} bytes"),
    };
    findings.error("bad-regex", "this is no usable regular expression", written.span(), reason);
    None
}
