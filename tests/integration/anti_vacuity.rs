//! Fifteen ways in which a harness before this one was green without having looked, or lost what it had seen. Each is
//! tried here, and is red, refused, or impossible.

use std::process::Stdio;

use serde_json::Value;

use crate::harness::{PLAIN, Project, result, verdict};

/// A project with `/bin/sh` as an agent, and one scenario that runs a script.
fn scripted(script: &str, rest: &str) -> Project {
    let project = Project::new();
    project
        .write("wassert.toml", &std::fs::read_to_string(crate::harness::root().join("wassert.toml")).unwrap())
        .write("scenarios/one.toml", &script_scenario("script", script, rest));
    project
}

fn script_scenario(agent: &str, script: &str, rest: &str) -> String {
    format!(
        "summary = \"A script.\"\nagents = [\"{agent}\"]\n[agent.{agent}]\narguments = [\"run.sh\"]\n\
         [workspace]\nfiles = {{ \"run.sh\" = {script:?} }}\n[[turn]]\nprompt = \"Go.\"\n{rest}"
    )
}

const EXITS_WELL: &str = "[[assert]]\nuse = \"std/exit\"\nwith = { code = 0 }\n";

/// Judges the quickstart's edit with one assertion; the exit code.
fn judged(uses: &str, with: &str) -> (i32, String) {
    let (project, recording) = Project::recorded();
    let said = project.wassert(&["judge", &recording, "--use", uses, "--with", with]);
    (said.code, format!("{}{}", said.stdout, said.stderr))
}

