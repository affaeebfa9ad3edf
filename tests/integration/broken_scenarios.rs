//! Broken scenarios and what a person is told about them: `tests/broken-scenarios/<case>.toml` and `<case>.stderr`.
//!
//! `WASSERT_BLESS=1` rewrites the expected texts; read them before committing.

use std::path::PathBuf;

use wassert::report::{render_human, render_json};
use wassert::scenario::{LoadContext, Loaded, load};

use crate::harness::root;

/// Every key that there is, used rightly.
const EVERY_KEY: &str = include_str!("../fixtures/every-key.toml");

/// Loads a text beside which there are `check.wasm` and `workspace/`.
fn load_text(name: &str, bytes: &[u8]) -> Loaded {
    let environment = LoadContext {
        file_exists: &|path| path == "check.wasm",
        folder_exists: &|path| path == "workspace",
        agents: &[],
    };
    load(name.trim_end_matches(".toml").to_owned(), PathBuf::from(name), bytes, &environment)
}

/// Everything that is said about a file, as on a terminal without colour.
fn rendered(name: &str, bytes: &[u8]) -> String {
    let loaded = load_text(name, bytes);
    loaded.diagnostics.iter().map(|diagnostic| render_human(diagnostic, false) + "\n").collect()
}

#[test]
fn every_broken_scenario_is_explained_as_expected() {
    let folder = root().join("tests/broken-scenarios");
    let bless = std::env::var_os("WASSERT_BLESS").is_some();
    let files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let orphan = files.iter().find(|file| !file.with_extension("toml").exists());
    assert_eq!(orphan, None, "an expected text without its scenario");
    let mut cases: Vec<PathBuf> =
        files.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    cases.sort();
    assert!(cases.len() >= 25, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let said = rendered(&name, &std::fs::read(&case).unwrap());
        assert!(!said.is_empty(), "{name} is not broken");
        let expected = case.with_extension("stderr");
        if bless {
            std::fs::write(&expected, &said).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != said {
            wrong.push(format!("{name}:\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

#[test]
fn no_bytes_make_loading_or_rendering_panic() {
    let original = EVERY_KEY.as_bytes();
    let pieces: [&[u8]; 16] = [
        b"[[",
        b"]]",
        b"[",
        b"]",
        b"{",
        b"}",
        b"\"",
        b"'''",
        b"=",
        b".",
        b"\n",
        b"\x1b[31m",
        b"\xff",
        "⟦".as_bytes(),
        b"\r\n",
        b"99999999999999999999",
    ];
    let mut state: u64 = 7;
    let mut random = |below: usize| {
        // Knuth's constants for a 64-bit linear congruential generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..3000 {
        let mut bytes = original.to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len().max(1));
            if bytes.is_empty() {
                break;
            }
            match random(5) {
                0 => bytes[at] = random(256) as u8,
                1 => drop(bytes.splice(at..at, pieces[random(pieces.len())].iter().copied())),
                2 => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
                3 => {
                    let lines: Vec<&[u8]> = original.split_inclusive(|byte| *byte == b'\n').collect();
                    let line = lines[random(lines.len())];
                    drop(bytes.splice(at..at, line.iter().copied()));
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        let loaded = load_text("mutated.toml", &bytes);
        assert_eq!(
            loaded.scenario.is_none(),
            loaded.diagnostics.iter().any(wassert::diagnostic::Diagnostic::is_error)
        );
        for diagnostic in &loaded.diagnostics {
            let human = render_human(diagnostic, false);
            assert!(!human.chars().any(|character| character.is_control() && character != '\n'), "{human:?}");
            render_json(diagnostic);
        }
    }
}
