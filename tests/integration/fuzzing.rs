//! Guests with changed bytes and mutated documents, every case from its seed alone. `WASSERT_FUZZ_CASES=20000` judges so
//! many of them instead of a small sample. Modules out of nothing are not among them.

#[path = "../fuzz/cases.rs"]
mod cases;

/// Cases of an ordinary `cargo test`.
const SAMPLE: u64 = 60;

#[test]
fn a_sample_of_generated_cases_is_judged_alike_by_both_engines() {
    let asked_for = std::env::var("WASSERT_FUZZ_CASES").ok();
    let count = asked_for.map_or(SAMPLE, |number| number.parse().expect("WASSERT_FUZZ_CASES is a number"));
    let tally = cases::run(7, 0..count, 2, cases::guests::changed);
    eprintln!("{tally}");
    assert!(tally.mistakes.is_empty(), "{tally}");
    let judged = |word: &str| {
        tally.verdicts.iter().filter(|(what, _)| what.contains(word)).map(|(_, count)| count).sum::<u64>()
    };
    // Neither the modules nor the documents all end in the same way.
    for word in ["std/exit: pass", "std/file: ", "core module", "flat module", "component", "error"] {
        assert!(judged(word) > 0, "{word}: {tally}");
    }
}
