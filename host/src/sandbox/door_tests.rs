//! The doors by examples: what a stranger would write from the pages in `guest-sdk`.

use std::path::Path;

use serde_json::json;

use super::door::{DoorKind, inspect};
use super::tests::{Bench, text};
use super::{JudgeRequest, wrap};
use crate::value::{ErrorClass, Outcome, Verdict};

fn example() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/wat/check.wat");
    wat::parse_str(std::fs::read_to_string(path).unwrap()).unwrap()
}

fn exits(bench: &Bench, exits: &[i64]) {
    let turns: Vec<_> = exits.iter().map(|exit| json!({ "exit": exit })).collect();
    let document = json!({ "schema": "wassert.run/1", "turns": turns });
    std::fs::write(bench.folder.path().join("run.json"), document.to_string()).unwrap();
}

fn error(verdict: &Verdict) -> (ErrorClass, &str, &str) {
    let error = verdict.error.as_ref().unwrap_or_else(|| panic!("{verdict:?}"));
    (error.class, &error.code, &error.message)
}

#[test]
fn the_example_of_the_flat_abi_judges() {
    for (turns, outcome) in [(&[0, 0][..], Outcome::Pass), (&[0, 3], Outcome::Fail), (&[], Outcome::Error)] {
        let bench = Bench::new();
        exits(&bench, turns);
        let verdict = bench.judge(&bench.request(&example()));
        assert_eq!(verdict.outcome, outcome, "{verdict:?}");
        if outcome == Outcome::Error {
            assert_eq!(error(&verdict), (ErrorClass::Guest, "refused-by-guest", "the run has no turns"));
        } else {
            assert_eq!(verdict.findings[0].at[0].path, "$['turns']");
            assert_eq!(verdict.receipt.unwrap().inputs.assertion, "exit-zero");
        }
    }
    let bench = Bench::new();
    let descriptions = bench.judge.describe(&bench.module(&example())).unwrap();
    assert_eq!(
        (descriptions[0].name.as_str(), &descriptions[0].reads[..]),
        ("exit-zero", &["turns".to_owned()][..])
    );
}

#[test]
fn all_doors_say_the_same() {
    let bench = Bench::new();
    let canonical = wat::parse_str(text("right-pass")).unwrap();
    let modules = [
        wrap(&canonical).unwrap(),
        canonical,
        wat::parse_str(text("flat-pass")).unwrap(),
        wat::parse_str(text("command-pass")).unwrap(),
    ];
    let verdicts = modules.map(|module| {
        let mut request = bench.request(&module);
        request.grant = Some(vec!["turns".to_owned()]);
        bench.judge(&request)
    });
    for verdict in &verdicts {
        assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
        assert_eq!(verdict.findings, verdicts[0].findings);
        let (receipt, first) = (verdict.receipt.as_ref().unwrap(), verdicts[0].receipt.as_ref().unwrap());
        assert_eq!(receipt.result.findings, first.result.findings);
        assert_eq!(receipt.inputs.evidence, first.inputs.evidence);
    }
}

