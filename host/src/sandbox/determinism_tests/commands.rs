//! What a WASI command sees, in either preview: a fixed clock, seeded randomness, its arguments, and nothing else.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::interpreter;
use crate::sandbox::tests::{Bench, text};
use crate::sandbox::{Judge, JudgeRequest, JudgeSettings};
use crate::value::{Outcome, Verdict};

/// A command of preview 1: the common part of all, and this.
fn command(body: &str) -> Vec<u8> {
    let module = text("command-pass");
    let (start, _) = module.split_once("(func $checking").unwrap();
    wat::parse_str(format!("{start}{body})")).unwrap()
}

/// A command of preview 2: a component for the world of `tests/guests/preview2.wit`.
fn component_command(body: &str) -> Vec<u8> {
    let prelude = include_str!("../../../../tests/guests/prelude-preview2.wat");
    let mut core = wat::parse_str(format!("(module {prelude} {body})")).unwrap();
    let mut resolve = Resolve::default();
    let wit = include_str!("../../../../tests/guests/preview2.wit");
    let package = resolve.push_str("preview2.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("command")).unwrap();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&core).unwrap().validate(true).encode().unwrap()
}

/// Writes the bytes of its memory from 3000 on to its log, `a` to `p` for each half of a byte.
const TELLS: &str = r#"(func $tells (param $end i32) (local $at i32) (local $byte i32)
  (local.set $at (i32.const 3000))
  (loop $next
    (local.set $byte (i32.load8_u (local.get $at)))
    (i32.store8 (i32.const 4000) (i32.add (i32.const 97) (i32.shr_u (local.get $byte) (i32.const 4))))
    (i32.store8 (i32.const 4001) (i32.add (i32.const 97) (i32.and (local.get $byte) (i32.const 15))))
    (call $write (i32.const 2) (i32.const 4000) (i32.const 2))
    (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get $end)))))"#;

/// Reads its input and writes it to its log.
pub(super) fn repeats_its_input() -> Vec<u8> {
    command(
        "(func $checking
          (call $read)
          (call $write (i32.const 2) (i32.const 8192) (i32.load (i32.const 1032)))
          (call $say))",
    )
}

/// Looks at both clocks twice, at 40 bytes of randomness, and at how much environment there is; tells it.
pub(super) fn looks_around() -> Vec<u8> {
    let body = r#"(func $checking
      (call $read)
      (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 3000)))
      (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 3008)))
      (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 3016)))
      (drop (call $environ_sizes_get (i32.const 3024) (i32.const 3028)))
      (drop (call $random_get (i32.const 3032) (i32.const 40)))
      (call $tells (i32.const 3072))
      (call $say))"#;
    command(&format!("{TELLS} {body}"))
}

/// The same of preview 2, with a working directory that might be there and a seed for hash maps.
fn looks_around_by_preview2() -> Vec<u8> {
    let body = r#"(func $checking
      (call $read)
      (call $wall_now (i32.const 3000))
      (i64.store (i32.const 3016) (call $monotonic_now))
      (call $get_environment (i32.const 3024))
      ;; Where the list would be says nothing.
      (i32.store (i32.const 3024) (i32.const 0))
      (call $initial_cwd (i32.const 3032))
      (call $insecure_seed (i32.const 3048))
      (i64.store (i32.const 3064) (call $random_u64))
      (call $random_bytes (i64.const 8) (i32.const 2800))
      (i64.store (i32.const 3072) (i64.load (i32.load (i32.const 2800))))
      (call $tells (i32.const 3080))
      (call $say))"#;
    component_command(&format!("{TELLS} {body}"))
}

/// Bytes as they were told.
fn told(verdict: &Verdict) -> Vec<u8> {
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
    let halves = verdict.log[0].strip_prefix("info: ").unwrap().as_bytes();
    halves.chunks(2).map(|pair| (pair[0] - b'a') << 4 | (pair[1] - b'a')).collect()
}

fn request(bench: &Bench, command: &[u8], name: &str, grant: &str) -> JudgeRequest {
    JudgeRequest {
        assertion: Some(name.to_owned()),
        grant: Some(vec!["turns".to_owned(), grant.to_owned()]),
        ..bench.request(command)
    }
}

