//! A scenario's TOML, read and checked: everything that is wrong is reported at once, each at its place.
//!
//! Pure: whether a file named beside the scenario exists is asked of the caller.

use std::path::PathBuf;
use std::sync::Arc;

use toml::de::DeTable;

use super::findings::Findings;
use super::table::{Table, quote};
use super::{AgentChoice, Scenario, Workspace};
use super::{agents, assertions, completed, script, turns, workspace};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::value::Digest;

/// Largest scenario file, in bytes; whoever reads the file need not read more than one byte beyond it.
pub const MOST_BYTES: usize = 1024 * 1024;
/// Time for all turns together when the scenario names none.
const DEFAULT_TIMEOUT_MS: u64 = 60_000;
/// Syntax errors that are shown: what follows the first few is mostly their echo.
const MOST_SYNTAX_ERRORS: usize = 10;
/// Keys of the scenario itself, for the help at a key that was written below a table.
const SCENARIO_KEYS: [&str; 6] = ["summary", "pins", "owners", "tags", "agents", "timeout_seconds"];

/// What loading must ask of the world. Paths are relative to the scenario's folder, `/`-separated and checked.
#[derive(Clone, Copy)]
pub struct LoadContext<'a> {
    /// Whether a file is there.
    pub file_exists: &'a dyn Fn(&str) -> bool,
    /// Whether a folder is there.
    pub folder_exists: &'a dyn Fn(&str) -> bool,
}

/// A scenario, unless it has errors, and everything to say about its file, in the order of the text.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scenario; none when any diagnostic is an error.
    pub scenario: Option<Scenario>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Loads the scenario called `name` from the bytes of `file`.
pub fn load(name: String, file: PathBuf, bytes: &[u8], environment: &LoadContext<'_>) -> Loaded {
    if bytes.len() > MOST_BYTES {
        let message = format!("{} is larger than 1 MiB", file.display());
        let error = Diagnostic::error("too-large", message).help(
            "put large files in a folder beside the scenario and name it as `from` of `[workspace]`"
                .to_owned(),
        );
        return Loaded { scenario: None, diagnostics: vec![error] };
    }
    let source: Arc<str> = String::from_utf8_lossy(bytes).into();
    let findings = Findings::new(file.clone(), source.clone());
    if let Err(error) = std::str::from_utf8(bytes) {
        let at = error.valid_up_to();
        // The lossy text has U+FFFD, three bytes long, where the first bad byte stood.
        findings.error("not-utf8", "the file is not UTF-8", at..at + 3, "not UTF-8 from here");
        return Loaded { scenario: None, diagnostics: findings.into_sorted() };
    }
    let draft = parse(&source, &findings).and_then(|table| read(&table, &findings, environment));
    let scenario = draft.filter(|_| !findings.has_errors()).map(|draft| Scenario {
        name,
        file,
        sha256: Digest::of(bytes),
        summary: draft.summary,
        pins: draft.pins,
        owners: draft.owners,
        tags: draft.tags,
        agents: draft.agents,
        timeout_ms: draft.timeout_ms,
        workspace: draft.workspace,
        turns: draft.turns,
        steps: draft.steps,
        completed: draft.expected.everywhere,
        completed_by_agent: draft.expected.by_agent,
        assertions: draft.assertions,
        source: source.clone(),
    });
    Loaded { scenario, diagnostics: findings.into_sorted() }
}

/// What the file says, before it is known whether all of it is right.
struct Draft {
    summary: String,
    pins: Option<String>,
    owners: Vec<String>,
    tags: Vec<String>,
    agents: Vec<AgentChoice>,
    timeout_ms: u64,
    workspace: Workspace,
    turns: Vec<super::Turn>,
    steps: Vec<super::Step>,
    expected: completed::Expected,
    assertions: Vec<super::Assertion>,
}

/// The file's tables. Nothing when its syntax is so wrong that reading on would report echoes.
fn parse<'a>(source: &'a str, findings: &Findings) -> Option<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(source);
    let mut lines = Vec::new();
    let mut readable = true;
    for error in errors {
        let duplicate = error.message() == "duplicate key";
        readable &= duplicate;
        let range = error.span().unwrap_or(source.len()..source.len());
        // A line that went wrong once goes wrong in several ways.
        let line =
            source.as_bytes()[..range.start.min(source.len())].iter().filter(|byte| **byte == b'\n').count();
        if lines.contains(&line) || lines.len() == MOST_SYNTAX_ERRORS {
            continue;
        }
        lines.push(line);
        if duplicate {
            let key = quote(source.get(range.clone()).unwrap_or_default());
            let message = format!("{key} is there twice");
            let help = "a key, and a table in single brackets, may be written once; a list of tables has two brackets, such as `[[step]]`";
            findings.error_with_help("duplicate-key", message, range, "again here", help);
        } else {
            let message = format!("this is not TOML: {}", error.message());
            findings.error("syntax", message, range, "here");
        }
    }
    readable.then(|| table.into_inner())
}

fn read(table: &DeTable<'_>, findings: &Findings, environment: &LoadContext<'_>) -> Option<Draft> {
    let mut root = Table::new(table, 0..0, "the scenario", findings);
    let summary = root.required_text("summary").map(|text| (*text.get_ref()).to_owned());
    let pins = root.text("pins").map(|text| (*text.get_ref()).to_owned());
    let owners = words(root.texts("owners"));
    let tags = words(root.texts("tags"));
    let timeout_ms = root.seconds_as_ms("timeout_seconds", 1..=3600);
    let agents = agents::read(&mut root, findings);
    let workspace = workspace::read(&mut root, findings, environment);
    let turns = turns::read(&mut root, findings);
    let steps = script::read(&mut root, findings, &agents);
    let expected = completed::read(&mut root, findings, &agents);
    let assertions = assertions::read(&mut root, findings, environment);
    root.finish(|_| None);
    if !findings.has_errors() {
        assertions::warn_of_repetition(&assertions, &steps, findings);
    }
    Some(Draft {
        summary: summary?,
        pins,
        owners,
        tags,
        agents,
        timeout_ms: timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS),
        workspace,
        turns,
        steps,
        expected,
        assertions,
    })
}

fn words(texts: Option<Vec<toml::Spanned<&str>>>) -> Vec<String> {
    texts.unwrap_or_default().iter().map(|text| (*text.get_ref()).to_owned()).collect()
}

/// Where a key belongs that is not known in a table but is one of the scenario itself.
pub(super) fn belongs_to_the_scenario(key: &str) -> Option<String> {
    SCENARIO_KEYS
        .contains(&key)
        .then(|| format!("`{key}` belongs to the scenario itself: write it above the first `[table]`"))
}

/// A word out of a closed list, or a diagnostic that names the list.
pub(super) fn known_word<'a>(
    findings: &Findings,
    id: &'static str,
    what: &str,
    written: &toml::Spanned<&str>,
    known: &[&'a str],
) -> Option<&'a str> {
    let found = known.iter().copied().find(|word| word == written.get_ref());
    if found.is_none() {
        let list: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
        let help = did_you_mean(written.get_ref(), known.iter().copied())
            .unwrap_or_else(|| format!("known are: {}", list.join(", ")));
        let message = format!("unknown {what} {}", quote(written.get_ref()));
        findings.error_with_help(id, message, written.span(), format!("unknown {what}"), help);
    }
    found
}
