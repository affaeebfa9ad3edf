//! `run --twice`: equal documents, or a failure that says where and why; and `diff`, which compares any two recordings.

use serde_json::Value;

use crate::harness::{PLAIN, Project, Said, not_passed, root, verdict};

/// The example agent, with a line of its own before the rest.
fn agent(project: &Project, script: &str) -> String {
    let text = format!("#!/bin/sh\n{script}\nexec {} example-agent \"$@\"\n", env!("CARGO_BIN_EXE_wassert"));
    format!("odd={}", project.program("agent.sh", &text).display())
}

/// Twice the plain scenario on that agent, with `extra` at its beginning.
fn twice(script: &str, extra: &str) -> (i32, Value, Project) {
    let project = Project::new();
    let agent = agent(&project, script);
    project.write(
        "scenarios/plain.toml",
        &format!("agents = [\"odd\"]\n{extra}\n{PLAIN}\n[agent.odd]\nextends = \"example\"\n"),
    );
    let (code, results) =
        project.run_json(&["--twice", "--readable", env!("CARGO_BIN_EXE_wassert"), "--agent-bin", &agent]);
    (code, results["scenarios"][0].clone(), project)
}

/// Prints a random identifier, and says it again in a file.
const RANDOM: &str = r#"id=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
echo "{\"type\":\"build\",\"build\":\"b-$id\"}"
echo "built by b-$id in $PWD" > build.txt"#;

#[test]
fn every_quickstart_scenario_is_repeatable() {
    let project = Project::new();
    let scenarios = root().join("scenarios/quickstart");
    let (code, results) = project.run_json(&[scenarios.to_str().unwrap(), "--twice"]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    assert_eq!(results["summary"]["scenarios"]["passed"], 6);
    for scenario in results["scenarios"].as_array().unwrap() {
        assert_eq!(verdict(scenario, "run/repeatable")["outcome"], "pass");
        assert!(verdict(scenario, "run/repeatable")["receipt"]["inputs"]["evidence"]["requests"].is_string());
    }
}

#[test]
fn a_random_identifier_at_an_undeclared_place_is_red_and_named() {
    let (code, scenario, _) = twice(RANDOM, "");
    assert_eq!((code, &scenario["outcome"]), (1, &"fail".into()));
    let repeatable = verdict(&scenario, "run/repeatable");
    let finding = &repeatable["findings"][0];
    assert_eq!(finding["at"][0]["path"], "$['events'][0]['raw']['build']", "{repeatable:#}");
    let message = finding["message"].as_str().unwrap();
    for expected in [
        "looks like an identifier at an undeclared place",
        r#"volatile = [{ section = "events", path = "$.build", kind = "id" }]"#,
    ] {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn once_declared_it_is_a_symbol_wherever_it_is_echoed() {
    let volatile = r#"volatile = [{ section = "events", path = "$.build", kind = "version" }]"#;
    let (code, scenario, project) = twice(RANDOM, volatile);
    assert_eq!(code, 0, "{scenario:#}");
    let document = project.document(&scenario);
    assert_eq!(document["events"][0]["raw"]["build"], "⟦version#1⟧");
    let file = &document["files"]["build.txt"]["after"];
    assert_eq!(file["text"], "built by ⟦version#1⟧ in ⟦workspace⟧\n");
    assert_eq!(file["bytes"], file["text"].as_str().unwrap().len());
    let text = document["stdout"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("{\"type\":\"build\",\"build\":\"⟦version#1⟧\"}\n"), "{text}");
    assert_eq!(document["stdout"][0]["bytes"], text.len());

    // What was judged is what is on disk: judging again says the same of it.
    let recording = scenario["recording"].as_str().unwrap();
    let asked = r#"{"path":"build.txt","equals":"built by ⟦version#1⟧ in ⟦workspace⟧\n"}"#;
    let said = project.wassert(&["judge", recording, "--use", "std/file", "--with", asked]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

#[test]
fn a_quantity_is_replaced_where_it_stands_and_nowhere_else() {
    let script = r#"ms=$(od -An -N4 -tu4 /dev/urandom | tr -d ' \n')
echo "{\"took_ms\":$ms,\"type\":\"built\",\"n\":7}"
echo "took $ms ms, not 7" >&2"#;
    let volatile = r#"volatile = [
        { section = "events", path = "$.took_ms", kind = "duration" },
        { section = "stderr", pattern = 'took (\d+) ms', kind = "duration" },
    ]"#;
    let (code, scenario, project) = twice(script, volatile);
    assert_eq!(code, 0, "{scenario:#}");
    let document = project.document(&scenario);
    let line = r#"{"n":7,"took_ms":"⟦duration⟧","type":"built"}"#;
    assert!(document["stdout"][0]["text"].as_str().unwrap().starts_with(&format!("{line}\n")));
    assert_eq!(document["stderr"][0]["text"], "took ⟦duration⟧ ms, not 7\n");
}

#[test]
fn brackets_in_the_data_are_no_symbols() {
    let (code, scenario, project) = twice("printf '⟦thread#1⟧ ⟦' > odd.txt", "");
    assert_eq!(code, 0, "{scenario:#}");
    assert_eq!(project.document(&scenario)["files"]["odd.txt"]["after"]["text"], "⟦⟦thread#1⟧ ⟦⟦");
}

#[test]
fn a_field_that_must_stay_a_number_or_a_word_can_not_be_volatile() {
    let volatile = r#"volatile = [{ section = "transcript", path = "$.kind", kind = "id" }]"#;
    let (code, scenario, _) = twice("true", volatile);
    assert_eq!((code, &scenario["problem"]["id"]), (3, &"symbols".into()), "{scenario:#}");
}

#[test]
fn two_recordings_are_compared_by_section_and_path() {
    let (_, scenario, project) = twice(RANDOM, "");
    let first = scenario["recording"].as_str().unwrap().to_owned();
    let second = first.replace("/plain@odd", "-again/plain@odd");
    let said: Said = project.wassert(&["diff", &first, &second]);
    assert_eq!(said.code, 1, "{}{}", said.stdout, said.stderr);
    assert!(
        said.stdout.starts_with("events\n  $['events'][0]['raw']['build']\n    - \"b-"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.ends_with("but for raw and timing\n"), "{}", said.stdout);

    let said = project.wassert(&["diff", &first, &second, "--format", "json"]);
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.code, &object["equal"]), (1, &false.into()));
    assert_eq!(object["differences"][0]["section"], "events");

    let bare = format!("{first}/run.json");
    let said = project.wassert(&["diff", &first, &bare]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "the documents are equal, but for raw and timing\n"));
    assert_eq!(project.wassert(&["diff", "--all", &first, &second]).code, 1);
    let missing = project.wassert(&["diff", &first, "/nowhere"]);
    assert_eq!(missing.code, 2, "{}", missing.stderr);
}
