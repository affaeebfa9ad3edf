//! Whatever the thorough search finds, the prefilter must not have ruled out: secrets written in chains of forms, broken
//! into lines, in surroundings of all kinds.

use super::super::find::{find, thorough};
use super::super::known::Known;
use super::super::tests::{FOR_URLS, STANDARD, base64, keys};
use super::*;
use crate::recording::symbol::generate::Generator;

const DECLARED: [&str; 6] =
    ["sk-test-123", "a b c d e", "größe\"\\\n9", "hunter2hunter2hunter2", "%41\\u0041+/", "++//++//++"];

fn known() -> Known {
    let mut known = Known::default();
    known.add(DECLARED, "declared");
    known
}

/// Each byte, or by chance what stands for it.
fn each(bytes: &[u8], generator: &mut Generator, every: usize, write: impl Fn(u8) -> String) -> Vec<u8> {
    let mut written = Vec::new();
    for byte in bytes {
        match byte.is_ascii() && generator.below(every) == 0 {
            true => written.extend(write(*byte).into_bytes()),
            false => written.push(*byte),
        }
    }
    written
}

/// Another way to write some bytes.
fn written(bytes: &[u8], generator: &mut Generator) -> Vec<u8> {
    let lead = generator.below(4);
    match generator.below(9) {
        0 => each(bytes, generator, 3, |byte| format!("\\u{byte:04x}")),
        1 => each(bytes, generator, 5, |byte| format!("%{byte:02X}")),
        2 => each(bytes, generator, 1, |byte| format!("\\x{byte:02x}")),
        3 => each(bytes, generator, 8, |byte| format!("{}\\\n  ", char::from(byte))),
        4 => serde_json::to_vec(&String::from_utf8_lossy(bytes)).unwrap(),
        5 => ["/".repeat(lead), base64(&[&b"<<<"[..lead.min(3)], bytes].concat(), STANDARD)].concat().into(),
        6 => ["_".repeat(lead), base64(&[b"{", bytes, b"}}"].concat(), FOR_URLS)].concat().into(),
        7 => {
            let (line, text) = (1 + generator.below(20), base64(bytes, STANDARD));
            let lines: Vec<_> = text.as_bytes().chunks(line).collect();
            lines.join(*generator.pick(&[&b"\n"[..], b"\r\n"]))
        }
        _ => bytes.to_vec(),
    }
}

#[test]
fn what_the_thorough_search_finds_is_never_ruled_out() {
    let (known, mut found_any, mut ruled_out) = (known(), 0, 0);
    let mut secrets: Vec<String> = DECLARED.map(str::to_owned).to_vec();
    secrets.extend(keys().into_iter().map(|(_, key)| key));
    secrets.push("authorization: Bearer abc123def456".to_owned());
    secrets.push("\"AuThOrIzAtIoN\" : 'bEaReR  xyz-9876-xyz'".to_owned());
    let around = ["", " ", "x", "_", "9", "=", "\"", "\\", "%", "\n", "abc\ndef\n", "é", "/+/+/", "\u{0}"];
    let cases = if cfg!(debug_assertions) { 4_000 } else { 100_000 };
    for seed in 0..cases {
        let mut generator = Generator::new(seed);
        let mut bytes = generator.pick(&secrets).clone().into_bytes();
        if generator.below(8) == 0 {
            bytes.truncate(bytes.len() / 2);
        }
        for _ in 0..generator.below(4) {
            let (before, after) = (generator.pick(&around).as_bytes(), generator.pick(&around).as_bytes());
            bytes = written(&[before, &bytes, after].concat(), &mut generator);
        }
        let (before, after) = (generator.pick(&around).as_bytes(), generator.pick(&around).as_bytes());
        let bytes = [before, &bytes, after].concat();
        let all = thorough(&known, &bytes);
        assert_eq!(find(&known, &bytes, false), all, "seed {seed}: {}", String::from_utf8_lossy(&bytes));
        found_any += usize::from(!all.is_empty());
        ruled_out += usize::from(!known.prefilter().suspects(&bytes, 3));
    }
    assert!(found_any > cases as usize / 2, "{found_any} of {cases} had a secret");
    assert!(ruled_out > cases as usize / 50, "{ruled_out} of {cases} were ruled out");
}

#[test]
fn chance_and_damage_never_part_the_two_searches() {
    let known = known();
    let alphabets: [&[u8]; 4] = [
        b"sk-antghp_AKIAZxoeyJ.\\u0%47+/=\n",
        STANDARD,
        b"sk-test123 %\\\"\r\n",
        b"authorizationBEARER:= \\\"'0123456789abcdef",
    ];
    for seed in 0..if cfg!(debug_assertions) { 2_000 } else { 50_000 } {
        let mut generator = Generator::new(seed);
        let alphabet = *generator.pick(&alphabets);
        let mut bytes: Vec<u8> = (0..200 + generator.below(200)).map(|_| *generator.pick(alphabet)).collect();
        let (_, key) = generator.pick(&keys()).clone();
        let at = generator.below(bytes.len());
        bytes.splice(at..at, key.into_bytes());
        let (length, broken) = (bytes.len(), at + generator.below(30));
        bytes[broken % length] = *generator.pick(alphabet);
        assert_eq!(find(&known, &bytes, false), thorough(&known, &bytes), "seed {seed}");
    }
}

#[test]
fn ordinary_bytes_are_ruled_out() {
    let known = known();
    let source = include_str!("../find.rs").repeat(4);
    let escaped = serde_json::to_string(&serde_json::to_string(&source).unwrap()).unwrap();
    let image = base64(source.as_bytes(), STANDARD);
    for text in [source.as_str(), &escaped, &image, "task-force disk-usage-0123456789-0123456789", "100% \\q"]
    {
        assert!(!known.prefilter().suspects(text.as_bytes(), 3), "{}", &text[..40.min(text.len())]);
    }
}

#[test]
fn a_value_too_short_to_look_for_rules_nothing_out() {
    assert!(Prefilter::new([&b"ab"[..]]).suspects(b"nothing", 3));
    assert!(!Prefilter::new([&b"abc"[..]]).suspects(b"nothing", 3));
}

#[test]
fn machines_without_vector_instructions_find_the_same() {
    let needles = [(*b"sk-", vec![(0, 0)]), (*b"AKI", vec![(1, 0)])];
    let mut all = Needles::new(&needles);
    let text = b"..AKIA..sk-..";
    let hits = |needles: &Needles| [needles.next(text, 0), needles.next(text, 3), needles.next(text, 9)];
    let vector = hits(&all);
    all.scan = Scan::Automaton(Box::new(AhoCorasick::new(needles.iter().map(|(needle, _)| needle)).unwrap()));
    assert_eq!(vector, hits(&all));
    assert_eq!(vector, [Some((2, 1)), Some((8, 0)), None]);
}
