//! What could make two judgings differ, row by row: each has a setting, and here its own test.
//!
//! The rows are those of a checklist: NaN, relaxed SIMD, threads, proposals, fuel, strategy, engine id, wall clock, memory,
//! stack, clock and randomness, hash seeds, state, order and text, traps' places, back ends, concurrency.

mod commands;

use std::collections::BTreeSet;

use serde_json::json;

use super::start::{Stdio, start};
use super::tests::{Bench, text};
use super::{BackEnd, ENGINE_ID, EvidenceSource, Judge, JudgeRequest, JudgeSettings};
use crate::document::{Document, Turn};
use crate::recording::Writer;
use crate::value::{ErrorClass, Outcome, Verdict};

fn interpreter() -> Judge {
    Judge::new(JudgeSettings { back_end: BackEnd::Interpreter, ..JudgeSettings::default() }).unwrap()
}

fn judged(bench: &Bench, guest: &str) -> Verdict {
    bench.judge(&bench.request(&wat::parse_str(text(guest)).unwrap()))
}

fn code(verdict: &Verdict) -> (ErrorClass, &str) {
    let error = verdict.error.as_ref().unwrap_or_else(|| panic!("{verdict:?}"));
    (error.class, &error.code)
}

fn fuel(verdict: &Verdict) -> u64 {
    verdict.receipt.as_ref().unwrap().result.fuel
}

/// Rows 1 and 16: NaN has no payload, on both back ends.
#[test]
fn nan_is_the_same_bits_everywhere() {
    let bench = Bench::new();
    let request = bench.request(&wat::parse_str(text("nan-payload")).unwrap());
    assert_eq!(bench.judge(&request).outcome, Outcome::Pass);
    assert_eq!(interpreter().judge(&request).outcome, Outcome::Pass);
}

/// Rows 2, 3 and 4: proposals are an allow-list; those beyond it are refused before anything runs.
#[test]
fn proposals_beyond_the_list_are_refused() {
    let bench = Bench::new();
    for (guest, word) in [
        ("proposal-relaxed-simd", "relaxed SIMD"),
        ("proposal-threads", "threads"),
        ("proposal-gc", "gc"),
        ("proposal-exceptions", "exceptions"),
        ("proposal-memory64", "memory64"),
        ("proposal-multi-memory", "multiple memories"),
        ("proposal-tail-call", "tail calls"),
    ] {
        let verdict = judged(&bench, guest);
        assert_eq!(code(&verdict), (ErrorClass::Guest, "not-a-module"), "{guest}");
        let message = verdict.error.unwrap().message;
        assert!(
            message.contains(word) && message.contains("allowed is WebAssembly 2.0"),
            "{guest}: {message}"
        );
    }
}

/// Row 4: what is allowed, as a golden list. A change here is a change of the engine's identity.
#[test]
fn the_list_of_proposals_is_golden() {
    let allowed: BTreeSet<&str> =
        super::engine::PROPOSALS.iter_names().map(|(name, _)| name).filter(|name| *name != "WASM1").collect();
    let golden = [
        "MUTABLE_GLOBAL",
        "FLOATS",
        "SATURATING_FLOAT_TO_INT",
        "SIGN_EXTENSION",
        "MULTI_VALUE",
        "REFERENCE_TYPES",
        "BULK_MEMORY",
        "SIMD",
        "EXTENDED_CONST",
        "COMPONENT_MODEL",
    ];
    assert_eq!(allowed, BTreeSet::from(golden));
    assert!(ENGINE_ID.contains("/proposals-1/"));
}

/// Rows 5, 6 and 7: the fuel of reference guests under this engine's id. Another number needs another id.
#[test]
fn fuel_is_golden_for_this_engine() {
    let bench = Bench::new();
    let other = interpreter();
    assert!(ENGINE_ID.starts_with("wasmtime-48.0/cost-1/proposals-1/"), "{ENGINE_ID}");
    let used = |judge: &Judge| {
        GOLDEN_FUEL.map(|(guest, _)| {
            (guest, fuel(&judge.judge(&bench.request(&wat::parse_str(text(guest)).unwrap()))))
        })
    };
    assert_eq!(used(&bench.judge), GOLDEN_FUEL);
    assert_eq!(used(&other), GOLDEN_FUEL, "by the interpreter");
}

