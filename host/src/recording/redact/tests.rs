//! Every form of every kind of secret, and what is none.

use serde_json::json;

use super::*;
use crate::document::{Document, FileChange, Request, Turn};

const SECRET: &str = "sk-test/123\"é";

fn secrets(declared: &[&str]) -> Secrets {
    Secrets::new(&declared.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
}

fn redacted(declared: &[&str], text: &str) -> String {
    secrets(declared).redact_text(text)
}

/// Text, and the source and form it was listed with.
fn listed(declared: &[&str], text: &str) -> (String, Vec<(String, RedactionForm)>) {
    let mut secrets = secrets(declared);
    let bytes = secrets.redact_bytes("here", text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
    let list = secrets.list().into_iter().map(|found| (found.source, found.form)).collect();
    (String::from_utf8(bytes).unwrap(), list)
}

pub(super) fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for index in 0..4 {
            let sextet = (number >> (18 - 6 * index) & 63) as usize;
            text.push(if index <= group.len() { alphabet[sextet] as char } else { '=' });
        }
    }
    text
}

pub(super) const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
pub(super) const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn a_declared_value_is_found_in_every_form() {
    use RedactionForm::{Base64, JsonEscaped, Percent, Plain};
    let every_byte = |write: fn(u8) -> String| SECRET.bytes().map(write).collect::<String>();
    let percent = every_byte(|byte| format!("%{byte:02X}"));
    let c_escapes: String = SECRET.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let json = serde_json::to_string(SECRET).unwrap();
    let json = json.trim_matches('"');
    let json_twice = serde_json::to_string(json).unwrap();
    let standard = base64(SECRET.as_bytes(), STANDARD);
    let wrapped = format!("{}\n{}\r\n{}", &standard[..5], &standard[5..10], &standard[10..]);
    for (written, form) in [
        (SECRET.to_owned(), Plain),
        (r#"\u0073k-test\/123\"\u00e9"#.to_owned(), JsonEscaped),
        (json.to_owned(), JsonEscaped),
        (json_twice.trim_matches('"').to_owned(), JsonEscaped),
        (c_escapes, JsonEscaped),
        (percent.to_lowercase(), Percent),
        (percent.replace('%', "%25"), Percent),
        (percent, Percent),
        (standard.trim_end_matches('=').replace('/', "\\/"), Base64),
        (standard.trim_end_matches('=').to_owned(), Base64),
        (base64(SECRET.as_bytes(), FOR_URLS).trim_end_matches('=').to_owned(), Base64),
        (wrapped.trim_end_matches('=').to_owned(), Base64),
    ] {
        let (text, list) = listed(&[SECRET], &format!("a: {written} !"));
        assert_eq!(text, "a: ⟦secret#1⟧ !", "{written}");
        assert_eq!(list, [("declared".to_owned(), form)], "{written}");
    }
}

#[test]
fn base64_is_found_at_all_alignments_in_a_larger_whole() {
    for before in 0..7 {
        for after in 0..7 {
            let whole = format!("{}sk-test-123{}", "<".repeat(before), ">".repeat(after));
            for lead in ["", "/", "//", "///"] {
                let text = format!("{lead}{}", base64(whole.as_bytes(), STANDARD));
                let (found, list) = listed(&["sk-test-123"], &text);
                assert!(found.contains("⟦secret#1⟧"), "{text}: {found}");
                assert_eq!(list.len(), 1);
                // What stays decodes to nothing of the secret but, at the most, bits of one byte.
                let core = &base64(b"sk-test-123", STANDARD)[..14];
                assert!(!found.contains(core), "{found}");
            }
        }
    }
}

#[test]
fn a_secret_is_found_wherever_windows_begin_and_end() {
    let window = 1 << 20;
    let mut lengths: Vec<usize> = (window - 80..window + 3).collect();
    lengths.extend(window - (64 << 10) - 20..window - (64 << 10) + 20);
    for before in lengths.into_iter().step_by(if cfg!(debug_assertions) { 11 } else { 1 }) {
        let mut bytes = vec![b'.'; before];
        bytes.extend_from_slice(b"\\u0073k-test-123");
        bytes.extend_from_slice(&vec![b'.'; 1000]);
        let redacted = secrets(&["sk-test-123"]).redact_bytes("x", &bytes).unwrap();
        assert_eq!(redacted.len(), before + "⟦secret#1⟧".len() + 1000, "{before}");
    }
}

#[test]
fn where_the_buffer_is_split_does_not_matter_once_it_is_whole() {
    let whole = format!("data: {{\"t\":\"{}\"}}\n", r"\u0073k-test-123");
    for split in 0..=whole.len() {
        let mut buffer = whole.as_bytes()[..split].to_vec();
        buffer.extend_from_slice(&whole.as_bytes()[split..]);
        let redacted = secrets(&["sk-test-123"]).redact_bytes("x", &buffer).unwrap();
        assert_eq!(redacted, "data: {\"t\":\"⟦secret#1⟧\"}\n".as_bytes());
    }
}

#[test]
fn escapes_are_undone_in_the_texts_of_a_binary_file() {
    let bytes = b"\x00\\n\xff\\u0073k-test-123\x00%73k-test-123\xff\x00\xf5c2stdGVzdC0xMjM=\x00";
    let redacted = secrets(&["sk-test-123"]).redact_bytes("x", bytes).unwrap();
    let expected = ["\0\\n", "⟦secret#1⟧\0⟦secret#1⟧", "\0", "⟦secret#1⟧=\0"].map(str::as_bytes);
    assert_eq!(
        redacted,
        [expected[0], b"\xff", expected[1], b"\xff", expected[2], b"\xf5", expected[3]].concat()
    );
}

#[test]
fn output_cut_off_within_a_secret_ends_before_it() {
    let secrets = secrets(&["sk-test-123"]);
    for written in ["sk-test-123", r"\u0073k-test\u002d123", "%73k-test-123"] {
        let text = format!("token {written}");
        assert_eq!(secrets.before_begun(text.as_bytes()), text.len(), "it is whole: {written}");
        assert_eq!(secrets.before_begun(&text.as_bytes()[..text.len() - 2]), 6, "{written}");
    }
    assert_eq!(secrets.before_begun(b"token sk-"), 9, "too little to tell");
    assert_eq!(secrets.before_begun(b"sk-test- is not at the end, nor c2stdGVzdC0x"), 32);
    assert_eq!(secrets.before_begun(b"nor is c2stdGVzdC0x here"), 24);
    assert_eq!(secrets.before_begun(b""), 0);
}

#[test]
fn what_this_program_cut_off_is_hidden_too() {
    assert_eq!(redacted(&["sk-test-123"], "`say sk-test-1…`"), "`say ⟦secret#1⟧…`");
    assert_eq!(redacted(&["sk-test-123"], "sk-test-123… sk-te…"), "⟦secret#1⟧… ⟦secret#1⟧…");
    assert_eq!(redacted(&["sk-test-123"], "+sk-test-\n[cut at 1 MiB]\n"), "+⟦secret#1⟧\n[cut at 1 MiB]\n");
}

/// A key of every shape; put together here so that no scanner takes this file for a leak.
pub(super) fn keys() -> Vec<(&'static str, String)> {
    let random = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4";
    let pem = |label: &str| {
        let line = base64(random.as_bytes(), STANDARD);
        format!("-----BEGIN {label}-----\n{line}\n{line}\nAb1=\n-----END {label}-----")
    };
    vec![
        ("openai", format!("sk-{random}")),
        ("openai", format!("sk-proj-{random}_x-y")),
        ("anthropic", format!("sk-ant-api03-{random}")),
        ("github", format!("ghp_{}", &random[..36])),
        ("github", format!("gho_{}", &random[..36])),
        ("github", format!("github_pat_{}_{random}", &random[..22])),
        ("aws", format!("AKIA{}", "IOSFODNN7EXAMPL3")),
        ("google", format!("AIza{}", &random[..35])),
        ("slack", format!("xoxb-{}-{}", "123456789012", &random[..24])),
        ("jwt", format!("eyJ{}.eyJ{}.{}", "hbGciOiJIUzI1NiJ9", "zdWIiOiIxMjM0In0", &random[..43])),
        ("private-key", pem("PRIVATE KEY")),
        ("private-key", pem("RSA PRIVATE KEY")),
        ("private-key", pem("OPENSSH PRIVATE KEY")),
    ]
}

#[test]
fn every_shape_is_found_in_every_form() {
    for (source, key) in keys() {
        let json = serde_json::to_string(&json!({ "key": key })).unwrap();
        let percent: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for (text, expected) in [
            (format!("KEY={key}"), "KEY=⟦secret#1⟧".to_owned()),
            (format!("my_{key} "), "my_⟦secret#1⟧ ".to_owned()),
            (json, r#"{"key":"⟦secret#1⟧"}"#.to_owned()),
            (format!("?{percent}"), "?⟦secret#1⟧".to_owned()),
        ] {
            let (found, list) = listed(&[], &text);
            assert_eq!(found, expected, "{text}");
            assert_eq!(list.len(), 1, "{text}: {list:?}");
            assert_eq!(list[0].0, source, "{text}");
        }
        let (found, list) = listed(&[], &format!("x {}", base64(format!("k={key}").as_bytes(), STANDARD)));
        assert!(found.contains("⟦secret#1⟧") && found.len() < 40, "{key}: {found}");
        assert_eq!(list, [(source.to_owned(), RedactionForm::Base64)]);
    }
}

#[test]
fn a_private_key_is_found_cut_off_and_in_a_diff() {
    let (_, key) = keys().pop().unwrap();
    let cut = &key[..key.len() - 60];
    assert_eq!(redacted(&[], cut), "⟦secret#1⟧");
    let diff: String = key.lines().map(|line| format!("+{line}\n")).collect();
    assert_eq!(redacted(&[], &diff), "+⟦secret#1⟧\n");
}

#[test]
fn the_token_of_an_authorization_is_a_secret_but_for_the_fake_key() {
    for text in [
        "authorization: Bearer abc123def456",
        r#"{"Authorization":"Bearer abc123def456"}"#,
        "AUTHORIZATION = bearer abc123def456",
    ] {
        assert_eq!(redacted(&[], text), text.replace("abc123def456", "⟦secret#1⟧"));
    }
    for text in [
        "authorization: Bearer not-a-key",
        "Authorization: Bearer YOUR_API_TOKEN",
        "Bearer of 12345678 gifts",
    ] {
        assert_eq!(redacted(&[], text), text);
    }
}

#[test]
fn a_token_learned_from_a_header_is_a_secret_everywhere() {
    let request = |name: &str, value: &str| Request {
        headers: BTreeMap::from([(name.to_owned(), vec![value.to_owned()])]),
        ..Request::default()
    };
    let mut none = secrets(&[]);
    assert!(
        !none.learn(&[
            request("authorization", "Bearer not-a-key"),
            request("authorization", "Basic xxxxxxxxx")
        ])
    );
    let mut secrets = secrets(&[]);
    assert!(
        secrets
            .learn(&[request("authorization", "Bearer opaque.token"), request("x-api-key", "another-key")])
    );
    assert_eq!(secrets.redact_text("opaque.token another-key"), "⟦secret#1⟧ ⟦secret#2⟧");
}

#[test]
fn ordinary_text_loses_nothing() {
    for text in [
        "task-force sk-fading-circle-container sk-learn disk-usage-0123456789 risk-averse",
        "-----BEGIN PRIVATE KEY----- is how a key begins; -----END PRIVATE KEY----- is how it ends, 1234.",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUabcdefghijklmnop\n-----END CERTIFICATE-----",
        "eyJ is how {\" begins; eyJhbGciOiJIUzI1NiJ9 alone is no token",
        "AKIA is four letters, AIza too; xox- and ghp_ are prefixes; ghp_short",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "550e8400-e29b-41d4-a716-446655440000 call_abc123DEF456 resp_0123456789abcdef",
        "C:\\users\\sk\\test 100%25 %zz \\q \\u12",
        "Thin⟦k⟧ of ⟦secret#9⟧…",
    ] {
        assert_eq!(redacted(&["sk-test-123"], text), text);
    }
}

#[test]
fn our_own_sources_and_fixtures_lose_nothing() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<_> =
        ["host", "tests", "scenarios", "assertions", "guest-sdk"].map(|name| root.join(name)).into();
    let (mut secrets, mut searched) = (secrets(&[]), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["node_modules", "target"].contains(&&*name) {
                folders.push(path);
            } else if path.is_file() && name != "tests.rs" {
                let bytes = std::fs::read(&path).unwrap();
                assert_eq!(
                    secrets.redact_bytes(&name, &bytes),
                    None,
                    "{}: {:?}",
                    path.display(),
                    secrets.list()
                );
                searched += 1;
            }
        }
    }
    assert!(searched > 200, "{searched}");
}

