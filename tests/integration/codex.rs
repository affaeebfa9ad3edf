//! The real codex. Skipped loudly where it is not installed; with WASSERT_REQUIRE_AGENTS=1 that is a failure.

use std::path::PathBuf;

use crate::harness::{Project, root, verdict};

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
    assert_eq!(code, 0, "{results:#}");
    assert_eq!(results["summary"]["scenarios"]["passed"], 10);
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
