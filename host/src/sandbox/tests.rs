//! Hostile guests and right ones, through the lines of the judge.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    Answer, BackEnd, EvidenceSource, Judge, JudgeRequest, JudgeSettings, Limits, ModuleSource, Request, wrap,
};
use crate::document::{Document, FileChange, FileState};
use crate::recording::Writer;
use crate::value::{Digest, ErrorClass, Outcome, Verdict};

/// The text of a guest from `tests/guests`, the prelude of its door before it; a whole module stands for itself.
pub(super) fn text(guest: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests");
    let read = |name: &str| fs::read_to_string(folder.join(format!("{name}.wat"))).unwrap();
    let prelude = match guest.split('-').next() {
        Some("flat") => "prelude-flat",
        Some("command") => "prelude-command",
        _ => "prelude",
    };
    let (prelude, guest) = (read(prelude), read(guest));
    if guest.lines().any(|line| line == "(module" || line == "(component") {
        return guest;
    }
    // Imports come before everything else.
    let (imports, rest): (Vec<&str>, Vec<&str>) = guest.lines().partition(|line| line.starts_with("(import"));
    format!("(module {}\n{prelude}\n{})", imports.join("\n"), rest.join("\n"))
}

pub(super) struct Bench {
    pub folder: tempfile::TempDir,
    pub judge: Judge,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let document = json!({
            "schema": "wassert.run/1",
            "turns": [{ "turn": 1, "exit": 0 }],
            "stdout": [{ "tex": 1, "text": "secret" }],
        });
        fs::write(folder.path().join("run.json"), document.to_string()).unwrap();
        Self { folder, judge: Judge::new(JudgeSettings::default()).unwrap() }
    }

    pub fn module(&self, bytes: &[u8]) -> ModuleSource {
        let path = self.folder.path().join("guest.wasm");
        fs::write(&path, bytes).unwrap();
        ModuleSource::Path(path)
    }

    pub fn request(&self, bytes: &[u8]) -> JudgeRequest {
        JudgeRequest {
            evidence: EvidenceSource::Document(self.folder.path().join("run.json")),
            module: self.module(bytes),
            name: "./guest.wasm".to_owned(),
            assertion: None,
            parameters: json!({}),
            grant: None,
            may_skip: false,
            limits: Limits { check_fuel: 20_000_000, host_work: 10_000_000, ..Limits::default() },
        }
    }

    /// Judges twice; the answers must be equal byte for byte.
    pub fn judge(&self, request: &JudgeRequest) -> Verdict {
        let line = Request::Judge(Box::new(request.clone())).line();
        let first = self.judge.answer(&line);
        assert_eq!(first, self.judge.answer(&line));
        match Answer::parse(&first) {
            Ok(Answer::Verdict(verdict)) => *verdict,
            other => panic!("{other:?}"),
        }
    }

    fn verdict(&self, guest: &str) -> Verdict {
        self.judge(&self.request(&wat::parse_str(text(guest)).unwrap()))
    }
}

fn assert_error(verdict: &Verdict, class: ErrorClass, code: &str) {
    let error = verdict.error.as_ref().unwrap_or_else(|| panic!("{code}: no error in {verdict:?}"));
    assert_eq!(
        (verdict.outcome, error.class, error.code.as_str()),
        (Outcome::Error, class, code),
        "{verdict:?}"
    );
    assert_eq!(verdict.receipt.is_some(), class == ErrorClass::Guest, "{verdict:?}");
}

#[test]
fn a_right_check_passes_or_fails_with_a_quotation_and_a_receipt() {
    let bench = Bench::new();
    for (guest, outcome) in [("right-pass", Outcome::Pass), ("right-fail", Outcome::Fail)] {
        let verdict = bench.verdict(guest);
        assert_eq!((verdict.outcome, &verdict.error), (outcome, &None), "{verdict:?}");
        let [finding] = &verdict.findings[..] else { panic!("{verdict:?}") };
        assert_eq!((finding.outcome, finding.message.as_str()), (outcome, "found"));
        assert_eq!(finding.at[0].path, "$['turns'][0]['exit']");
        assert_eq!(finding.at[0].actual.as_deref(), Some("0"));
        let receipt = verdict.receipt.unwrap();
        assert_eq!(receipt.inputs.assertion, "test");
        assert_eq!(receipt.inputs.evidence.keys().collect::<Vec<_>>(), ["turns"]);
        assert_eq!(receipt.inputs.engine, super::ENGINE_ID);
        assert_eq!(receipt.result.verdict, outcome);
        assert!(receipt.result.fuel > 0);
    }
}

#[test]
fn hostile_guests_end_in_guest_errors() {
    let bench = Bench::new();
    for (guest, code) in [
        ("loops-forever", "fuel"),
        ("grows-memory", "memory"),
        ("traps", "trap"),
        ("no-place", "no-place"),
        ("unresolved-place", "unresolved-place"),
        ("hidden-section", "unresolved-place"),
        ("no-finding", "no-finding"),
        ("no-read", "no-read"),
        ("import-in-describe", "import-in-describe"),
        ("huge-message", "output"),
        ("broken-description", "output"),
        ("broken-text", "output"),
        ("broken-extra", "output"),
        ("refuses", "refused-by-guest"),
        ("query-bomb", "host-work"),
        ("skips", "skip-not-allowed"),
        ("imports-wasi", "contract"),
    ] {
        assert_error(&bench.verdict(guest), ErrorClass::Guest, code);
    }
}

