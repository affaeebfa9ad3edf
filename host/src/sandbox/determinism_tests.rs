//! What could make two judgings differ, row by row: each has a setting, and here its own test.
//!
//! The rows are those of a checklist: NaN, relaxed SIMD, threads, proposals, fuel, strategy, engine id, wall clock, memory,
//! stack, clock and randomness, hash seeds, state, order and text, traps' places, back ends, concurrency.

use std::collections::BTreeSet;

use serde_json::json;

use super::tests::{Bench, text};
use super::{BackEnd, ENGINE_ID, Judge, JudgeRequest, JudgeSettings};
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

/// Looks at both clocks twice, at 40 bytes of randomness, and at how much environment there is; writes it to its log.
fn looks_around() -> Vec<u8> {
    let body = r#"(func $checking
      (call $read)
      (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 3000)))
      (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 3008)))
      (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 3016)))
      (drop (call $environ_sizes_get (i32.const 3024) (i32.const 3028)))
      (drop (call $random_get (i32.const 3032) (i32.const 40)))
      (local.set $at (i32.const 3000))
      (loop $next
        (local.set $byte (i32.load8_u (local.get $at)))
        (i32.store8 (i32.const 4000) (i32.add (i32.const 97) (i32.shr_u (local.get $byte) (i32.const 4))))
        (i32.store8 (i32.const 4001) (i32.add (i32.const 97) (i32.and (local.get $byte) (i32.const 15))))
        (call $write (i32.const 2) (i32.const 4000) (i32.const 2))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 3072))))
      (call $say))"#;
    let body = body.replacen("$checking", "$checking (local $at i32) (local $byte i32)", 1);
    let module = text("command-pass");
    let (start, _) = module.split_once("(func $checking").unwrap();
    wat::parse_str(format!("{start}{body})")).unwrap()
}

/// The log of [`looks_around`]: clocks and environment, then randomness.
fn seen(verdict: &Verdict) -> (&str, &str) {
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
    verdict.log[0].strip_prefix("info: ").unwrap().split_at(64)
}

/// Row 11: the clock is fixed, the environment empty, and randomness is the evidence's and the assertion's.
#[test]
fn a_command_sees_a_fixed_clock_and_seeded_randomness() {
    let bench = Bench::new();
    let request = |name: &str, grant: &str| JudgeRequest {
        assertion: Some(name.to_owned()),
        grant: Some(vec!["turns".to_owned(), grant.to_owned()]),
        ..bench.request(&looks_around())
    };
    let first = bench.judge(&request("a", "turns"));
    let again = Judge::new(JudgeSettings::default()).unwrap().judge(&request("a", "turns"));
    assert_eq!(first, again);
    assert_eq!(interpreter().judge(&request("a", "turns")), first);
    let (clocks, random) = seen(&first);
    let name = bench.judge(&request("b", "turns"));
    let evidence = bench.judge(&request("a", "stdout"));
    for other in [&name, &evidence] {
        assert_eq!(seen(other).0, clocks, "the clock depends on nothing");
        assert_ne!(seen(other).1, random);
    }
    assert_eq!(&clocks[48..], "a".repeat(16), "no variables");
    // 2000-01-01T00:00:00.001Z in nanoseconds, little-endian, `a` to `p` for 0 to 15.
    let nanoseconds = 946_684_800_001_000_000_u64.to_le_bytes();
    let expected: String = nanoseconds
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| char::from(b'a' + half))
        .collect();
    assert_eq!(&clocks[..16], expected);
    assert_ne!(&clocks[32..48], &clocks[..16], "time passes");
}

/// Row 12: what seeds a hash map is randomness, and so the same in fifty judgings.
#[test]
fn fifty_judgings_are_one() {
    let bench = Bench::new();
    let request = bench.request(&looks_around());
    let first = bench.judge.judge(&request);
    for _ in 0..50 {
        assert_eq!(bench.judge.judge(&request), first);
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

/// Row 14: what a module sees is in one order and one spelling, however the document was written.
#[test]
fn a_document_written_otherwise_is_the_same_evidence() {
    let bench = Bench::new();
    let write = |text: &str| std::fs::write(bench.folder.path().join("run.json"), text).unwrap();
    write(r#"{"schema":"wassert.run/1","turns":[{"exit":0,"turn":1}]}"#);
    let first = judged(&bench, "command-pass");
    write("{ \"turns\" : [ { \"turn\":1, \"exit\":0 } ],\n\n \"schema\":\"wassert.run/1\" }");
    assert_eq!(judged(&bench, "command-pass"), first);
}

/// Row 15: where a trap was is told, and is no part of the receipt.
#[test]
fn the_place_of_a_trap_is_outside_of_the_receipt() {
    let bench = Bench::new();
    let named = bench.judge(&bench.request(&wat::parse_str(text("traps")).unwrap()));
    let place = named.error.as_ref().unwrap().place.clone().unwrap();
    assert!(place.contains("checking"), "{place}");
    assert!(named.error.as_ref().unwrap().message.ends_with("integer divide by zero"));
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
    let request = JudgeRequest { parameters: json!({ "b": 1 }), ..bench.request(&looks_around()) };
    let first = bench.judge.judge(&request);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(bench.judge.judge(&request), first));
        }
    });
}