#[test]
fn x1_a_scenario_that_checks_nothing_is_refused() {
    let project = Project::new();
    project.write("scenarios/one.toml", PLAIN.split("[[assert]]").next().unwrap());
    let said = project.wassert(&["run"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("no-assertion"), "{}", said.stderr);
}

#[test]
fn x2_a_misspelt_check_or_a_parameter_of_the_wrong_type_is_refused() {
    for (from, to) in [
        ("std/exit", "std/exti"),
        ("code = 0", "cod = 0"),
        ("code = 0", "code = \"0\""),
        (
            "\"std/exit\"\nwith = { code = 0 }",
            "\"std/event-count\"\nwith = { kind = \"turn\", count = \"1\" }",
        ),
    ] {
        let project = Project::new();
        project.write("scenarios/one.toml", &PLAIN.replace(from, to));
        assert_eq!(project.wassert(&["run"]).code, 2, "{to}");
    }
}

#[test]
fn x3_an_expected_exit_code_is_green_and_the_agents_own_is_never_ours() {
    let rest = "[expect]\ncompleted = \"failed\"\n[[assert]]\nuse = \"std/exit\"\nwith = { code = 3 }\n";
    assert_eq!(scripted("exit 3\n", rest).run_json(&[]).0, 0);
    assert_eq!(scripted("exit 4\n", rest).run_json(&[]).0, 1);
}

#[test]
fn x4_a_file_that_is_not_there_equals_nothing() {
    let (code, said) = judged("std/file", r#"{"path": "gone.txt", "equals": ""}"#);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("there is no `gone.txt`"), "{said}");
    assert_eq!(judged("std/file", r#"{"path": "gone.txt", "not-contains": "x"}"#).0, 1);
}

#[test]
fn x5_a_request_to_another_path_uses_no_reply_up() {
    let post = r#"
post() {
  exec 3<>"/dev/tcp/$host/$port"
  printf 'POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' "$1" "${#2}" "$2" >&3
  cat <&3
}
rest=${WASSERT_BASE_URL#http://}; rest=${rest%/v1}; host=${rest%:*}; port=${rest#*:}
body='{"model":"m","stream":true,"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Go."}]}]}'
post /v1/compact "$body" > first.txt
post /v1/responses "$body" > second.txt
"#;
    let rest = format!("[[step]]\ntext = \"The first reply.\"\n{EXITS_WELL}");
    let project = scripted("bash post.sh\n", &rest);
    let scenario = std::fs::read_to_string(project.path().join("scenarios/one.toml")).unwrap();
    project.write(
        "scenarios/one.toml",
        &scenario.replace("files = { ", &format!("files = {{ \"post.sh\" = {post:?}, ")),
    );
    let (code, results) = project.run_json(&[]);
    let document = project.document(result(&results, "one"));
    assert!(document["files"]["second.txt"]["after"]["text"].as_str().unwrap().contains("The first reply."));
    assert!(!document["files"]["first.txt"]["after"]["text"].as_str().unwrap().contains("The first reply."));
    // The other request is told, too.
    assert_eq!(code, 1, "{results:#}");
    assert_eq!(verdict(result(&results, "one"), "run/script-followed")["outcome"], "fail");
}

#[test]
fn x6_a_negative_check_on_what_is_missing_is_an_error() {
    for (uses, with) in [
        ("std/request-omits", r#"{"text": "x", "request": 9}"#),
        ("std/request-omits", r#"{"text": "x", "in": "body", "member": "nowhere"}"#),
        ("std/request-omits", r#"{"text": "x", "lane": "title"}"#),
        ("std/request-images", r#"{"max": 0, "request": 9}"#),
        ("std/text", r#"{"path": "$.events[99].text", "not-contains": "x"}"#),
        ("std/json", r#"{"path": "$.nowhere", "equals": 1, "count": 0}"#),
        ("std/secrets-absent", "{}"),
    ] {
        let (code, said) = judged(uses, with);
        assert_eq!(code, 3, "{uses} {with}: {said}");
    }
}

#[test]
fn x7_an_unused_reply_is_told_and_an_event_that_can_not_be_sent_is_refused() {
    let project = Project::new();
    let unused = PLAIN.replace("[[assert]]", "[[step]]\ntext = \"Never asked for.\"\n[[assert]]");
    project.write("scenarios/one.toml", &unused);
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 1, "{results:#}");
    assert_eq!(verdict(result(&results, "one"), "run/script-followed")["outcome"], "fail");
    let project = Project::new();
    project.write("scenarios/one.toml", &PLAIN.replace("text = \"Hello.\"", "events = [7]"));
    assert_eq!(project.wassert(&["run"]).code, 2);
}

#[test]
fn x8_a_secret_of_the_callers_environment_does_not_reach_the_agent() {
    let project = scripted("env > env.txt\n", EXITS_WELL);
    let output =
        project.command(&["run", "--format", "json"]).env("DEPLOY_TOKEN", "sesame-open-17").output().unwrap();
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let document = project.document(result(&results, "one"));
    let environment = document["files"]["env.txt"]["after"]["text"].as_str().unwrap();
    assert!(environment.contains("HOME=") && !environment.contains("DEPLOY_TOKEN"), "{environment}");
}

#[test]
fn x9_a_line_that_is_no_json_is_told() {
    let rest = "[[assert]]\nuse = \"std/known-events\"\n[[assert]]\nuse = \"std/headless\"\n";
    let lines = "echo 'not JSON'\necho '{\"type\":\"turn.completed\"}'\n";
    let project = scripted("", "");
    project.write("scenarios/one.toml", &script_scenario("codex-lines", lines, rest));
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 1, "{results:#}");
    for assertion in ["std/known-events", "std/headless"] {
        assert_eq!(verdict(result(&results, "one"), assertion)["outcome"], "fail");
    }
}

#[test]
fn x10_a_broken_scenario_hides_no_other() {
    let project = Project::new();
    project
        .write("scenarios/a.toml", &format!("workspace.from = \"gone\"\n{PLAIN}"))
        .write("scenarios/b.toml", PLAIN);
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 2);
    assert_eq!(result(&results, "b")["outcome"], "pass");
    assert!(
        results.to_string().contains("missing-folder") || results["scenarios"].as_array().unwrap().len() == 2
    );
}

#[test]
fn x11_a_file_outside_the_workspace_is_refused() {
    let project = Project::new();
    project
        .write("scenarios/one.toml", &format!("workspace.files = {{ \"../escape.txt\" = \"x\" }}\n{PLAIN}"));
    let said = project.wassert(&["run"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("bad-path"), "{}", said.stderr);
}

#[test]
fn x12_a_text_given_for_a_list_is_one_text_and_not_its_letters() {
    let (code, said) = judged("std/final-message", r#"{"contains-all": "txtafter"}"#);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("does not contain \"txtafter\""), "{said}");
}

#[test]
fn x13_a_child_that_holds_the_output_open_holds_nobody() {
    // The run ends though the child would go on for hours with the agent's standard output in its hands.
    let (code, results) = scripted("sleep 10000 &\necho left\n", EXITS_WELL).run_json(&[]);
    assert_eq!(code, 1, "{results:#}");
    assert_eq!(verdict(result(&results, "one"), "run/no-survivors")["outcome"], "fail");
}

#[test]
fn x14_the_agent_never_inherits_an_open_standard_input() {
    let project = scripted("cat > heard.txt\n", EXITS_WELL);
    let mut child = project
        .command(&["run", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Open until the run is over.
    let held = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(held);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn x15_runs_of_one_scenario_keep_their_evidence_apart() {
    let project = Project::new();
    project.write("scenarios/one.toml", PLAIN);
    let mut recordings = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let (code, results) = project.run_json(&[]);
        assert_eq!(code, 0);
        recordings.insert(result(&results, "one")["recording"].as_str().unwrap().to_owned());
    }
    assert_eq!(recordings.len(), 3);
    assert!(recordings.iter().all(|recording| project.path().join(recording).join("run.json").is_file()));
}