#[test]
fn findings_before_a_crash_are_kept() {
    let verdict = Bench::new().verdict("traps");
    assert_eq!(verdict.findings.len(), 1);
    assert!(verdict.error.unwrap().message.contains("divide by zero"));
}

#[test]
fn the_stack_and_the_clock_are_the_machines_doing() {
    let bench = Bench::new();
    assert_error(&bench.verdict("deep-recursion"), ErrorClass::Host, "stack");
    let mut request = bench.request(&wat::parse_str(text("loops-forever")).unwrap());
    request.limits.check_fuel = u64::MAX;
    request.limits.wall_clock_ms = 1;
    assert_error(&bench.judge(&request), ErrorClass::Host, "wall-clock");
}

#[test]
fn a_skip_needs_leave() {
    let bench = Bench::new();
    let mut request = bench.request(&wat::parse_str(text("skips")).unwrap());
    request.may_skip = true;
    let verdict = bench.judge(&request);
    assert_eq!((verdict.outcome, verdict.error), (Outcome::Skip, None));
}

#[test]
fn a_failure_beyond_the_limit_of_findings_still_counts() {
    let verdict = Bench::new().verdict("many-findings");
    assert_eq!(
        (verdict.outcome, verdict.findings.len(), verdict.findings_dropped),
        (Outcome::Fail, 1_000, 501)
    );
}

#[test]
fn long_messages_and_logs_are_cut_and_say_so() {
    let bench = Bench::new();
    let verdict = bench.verdict("long-message");
    assert!(verdict.findings[0].message.ends_with("… (5904 more bytes)"), "{verdict:?}");
    let verdict = bench.verdict("logs");
    assert_eq!(verdict.outcome, Outcome::Pass);
    assert!(verdict.log.last().unwrap().contains("beyond 65536 bytes"));
    assert!(verdict.log.iter().map(String::len).sum::<usize>() < 70_000);
}

#[test]
fn set_up_has_a_budget_of_its_own() {
    let bench = Bench::new();
    let mut request = bench.request(&wat::parse_str(text("loops-in-describe")).unwrap());
    request.limits.setup_fuel = 1_000_000;
    let verdict = bench.judge(&request);
    assert_error(&verdict, ErrorClass::Guest, "fuel");
    assert!(verdict.error.unwrap().message.contains("limits.setup_fuel"));
}

#[test]
fn a_grant_decides_what_is_there_and_what_the_receipt_holds() {
    let bench = Bench::new();
    let mut request = bench.request(&wat::parse_str(text("right-pass")).unwrap());
    request.grant = Some(vec!["stdout".to_owned()]);
    let verdict = bench.judge(&request);
    assert_error(&verdict, ErrorClass::Guest, "unresolved-place");
    assert_eq!(verdict.receipt.unwrap().inputs.evidence.keys().collect::<Vec<_>>(), ["stdout"]);
}

#[test]
fn bytes_are_read_from_a_recording_and_from_a_bare_document() {
    let bench = Bench::new();
    let folder = bench.folder.path().join("recording");
    let digest = Digest::of("after\n");
    let state = FileState { text: Some("after\n".to_owned()), ..FileState::default() };
    let change = FileChange { after: Some(state), ..FileChange::default() };
    let files = BTreeMap::from([("a.txt".to_owned(), change)]);
    let schema = "wassert.run/1".to_owned();
    let mut writer = Writer::create(&folder).unwrap();
    writer.blob("files/a.txt/after".to_owned(), b"after\n").unwrap();
    writer.document(&Document { schema, files, ..Document::default() }).unwrap();
    let mut request = bench.request(&wat::parse_str(text("reads-blob")).unwrap());
    for evidence in
        [EvidenceSource::Recording(folder.clone()), EvidenceSource::Document(folder.join("run.json"))]
    {
        request.evidence = evidence;
        request.grant = Some(vec!["files".to_owned()]);
        let verdict = bench.judge(&request);
        assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
        let place = &verdict.findings[0].at[0];
        assert_eq!((place.path.as_str(), place.start, place.end), ("files/a.txt/after", Some(2), Some(5)));
        assert_eq!(place.actual.as_deref(), Some("ter"));
        request.grant = Some(vec!["turns".to_owned()]);
        assert_error(&bench.judge(&request), ErrorClass::Guest, "no-finding");
    }
    fs::write(folder.join("blobs").join(digest.hex()), "forged").unwrap();
    let mut again = request;
    again.evidence = EvidenceSource::Recording(folder);
    again.grant = Some(vec!["files".to_owned(), "stderr".to_owned()]);
    assert_eq!(bench.judge(&again).outcome, Outcome::Pass, "kept bytes were verified when they were read");
    let fresh = Judge::new(JudgeSettings::default()).unwrap();
    assert_error(&fresh.judge(&again), ErrorClass::Host, "evidence");
}