#[test]
fn a_command_is_named_after_its_file_or_by_its_section() {
    let bench = Bench::new();
    let bare = wat::parse_str(text("command-pass")).unwrap();
    let described = bench.judge.describe(&bench.module(&bare)).unwrap();
    assert_eq!((described.len(), described[0].name.as_str()), (1, "guest"));
    assert!(described[0].parameters_schema.is_empty());
    let reads = &described[0].reads;
    assert!(reads.contains(&"turns".to_owned()) && !reads.contains(&"timing".to_owned()), "{reads:?}");
    let verdict = bench.judge(&bench.request(&bare));
    assert_eq!(verdict.receipt.unwrap().inputs.assertion, "guest");

    let section = r#"[{"name":"a","reads":["turns"]},{"name":"b","reads":["stdout"],"parameters_schema":{"type":"object"}}]"#;
    let with_section = |data: &str| {
        let text = text("command-pass");
        let data = data.replace('"', "\\\"");
        let open = text.strip_suffix(')').unwrap();
        wat::parse_str(format!("{open}(@custom \"wassert:assertions\" \"{data}\"))")).unwrap()
    };
    let described = bench.judge.describe(&bench.module(&with_section(section))).unwrap();
    let names: Vec<_> = described.iter().map(|description| description.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(described[1].parameters_schema, r#"{"type":"object"}"#);
    let request = |name: &str| JudgeRequest {
        assertion: Some(name.to_owned()),
        ..bench.request(&with_section(section))
    };
    assert_eq!(bench.judge(&request("a")).outcome, Outcome::Pass);
    // Granted is what it says it reads: the place in `turns` is not there for it.
    assert_eq!(error(&bench.judge(&request("b"))).1, "unresolved-place");
    assert_eq!(error(&bench.judge(&request("c"))).1, "unknown-assertion");
    let broken = bench.judge.describe(&bench.module(&with_section("[{}]"))).unwrap_err();
    assert!(
        broken.message.contains("its custom section `wassert:assertions` can't be read"),
        "{}",
        broken.message
    );
    let large = format!("[{}]", " ".repeat(4 << 20));
    let refused = bench.judge.describe(&bench.module(&with_section(&large))).unwrap_err();
    assert!(refused.message.contains("is larger than 4 MiB"), "{}", refused.message);
}

#[test]
fn a_command_gets_name_parameters_and_granted_sections_bounded() {
    let bench = Bench::new();
    // Writes its arguments, one after the other with a zero byte behind each, to standard error; then its input.
    let echo = r#"(module
        (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 2)
        (data (i32.const 0) "\00\10\00\00\00\00\00\00\00\20\00\00\00\10\00\00")
        (data (i32.const 64) "\0a")
        (data (i32.const 32) "\40\00\00\00\01\00\00\00")
        (func (export "_start")
          (drop (call $sizes (i32.const 100) (i32.const 4)))
          (drop (call $args_get (i32.const 512) (i32.const 4096)))
          (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 200)))
          (drop (call $fd_write (i32.const 2) (i32.const 32) (i32.const 1) (i32.const 200)))
          (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 12)))
          (drop (call $fd_write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 200)))))"#;
    let mut request = bench.request(&wat::parse_str(echo).unwrap());
    request.assertion = Some("mine".to_owned());
    request.parameters = json!({ "b": 1, "a": [2] });
    request.grant = Some(vec!["turns".to_owned()]);
    let verdict = bench.judge(&request);
    assert_eq!(
        verdict.log,
        [
            "info: assertion\0mine\0{\"a\":[2],\"b\":1}\0",
            r#"info: {"schema":"wassert.run/1","turns":[{"exit":0,"turn":1}]}"#
        ]
    );
    request.limits.input_bytes = 10;
    let verdict = bench.judge(&request);
    let (class, code, message) = error(&verdict);
    assert_eq!((class, code), (ErrorClass::Guest, "too-large"));
    assert!(message.contains("limits.input_bytes"), "{message}");
}

#[test]
fn a_module_is_inspected_without_being_run() {
    let of = |guest: &str| inspect(&wat::parse_str(text(guest)).unwrap()).unwrap();
    let component = inspect(&wrap(&wat::parse_str(text("right-pass")).unwrap()).unwrap()).unwrap();
    assert_eq!(component.door, DoorKind::Component);
    assert!(
        component.imports.contains(&"wassert:pack/evidence@0.1.0.query".to_owned()),
        "{:?}",
        component.imports
    );
    assert_eq!(of("right-pass").door, DoorKind::CanonicalCore);
    assert_eq!(of("flat-pass").door, DoorKind::Flat);
    assert!(of("flat-pass").imports.contains(&"wassert_v1.query".to_owned()));
    assert_eq!(of("command-pass").door, DoorKind::CommandPreview1);
    assert!(!of("command-pass").describes_itself);
    assert_eq!(of("component-command-exits").door, DoorKind::CommandPreview2);
    assert!(inspect(b"nonsense").is_err());
}