#[test]
fn overlapping_values_are_all_hidden() {
    assert_eq!(redacted(&["abcdefgh", "efghijkl"], "abcdefghijkl"), "⟦secret#1⟧⟦secret#2⟧");
    assert_eq!(redacted(&["abcdefgh", "abcdefghij"], "abcdefghij abcdefgh"), "⟦secret#1⟧ ⟦secret#2⟧");
    assert_eq!(redacted(&["aaaaaaaa"], &"a".repeat(12)), "⟦secret#1⟧");
    let (_, key) = keys().remove(0);
    let declared = key[10..20].to_owned();
    let (text, list) = listed(&[&declared], &key);
    assert_eq!(
        (text.as_str(), list[0].0.as_str()),
        ("⟦secret#1⟧", "declared"),
        "the rest of the key goes too"
    );
}

#[test]
fn json_is_searched_in_values_names_and_numbers() {
    let mut value = json!({"sk-test-123": 1, "c2stdGVzdC0xMjM=": [12345678, "a%73k-test-123"], "⟦secret#1⟧": null, "n": 1.50});
    secrets(&["sk-test-123", "12345678"]).redact_value(&mut value);
    assert_eq!(
        value,
        json!({"⟦secret#1⟧": null, "⟦secret#1⟧=": ["⟦secret#2⟧", "a⟦secret#1⟧"], "⟦secret#1⟧~2": 1, "n": 1.50})
    );
}