#[test]
fn what_is_no_module_is_named() {
    let bench = Bench::new();
    for (bytes, code, word) in [
        (b"hello".to_vec(), "not-a-module", "magic"),
        (wat::parse_str("(module)").unwrap(), "contract", "assertions"),
        (wat::parse_str("(component)").unwrap(), "contract", "assertions"),
        (wat::parse_str(text("imports-wasi")).unwrap(), "contract", "wasi:clocks"),
    ] {
        let verdict = bench.judge(&bench.request(&bytes));
        assert_error(&verdict, ErrorClass::Guest, code);
        let message = verdict.error.unwrap().message;
        assert!(message.contains(word), "{message}");
    }
    let mut request = bench.request(b"");
    request.module = ModuleSource::Path(PathBuf::from("/nowhere/at/all.wasm"));
    assert_error(&bench.judge(&request), ErrorClass::Host, "module");
    request.assertion = Some("other".to_owned());
    request.module = bench.module(&wat::parse_str(text("right-pass")).unwrap());
    assert_error(&bench.judge(&request), ErrorClass::Guest, "unknown-assertion");
}

#[test]
fn a_module_that_would_compile_for_minutes_is_refused() {
    let bench = Bench::new();
    let loops = "(loop ".repeat(900) + &")".repeat(900);
    let guest = format!("(func $slow (local {}) {loops})", "i64 ".repeat(900));
    let text = text("right-pass").trim_end_matches(')').to_owned() + "))" + &guest + ")";
    assert_error(&bench.judge(&bench.request(&wat::parse_str(text).unwrap())), ErrorClass::Guest, "shape");
}

#[test]
fn a_module_is_described_wrapped_or_not() {
    let bench = Bench::new();
    let core = wat::parse_str(text("right-pass")).unwrap();
    for bytes in [core.clone(), wrap(&core).unwrap()] {
        let descriptions = bench.judge.describe(&bench.module(&bytes)).unwrap();
        assert_eq!(descriptions.len(), 1);
        assert_eq!(descriptions[0].name, "test");
        assert_eq!(descriptions[0].reads, ["turns"]);
        assert_eq!(bench.judge(&bench.request(&bytes)).outcome, Outcome::Pass);
    }
}

#[test]
fn an_embedded_module_is_found_by_its_name() {
    let wasm: &'static [u8] = wat::parse_str(text("right-pass")).unwrap().leak();
    let mut bench = Bench::new();
    let embedded = BTreeMap::from([("std".to_owned(), wasm)]);
    bench.judge = Judge::new(JudgeSettings { embedded, ..JudgeSettings::default() }).unwrap();
    let mut request = bench.request(b"");
    request.module = ModuleSource::Embedded("std".to_owned());
    assert_eq!(bench.judge.judge(&request).outcome, Outcome::Pass);
}

#[test]
fn a_compiled_module_is_kept_and_a_changed_one_is_compiled_again() {
    let mut bench = Bench::new();
    let cache = bench.folder.path().join("cache");
    let settings = JudgeSettings { cache_directory: Some(cache.clone()), ..JudgeSettings::default() };
    let request = bench.request(&wat::parse_str(text("right-pass")).unwrap());
    let plain = bench.judge(&request);
    let kept = || {
        let files = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.file_name().unwrap() != "key").collect::<Vec<_>>()
    };
    for _ in 0..2 {
        bench.judge = Judge::new(settings.clone()).unwrap();
        assert_eq!(bench.judge(&request), plain);
        assert_eq!(kept().len(), 2, "the code, and an account of the module");
    }
    for path in kept() {
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, &bytes).unwrap();
        bench.judge = Judge::new(settings.clone()).unwrap();
        assert_eq!(bench.judge(&request), plain);
        assert_ne!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn threads_judge_side_by_side() {
    let bench = Bench::new();
    let request = bench.request(&wat::parse_str(text("right-pass")).unwrap());
    let expected = bench.judge.judge(&request);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(bench.judge.judge(&request), expected));
        }
    });
}

#[test]
fn a_line_that_is_no_question_is_answered_as_such() {
    let answer = Bench::new().judge.answer("{}");
    assert!(matches!(Answer::parse(&answer), Ok(Answer::Invalid { .. })), "{answer}");
}

#[test]
fn machine_code_and_interpreter_agree_byte_for_byte() {
    let bench = Bench::new();
    let settings = JudgeSettings { back_end: BackEnd::Interpreter, ..JudgeSettings::default() };
    let interpreter = Judge::new(settings).unwrap();
    for guest in [
        "right-pass",
        "right-fail",
        "loops-forever",
        "grows-memory",
        "traps",
        "no-place",
        "huge-message",
        "broken-text",
        "query-bomb",
        "many-findings",
        "logs",
        "deep-recursion",
    ] {
        let request = bench.request(&wat::parse_str(text(guest)).unwrap());
        let native = bench.judge.judge(&request);
        assert_eq!(interpreter.judge(&request), native, "{guest}");
    }
}
