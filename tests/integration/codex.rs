//! The real codex. Skipped loudly where it is not installed; with WASSERT_REQUIRE_AGENTS=1 that is a failure.

use std::path::PathBuf;

use crate::harness::{Project, not_passed, root, verdict};

/// The pinned program, if it is installed.
fn codex() -> Option<PathBuf> {
    let modules = root().join("tests/real-agents/node_modules/@openai");
    let found = [
        "codex-linux-x64/vendor/x86_64-unknown-linux-musl",
        "codex-linux-arm64/vendor/aarch64-unknown-linux-musl",
    ]
    .map(|platform| modules.join(platform).join("bin/codex"))
    .into_iter()
    .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("WASSERT_REQUIRE_AGENTS").is_none(),
            "codex is not installed: npm ci --prefix tests/real-agents"
        );
        eprintln!("SKIPPED: codex is not installed; install it with `npm ci --prefix tests/real-agents`");
    }
    found
}

#[test]
fn every_codex_scenario_is_green_over_both_transports() {
    let Some(codex) = codex() else { return };
    let project = Project::new();
    let scenarios = root().join("scenarios/codex");
    let (code, results) = project.run_json(&[
        scenarios.to_str().unwrap(),
        "--twice",
        "--agent-bin",
        &format!("codex={}", codex.display()),
    ]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    assert_eq!(results["summary"]["scenarios"]["passed"], 17);
    for scenario in results["scenarios"].as_array().unwrap() {
        assert_eq!(verdict(scenario, "run/repeatable")["outcome"], "pass");
    }
    for scenario in results["scenarios"].as_array().unwrap() {
        let document = project.document(scenario);
        let wanted = document["agent"]["transport"].as_str().unwrap();
        assert_eq!(document["agent"]["version"], "codex-cli 0.169.0");
        let requests = document["requests"].as_array().unwrap();
        assert!(
            requests.iter().all(|request| request["transport"] == wanted),
            "{} fell back",
            scenario["name"]
        );
        assert!(!document["events"].to_string().contains("Falling back"), "{} fell back", scenario["name"]);
    }
}

#[test]
fn a_second_turn_that_does_not_resume_is_red() {
    let Some(codex) = codex() else { return };
    let project = Project::new();
    let text = std::fs::read_to_string(root().join("scenarios/codex/resume.toml")).unwrap();
    let forgetful = text.replace(
        "prompt = \"What was the codeword?\"",
        "prompt = \"What was the codeword?\"\nresume = false",
    );
    assert_ne!(text, forgetful);
    project.write("scenarios/forgetful.toml", &forgetful);
    let (code, results) = project.run_json(&["--agent-bin", &format!("codex={}", codex.display())]);
    assert_eq!(code, 1, "{results:#}");
    for scenario in results["scenarios"].as_array().unwrap() {
        assert_eq!(
            verdict(scenario, "run/script-followed")["outcome"],
            "pass",
            "the turns themselves are fine: {scenario:#}"
        );
        assert_eq!(verdict(scenario, "std/session-resumed")["outcome"], "fail");
        assert_eq!(verdict(scenario, "std/request-contains")["outcome"], "fail");
    }
}

/// Chunk ids, wall times, a process that goes on, a log with times, the run's own folders and a literal bracket.
const TALKATIVE: &str = r#"
summary = "Tools that say what differs from run to run."
agents  = ["codex-http", "codex-websocket"]
[agent.codex-http]
extends   = "codex"
transport = "http"
[agent.codex-websocket]
extends   = "codex"
transport = "websocket"
[workspace]
git = true
[[turn]]
prompt = "Work ⟦hard⟧."
[[step]]
calls = [
  { id = "long", tool = "exec_command", input = { cmd = "echo begun; sleep 300", yield_time_ms = 3000 } },
  { id = "patch", tool = "write-file", input = { path = "new.txt", content = "x\n" } },
]
[[step]]
calls = [
  { id = "unknown", tool = "nothing", input = { a = 1 } },
  { id = "where", tool = "exec_command", input = { cmd = "pwd; echo $HOME $TMPDIR $WASSERT_RUN > where.txt; env | grep WASSERT_RUN" } },
]
[[step]]
text = "done"
[[assert]]
use = "std/exit"
with = { code = 0 }
"#;

#[test]
fn whatever_differs_in_what_its_tools_say_is_a_symbol() {
    let Some(codex) = codex() else { return };
    let project = Project::new();
    project.write("scenarios/talkative.toml", TALKATIVE);
    let (_, results) = project.run_json(&["--twice", "--agent-bin", &format!("codex={}", codex.display())]);
    for scenario in results["scenarios"].as_array().unwrap() {
        let repeatable = verdict(scenario, "run/repeatable");
        assert_eq!(repeatable["outcome"], "pass", "{repeatable:#}");
        let document = project.document(scenario);
        let file = &document["files"]["where.txt"]["after"];
        assert_eq!(file["text"], "⟦home⟧ ⟦tmp⟧ ⟦run⟧\n");
        assert_eq!(document["turns"][0]["prompt"], "Work ⟦⟦hard⟧.");
        let output = document["requests"].as_array().unwrap().iter().rev().find_map(|request| {
            let items = request["transcript"].as_array().unwrap();
            items.iter().find(|item| item["kind"] == "result" && item["call"] == "long").cloned()
        });
        assert_eq!(
            output.unwrap()["output"],
            "Chunk ID: ⟦chunk#1⟧\nWall time: ⟦duration⟧ seconds\nProcess running with session ID ⟦process#1⟧\nOriginal token \
             count: 2\nOutput:\nbegun\n"
        );
    }
}
