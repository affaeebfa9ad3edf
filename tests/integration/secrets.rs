//! Secrets that an agent spreads wherever it can: none of them reaches the recording, in any form.

use std::path::{Path, PathBuf};

use serde_json::Value;

use wassert::value::Digest;

use crate::harness::{PLAIN, Project, not_passed, verdict};

const SECRET: &str = "sk-test-123";
/// A second one with characters that every escape must touch.
const OTHER: &str = "p\"ss/wörd é%";
/// A key nobody declared, put together so that no scanner takes this file for a leak.
const KEY: &str = concat!("ghp", "_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");

/// The prompt, the replies and a file of the workspace hold secrets on purpose; the shell spreads them.
fn scenario(agent: &str) -> String {
    format!(
        r#"
summary = "Secrets everywhere, {SECRET} in the summary too."
agents = ["example"]
secrets = ["{SECRET}", 'p"ss/wörd é%', "never-seen-1"]

[agent.example]
{agent}
env = {{ TOKEN = "{SECRET}" }}

[workspace]
git = true
files = {{ "config.env" = "A={SECRET}\nB=\u0070\"ss/wörd é%\n", "binary" = "\u0000\u0001{SECRET}\u0000" }}

[[turn]]
prompt = "Use {SECRET}, and {KEY}."

[[step]]
call = {{ id = "spread", tool = "shell", input = {{ command = '''
echo "plain $TOKEN"
printf '%s' "$TOKEN" | base64
printf 'x%s' "$TOKEN" | base64
printf 'xx%s' "$TOKEN" | base64
echo 'percent sk%2Dtest%2d123 %73%6B%2D%74%65%73%74%2D%31%32%33'
echo 'escaped \u0073k-test-123 and p\"ss\/w\u00f6rd \u00e9%'
echo "error $TOKEN" >&2
echo "$TOKEN" > "leak-$TOKEN.txt"
printf '%s' "$TOKEN" | base64 > "leak-$(printf '%s' "$TOKEN" | base64).txt"
ln -s "/nowhere/$TOKEN" link
printf '\000%s\000' "$TOKEN" > binary
echo "C=$TOKEN" >> config.env
mkdir "folder-$TOKEN"
echo x > "folder-$TOKEN/x"
''' }} }}

[[step]]
expect = {{ tool-result = {{ call = "spread", contains = "plain {SECRET}" }} }}
text = "done with {SECRET}"

[[assert]]
use = "std/request-contains"
with = {{ text = "plain {SECRET}" }}
[[assert]]
use = "std/file"
with = {{ path = "leak-{SECRET}.txt", equals = "{SECRET}\n" }}
[[assert]]
use = "std/final-message"
with = {{ equals = "done with {SECRET}" }}
"#
    )
}

/// Every file below a folder, and every name.
fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push((path.clone(), path.file_name().unwrap().as_encoded_bytes().to_vec()));
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes.starts_with(&[0x1f, 0x8b]) && !bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
                "{} is compressed: look into it",
                path.display()
            );
            found.push((path, bytes));
        }
    }
    found
}

/// What no byte of a recording may be: the value plain, with escapes, in percent escapes, in base64 at each alignment
/// (without the characters it shares with its neighbours).
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let each = |write: fn(u8) -> String| secret.bytes().map(write).collect::<String>();
    let json = serde_json::to_string(secret).unwrap();
    let mut forms = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        each(|byte| format!("%{byte:02X}")),
        each(|byte| format!("%{byte:02x}")),
        each(|byte| {
            if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        }),
        each(|byte| {
            if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") }
        }),
    ];
    for alignment in 0..3 {
        let whole = [&b"\0\0"[..alignment], secret.as_bytes()].concat();
        let encoded = base64(&whole);
        let first = (alignment * 8).div_ceil(6);
        let last = whole.len() * 8 / 6;
        forms.push(encoded[first..last].to_owned());
        forms.push(encoded[first..last].replace('+', "-").replace('/', "_"));
    }
    forms.into_iter().map(String::into_bytes).collect()
}

fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<bool> =
        bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> (7 - bit) & 1 == 1)).collect();
    bits.chunks(6)
        .map(|six| {
            let sextet = (0..6).fold(0, |sextet, bit| sextet << 1 | usize::from(six.get(bit) == Some(&true)));
            char::from(alphabet[sextet])
        })
        .collect()
}

fn assert_clean(folder: &Path) {
    let everything = everything(folder);
    assert!(everything.len() > 20, "there is a recording");
    for secret in [SECRET, OTHER, KEY, "never-seen-1"] {
        for form in forms(secret) {
            for (path, bytes) in &everything {
                let at = bytes.windows(form.len()).position(|window| window == form);
                let shown =
                    at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(80)..at + form.len()]));
                assert_eq!(shown, None, "{} has {}", path.display(), String::from_utf8_lossy(&form));
            }
        }
    }
}

fn recorded(agent: &str) -> (Project, String, Value, Value) {
    let project = Project::new();
    project.write("scenarios/spread.toml", &scenario(agent));
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    let document = project.document(&results["scenarios"][0]);
    let recording = results["scenarios"][0]["recording"].as_str().unwrap().to_owned();
    (project, recording, results, document)
}

#[test]
fn no_byte_of_a_recording_is_a_secret_in_any_form() {
    for agent in ["", "transport = \"websocket\""] {
        let (project, ..) = recorded(agent);
        assert_clean(&project.path().join(".wassert"));
    }
}

#[test]
fn every_place_of_a_secret_is_listed() {
    let (.., document) = recorded("");
    assert_eq!(
        document["scenario"]["secrets"],
        serde_json::json!(["⟦secret#1⟧", "⟦secret#3⟧", "⟦secret#4⟧"])
    );
    assert_eq!(document["turns"][0]["prompt"], "Use ⟦secret#1⟧, and ⟦secret#2⟧.");
    let listed: Vec<String> = document["redactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|redaction| {
            let word = |member: &str| redaction[member].as_str().unwrap();
            format!("{} {} {} {}", redaction["secret"], word("source"), word("form"), word("place"))
        })
        .collect();
    let mut sorted = listed.clone();
    sorted.dedup();
    assert_eq!(sorted, listed);
    let folder = "folder-⟦secret#1⟧/x";
    for expected in [
        "1 declared plain $['scenario']['summary']",
        "1 declared plain $['scenario']['assertions'][0]['with']['text']",
        "1 declared plain $['turns'][0]['prompt']",
        "1 declared plain $['turns'][0]['final_message']",
        "2 github plain $['turns'][0]['prompt']",
        "1 declared base64 $['requests'][1]['transcript'][4]['output']",
        "1 declared percent $['requests'][1]['transcript'][4]['output']",
        "1 declared json-escaped $['requests'][1]['transcript'][4]['output']",
        "3 declared json-escaped $['requests'][1]['transcript'][4]['output']",
        "1 declared plain requests/1/body",
        "1 declared base64 requests/1/body",
        "1 declared plain stdout/0",
        "1 declared plain log/stdout-1",
        "1 declared plain files/binary/before",
        "1 declared plain files/binary/after",
        "1 declared plain files/leak-⟦secret#1⟧.txt/after",
        "1 declared plain $['files']['leak-⟦secret#1⟧.txt']",
        &format!("1 declared plain $['files']['{folder}']"),
        "1 declared plain $['files']['link']['after']['text']",
        "1 declared plain $['files']['config.env']['before']['text']",
        "3 declared plain $['files']['config.env']['before']['text']",
        "1 declared plain $['git']['diff']",
        "1 declared plain scenario.toml",
        "2 github plain scenario.toml",
        "3 declared plain scenario.toml",
    ] {
        assert!(listed.iter().any(|line| line == expected), "{expected} in {listed:#?}");
    }
    assert!(
        listed.iter().any(|line| line.starts_with("1 declared base64 $['files']['leak-⟦secret#1⟧")),
        "{listed:#?}"
    );
}

