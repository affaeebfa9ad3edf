//! Recordings judged again, without agent and server.

use crate::harness::{PLAIN, Project, not_passed, result, root, verdict};

fn judge(project: &Project, arguments: &[&str]) -> (i32, serde_json::Value) {
    let said = project.wassert(&[&["judge", "--format", "json"], arguments].concat());
    (
        said.code,
        serde_json::from_str(&said.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", said.stdout, said.stderr)),
    )
}

#[test]
fn judging_again_gives_the_same_verdicts_byte_for_byte() {
    let (project, recording) = Project::recorded();
    let verdicts = |value: serde_json::Value| {
        let verdicts = value["scenarios"][0]["verdicts"].as_array().unwrap().clone();
        verdicts
            .into_iter()
            .map(|mut verdict| {
                verdict.as_object_mut().unwrap().remove("asked_at");
                verdict
            })
            .collect::<Vec<_>>()
    };
    let stored = std::fs::read(project.path().join(&recording).join("verdicts.json")).unwrap();
    let stored: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    let (code, first) = judge(&project, &[&recording]);
    let (_, second) = judge(&project, &[&recording]);
    assert_eq!(code, 0, "{first:#}");
    let first = verdicts(first);
    assert_eq!(first, verdicts(second));
    assert_eq!(&first, stored["verdicts"].as_array().unwrap(), "`run` and `judge` say the same");
}

#[test]
fn another_assertion_can_be_asked_for() {
    let (project, recording) = Project::recorded();
    let (code, results) = judge(
        &project,
        &[
            &recording,
            "--use",
            "std/exit",
            "--with",
            r#"{"code":7}"#,
            "--use",
            "std/transcript-paired",
            "--use",
            "std/file",
            "--with",
            r#"{"path":"other.txt","equals":"untouched\n"}"#,
        ],
    );
    assert_eq!(code, 1);
    let scenario = &results["scenarios"][0];
    assert_eq!(verdict(scenario, "std/exit")["outcome"], "fail");
    assert_eq!(verdict(scenario, "std/transcript-paired")["outcome"], "pass");
    assert_eq!(verdict(scenario, "std/file")["outcome"], "pass");
    assert_eq!(project.wassert(&["judge", &recording, "--with", "{}"]).code, 2);
    assert_eq!(project.wassert(&["judge", &recording, "--use", "std/exit", "--with", "7"]).code, 2);
    assert_eq!(project.wassert(&["judge", &recording, "--use", "nonsense"]).code, 2);
    let said = project.wassert(&["judge", &recording, "--use", "std/exti"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("did you mean `exit`?"), "{}", said.stderr);
    let said = project.wassert(&["judge", &recording, "--use", "std/exit", "--with", r#"{"code":"zero"}"#]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("`/code`"), "{}", said.stderr);
}

#[test]
fn a_bare_document_can_be_judged() {
    let (project, recording) = Project::recorded();
    let document = std::fs::read_to_string(project.path().join(&recording).join("run.json")).unwrap();
    project.write("bare.json", &document);
    let (code, results) = judge(&project, &["bare.json"]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    project.write("newer.json", r#"{"schema":"wassert.run/2"}"#);
    let said = project.wassert(&["judge", "newer.json"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stdout.contains("has schema `wassert.run/2`, this program reads `wassert.run/1`"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_scenarios_own_module_goes_with_its_recording() {
    let project = Project::new();
    for (from, to) in
        [("scenario.toml", "scenarios/own/scenario.toml"), ("check.wasm", "scenarios/own/check.wasm")]
    {
        let bytes = std::fs::read(root().join("scenarios/quickstart/own-check").join(from)).unwrap();
        project.write(to, "");
        std::fs::write(project.path().join(to), bytes).unwrap();
    }
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    std::fs::remove_dir_all(project.path().join("scenarios")).unwrap();
    let (code, results) = judge(&project, &[results["scenarios"][0]["recording"].as_str().unwrap()]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    assert_eq!(verdict(&results["scenarios"][0], "./check.wasm")["outcome"], "pass");
}

#[test]
fn another_scenario_judges_and_the_difference_is_noted() {
    let (project, recording) = Project::recorded();
    project.write("other.toml", PLAIN);
    let said = project.wassert(&["judge", &recording, "--scenario", "other.toml"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stderr.contains("differs from the scenario that was recorded"), "{}", said.stderr);
}

#[test]
fn a_changed_recording_is_refused_and_a_changed_document_is_judged() {
    let (project, recording) = Project::recorded();
    let path = project.path().join(&recording).join("run.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = text.replace(r#""exit":0"#, r#""exit":9"#);
    assert_ne!(text, changed);
    project.write("bare.json", &changed);
    std::fs::write(&path, changed).unwrap();
    let said = project.wassert(&["judge", &recording]);
    assert_eq!(said.code, 2);
    assert!(said.stdout.contains("run.json` was changed since it was recorded"), "{}", said.stdout);
    let (code, results) = judge(&project, &["bare.json"]);
    assert_eq!(code, 1);
    let scenario = result(&results, "quickstart/edit-file");
    assert_eq!(verdict(scenario, "std/exit")["outcome"], "fail");
    assert_eq!(verdict(scenario, "std/file")["outcome"], "pass");
}

#[test]
fn what_is_no_recording_is_named() {
    let project = Project::new();
    let said = project.wassert(&["judge", "gone"]);
    assert_eq!(said.code, 2);
    assert!(said.stdout.contains("`gone` can't be read"), "{}", said.stdout);
    std::fs::create_dir(project.path().join("empty")).unwrap();
    let said = project.wassert(&["show", "empty"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("no complete recording"), "{}", said.stderr);
}