#[test]
fn a_document_is_numbered_in_its_order_and_lists_every_place() {
    let file = || FileChange::default();
    let mut document = Document {
        turns: vec![Turn { prompt: "say second-secret, second-secret".into(), ..Turn::default() }],
        files: BTreeMap::from([("a-first-secret".into(), file()), ("a-%66irst-secret".into(), file())]),
        ..Document::default()
    };
    document.scenario.summary = "first-secret".to_owned();
    let mut secrets = secrets(&["unseen-secret", "second-secret", "first-secret"]);
    let renamed = secrets.redact_document(&mut document).unwrap();
    secrets.conclude(&mut document);
    assert_eq!(document.scenario.summary, "⟦secret#1⟧");
    assert_eq!(document.turns[0].prompt, "say ⟦secret#2⟧, ⟦secret#2⟧");
    assert_eq!(document.files.keys().collect::<Vec<_>>(), ["a-⟦secret#1⟧", "a-⟦secret#1⟧~2"]);
    assert_eq!(renamed["a-first-secret"], "a-⟦secret#1⟧~2");
    assert_eq!(document.scenario.secrets, ["⟦secret#3⟧", "⟦secret#2⟧", "⟦secret#1⟧"]);
    let list: Vec<_> = document
        .redactions
        .iter()
        .map(|found| (found.secret, found.place.as_str(), found.form, found.count))
        .collect();
    assert_eq!(
        list,
        [
            (1, "$['files']['a-⟦secret#1⟧']", RedactionForm::Percent, 1),
            (1, "$['files']['a-⟦secret#1⟧~2']", RedactionForm::Plain, 1),
            (1, "$['scenario']['summary']", RedactionForm::Plain, 1),
            (2, "$['turns'][0]['prompt']", RedactionForm::Plain, 2),
        ]
    );
}

