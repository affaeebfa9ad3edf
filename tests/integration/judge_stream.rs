//! A corpus through `judge --stream`: requests in, answers out, whatever the lines hold.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use crate::harness::{Project, root};

/// A project with a root of documents, and its stream.
struct Corpus {
    project: Project,
}

impl Corpus {
    fn new() -> Self {
        let project = Project::new();
        for code in 0..3 {
            project.write(&format!("corpus/{code}.json"), &document(code).to_string());
        }
        Self { project }
    }

    /// What `judge --stream` answers to these lines.
    fn answers(&self, arguments: &[&str], lines: &str) -> Vec<Value> {
        let mut child = self
            .project
            .command(&[&["judge", "--stream", "--root", "corpus"], arguments].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let lines = lines.to_owned();
        let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn document(exit: i64) -> Value {
    json!({ "schema": "wassert.run/1", "turns": [{ "turn": 1, "exit": exit }] })
}

fn exit(recording: &str) -> Value {
    json!({ "recording": recording, "assertions": [{ "use": "std/exit", "with": { "code": 0 } }] })
}

/// A definition of the schema, as a validator.
fn obeys(definition: &str, value: &Value) {
    let schema: Value = serde_json::from_str(wassert::run::STREAM_SCHEMA).unwrap();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("wassert:judge-stream", schema).unwrap();
    let index = compiler.compile(&format!("wassert:judge-stream#/$defs/{definition}"), &mut schemas).unwrap();
    if let Err(wrong) = schemas.validate(value, index) {
        panic!("{value:#}: {wrong}");
    }
}

#[test]
fn requests_are_answered_in_their_order_and_broken_ones_too() {
    let corpus = Corpus::new();
    corpus.project.write("outside.json", &document(0).to_string());
    std::os::unix::fs::symlink("../outside.json", corpus.project.path().join("corpus/link.json")).unwrap();
    let mut with_id = exit("0.json");
    with_id["id"] = serde_json::from_str(r#"{"any":[1.50]}"#).unwrap();
    let mut unknown = exit("0.json");
    unknown["surprise"] = json!(1);
    let mut misfit = exit("0.json");
    misfit["assertions"][0]["with"]["code"] = json!("zero");
    let mut no_pack = exit("0.json");
    no_pack["assertions"][0]["use"] = json!("other/exit");
    let absolute = corpus.project.path().join("corpus/1.json");
    let cases: [(String, &str, Option<&str>); 14] = [
        (with_id.to_string(), "pass", None),
        ("nonsense".to_owned(), "error", Some("invalid-request")),
        (String::new(), "", None),
        (exit("1.json").to_string(), "fail", None),
        (unknown.to_string(), "error", Some("invalid-request")),
        (exit("../outside.json").to_string(), "error", Some("outside-root")),
        (exit("link.json").to_string(), "error", Some("outside-root")),
        (exit("/etc/passwd").to_string(), "error", Some("outside-root")),
        (exit(absolute.to_str().unwrap()).to_string(), "fail", None),
        (exit("gone.json").to_string(), "error", Some("recording")),
        (misfit.to_string(), "error", Some("assertion")),
        (no_pack.to_string(), "error", Some("assertion")),
        (json!({ "recording": "0.json" }).to_string(), "error", Some("nothing-asserted")),
        (format!("{{\"recording\":\"{}\"}}", "x".repeat(5 << 20)), "error", Some("invalid-request")),
    ];
    let lines: String = cases.iter().map(|(line, ..)| format!("{line}\n")).collect();
    let answers = corpus.answers(&[], &lines);
    let expected: Vec<_> = (1..).zip(&cases).filter(|(_, (line, ..))| !line.is_empty()).collect();
    assert_eq!(answers.len(), expected.len());
    for (answer, (number, (line, outcome, code))) in answers.iter().zip(expected) {
        let line = &line[..line.len().min(200)];
        assert_eq!(answer["line"], number, "{line}");
        assert_eq!(answer["outcome"], *outcome, "{line}: {answer}");
        assert_eq!(answer["error"]["code"].as_str(), *code, "{line}: {answer}");
        obeys("Answer", answer);
    }
    assert_eq!(answers[0]["id"].to_string(), r#"{"any":[1.50]}"#);
    obeys("Request", &with_id);
}

#[test]
fn several_hundred_requests_are_answered_once_each_and_in_bounded_memory() {
    let corpus = Corpus::new();
    // Half a megabyte each: 200 MB if they were all kept.
    let padding = "x".repeat(512 << 10);
    for number in 0..400 {
        let mut document = document(number % 2);
        document["stdout"] = json!([{ "text": padding }]);
        corpus.project.write(&format!("corpus/many/{number}.json"), &document.to_string());
    }
    let mut child = corpus
        .project
        .command(&[
            "judge",
            "--stream",
            "--root",
            "corpus",
            "--unordered",
            "--no-cache",
            "--judge-workers",
            "2",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for number in 0..400 {
            let mut request = exit(&format!("many/{number}.json"));
            request["id"] = json!(number);
            writeln!(input, "{request}").unwrap();
        }
    });
    let mut seen = std::collections::BTreeSet::new();
    let mut largest = (0, 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let answer: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let id = answer["id"].as_i64().unwrap();
        assert_eq!(answer["outcome"], if id % 2 == 0 { "pass" } else { "fail" }, "{answer}");
        assert!(seen.insert(id), "{id} is answered twice");
        if seen.len() % 100 == 50 {
            let (own, workers) = peaks(child.id());
            largest = (largest.0.max(own), largest.1.max(workers));
        }
    }
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(seen.len(), 400);
    assert!(largest.0 > 0 && largest.0 < 100 << 10, "the supervisor took {} KiB", largest.0);
    assert!(largest.1 > 0 && largest.1 < 100 << 10, "a worker took {} KiB", largest.1);
}

/// Peak memory of a process, and the largest of its children's, in KiB.
fn peaks(process: u32) -> (u64, u64) {
    let peak = |pid: &str| -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
    };
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let mut children: Vec<String> =
        children.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    // Workers are started by whichever thread needs one.
    for task in std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
        let more = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(more.split_whitespace().map(str::to_owned));
    }
    let largest = children.iter().filter_map(|pid| peak(pid)).max().unwrap_or(0);
    (peak(&process.to_string()).unwrap_or(0), largest)
}

#[test]
fn a_recording_is_judged_as_it_was_recorded() {
    let (project, recording) = Project::recorded();
    let run = recording.rsplit_once('/').unwrap().0.to_owned();
    let folder = std::path::Path::new(&recording).file_name().unwrap().to_str().unwrap().to_owned();
    let mut child = project
        .command(&["judge", "--stream", "--root", &run])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", json!({ "recording": folder })).unwrap();
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stored = std::fs::read(project.path().join(&recording).join("verdicts.json")).unwrap();
    let stored: Value = serde_json::from_slice(&stored).unwrap();
    assert_eq!(answer["verdicts"], stored["verdicts"]);
    obeys("Answer", &answer);
}

#[test]
fn the_schema_is_printed_and_knows_what_the_parser_knows() {
    let said = Project::new().wassert(&["generate", "judge-stream"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, wassert::run::STREAM_SCHEMA));
    let schema: Value = serde_json::from_str(wassert::run::STREAM_SCHEMA).unwrap();
    let corpus = Corpus::new();
    // Each member the schema names is understood: a value that fits is accepted.
    let value = |name: &str| match name {
        "recording" => json!("0.json"),
        "id" => json!("x"),
        "assertions" => json!([{ "use": "std/exit", "with": { "code": 0 } }]),
        "use" => json!("std/exit"),
        "with" => json!({ "code": 0 }),
        "grant" => json!(["turns"]),
        "may_skip" => json!(true),
        other => panic!("teach this test `{other}`"),
    };
    let filled = |definition: &str| -> Value {
        let properties = schema["$defs"][definition]["properties"].as_object().unwrap();
        properties.keys().map(|name| (name.clone(), value(name))).collect::<serde_json::Map<_, _>>().into()
    };
    let mut request = filled("Request");
    request["assertions"] = json!([filled("Asked")]);
    obeys("Request", &request);
    let answers = corpus.answers(&[], &format!("{request}\n"));
    assert_eq!(answers[0]["outcome"], "pass", "{}", answers[0]);
    obeys("Answer", &answers[0]);
}

#[test]
fn the_example_of_the_docs_works() {
    let docs = std::fs::read_to_string(root().join("docs/judge-stream.md")).unwrap();
    let script = docs.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let project = Project::new();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_wassert"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let status = std::process::Command::new("sh")
        .args(["-euc", script])
        .current_dir(project.path())
        .env("PATH", path)
        .status()
        .unwrap();
    assert!(status.success());
    let verdicts = std::fs::read_to_string(project.path().join("verdicts.ndjson")).unwrap();
    let outcomes: Vec<_> = verdicts
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["outcome"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(outcomes, ["pass", "fail", "fail"]);
}

#[test]
fn receipts_are_verified_and_edited_ones_refused() {
    let (project, recording) = Project::recorded();
    let file = format!("{recording}/verdicts.json");
    let said = project.wassert(&["judge", "--verify-receipt", &file]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("equal    std/exit") && !said.stdout.contains("differs"), "{}", said.stdout);
    let stored = std::fs::read_to_string(project.path().join(&file)).unwrap();
    let mut verdicts: Value = serde_json::from_str(&stored).unwrap();
    let exit = verdicts["verdicts"].as_array_mut().unwrap();
    let exit = exit.iter_mut().find(|verdict| verdict["assertion"] == "std/exit").unwrap();
    let fuel = exit["receipt"]["result"]["fuel"].as_u64().unwrap();
    exit["receipt"]["result"]["fuel"] = json!(fuel + 1);
    let receipt = exit["receipt"].to_string();
    project.write("edited.json", &verdicts.to_string());
    let said = project.wassert(&["judge", &recording, "--verify-receipt", "edited.json"]);
    assert_eq!(said.code, 5, "{}", said.stdout);
    let expected = format!("differs  std/exit\n           fuel: {} in the receipt, {fuel} now", fuel + 1);
    assert!(said.stdout.contains(&expected), "{}", said.stdout);
    project.write("receipt.json", &receipt);
    let said =
        project.wassert(&["judge", &recording, "--verify-receipt", "receipt.json", "--format", "json"]);
    assert_eq!(said.code, 5);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(told["receipts"][0]["differs"][0]["part"], "fuel");
    let said = project.wassert(&["judge", "--verify-receipt", "receipt.json"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("name the recording as well"), "{}", said.stderr);
}
