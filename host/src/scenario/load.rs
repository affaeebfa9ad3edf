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
mod tests {
    use serde_json::json;

    use super::super::every_key::{EVERY_KEY, load_text};
    use super::*;
    use crate::document::{Completed, PlaceSection};
    use crate::profile::{Stop, Transport};
    use crate::scenario::{Expectation, Fault, Manner, Reply, TextTest, Usage, Uses, WireEvent};

    fn every_key() -> Scenario {
        let loaded = load_text("a.toml", EVERY_KEY.as_bytes());
        assert_eq!(loaded.diagnostics, []);
        loaded.scenario.unwrap()
    }

    #[test]
    fn the_matrix_the_ends_and_the_volatile_places_are_read() {
        let scenario = every_key();
        let column = |index: usize| {
            let agent = &scenario.agents[index];
            (
                agent.name.as_str(),
                agent.profile.as_str(),
                agent.transport,
                scenario.completed_for(&agent.name),
            )
        };
        assert_eq!(column(0), ("codex", "codex", Transport::Websocket, Completed::Failed));
        assert_eq!(column(1).0, "example");
        assert_eq!(column(1).3, Completed::Timeout);
        assert_eq!(column(2), ("codex-http", "codex", Transport::Http, Completed::Completed));
        assert_eq!(scenario.agents[0].arguments, ["-c", "x=1"]);
        assert_eq!(scenario.agents[1].environment["MODE"], "plain");
        assert_eq!(scenario.timeout_ms, 1500);
        let places: Vec<_> =
            scenario.volatile.iter().map(|place| (place.section, &*place.path, &*place.kind)).collect();
        assert_eq!(
            places,
            [(PlaceSection::Events, "$.build", "version"), (PlaceSection::Stderr, "$", "duration")]
        );
        assert_eq!(scenario.effects.survivors.of("codex"), ["sleep"]);
        assert_eq!(scenario.effects.egress.of("codex"), ["[::1]:80", "example.com:443"]);
        assert_eq!(scenario.effects.egress.of("example"), [""; 0]);
        assert_eq!(scenario.effects.outside.of("example"), ["../other/**", "~/.cache/x-*"]);
    }

