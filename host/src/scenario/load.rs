//! A scenario's TOML, read and checked: everything that is wrong is reported at once, each at its place.
//!
//! Pure: whether a file named beside the scenario exists is asked of the caller.

use std::path::PathBuf;
use std::sync::Arc;

use toml::de::DeTable;

use super::findings::Findings;
use super::syntax::parse;
use super::table::{Table, quote};
use super::{AgentChoice, Scenario, Workspace};
use super::{
    agents, assertions, budget, completed, limits, reception, script, secrets, shims, turns, volatile,
    workspace,
};
use crate::diagnostic::Diagnostic;
use crate::profile::Known;
use crate::value::{Digest, excerpt};

/// Largest scenario file, in bytes; whoever reads the file need not read more than one byte beyond it.
pub const MOST_BYTES: usize = 1024 * 1024;
/// Time for all turns together when the scenario names none.
const DEFAULT_TIMEOUT_MS: u64 = 60_000;
/// Stack of the thread that reads a file: 10 KiB for each of 6500 levels; only what is used is ever touched.
const STACK_BYTES: usize = 64 * 1024 * 1024;
/// Characters of a path in a message.
const QUOTED_CHARACTERS: usize = 200;
/// Keys of the scenario itself, for the help at a key that was written below a table.
const SCENARIO_KEYS: [&str; 8] =
    ["summary", "pins", "owners", "tags", "agents", "timeout_seconds", "secrets", "volatile"];

/// What loading must ask of the world. Paths are relative to the scenario's folder, `/`-separated and checked.
#[derive(Clone, Copy)]
pub struct LoadContext<'a> {
    /// Whether a file is there.
    pub file_exists: &'a (dyn Fn(&str) -> bool + Sync),
    /// Whether a folder is there.
    pub folder_exists: &'a (dyn Fn(&str) -> bool + Sync),
    /// The agents that the project describes.
    pub agents: &'a [Known],
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
///
/// The parser bounds the nesting of brackets and the parts of a dotted key to 80 each, but not their product, and what
/// it built is dropped by recursion. So the file is read on a stack that is large enough for the product.
pub fn load(name: String, file: PathBuf, bytes: &[u8], environment: &LoadContext<'_>) -> Loaded {
    load_as(Kind::Scenario, name, file, bytes, environment)
}

/// Loads a script for a server on its own, as [`load`] does: `summary`, `[[turn]]` and `[[assert]]` may be missing, and
/// there must be a `[[step]]`.
pub fn load_script(name: String, file: PathBuf, bytes: &[u8], environment: &LoadContext<'_>) -> Loaded {
    load_as(Kind::Script, name, file, bytes, environment)
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An agent is driven and judged.
    Scenario,
    /// Nobody is: requests come from anywhere.
    Script,
}

fn load_as(kind: Kind, name: String, file: PathBuf, bytes: &[u8], environment: &LoadContext<'_>) -> Loaded {
    let shown = excerpt(&file.to_string_lossy(), QUOTED_CHARACTERS);
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .name("scenario".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || load_here(kind, name, file, bytes, environment));
        match reader {
            Ok(reader) => reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => {
                let message = format!("`{shown}` can't be read: no thread could be started: {error}");
                Loaded { scenario: None, diagnostics: vec![Diagnostic::error("no-thread", message)] }
            }
        }
    })
}