/// Judges as `a`, and with another name and other evidence: what differs is randomness alone, from `random` on.
fn fixed_but_for_randomness(command: &[u8], random: usize) -> Vec<u8> {
    let bench = Bench::new();
    let asked = |name: &str, grant: &str| request(&bench, command, name, grant);
    let first = bench.judge(&asked("a", "turns"));
    let again = Judge::new(JudgeSettings::default()).unwrap().judge(&asked("a", "turns"));
    assert_eq!(first, again);
    assert_eq!(interpreter().judge(&asked("a", "turns")), first);
    let seen = told(&first);
    for other in [asked("b", "turns"), asked("a", "stdout")] {
        let other = told(&bench.judge(&other));
        assert_eq!(other[..random], seen[..random], "the clock depends on nothing");
        assert_ne!(other[random..], seen[random..]);
    }
    seen
}

/// Row 11: the clock is fixed, the environment empty, and randomness is the evidence's and the assertion's.
#[test]
fn a_command_sees_a_fixed_clock_and_seeded_randomness() {
    let seen = fixed_but_for_randomness(&looks_around(), 32);
    assert_eq!(seen[24..32], [0; 8], "no variables");
    // 2000-01-01T00:00:00.001Z in nanoseconds.
    assert_eq!(seen[..8], 946_684_800_001_000_000_u64.to_le_bytes());
    assert_ne!(seen[16..24], seen[..8], "time passes");
}

/// Rows 11 and 12 in preview 2: the same, and no working directory.
#[test]
fn a_command_of_preview_2_sees_the_same() {
    let seen = fixed_but_for_randomness(&looks_around_by_preview2(), 48);
    // 2000-01-01T00:00:00.001Z in seconds and nanoseconds.
    assert_eq!(seen[..8], 946_684_800_u64.to_le_bytes());
    assert_eq!(seen[8..12], 1_000_000_u32.to_le_bytes());
    assert_eq!(seen[16..24], 2_000_000_u64.to_le_bytes(), "time passes");
    assert_eq!(seen[28..32], [0; 4], "no variables");
    assert_eq!(seen[32], 0, "no working directory");
    let words: std::collections::BTreeSet<&[u8]> = seen[48..].chunks(8).collect();
    assert_eq!(words.len(), 4, "each look at randomness is another");
}

/// Row 11: a command is told its assertion and its parameters, and nothing of the machine.
#[test]
fn the_arguments_of_a_command_are_its_assertion_and_its_parameters() {
    let bench = Bench::new();
    let preview1 = command(&format!(
        "{TELLS} (func $checking
          (call $read)
          (drop (call $args_sizes_get (i32.const 2900) (i32.const 2904)))
          (drop (call $args_get (i32.const 2904) (i32.const 3000)))
          (call $tells (i32.const 3027))
          (call $say))"
    ));
    let verdict = bench.judge(&JudgeRequest {
        parameters: serde_json::json!({ "b": 1, "a": [] }),
        ..request(&bench, &preview1, "a", "turns")
    });
    assert_eq!(String::from_utf8_lossy(&told(&verdict)), "assertion\0a\0{\"a\":[],\"b\":1}\0");
    // In preview 2 the list lies where `cabi_realloc` put it: its three texts one after the other, each at a multiple of 8.
    let preview2 = component_command(
        "(func $checking (local $list i32) (local $left i32)
          (call $read)
          (call $get_arguments (i32.const 2900))
          (local.set $list (i32.load (i32.const 2900)))
          (local.set $left (i32.load (i32.const 2904)))
          (loop $next
            (call $write (i32.const 2) (i32.load (local.get $list)) (i32.load offset=4 (local.get $list)))
            (call $write (i32.const 2) (i32.const 4100) (i32.const 1))
            (local.set $list (i32.add (local.get $list) (i32.const 8)))
            (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
          (call $say))
        (data (i32.const 4100) \"|\")",
    );
    let verdict = bench.judge(&request(&bench, &preview2, "a", "turns"));
    assert_eq!(verdict.log, ["info: assertion|a|{}|"], "{verdict:?}");
}

/// Row 12: what seeds a hash map is randomness, and so the same in fifty judgings, in either preview.
#[test]
fn fifty_judgings_are_one() {
    let bench = Bench::new();
    for command in [looks_around(), looks_around_by_preview2()] {
        let request = bench.request(&command);
        let first = bench.judge.judge(&request);
        for _ in 0..50 {
            assert_eq!(bench.judge.judge(&request), first);
        }
    }
}
