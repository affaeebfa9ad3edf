//! Agents that misbehave: each ends as a recorded outcome, in bounded time and memory, and harms no other scenario.

use serde_json::Value;

use crate::harness::{PLAIN, Project, result, verdict};

/// Runs a stand-in for the example agent beside a healthy scenario, and returns exit code, results and document.
fn stand_in(script: &str, timeout_seconds: f32) -> (i32, Value, Value) {
    let project = Project::new();
    let agent = project.program("agent.sh", &format!("#!/bin/sh\n{script}\n"));
    project.write("scenarios/healthy.toml", PLAIN).write(
        "scenarios/odd.toml",
        &format!("timeout_seconds = {timeout_seconds:.1}\nagents = [\"odd\"]\n{PLAIN}\n[agent.odd]\nextends = \"example\"\n"),
    );
    let (code, results) = project.run_json(&["--agent-bin", &format!("odd={}", agent.display())]);
    assert_eq!(result(&results, "healthy")["outcome"], "pass", "{results:#}");
    let document = project.document(result(&results, "odd"));
    (code, result(&results, "odd").clone(), document)
}

#[test]
fn one_that_never_ends_is_ended_at_the_time_limit() {
    let (code, scenario, document) = stand_in("trap '' TERM\nsleep 1000 &\nsleep 1000", 1.0);
    assert_eq!((code, &document["turns"][0]["end"]), (1, &"timeout".into()));
    assert_eq!(document["processes"], Value::Array(Vec::new()), "its group was ended with it");
    assert_eq!(
        verdict(&scenario, "run/completed")["findings"][0]["message"],
        "turn 1 was expected to complete, but it was ended at the time limit"
    );
}

#[test]
fn one_that_is_killed_is_told_from_one_that_exits() {
    let (code, _, document) = stand_in("kill -KILL $$", 30.0);
    assert_eq!(
        (code, &document["turns"][0]["end"], &document["turns"][0]["signal"]),
        (1, &"signal".into(), &"SIGKILL".into())
    );
}

#[test]
fn one_that_prints_no_json_is_recorded_line_by_line() {
    let (code, _, document) =
        stand_in(r#"printf 'plain \033[31m text\n\377\n{"type":"thread.started"'"#, 30.0);
    assert_eq!(code, 1);
    let kinds: Vec<_> =
        document["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text", "text", "text"]);
}

#[test]
fn one_that_floods_is_ended_and_only_its_beginning_is_kept() {
    let (code, _, document) = stand_in("exec yes flood", 60.0);
    assert_eq!((code, &document["turns"][0]["end"]), (1, &"output-limit".into()));
    assert_eq!(document["stdout"][0]["truncated"], true);
    assert_eq!(document["raw"]["stdout-1"]["bytes"], 8 * 1024 * 1024);
}

#[test]
fn one_that_closes_its_output_early_is_waited_for() {
    let (_, _, document) = stand_in("exec >&- 2>&-\nsleep 0.2\nexit 7", 30.0);
    assert_eq!(document["turns"][0]["exit"], 7);
}

#[test]
fn one_that_leaves_a_process_behind_does_not_hold_the_run() {
    let (_, scenario, document) = stand_in("setsid sleep 1000 &\necho bye", 60.0);
    assert_eq!(document["turns"][0]["end"], "exited");
    assert_eq!(document["stdout"][0]["text"], "bye\n");
    let survivors = verdict(&scenario, "run/no-survivors");
    assert_eq!(survivors["outcome"], "fail");
    assert_eq!(survivors["findings"][0]["message"], "turn 1 left `sleep` behind");
    assert_eq!(document["processes"][0]["command"], "sleep 1000");
}

#[test]
fn one_that_can_not_be_started_is_no_verdict() {
    let project = Project::new();
    project.write("scenarios/plain.toml", PLAIN);
    let agent = project.program("agent", "\x7fELF but not really");
    let (code, results) = project.run_json(&["--agent-bin", &format!("example={}", agent.display())]);
    assert_eq!((code, &results["scenarios"][0]["problem"]["id"]), (3, &"agent-not-started".into()));
}

#[test]
fn one_that_ignores_the_script_is_red() {
    let (code, scenario, _) = stand_in(r#"echo '{"type":"turn.completed"}'"#, 30.0);
    assert_eq!(code, 1);
    assert_eq!(verdict(&scenario, "run/completed")["outcome"], "pass");
    let followed = verdict(&scenario, "run/script-followed");
    assert_eq!(
        followed["findings"][0]["message"],
        "step 1 of lane `main` was not used up: no request reached it"
    );
}

#[test]
fn one_that_is_missing_is_named_with_the_command_that_installs_it() {
    let project = Project::new();
    project.write("scenarios/plain.toml", &format!("agents = [\"codex\"]\n{PLAIN}"));
    let said: crate::harness::Said =
        project.command(&["run"]).env("PATH", "/nowhere").output().unwrap().into();
    assert_eq!(said.code, 3);
    assert!(
        said.stdout.contains("no program `codex`")
            && said.stdout.contains("npm install --global @openai/codex@0.169.0"),
        "{}",
        said.stdout
    );
}
