//! `wassert pack test` on the standard pack: every assertion says pass on its passing examples and fail on its failing
//! ones.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Project, root};

#[test]
fn every_example_is_judged_as_its_name_says() {
    let project = Project::new();
    let pack = root().join("assertions/std");
    let said = project.wassert(&["pack", "test", "--format", "json", pack.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let results: Value = serde_json::from_str(&said.stdout).unwrap();
    let examples = results["examples"].as_array().unwrap();
    for example in examples {
        let expected = &example["expected"];
        let findings = example["verdict"]["findings"].as_array().unwrap();
        let points_at_evidence = findings
            .iter()
            .any(|finding| finding["outcome"] == *expected && finding["at"][0]["actual"].is_string());
        assert!(points_at_evidence, "{example:#}");
    }
    // Counted here too: a folder that nobody looked into would pass all by itself.
    let files = std::fs::read_dir(pack.join("examples")).unwrap().flat_map(|folder| {
        std::fs::read_dir(folder.unwrap().path()).unwrap().map(|file| file.unwrap().file_name())
    });
    let files = files.filter(|name| !name.to_str().unwrap().ends_with("with.json")).count();
    assert_eq!(examples.len(), files);
    assert!(files >= 200, "44 assertions, each way they fail: {files}");
}

#[test]
fn every_failing_example_is_told_as_a_difference_and_says_why_it_fails() {
    let examples = root().join("assertions/std/examples");
    let mut seen = 0;
    for folder in std::fs::read_dir(examples).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if !name.starts_with("fail") || name.ends_with("with.json") {
                continue;
            }
            let example: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            assert!(example["from"].is_string() && example["patch"].is_array(), "{}", path.display());
            assert!(example["says"].as_str().is_some_and(|says| says.len() > 5), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 130, "{seen}");
}

#[test]
fn an_example_that_fails_for_another_reason_is_told() {
    let project = Project::new();
    let pack = project.path().join("std");
    let copied =
        std::process::Command::new("cp").arg("-r").arg(root().join("assertions/std")).arg(&pack).status();
    assert!(copied.unwrap().success());
    let path = pack.join("examples/exit/fail.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("exit code 1", "exit code 7")).unwrap();
    let said = project.wassert(&["pack", "test", pack.to_str().unwrap()]);
    assert_ne!(said.code, 0, "{}", said.stdout);
    assert!(said.stdout.contains("it fails for another reason: no finding says"), "{}", said.stdout);
}

/// The words that the run document has for something, as its schema lists them.
fn words_of(type_name: &str) -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(wassert::document::RUN_SCHEMA).unwrap();
    let listed = &schema["$defs"][type_name];
    let words = match listed["enum"].as_array() {
        Some(words) => words.clone(),
        None => listed["oneOf"].as_array().unwrap().iter().map(|one| one["const"].clone()).collect(),
    };
    words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_pack_knows_every_word_of_the_document() {
    let schema = |name: &str| -> Value {
        let path = root().join(format!("assertions/std/schemas/{name}.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let known = |schema: &Value| -> BTreeSet<String> {
        schema["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let order = schema("event-order");
    let outcome = schema("outcome");
    let outcome = &outcome["properties"];
    for (listed, type_name) in [
        (&schema("event-count")["properties"]["kind"], "EventKind"),
        (&schema("event-count")["properties"]["phase"], "Phase"),
        (&order["properties"]["sequence"]["items"]["properties"]["kind"], "EventKind"),
        (&outcome["kind"], "OutcomeKind"),
        (&outcome["category"], "FailureCategory"),
        (&outcome["source"], "EvidenceSource"),
    ] {
        assert_eq!(known(listed), words_of(type_name), "{type_name}");
    }
}