#[test]
fn digests_and_sizes_are_of_what_is_recorded() {
    let (project, recording, _, document) = recorded("");
    let folder = project.path().join(recording);
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("blobs.json")).unwrap()).unwrap();
    let names = &index["names"];
    let mut compared = 0;
    for (path, file) in document["files"].as_object().unwrap() {
        for when in ["before", "after"] {
            let state = &file[when];
            if state["kind"] == "file" {
                let digest = state["sha256"].as_str().unwrap();
                assert_eq!(names[format!("files/{path}/{when}")], digest, "{path}");
                let hex = digest.strip_prefix("sha256:").unwrap();
                let bytes = std::fs::read(folder.join("blobs").join(hex)).unwrap();
                assert_eq!(state["bytes"], bytes.len(), "{path}");
                if let Some(text) = state["text"].as_str() {
                    assert_eq!(text.as_bytes(), bytes, "{path}");
                }
                compared += 1;
            }
        }
    }
    assert!(compared >= 5, "{compared}");
    let log = std::fs::read(folder.join("log/stdout-1")).unwrap();
    assert_eq!(document["raw"]["stdout-1"]["bytes"], log.len());
    assert_eq!(document["raw"]["stdout-1"]["sha256"], Digest::of(&log).to_string());
}

#[test]
fn a_recording_without_its_secrets_is_judged_the_same() {
    let (project, recording, results, _) = recorded("");
    let stored = project.path().join(&recording).join("verdicts.json");
    let stored: Value = serde_json::from_slice(&std::fs::read(stored).unwrap()).unwrap();
    let said = project.wassert(&["judge", "--format", "json", &recording]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    let again: Value = serde_json::from_str(&said.stdout).unwrap();
    let (first, again) = (&results["scenarios"][0], &again["scenarios"][0]);
    for assertion in ["std/request-contains", "std/file", "std/final-message"] {
        assert_eq!(verdict(first, assertion)["receipt"], verdict(again, assertion)["receipt"]);
        assert_eq!(verdict(first, assertion)["findings"], verdict(again, assertion)["findings"]);
    }
    assert_eq!(stored["verdicts"].as_array().unwrap().len(), again["verdicts"].as_array().unwrap().len());

    // The scenario itself, whose parameters still say the secrets, and the copy, which says their symbols.
    for scenario in ["scenarios/spread.toml", &format!("{recording}/scenario.toml")] {
        let said = project.wassert(&["judge", &recording, "--scenario", scenario]);
        assert_eq!(
            (said.code, said.stderr.contains("differs")),
            (0, false),
            "{}{}",
            said.stdout,
            said.stderr
        );
    }
}

#[test]
fn a_token_the_agent_uses_is_a_secret_wherever_it_stands() {
    let project = Project::new();
    let agent = project.program(
        "agent.sh",
        r#"#!/bin/bash
for argument; do case $argument in http://*) url=${argument#http://} ;; esac; done
address=${url%%/*}
echo "my token is opaque-token"
echo "opaque%2Dtoken" >&2
echo opaque-token > found.txt
exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
printf 'GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer opaque-token\r\nconnection: close\r\n\r\n' >&3
cat <&3 > /dev/null
"#,
    );
    project.write(
        "scenarios/odd.toml",
        &format!(
            "agents = [\"odd\"]\n{PLAIN}\n[agent.odd]\nextends = \"example\"\n[workspace]\nfiles = {{ \"before.txt\" = \"opaque-token\" }}\n"
        ),
    );
    let (_, results) = project.run_json(&["--agent-bin", &format!("odd={}", agent.display())]);
    let document = project.document(&results["scenarios"][0]);
    assert_eq!(document["requests"][0]["headers"]["authorization"][0], "Bearer ⟦secret#1⟧");
    assert_eq!(document["stdout"][0]["text"], "my token is ⟦secret#1⟧\n");
    assert_eq!(document["stderr"][0]["text"], "⟦secret#1⟧\n");
    for place in ["log/stderr-1", "stderr/0", "files/found.txt/after", "files/before.txt/before"] {
        let listed = |found: &Value| found["place"] == place && found["source"] == "bearer";
        assert!(document["redactions"].as_array().unwrap().iter().any(listed), "{place} in {document:#}");
    }
    let folder = project.path().join(results["scenarios"][0]["recording"].as_str().unwrap());
    for (path, bytes) in everything(&folder) {
        // The scenario is the author's, but it is searched like everything else.
        assert!(!String::from_utf8_lossy(&bytes).contains("opaque-token"), "{}", path.display());
    }
}

#[test]
fn a_secret_in_pieces_or_in_a_file_too_large_to_keep_is_found() {
    let project = Project::new();
    let agent = project.program(
        "agent.sh",
        r#"#!/bin/bash
for argument; do case $argument in http://*) url=${argument#http://} ;; esac; done
address=${url%%/*}
echo '{"type":"delta","text":"a left-half"}'
echo '{"type":"other"}'
echo '{"type":"delta","text":"-right-part b"}'
printf 'a left-half\n-right-part b\n' >&2
body='{"input":[{"role":"user","content":[{"type":"input_text","text":"left-half"},{"type":"input_text","text":"-right-part"}]}]}'
exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
printf 'POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s' ${#body} "$body" >&3
cat <&3 > /dev/null
(head -c 16800000 /dev/zero; echo left-half-right-part) > large
"#,
    );
    project.write(
        "scenarios/odd.toml",
        &format!(
            "agents = [\"odd\"]\nsecrets = [\"left-half-right-part\"]\n{PLAIN}\n[agent.odd]\nextends = \"example\"\n"
        ),
    );
    let (_, results) = project.run_json(&["--agent-bin", &format!("odd={}", agent.display())]);
    let document = project.document(&results["scenarios"][0]);
    assert_eq!(document["stderr"][0]["text"], "a ⟦secret#1⟧\n⟦secret#1⟧ b\n");
    assert_eq!(document["events"][2]["raw"]["text"], "⟦secret#1⟧ b");
    let content = &document["requests"][0]["body"]["input"][0]["content"];
    assert_eq!((&content[0]["text"], &content[1]["text"]), (&"⟦secret#1⟧".into(), &"⟦secret#1⟧".into()));
    assert_eq!(document["files"]["large"]["after"]["digest_only"], true);
    let places = [
        ("log/stdout-1", "split", 2),
        ("log/stderr-1", "split", 2),
        ("stdout/0", "split", 2),
        ("requests/0/body", "split", 2),
        ("$['events'][0]['raw']['text']", "split", 1),
        ("files/large/after", "plain", 1),
    ];
    for (place, form, count) in places {
        let listed =
            |found: &Value| found["place"] == place && found["form"] == form && found["count"] == count;
        let redactions = document["redactions"].as_array().unwrap();
        assert!(redactions.iter().any(listed), "{place} in {:#}", document["redactions"]);
    }
    let folder = project.path().join(results["scenarios"][0]["recording"].as_str().unwrap());
    for (path, bytes) in everything(&folder) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("left-half") && !text.contains("-right-part"), "{}", path.display());
    }
}

#[test]
fn a_module_with_a_secret_in_it_is_refused() {
    let project = Project::new();
    let folder = crate::harness::root().join("scenarios/quickstart/own-check");
    let text = std::fs::read_to_string(folder.join("scenario.toml")).unwrap();
    let module = std::fs::read(folder.join("check.wasm")).unwrap();
    project.write("scenarios/own/scenario.toml", &format!("secrets = [\"wassert:pack\"]\n{text}"));
    std::fs::write(project.path().join("scenarios/own/check.wasm"), module).unwrap();
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 3);
    let problem = &results["scenarios"][0]["problem"];
    assert!(
        problem["message"].as_str().unwrap().contains("`./check.wasm` has a secret in it"),
        "{problem:#}"
    );
}
