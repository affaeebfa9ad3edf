//! `[[assert]]`: what is asserted, and by whom it is judged.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::DeValue;

use super::findings::Findings;
use super::json::to_json;
use super::load::{LoadContext, belongs_to_the_scenario};
use super::table::{Table, quote};
use super::{Assertion, Reply, Step, Uses, files};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::document::SECTIONS;

/// Most assertions of a scenario.
const MOST_ASSERTIONS: usize = 1000;
/// Longest path prefix of a grant.
const MOST_PREFIX_BYTES: usize = 128;
/// Longest name of a pack or an assertion.
const MOST_NAME_CHARACTERS: usize = 64;

/// Reads every `[[assert]]`.
pub(super) fn read(
    root: &mut Table<'_>,
    findings: &Findings,
    environment: &LoadContext<'_>,
) -> Vec<Assertion> {
    let tables = root.tables("assert", "`[[assert]]`");
    let nothing_written = root
        .value("assert")
        .is_none_or(|value| value.get_ref().as_array().is_some_and(|list| list.is_empty()));
    if nothing_written {
        findings.error_with_help(
            "no-assertion",
            "the scenario asserts nothing",
            root.key_range("assert").unwrap_or(root.range()),
            "has no `[[assert]]`",
            "add an `[[assert]]`, such as `use = \"std/file\"`",
        );
    }
    if let Some(beyond) = tables.get(MOST_ASSERTIONS) {
        let message = "the scenario has more than 1000 assertions";
        findings.error("too-many-assertions", message, beyond.range(), "one too many");
    }
    tables
        .into_iter()
        .take(MOST_ASSERTIONS)
        .filter_map(|table| assertion(table, findings, environment))
        .collect()
}

fn assertion(mut table: Table<'_>, findings: &Findings, environment: &LoadContext<'_>) -> Option<Assertion> {
    let written = table.required_text("use");
    let with_value = table.value("with");
    let with = match with_value {
        None => Some(Value::Object(Map::new())),
        Some(value) if matches!(value.get_ref(), DeValue::Table(_)) => to_json(findings, value),
        Some(value) => table.wrong_type("with", "a table", value),
    };
    let grant = table
        .texts("grant")
        .map(|prefixes| prefixes.iter().filter_map(|prefix| prefix_of_a_section(prefix, findings)).collect());
    table.finish(belongs_to_the_scenario);
    let written = written?;
    let use_span = written.span();
    let with_span = with_value.map_or(use_span.clone(), Spanned::span);
    Some(Assertion { uses: uses(&written, findings, environment)?, with: with?, grant, use_span, with_span })
}

fn prefix_of_a_section(prefix: &Spanned<&str>, findings: &Findings) -> Option<String> {
    let text = *prefix.get_ref();
    let section = text.split('.').next().unwrap_or_default();
    if SECTIONS.contains(&section)
        && text.len() <= MOST_PREFIX_BYTES
        && text.split('.').all(|part| !part.is_empty())
    {
        return Some(text.to_owned());
    }
    let help = did_you_mean(section, SECTIONS)
        .unwrap_or_else(|| format!("the sections are {}", SECTIONS.join(", ")));
    let message = format!("{} is no part of the run document", quote(text));
    findings.error_with_help("bad-grant", message, prefix.span(), "not a prefix such as `turns.exit`", help);
    None
}

fn uses(written: &Spanned<&str>, findings: &Findings, environment: &LoadContext<'_>) -> Option<Uses> {
    match written.get_ref().strip_prefix("./") {
        Some(module) => module_use(module, written, findings, environment),
        None => pack_use(written, findings),
    }
}

fn pack_use(written: &Spanned<&str>, findings: &Findings) -> Option<Uses> {
    let parts = written.get_ref().split_once('/').filter(|(pack, name)| is_name(pack) && is_name(name));
    let Some((pack, assertion)) = parts else {
        let help = if written.get_ref().ends_with(".wasm") && super::path::check(written.get_ref()).is_ok() {
            format!("a module beside the scenario begins with `./`: `./{}`", written.get_ref())
        } else {
            "write `pack/assertion`, such as `std/file`, or `./module.wasm`, or `./module.wasm#assertion`"
                .to_owned()
        };
        let message = format!("{} names no assertion", quote(written.get_ref()));
        findings.error_with_help("bad-use", message, written.span(), "not an assertion's name", help);
        return None;
    };
    if pack == "run" {
        findings.error_with_help(
            "host-assertion",
            format!("{} is asserted of every scenario", quote(written.get_ref())),
            written.span(),
            "always on",
            "remove this; how a run is expected to end is said in `[expect]`",
        );
        return None;
    }
    Some(Uses::Pack { pack: pack.to_owned(), assertion: assertion.to_owned() })
}

fn module_use(
    module: &str,
    written: &Spanned<&str>,
    findings: &Findings,
    environment: &LoadContext<'_>,
) -> Option<Uses> {
    let (path, assertion) = match module.split_once('#') {
        Some((path, assertion)) => (path, Some(assertion)),
        None => (module, None),
    };
    if !files::check(findings, "use", path, written.span()) {
        return None;
    }
    if !path.ends_with(".wasm") || assertion.is_some_and(|name| !is_name(name)) {
        let message = format!("{} names no assertion", quote(written.get_ref()));
        let help = "write `./module.wasm`, or `./module.wasm#assertion`";
        findings.error_with_help("bad-use", message, written.span(), "not a module's name", help);
        return None;
    }
    if !(environment.file_exists)(path) {
        let message = format!("there is no file {} beside the scenario", quote(path));
        findings.error("missing-module", message, written.span(), "no such file");
    }
    Some(Uses::Module { path: path.to_owned(), assertion: assertion.map(str::to_owned) })
}

/// Small letters, digits and `-`, a letter first.
fn is_name(name: &str) -> bool {
    name.len() <= MOST_NAME_CHARACTERS
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-')
}

/// Warns when all that is asserted is that the agent repeats what the script told it to say.
pub(super) fn warn_of_repetition(assertions: &[Assertion], steps: &[Step], findings: &Findings) {
    let said: Vec<&str> = steps
        .iter()
        .flat_map(|step| step.replies())
        .filter_map(|reply| match reply {
            Reply::Items { text, .. } => text.as_deref(),
            Reply::Fail(_) | Reply::Events(_) | Reply::Default | Reply::Nothing => None,
        })
        .collect();
    let Some(first) = assertions.first() else { return };
    if assertions.iter().all(|assertion| repeats(assertion, &said)) {
        findings.add(
            Diagnostic::warning(
                "repeats-script",
                "the assertions only repeat text that the script itself said",
            )
            .at(findings.span(first.with_span.clone(), "the script says this"))
            .help("assert what the agent did as well: a file, a command, a request".to_owned()),
        );
    }
}

fn repeats(assertion: &Assertion, said: &[&str]) -> bool {
    let final_message = matches!(&assertion.uses, Uses::Pack { pack, assertion } if pack == "std" && assertion == "final-message");
    let expected = ["contains", "equals"].map(|key| assertion.with.get(key).and_then(Value::as_str));
    let mut texts = expected.into_iter().flatten().peekable();
    final_message && texts.peek().is_some() && texts.all(|text| said.iter().any(|said| said.contains(text)))
}