#[test]
fn a_word_of_the_document_can_not_be_a_secret() {
    let mut document = Document { turns: vec![Turn::default()], ..Document::default() };
    document.turns[0].terminal = Some(crate::document::Terminal::Completed);
    assert!(secrets(&["completed"]).redact_document(&mut document).is_err());
}

#[test]
fn a_recorded_scenario_stands_for_itself() {
    let declared = ["⟦secret#2⟧".to_owned(), "real-secret".to_owned()];
    let mut secrets = Secrets::as_recorded(&declared, &["⟦secret#2⟧".to_owned(), "⟦secret#1⟧".to_owned()]);
    assert_eq!(secrets.redact_text("⟦secret#2⟧ real-secret"), "⟦secret#2⟧ ⟦secret#1⟧");
}

/// A stream with symbols, and how often and in which form each was listed.
fn stream(declared: &[&str], text: &str) -> (String, Vec<(RedactionForm, u32)>) {
    let mut secrets = secrets(declared);
    let bytes = secrets.redact_stream("here", text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
    assert_eq!(secrets.are_in_stream(text.as_bytes()), bytes != text.as_bytes(), "{text}");
    let list = secrets.list().into_iter().map(|found| (found.form, found.count)).collect();
    (String::from_utf8(bytes).unwrap(), list)
}

#[test]
fn a_value_in_pieces_is_hidden_with_all_of_them() {
    let split = |count| vec![(RedactionForm::Split, count)];
    for (text, hidden, count) in [
        ("a sk-te\nst-123 b", "a ⟦secret#1⟧\n⟦secret#1⟧ b", 2),
        ("sk-\r\ntest\n-123", "⟦secret#1⟧\r\n⟦secret#1⟧\n⟦secret#1⟧", 3),
        ("a c2stdGV\nzdC0xMjM=", "a ⟦secret#1⟧=", 0),
        (
            "{\"delta\":\"a sk-te\",\"n\":1}\nnoise \"\n{\"delta\":\"s\",\"n\":2}\n{\"n\":3,\"delta\":\"t-\\u0031\\u00323\"}\n",
            "{\"delta\":\"a ⟦secret#1⟧\",\"n\":1}\nnoise \"\n{\"delta\":\"⟦secret#1⟧\",\"n\":2}\n{\"n\":3,\"delta\":\"⟦secret#1⟧\"}\n",
            3,
        ),
        (
            r#"{"input":[{"content":[{"text":"sk-te","type":"t"},{"text":"st-123 b","type":"t"}]}]}"#,
            r#"{"input":[{"content":[{"text":"⟦secret#1⟧","type":"t"},{"text":"⟦secret#1⟧ b","type":"t"}]}]}"#,
            2,
        ),
        (r#"["a sk-te\nst-123"]"#, r#"["a ⟦secret#1⟧\n⟦secret#1⟧"]"#, 2),
        (r"quoted 'sk-te\nst-123'", r"quoted '⟦secret#1⟧\n⟦secret#1⟧'", 2),
        (r#"{"a":["c2stdGV","zdC0xMjM="]}"#, r#"{"a":["⟦secret#1⟧","⟦secret#1⟧="]}"#, 2),
    ] {
        let (redacted, listed) = stream(&["sk-test-123"], text);
        assert_eq!(redacted, hidden);
        if count > 0 {
            assert_eq!(listed, split(count), "{text}");
        }
    }
}

#[test]
fn what_is_whole_is_no_piece_and_what_is_apart_is_no_secret() {
    for text in [
        "{\"a\":\"sk-te\",\"b\":\"st-123\"}",
        "{\"a\":\"sk-te\"}\n{\"a\":\"x\"}\n{\"a\":\"st-123\"}",
        "sk-te\nx\nst-123",
        "sk-te st-123",
        r#"["sk-te\tst-123"]"#,
    ] {
        assert_eq!(stream(&["sk-test-123"], text), (text.to_owned(), vec![]));
    }
    // Chance makes shapes of keys; only known values are put together.
    let shape = "sk-abcdefgh1\nabcdefghijklmnop1234";
    assert_eq!(stream(&["sk-test-123"], shape).0, shape);
    let (redacted, listed) = stream(&["sk-test-123"], "[\"sk-test-123\",\"sk-test-123\"]");
    assert_eq!(redacted, "[\"⟦secret#1⟧\",\"⟦secret#1⟧\"]");
    assert_eq!(listed, [(RedactionForm::Plain, 2)]);
}

#[test]
fn of_long_pieces_the_ends_are_looked_at() {
    let text = format!("[\"{}sk-te\",\"st-123{}\"]", "x".repeat(300_000), "y".repeat(300_000));
    let (redacted, listed) = stream(&["sk-test-123"], &text);
    assert!(redacted.contains("x⟦secret#1⟧\",\"⟦secret#1⟧y"));
    assert_eq!(listed, [(RedactionForm::Split, 2)]);
}

#[test]
fn deltas_and_parts_in_the_document_are_hidden_too() {
    let delta = |turn, text: &str| crate::document::Event {
        turn,
        text: Some(text.to_owned()),
        raw: json!({"delta": {"text": text}}),
        ..crate::document::Event::default()
    };
    let request = |parts: &[&str]| Request {
        body: json!({"content": parts.iter().map(|text| json!({"text": text})).collect::<Vec<_>>()}),
        transcript: vec![crate::document::Item::Message {
            role: crate::document::Role::User,
            text: parts.join("\n"),
        }],
        ..Request::default()
    };
    let mut document = Document {
        events: vec![
            delta(1, "a sk-"),
            delta(1, "test"),
            delta(1, "-123"),
            delta(1, "sk-te"),
            delta(2, "st-123"),
        ],
        requests: vec![request(&["sk-te", "st-123"]), request(&["sk-te"]), request(&["st-123"])],
        stdout: vec![crate::document::Stream {
            text: Some("{\"d\":\"sk-te\"}\n{\"d\":\"st-123\"}\n".to_owned()),
            ..crate::document::Stream::default()
        }],
        ..Document::default()
    };
    let mut secrets = secrets(&["sk-test-123"]);
    secrets.redact_document(&mut document).unwrap();
    secrets.conclude(&mut document);
    let texts: Vec<_> = document.events.iter().map(|event| event.text.as_deref().unwrap()).collect();
    assert_eq!(texts, ["a ⟦secret#1⟧", "⟦secret#1⟧", "⟦secret#1⟧", "sk-te", "st-123"]);
    assert_eq!(document.events[1].raw["delta"]["text"], "⟦secret#1⟧");
    assert_eq!(document.requests[0].body["content"][1]["text"], "⟦secret#1⟧");
    assert_eq!(document.requests[1].body["content"][0]["text"], "sk-te");
    let crate::document::Item::Message { text, .. } = &document.requests[0].transcript[0] else { panic!() };
    assert_eq!(text, "⟦secret#1⟧\n⟦secret#1⟧");
    assert_eq!(document.stdout[0].text.as_deref(), Some("{\"d\":\"⟦secret#1⟧\"}\n{\"d\":\"⟦secret#1⟧\"}\n"));
    let place = "$['requests'][0]['body']['content'][1]['text']";
    let found = document.redactions.iter().find(|found| found.place == place).unwrap();
    assert_eq!((found.secret, found.form, found.count), (1, RedactionForm::Split, 1));
}
