//! Modules that call the host, right ones with changed bytes, and mutated documents, every case from its seed alone.
//! `WASSERT_FUZZ_CASES=20000` judges so many of them instead of a small sample. Modules out of nothing are not among
//! them: what makes those is a crate of its own, `tests/fuzz`.

#[path = "../fuzz/cases.rs"]
mod cases;

pub use cases::random::Random;

/// Cases of an ordinary `cargo test`.
const SAMPLE: u64 = 40;

#[test]
fn a_sample_of_generated_cases_is_judged_alike_by_both_engines() {
    let asked_for = std::env::var("WASSERT_FUZZ_CASES").ok();
    let count = asked_for.map_or(SAMPLE, |number| number.parse().expect("WASSERT_FUZZ_CASES is a number"));
    let tally = cases::run(7, 0..count, 2, cases::guests::generate, |_| ());
    eprintln!("{tally}");
    assert!(tally.mistakes.is_empty(), "{tally}");
    // Neither the modules nor the documents all end in the same way, and no door is left out.
    for door in cases::guests::DOORS {
        assert!(tally.judged(door.kind, "") > 0, "{}: {tally}", door.kind);
    }
    for (kind, end) in [("std/exit", "pass"), ("std/file", ""), ("calls", "pass"), ("", "error")] {
        assert!(tally.judged(kind, end) > 0, "{kind}: {end}: {tally}");
    }
}