fn load_here(kind: Kind, name: String, file: PathBuf, bytes: &[u8], environment: &LoadContext<'_>) -> Loaded {
    if bytes.len() > MOST_BYTES {
        let shown = excerpt(&file.to_string_lossy(), QUOTED_CHARACTERS);
        let message = format!("`{shown}` is larger than 1 MiB");
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
    let draft = parse(&source, &findings).and_then(|table| read(kind, &table, &findings, &name, environment));
    let scenario = draft.filter(|_| !findings.has_errors()).map(|draft| Scenario {
        name,
        file,
        sha256: Digest::of(bytes),
        summary: draft.summary,
        pins: draft.pins,
        owners: draft.owners,
        tags: draft.tags,
        secrets: draft.secrets,
        agents: draft.agents,
        timeout_ms: draft.timeout_ms,
        budget: draft.budget,
        workspace: draft.workspace,
        shims: draft.shims,
        turns: draft.turns,
        reception: draft.reception,
        steps: draft.steps,
        completed: draft.expected.everywhere,
        completed_by_agent: draft.expected.by_agent,
        volatile: draft.volatile,
        limits: draft.limits,
        effects: draft.expected.effects,
        exits: draft.expected.exits,
        attempts: draft.expected.attempts,
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
    secrets: Vec<String>,
    agents: Vec<AgentChoice>,
    timeout_ms: u64,
    budget: super::Budget,
    workspace: Workspace,
    shims: Vec<super::Shim>,
    turns: Vec<super::Turn>,
    reception: super::Reception,
    steps: Vec<super::Step>,
    expected: completed::Expected,
    volatile: Vec<crate::document::Place>,
    limits: std::collections::BTreeMap<String, u64>,
    assertions: Vec<super::Assertion>,
}

fn read(
    kind: Kind,
    table: &DeTable<'_>,
    findings: &Findings,
    name: &str,
    environment: &LoadContext<'_>,
) -> Option<Draft> {
    let mut root = Table::new(table, 0..0, "the scenario", findings);
    // What a script has is read as in a scenario.
    let mut is_read = |key: &'static str| kind == Kind::Scenario || root.has(key);
    let [has_summary, has_turns, has_assertions] = ["summary", "turn", "assert"].map(&mut is_read);
    let summary = match has_summary {
        true => root.required_text("summary").map(|text| (*text.get_ref()).to_owned()),
        false => Some(String::new()),
    };
    let pins = root.text("pins").map(|text| (*text.get_ref()).to_owned());
    let owners = words(root.texts("owners"));
    let tags = words(root.texts("tags"));
    let timeout_ms = root.seconds_as_ms("timeout_seconds", 1..=3600);
    let budget = budget::read(&mut root);
    let mut agents = agents::read(&mut root, findings, environment.agents);
    let secrets = secrets::read(&mut root, findings, name, &agents);
    let workspace = workspace::read(&mut root, findings, environment);
    let shims = shims::read(&mut root, findings);
    let turns = if has_turns { turns::read(&mut root, findings) } else { Vec::new() };
    let steps = script::read(&mut root, findings, &agents);
    let reception = reception::read(&mut root, findings, &steps);
    agents::note_what_is_lacked(&mut agents, &steps);
    let expected = completed::read(&mut root, findings, &agents);
    let volatile = volatile::read(&mut root, findings);
    let limits = limits::read(&mut root);
    let assertions =
        if has_assertions { assertions::read(&mut root, findings, environment) } else { Vec::new() };
    if kind == Kind::Script && steps.is_empty() && !findings.has_errors() {
        let help = "add a `[[step]]`, such as `text = \"Hello.\"`";
        findings.error_with_help("no-step", "the script has no `[[step]]`", 0..0, "answers nothing", help);
    }
    root.finish(|_| None);
    if !findings.has_errors() {
        assertions::warn_of_repetition(&assertions, &steps, findings);
    }
    Some(Draft {
        summary: summary?,
        pins,
        owners,
        tags,
        secrets,
        agents,
        timeout_ms: timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS),
        budget,
        workspace,
        shims,
        turns,
        reception,
        steps,
        expected,
        volatile,
        limits,
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
        let help = findings.suggest(written.get_ref(), known.iter().copied()).unwrap_or_else(|| {
            match list.as_slice() {
                [only] => format!("there is only {only}"),
                _ => format!("write one of {}", list.join(", ")),
            }
        });
        let message = format!("unknown {what} {}", quote(written.get_ref()));
        findings.error_with_help(id, message, written.span(), format!("unknown {what}"), help);
    }
    found
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
