//! `--chaos SEED`: agents recover from what is generated, and what is printed does the same again.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Project, result, serving};

const SCENARIO: &str = r#"
summary = "Three commands and an answer."
agents  = ["example"]
[[turn]]
prompt = "Go."
[[step]]
call = { id = "one", tool = "shell", input = { command = "echo one" } }
[[step]]
text = "Half-way, in words enough to be cut."
call = { id = "two", tool = "shell", input = { command = "echo two" } }
[[step]]
call = { id = "three", tool = "shell", input = { command = "echo three" } }
[[step]]
text = "Done: ünïcode."
[[assert]]
use = "std/transcript-paired"
"#;

/// The schedule that was printed: from its comment to the end.
fn schedule(stderr: &str) -> String {
    let from = stderr.find("# wassert --chaos").unwrap_or_else(|| panic!("no schedule in {stderr}"));
    let lines = stderr[from..].lines();
    let is_toml = |line: &&str| {
        line.is_empty()
            || line.starts_with(['#', '['])
            || line.split_once(" = ").is_some_and(|(key, _)| key.len() < 20)
    };
    lines.take_while(is_toml).map(|line| format!("{line}\n")).collect::<String>().trim_end().to_owned() + "\n"
}

/// Everything of a document that must not differ from run to run.
fn lasting(mut document: Value) -> Value {
    for section in ["timing", "raw"] {
        document.as_object_mut().unwrap().remove(section);
    }
    document
}

#[test]
fn an_agent_survives_every_seed_and_the_printed_schedule_does_the_same_again() {
    let project = Project::new();
    let mut faults = BTreeSet::new();
    for seed in ["1", "2", "3", "4", "5", "7"] {
        project.write("scenarios/s.toml", SCENARIO);
        let said = project.wassert(&["run", "--format", "json", "--chaos", seed]);
        assert_eq!(said.code, 0, "{}\n{}", said.stdout, said.stderr);
        let results: Value = serde_json::from_str(&said.stdout).unwrap();
        let generated = project.document(result(&results, "s"));
        let printed = schedule(&said.stderr);
        let served = generated["requests"].as_array().unwrap().iter();
        faults.extend(served.map(|request| request["reply"]["detail"].as_str().unwrap().to_owned()));

        // What was printed stands in the recording, and at the end of the file it gives the same run.
        let recording = project.path().join(result(&results, "s")["recording"].as_str().unwrap());
        let recorded = std::fs::read_to_string(recording.join("scenario.toml")).unwrap();
        assert_eq!(recorded, format!("{SCENARIO}{printed}"));
        project.write("scenarios/s.toml", &recorded);
        let (code, results) = project.run_json(&[]);
        assert_eq!(code, 0, "{results:#}");
        assert_eq!(lasting(project.document(result(&results, "s"))), lasting(generated), "{seed}");
    }
    assert!(faults.iter().any(|fault| fault.starts_with("status")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault == "fin" || fault == "reset"), "{faults:?}");
}

#[test]
fn a_step_that_fails_already_is_left_alone() {
    let project = Project::new();
    let disturbed =
        SCENARIO.replacen("[[turn]]", "[[fault]]\nstep = 4\nattempt = 1\nstatus = 503\n[[turn]]", 1);
    project.write("scenarios/s.toml", &disturbed);
    for seed in ["1", "2", "3", "4"] {
        let said = project.wassert(&["run", "--dry-run", "--chaos", seed]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        let printed = schedule(&said.stderr);
        assert!(printed.contains("[[fault]]") && !printed.contains("step = 4"), "{printed}");
    }
    project.write("scenarios/s.toml", &SCENARIO.replacen("[[turn]]", "fault = []\n[[turn]]", 1));
    let said = project.wassert(&["run", "--chaos", "1"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
}

#[test]
fn what_a_scenario_counts_is_not_made_more_by_faults() {
    let project = Project::new();
    let repeats = |assertion: &str| {
        project.write("scenarios/s.toml", &format!("{SCENARIO}[[assert]]\n{assertion}\n"));
        ["1", "2", "3", "4", "5", "6"].into_iter().any(|seed| {
            let said = project.wassert(&["run", "--dry-run", "--chaos", seed]);
            assert_eq!(said.code, 0, "{}", said.stderr);
            assert!(said.stderr.contains("[[fault]]"), "{}", said.stderr);
            said.stderr.contains("attempt = ")
        })
    };
    for (assertion, expected) in [
        ("use = 'std/request-count'\nwith = { count = 4 }", false),
        ("use = 'std/request-contains'\nwith = { text = 'Go.', count = 4 }", false),
        ("use = 'std/request-contains'\nwith = { text = 'one', request = 2 }", false),
        ("use = 'std/budget'\nwith = { requests = 4 }", false),
        ("use = 'std/request-contains'\nwith = { text = 'Go.', request = 1, count = 1 }", true),
        ("use = 'std/request-contains'\nwith = { text = 'Go.' }", true),
        ("use = 'std/exit'\nwith = { code = 0 }", true),
    ] {
        assert_eq!(repeats(assertion), expected, "{assertion}");
    }
}

#[test]
fn a_served_script_is_disturbed_too() {
    let project = Project::new();
    project.write("script.toml", SCENARIO);
    let (serve, _stdout, said) = serving(&mut project.command(&["serve", "script.toml", "--chaos", "7"]));
    let agent = project
        .command(&[
            "example-agent",
            "exec",
            "--json",
            "--base-url",
            said["base_url"].as_str().unwrap(),
            "--",
            "go",
        ])
        .env("EXAMPLE_AGENT_HOME", project.path().join("home"))
        .output()
        .unwrap();
    assert!(agent.status.success(), "{}", String::from_utf8_lossy(&agent.stderr));
    let served = serve.wait_with_output().unwrap();
    let stderr = String::from_utf8(served.stderr).unwrap();
    assert!(served.status.success(), "{stderr}");
    assert!(schedule(&stderr).contains("[[fault]]"), "{stderr}");
    let faults = schedule(&stderr).matches("attempt = ").count();
    assert!(faults > 0 && stderr.contains(&format!("{} requests", 4 + faults)), "{stderr}");
}
