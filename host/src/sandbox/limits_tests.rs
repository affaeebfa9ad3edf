//! Every limit, one by one: made small, it is met, and what is said names its key.

use std::collections::BTreeSet;

use super::tests::{Bench, text};
use super::{Limits, made_guests};

/// Where the limit shows.
enum Shows {
    /// The error names the key.
    Error,
    /// The log does: the module was told, and goes on.
    Log,
    /// Less is kept, and marked.
    Marked(&'static str),
}

use Shows::{Error, Log, Marked};

/// Guest, setting, and where it shows. Limits of compiling are met by the process that compiles.
const MET: [(&str, &str, Shows); 32] = [
    ("flat-pass", "file_bytes=10", Error),
    ("starts-in-a-loop", "setup_fuel=1_000", Error),
    ("loops-forever", "check_fuel=1_000", Error),
    ("query-bomb", "host_work=1_000", Error),
    ("loops-forever", "wall_clock_ms=1", Error),
    ("right-pass", "memory_bytes=64KiB", Error),
    ("table-grows", "table_elements=100", Error),
    ("deep-recursion", "stack_bytes=64KiB", Error),
    ("many-findings", "findings=10", Marked("\"findings_dropped\":1491")),
    ("many-findings", "findings_bytes=100", Marked("\"findings_dropped\":1")),
    ("right-pass", "places=0", Error),
    ("long-message", "message_bytes=7", Marked("aaaaaaa… (9993 more bytes)")),
    ("deep-extra", "extra_bytes=10", Error),
    ("deep-extra", "json_depth=39", Error),
    ("flat-unknown-member", "json_depth=1", Error),
    ("logs", "log_bytes=10", Log),
    ("flat-pass", "expression_bytes=10", Log),
    ("flat-pass", "matches=0", Log),
    ("flat-pass", "answer_bytes=10", Log),
    ("long-message", "call_bytes=5_000", Error),
    ("command-endless-line", "call_bytes=70_000", Error),
    ("command-pass", "input_bytes=10", Error),
    ("flat-handles", "handles=3", Error),
    ("flat-pass", "shape.body_bytes=3", Error),
    ("flat-bytes", "shape.locals=0", Error),
    ("flat-handles", "shape.nesting=0", Error),
    ("made-compile-bomb-flat", "shape.locals_times_loops=10", Error),
    ("flat-pass", "shape.functions=3", Error),
    ("right-pass", "shape.modules=1", Error),
    ("right-pass", "shape.instances=1", Error),
    ("flat-pass", "shape.memories=0", Error),
    ("table-grows", "shape.tables=0", Error),
];

fn bytes(guest: &str) -> Vec<u8> {
    // Making them all takes seconds.
    if guest.starts_with("made-") {
        return made_guests::all().remove(guest).unwrap();
    }
    wat::parse_str(text(guest)).unwrap()
}

#[test]
fn every_limit_is_met_and_named() {
    for (guest, setting, shows) in MET {
        let mut bench = Bench::new();
        let mut request = bench.request(&bytes(guest));
        request.limits = Limits { check_fuel: u64::MAX >> 1, ..request.limits }.with(setting).unwrap();
        // The stack is the judge's.
        let settings =
            super::JudgeSettings { limits: request.limits.clone(), ..super::JudgeSettings::default() };
        bench.judge = super::Judge::new(settings).unwrap();
        let verdict = bench.judge.judge(&request);
        let key = format!("(limits.{})", setting.split_once('=').unwrap().0);
        let error = verdict.error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
        let met = match shows {
            Error => error.contains(&key),
            Log => verdict.log.iter().any(|line| line.contains(&key)),
            Marked(words) => serde_json::to_string(&verdict).unwrap().contains(words),
        };
        assert!(met, "{guest} under {setting}: {verdict:?}");
    }
}

#[test]
fn no_limit_is_left_out() {
    let met: BTreeSet<String> =
        MET.iter().map(|(_, setting, _)| setting.split_once('=').unwrap().0.to_owned()).collect();
    let keys = Limits::keys().into_iter().filter(|key| !key.starts_with("compile_"));
    assert_eq!(met, keys.collect());
}

/// Whoever wrote a module learns how far it came before it was stopped.
#[test]
fn what_was_kept_and_asked_last_is_told_of_a_stop() {
    let bench = Bench::new();
    let stopped = |checking: &str| {
        let body = format!("(func $checking (result i32) (call $read) {checking} (unreachable))");
        let guest = text("right-pass");
        let (start, _) = guest.split_once("(func $checking").unwrap();
        let verdict = bench.judge(&bench.request(&wat::parse_str(format!("{start}{body})")).unwrap()));
        (verdict.findings.len(), verdict.error.unwrap().message)
    };
    let (kept, message) = stopped("");
    assert_eq!((kept, message.contains("kept")), (0, false), "{message}");
    assert!(message.ends_with("; the last host call was `query` of `$.turns[0].exit`"), "{message}");
    let (kept, message) = stopped("(call $say (i32.const 0)) (call $say (i32.const 1))");
    assert_eq!(kept, 2);
    assert!(message.ends_with("; 2 findings kept; the last host call was `emit` of `found`"), "{message}");
    let (kept, message) = stopped("(call $say (i32.const 0)) (loop $again (br $again))");
    assert!(kept == 1 && message.contains("limits.check_fuel); 1 finding kept; the last"), "{message}");
}
