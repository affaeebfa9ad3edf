//! The real agents. Skipped loudly where they are not installed; with WASSERT_REQUIRE_AGENTS=1 that is a failure.
//!
//! That the portable scenarios are green, and equal from run to run, is shown by `.ci/run`; here is what must be red.

use serde_json::Value;

use crate::harness::{Project, not_passed, root, verdict};

/// The agents and where each is when it is installed.
const AGENTS: [(&str, &str); 4] = [
    ("claude", "@anthropic-ai/claude-code-linux-x64/claude"),
    ("gemini", ".bin/gemini"),
    ("opencode", "opencode-linux-x64/bin/opencode"),
    ("pi", ".bin/pi"),
];

/// `--agent-bin` for every agent that is installed.
pub fn installed() -> Vec<(&'static str, String)> {
    let modules = root().join("tests/real-agents/node_modules");
    let found: Vec<_> = AGENTS
        .into_iter()
        .filter(|(_, path)| modules.join(path).is_file())
        .map(|(name, path)| (name, format!("{name}={}", modules.join(path).display())))
        .collect();
    if found.len() < AGENTS.len() {
        assert!(
            std::env::var_os("WASSERT_REQUIRE_AGENTS").is_none(),
            "agents are not installed: npm ci --prefix tests/real-agents"
        );
        eprintln!(
            "SKIPPED: some agents are not installed; `npm ci --prefix tests/real-agents` installs them"
        );
    }
    found
}

fn run(project: &Project, agents: &[(&str, String)], options: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["--jobs", "2"];
    for (name, program) in agents {
        arguments.extend(["--agent", name, "--agent-bin", program]);
    }
    arguments.extend(options);
    project.run_json(&arguments)
}

#[test]
fn a_second_turn_that_does_not_resume_is_red_on_every_agent() {
    let agents = installed();
    if agents.is_empty() {
        return;
    }
    let text = std::fs::read_to_string(root().join("scenarios/portable/resume.toml")).unwrap();
    let prompt = "prompt = \"What was the codeword?\"";
    let forgetful = text.replace(prompt, &format!("{prompt}\nresume = false"));
    assert_ne!(text, forgetful);
    let project = Project::new();
    project.write("scenarios/forgetful.toml", &forgetful);
    let (code, results) = run(&project, &agents, &[]);
    assert_eq!(code, 1, "{results:#}");
    assert_eq!(results["summary"]["scenarios"]["failed"], agents.len());
    for scenario in results["scenarios"].as_array().unwrap() {
        let followed = verdict(scenario, "run/script-followed");
        assert_eq!(followed["outcome"], "pass", "the turns themselves are fine: {scenario:#}");
        assert_eq!(verdict(scenario, "std/request-contains")["outcome"], "fail", "{scenario:#}");
    }
}

#[test]
fn what_an_agent_lacks_is_listed_and_counted_and_no_pass() {
    let project = Project::new();
    let text = std::fs::read_to_string(root().join("scenarios/portable/edit-file.toml")).unwrap();
    project.write("scenarios/edit-file.toml", &text);
    let (code, results) = project.run_json(&["--agent", "codex"]);
    assert_eq!(code, 4, "nothing applied: {results:#}");
    let counted = &results["summary"]["scenarios"];
    assert_eq!((&counted["not_applicable"], &counted["passed"]), (&1.into(), &0.into()));
    assert_eq!(results["scenarios"][0]["outcome"], "skip");
    assert_eq!(results["scenarios"][0]["problem"]["id"], "not-applicable");
}

/// A project with an agent of its own, which is a script.
fn described(script: &str) -> Project {
    let project = Project::new();
    let program = project.program("mine.sh", &format!("#!/bin/sh\n{script}\n"));
    project.write(
        "wassert.toml",
        &format!(
            "[agent.mine]\nprogram = {:?}\nargs = [\"--home={{home}}\", \"{{prompt}}\"]\nenv = {{ WHERE = \"{{workspace}}\" }}\n",
            program.display().to_string()
        ),
    );
    project.write(
        "scenarios/mine.toml",
        "summary = \"A command.\"\nagents = [\"mine\"]\n[[turn]]\nprompt = \"say $hi\"\n[[assert]]\nuse = \"std/exit\"\nwith = { code = 0 }\n",
    );
    project
}

#[test]
fn a_project_describes_an_agent_without_recompiling() {
    let project = described("echo \"$2 in $WHERE\"; test \"$WHERE\" = \"$PWD\"");
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    let document = project.document(&results["scenarios"][0]);
    assert_eq!(document["turns"][0]["final_message"], "say $hi in \u{27e6}workspace\u{27e7}");
    assert_eq!(document["agent"]["name"], "mine");
    assert!(document["agent"]["sha256"].is_string());
}

#[test]
fn a_command_that_can_not_run_here_is_a_typed_skip() {
    let project = described("echo 'no network here' >&2; exit 77");
    let (code, results) = project.run_json(&[]);
    assert_eq!((code, &results["scenarios"][0]["outcome"]), (4, &"skip".into()), "{results:#}");
    assert_eq!(results["scenarios"][0]["problem"]["message"], "`mine` skipped itself: no network here");
    let (code, _) = described("exit 3").run_json(&[]);
    assert_eq!(code, 1);
}

#[test]
fn a_dry_run_tells_everything_and_starts_nothing() {
    let project = described("touch \"$HOME/started\"; touch /tmp/started-by-a-dry-run");
    let said = project.wassert(&["run", "--dry-run", "--format", "json"]);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    let told = &told["scenarios"][0];
    assert_eq!(told["turns"][0]["arguments"], serde_json::json!(["--home={home}", "say $hi"]));
    assert_eq!(told["environment"]["WHERE"], "{workspace}");
    assert!(!std::path::Path::new("/tmp/started-by-a-dry-run").exists());
    assert!(!project.path().join(".wassert/runs").exists(), "and keeps nothing");
}