/// `logs` fills 2,000 bytes, `long-message` 10,000: an engine that charges nothing for bulk operations is noticed.
const GOLDEN_FUEL: [(&str, u64); 4] =
    [("right-pass", 109), ("logs", 3615), ("long-message", 10110), ("flat-pass", 20)];

/// Row 8: real time is a backstop, and never a verdict.
#[test]
fn real_time_is_no_verdict() {
    let bench = Bench::new();
    let mut request = bench.request(&wat::parse_str(text("loops-forever")).unwrap());
    request.limits.check_fuel = u64::MAX;
    request.limits.wall_clock_ms = 1;
    let verdict = bench.judge.judge(&request);
    assert_eq!(code(&verdict), (ErrorClass::Host, "wall-clock"));
    assert!(verdict.receipt.is_none());
}

/// Row 9: memory ends at the cap, at the same page on every machine and on both back ends.
#[test]
fn memory_ends_at_the_cap_and_nowhere_else() {
    let bench = Bench::new();
    let grows = text("right-pass").replace(
        "(func $checking (result i32) ",
        "(func $checking (result i32) (drop (memory.grow (i32.const 98))) ",
    );
    let mut request = bench.request(&wat::parse_str(grows).unwrap());
    request.limits.memory_bytes = 100 << 16;
    assert_eq!(bench.judge(&request).outcome, Outcome::Pass);
    request.limits.memory_bytes -= 1;
    let verdict = bench.judge(&request);
    assert_eq!(code(&verdict), (ErrorClass::Guest, "memory"));
    assert_eq!(interpreter().judge(&request), verdict);
}

/// Row 10: how deep the stack goes differs between back ends, so it is no verdict on either.
#[test]
fn the_stack_is_no_verdict_on_either_back_end() {
    let bench = Bench::new();
    let request = bench.request(&wat::parse_str(text("deep-recursion")).unwrap());
    for judge in [&bench.judge, &interpreter()] {
        let verdict = judge.judge(&request);
        assert_eq!(code(&verdict), (ErrorClass::Host, "stack"));
        assert!(verdict.receipt.is_none());
    }
}

/// Row 13: nothing is carried over from one judging to the next, whatever lies between.
#[test]
fn a_then_b_then_a_is_a() {
    let bench = Bench::new();
    // Counts its own calls in a global, and fails from the second on.
    let counts = text("right-pass").replace(
        "(func $checking (result i32) (call $read) (call $say (i32.const 0)) (call $ok))",
        "(global $calls (mut i32) (i32.const 0))
         (func $checking (result i32)
           (call $read) (call $say (global.get $calls)) (global.set $calls (i32.const 1)) (call $ok))",
    );
    let bytes = wat::parse_str(counts).unwrap();
    let first = bench.judge(&bench.request(&bytes));
    assert_eq!(first.outcome, Outcome::Pass);
    judged(&bench, "traps");
    judged(&bench, "grows-memory");
    assert_eq!(bench.judge(&bench.request(&bytes)), first);
}