    #[test]
    fn workspace_and_turns_are_read() {
        let scenario = every_key();
        assert_eq!(scenario.workspace.from.as_deref(), Some("workspace"));
        assert_eq!(scenario.workspace.files["notes.txt"], "before\n");
        assert!(scenario.workspace.git);
        assert_eq!(scenario.turns.iter().map(|turn| turn.resumes).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn what_the_server_takes_is_read() {
        let reception = every_key().reception;
        let told = (reception.request_bytes, reception.request_ms, reception.connections);
        assert_eq!(told, (64 * 1024 * 1024, 2500, 10));
        assert_eq!(reception.upstream_of("router").unwrap().to_string(), "http://127.0.0.1:1");
        assert_eq!(reception.upstream_of("main"), None);
    }

    #[test]
    fn steps_are_numbered_within_their_lane() {
        let steps = every_key().steps;
        let numbers: Vec<_> = steps.iter().map(|step| (step.lane.as_str(), step.number)).collect();
        let main = |numbers: std::ops::RangeInclusive<u32>| numbers.map(|number| ("main", number));
        let expected: Vec<_> = main(1..=3).chain([("title", 1)]).chain(main(4..=7)).collect();
        assert_eq!(numbers, expected);
        assert!(steps[3].optional);
        assert_eq!(steps[0].attempts(), 4);
        assert_eq!(&EVERY_KEY[steps[0].span.clone()], "[[step]]");
    }

    #[test]
    fn replies_faults_and_expectations_are_read() {
        let steps = every_key().steps;
        let status = Fault::Status {
            status: 429,
            code: "rate_limit_exceeded".into(),
            message: "scripted status 429".into(),
            retry_after_seconds: Some(1),
        };
        let failed = Fault::Failed { code: "server_error".into(), message: "oops".into() };
        assert_eq!(steps[0].faults, [status, failed, Fault::Cut]);
        let Reply::Items { reasoning, text, calls, .. } = &steps[0].reply else { panic!("a reply") };
        assert_eq!((reasoning.as_deref(), text.as_deref()), (Some("thinking"), Some("I will.")));
        assert_eq!(calls[0].input, json!({"command": "printf 'after\n' > notes.txt"}));
        let result = |call: &str, test: TextTest| Expectation::ToolResult { call: call.into(), test };
        let contains = |text: &str| TextTest::Contains(text.into());
        assert_eq!(steps[1].expect, [result("edit", contains(""))]);
        assert_eq!(steps[2].expect, [result("a", TextTest::Anything), result("b", contains("ok"))]);
        assert_eq!(
            steps[5].reply,
            Reply::Fail(Fault::Failed { code: "invalid_prompt".into(), message: "no".into() })
        );
    }

    #[test]
    fn how_a_reply_is_put_is_read() {
        let steps = every_key().steps;
        let Reply::Items { reasoning, text, calls, manner } = &steps[6].reply else { panic!("a reply") };
        assert_eq!((reasoning.as_deref(), text.as_deref()), (Some("in portions"), Some("as well")));
        let wanted = Manner {
            text_portions: vec![3, 4],
            reasoning_portions: vec![3, 8],
            signature: None,
            encrypted: Some("sealed".into()),
            usage: Some(Usage { input: 10, cached: 4, output: 5, reasoning: 2 }),
            stop: Stop::Length,
        };
        assert_eq!((manner, calls[0].pieces), (&wanted, 3));
        let data = json!({"type": "response.created", "response": {"id": "resp_1"}});
        let raw = WireEvent::Raw("event: x\ndata: {}\n\n".into());
        assert_eq!(steps[7].reply, Reply::Events(vec![WireEvent::Data(data), raw]));
    }

    #[test]
    fn assertions_know_where_they_stand() {
        let assertions = every_key().assertions;
        assert_eq!(&EVERY_KEY[assertions[0].use_span.clone()], "\"std/file\"");
        assert_eq!(assertions[0].with, json!({"path": "notes.txt", "equals": "after\n"}));
        assert_eq!(
            assertions[1].uses,
            Uses::Module { path: "check.wasm".into(), assertion: Some("spelling".into()) }
        );
        assert_eq!(assertions[1].with, json!({}));
        assert_eq!(assertions[1].with_span, assertions[1].use_span);
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let text = "summary = 's'\n[[turn]]\nprompt = 'p'\n[[assert]]\nuse = 'std/exit'\n";
        let scenario = load_text("a.toml", text.as_bytes()).scenario.unwrap();
        assert_eq!(scenario.agents.iter().map(|agent| &agent.name).collect::<Vec<_>>(), ["example"]);
        assert_eq!(scenario.timeout_ms, 60_000);
        assert_eq!(scenario.completed, Completed::Completed);
        assert_eq!(scenario.workspace, Workspace::default());
        assert_eq!(scenario.sha256, Digest::of(text));
    }

    #[test]
    fn sizes_are_bounded() {
        let id = |text: &str| load_text("a.toml", text.as_bytes()).diagnostics[0].id;
        assert_eq!(id(&"#".repeat(MOST_BYTES + 1)), "too-large");
        let more = |text: &str| EVERY_KEY.to_owned() + &text.repeat(1000);
        assert_eq!(id(&more("[[step]]\ntext = ''\n")), "too-many-steps");
        assert_eq!(id(&more("[[turn]]\nprompt = 'x'\n")), "too-many-turns");
        assert_eq!(id(&more("[[assert]]\nuse = 'std/exit'\n")), "too-many-assertions");
    }

    #[test]
    fn of_very_many_mistakes_the_first_hundred_are_shown() {
        let unknown: String = (0..50_000).map(|index| format!("x{index}=1\n")).collect();
        let diagnostics = load_text("a.toml", (unknown + EVERY_KEY).as_bytes()).diagnostics;
        assert_eq!(diagnostics.len(), 101);
        assert_eq!(diagnostics[100].id, "more-mistakes");
    }

    #[test]
    fn a_byte_order_mark_is_no_mistake() {
        assert!(load_text("a.toml", format!("\u{feff}{EVERY_KEY}").as_bytes()).scenario.is_some());
    }

    #[test]
    fn the_deepest_nesting_that_the_parser_takes_is_refused() {
        let key = vec!["a"; 79].join(".");
        let value = format!("{}1{}", format!("{{{key} = ").repeat(79), "}".repeat(79));
        let text = format!("[{key}]\n{key} = {value}\n[[assert]]\nuse = 'std/exit'\nwith = {value}\n");
        let diagnostics = load_text("a.toml", text.as_bytes()).diagnostics;
        assert!(diagnostics.iter().any(|found| found.id == "too-deep"), "{diagnostics:#?}");
    }
}
