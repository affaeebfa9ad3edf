//! The scenarios a stranger runs first.

use crate::harness::{Project, not_passed, result, root, verdict};

#[test]
fn every_quickstart_scenario_is_green_and_says_why() {
    let project = Project::new();
    let scenarios = root().join("scenarios/quickstart");
    let (code, results) = project.run_json(&[scenarios.to_str().unwrap()]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    assert_eq!(results["summary"]["scenarios"]["passed"], 6);
    for scenario in results["scenarios"].as_array().unwrap() {
        assert_eq!(verdict(scenario, "run/completed")["outcome"], "pass");
        assert_eq!(verdict(scenario, "run/script-followed")["outcome"], "pass");
        for verdict in scenario["verdicts"].as_array().unwrap() {
            assert!(verdict["findings"][0]["at"][0]["path"].is_string(), "{verdict:#}");
            assert!(verdict["receipt"]["inputs"]["evidence"].is_object(), "{verdict:#}");
        }
    }
    assert_eq!(verdict(result(&results, "quickstart/own-check"), "./check.wasm")["outcome"], "pass");
}

#[test]
fn the_same_scenarios_are_green_over_a_websocket() {
    let project = Project::new();
    for name in ["plain", "edit-file", "resume", "retry", "refused"] {
        let text = std::fs::read_to_string(root().join(format!("scenarios/quickstart/{name}.toml"))).unwrap();
        let (head, tail) = text.split_once("\n\n").unwrap();
        project.write(
            &format!("scenarios/{name}.toml"),
            &format!("{head}\n\n[agent.example]\ntransport = \"websocket\"\n\n{tail}"),
        );
    }
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    let document = project.document(result(&results, "resume"));
    let lanes: Vec<_> = document["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| (request["turn"].clone(), request["lane"].clone(), request["transport"].clone()))
        .collect();
    let expected: Vec<_> = [(1, "main"), (1, "prewarm"), (2, "main"), (2, "prewarm")]
        .into_iter()
        .map(|(turn, lane)| (turn.into(), lane.into(), "websocket".into()))
        .collect();
    assert_eq!(lanes, expected);
}

#[test]
fn results_come_in_scenario_order_whatever_ends_first() {
    let project = Project::new();
    let slow = r#"
summary = "Slow."
[[turn]]
prompt = "Wait."
[[step]]
call = { id = "wait", tool = "shell", input = { command = "sleep 0.3" } }
[[step]]
text = "Done."
[[assert]]
use = "std/exit"
with = { code = 0 }
"#;
    project.write("scenarios/a-slow.toml", slow).write("scenarios/b-quick.toml", crate::harness::PLAIN);
    let said = project.wassert(&["run", "--jobs", "2"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let slow = said.stdout.find("a-slow").unwrap();
    assert!(slow < said.stdout.find("b-quick").unwrap(), "{}", said.stdout);
}

#[test]
fn listing_and_checking_start_nothing() {
    let project = Project::new();
    let scenarios = root().join("scenarios/quickstart");
    let listed = project.wassert(&["list", scenarios.to_str().unwrap()]);
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 6), "{}", listed.stdout);
    assert!(
        listed.stdout.starts_with("quickstart/edit-file@example  A scripted shell call"),
        "{}",
        listed.stdout
    );
    let checked = project.wassert(&["check", scenarios.to_str().unwrap()]);
    assert_eq!((checked.code, checked.stdout.as_str()), (0, "6 of 6 scenarios can be run\n"));
    assert!(!project.path().join(".wassert").exists());
}

#[test]
fn a_recording_can_be_shown() {
    let project = Project::new();
    let (_, results) =
        project.run_json(&[root().join("scenarios/quickstart/edit-file.toml").to_str().unwrap()]);
    let recording = results["scenarios"][0]["recording"].as_str().unwrap();
    let shown = project.wassert(&["show", recording]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    for expected in ["turn 1: Change notes.txt", "calls shell", "modified  notes.txt", "pass std/file"] {
        assert!(shown.stdout.contains(expected), "{expected} in {}", shown.stdout);
    }
}