/// Row 14: what a module sees is in one order and one spelling, however the document was written, and numbers are as
/// they were written.
#[test]
fn a_document_written_otherwise_is_the_same_evidence() {
    let bench = Bench::new();
    let write = |text: &str| std::fs::write(bench.folder.path().join("run.json"), text).unwrap();
    let repeats = |bench: &Bench| bench.judge(&bench.request(&commands::repeats_its_input()));
    write(r#"{"schema":"wassert.run/1","turns":[{"exit":0,"turn":1.0,"x":9007199254740993}]}"#);
    let first = repeats(&bench);
    assert!(first.log[0].contains(r#"{"exit":0,"turn":1.0,"x":9007199254740993}"#), "{first:?}");
    write(
        "{ \"turns\" : [ { \"turn\":1.0, \"x\":9007199254740993, \"exit\":0 } ],\n\n \"schema\":\"wassert.run/1\" }",
    );
    assert_eq!(repeats(&bench), first);
    // Another spelling of a number is other evidence.
    write(r#"{"schema":"wassert.run/1","turns":[{"exit":0,"turn":1,"x":9007199254740993}]}"#);
    assert_ne!(repeats(&bench).receipt, first.receipt);
}

/// Row 14: a recording is the same evidence wherever it lies and in whatever order the system lists its files.
#[test]
fn a_recording_copied_in_another_order_is_the_same_evidence() {
    let bench = Bench::new();
    let path = bench.folder.path().join("a@b");
    let mut writer = Writer::create(&path).unwrap();
    for (name, bytes) in [("stdout/0", "one"), ("stdout/1", "two"), ("stderr/0", "three")] {
        writer.blob(name.to_owned(), bytes.as_bytes()).unwrap();
    }
    let schema = crate::document::SCHEMA.to_owned();
    writer.document(&Document { schema, turns: vec![Turn::default()], ..Document::default() }).unwrap();
    let copy = bench.folder.path().join("elsewhere/c@d");
    std::fs::create_dir_all(copy.join("blobs")).unwrap();
    let mut files: Vec<_> =
        std::fs::read_dir(path.join("blobs")).unwrap().map(|e| e.unwrap().path()).collect();
    files.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).filter(|path| path.is_file()));
    files.sort();
    for from in files.iter().rev() {
        std::fs::copy(from, copy.join(from.strip_prefix(&path).unwrap())).unwrap();
    }
    let judged = |path: &std::path::Path| {
        bench.judge(&JudgeRequest {
            evidence: EvidenceSource::Recording(path.to_owned()),
            grant: Some(["turns", "stdout", "stderr"].map(str::to_owned).to_vec()),
            ..bench.request(&commands::repeats_its_input())
        })
    };
    let first = judged(&path);
    assert_eq!(first.receipt.as_ref().unwrap().inputs.evidence.len(), 3, "{first:?}");
    assert_eq!(judged(&copy), first);
}

/// Row 15: where a trap was is told, and is no part of the receipt.
#[test]
fn the_place_of_a_trap_is_outside_of_the_receipt() {
    let bench = Bench::new();
    let named = bench.judge(&bench.request(&wat::parse_str(text("traps")).unwrap()));
    let place = named.error.as_ref().unwrap().place.clone().unwrap();
    assert!(place.contains("checking"), "{place}");
    assert!(named.error.as_ref().unwrap().message.contains("integer divide by zero"));
    let mut without = named.clone();
    without.error.as_mut().unwrap().place = None;
    assert_eq!(
        super::judge::digest_of_result(&named.findings, 0, named.error.as_ref()),
        super::judge::digest_of_result(&without.findings, 0, without.error.as_ref()),
    );
}

/// Row 15: debug information gives source lines, whatever the environment says of backtraces.
#[test]
fn a_trap_names_its_source_line() {
    let bench = Bench::new();
    let text = text("flat-traps");
    let line = 1 + text.lines().position(|line| line.contains("(unreachable)")).unwrap();
    let bytes = wat::Parser::new()
        .generate_dwarf(wat::GenerateDwarf::Full)
        .parse_str(Some("guest.wat".as_ref()), &text)
        .unwrap();
    let verdict = bench.judge(&bench.request(&bytes));
    let place = verdict.error.as_ref().unwrap().place.clone().unwrap();
    assert!(place.contains(&format!("guest.wat:{line})")), "line {line}: {place}");
    assert_eq!(interpreter().judge(&bench.request(&bytes)), verdict);
}

/// Row 15: wasmtime would read a variable, if the engine did not say what it wants. The same test, in processes where the
/// variable says otherwise.
#[test]
fn the_environment_has_no_say_in_backtraces() {
    let test = "sandbox::determinism_tests::a_trap_names_its_source_line";
    for wanted in ["0", "1"] {
        let environment = [("WASMTIME_BACKTRACE_DETAILS", wanted)];
        let itself = std::env::current_exe().unwrap();
        let child = start(&itself, test, &environment, Stdio::null(), Stdio::piped(), Stdio::null()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{wanted}: {said}");
    }
}

/// Row 16: the two back ends agree byte for byte; `guest_tests` has every guest.
#[test]
fn the_interpreter_says_the_same() {
    let bench = Bench::new();
    let request = bench.request(&wat::parse_str(text("traps")).unwrap());
    assert_eq!(interpreter().judge(&request), bench.judge(&request));
}

/// Row 18: many threads at once change nothing.
#[test]
fn threads_change_nothing() {
    let bench = Bench::new();
    let request = JudgeRequest { parameters: json!({ "b": 1 }), ..bench.request(&commands::looks_around()) };
    let first = bench.judge.judge(&request);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(bench.judge.judge(&request), first));
        }
    });
}
