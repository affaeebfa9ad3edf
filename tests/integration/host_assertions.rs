//! What must hold in every run, broken one by one by what an agent does, and asserted differently by the scenario.

use serde_json::{Value, json};

use crate::harness::{Project, not_passed, result, verdict};

/// A scenario in which the agent runs one command.
fn shell(command: &str, expect: &str) -> String {
    format!(
        r#"
summary = "One shell call."
[workspace]
git = true
files = {{ "a.txt" = "a\n" }}
[expect]
{expect}
[[turn]]
prompt = "Do it."
[[step]]
call = {{ id = "do", tool = "shell", input = {{ command = {command:?} }} }}
[[step]]
text = "Done."
[[assert]]
use = "std/tool-output"
with = {{ call = "do", contains = "code 0" }}
"#
    )
}

/// Both levels of isolation. What a scenario asserts is the same at each.
const LEVELS: [&str; 2] = ["full", "group"];

/// Runs the command with and without the expectation, in a git repository of its own, and returns the verdicts on one
/// host assertion, which `run` and `judge` must agree on, and the first document.
fn judged(level: &str, assertion: &str, command: &str, expect: &str) -> (Value, Value, Value) {
    let project = Project::new();
    let done =
        std::process::Command::new("git").arg("init").arg("--quiet").current_dir(project.path()).status();
    assert!(done.unwrap().success());
    project.write("scenarios/as-it-is.toml", &shell(command, ""));
    let (code, results) = project.run_json(&["--isolation", level]);
    project.write("scenarios/expected.toml", &shell(command, expect));
    std::fs::remove_file(project.path().join("scenarios/as-it-is.toml")).unwrap();
    let (_, expected) = project.run_json(&["--isolation", level]);
    assert_eq!(code, 1, "{results:#}");
    let scenario = result(&results, "as-it-is");
    for other in scenario["verdicts"].as_array().unwrap() {
        let wanted = if other["assertion"] == assertion { "fail" } else { "pass" };
        assert_eq!(other["outcome"], wanted, "{scenario:#}");
    }
    let said = project.wassert(&["judge", "--format", "json", scenario["recording"].as_str().unwrap()]);
    let again: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(verdict(&again["scenarios"][0], assertion), verdict(scenario, assertion));
    let expected = verdict(result(&expected, "expected"), assertion).clone();
    (verdict(scenario, assertion).clone(), expected, project.document(scenario))
}

fn messages(verdict: &Value) -> Vec<&str> {
    verdict["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["message"].as_str().unwrap())
        .collect()
}

#[test]
fn a_process_that_is_left_behind_is_red_unless_it_is_expected() {
    for level in LEVELS {
        let (red, expected, document) = judged(
            level,
            "run/no-survivors",
            "setsid sleep 1000 >/dev/null 2>&1 & env -i setsid sleep 1001 >/dev/null 2>&1 & true",
            "survivors = [\"sleep\"]",
        );
        assert_eq!(messages(&red), ["turn 1 left `sleep` behind"; 2], "{level}");
        assert_eq!(red["findings"][0]["at"][0]["actual"], "sleep 1000");
        assert_eq!(
            document["processes"],
            json!([
                { "turn": 1, "name": "sleep", "command": "sleep 1000", "end": "terminated" },
                { "turn": 1, "name": "sleep", "command": "sleep 1001", "end": "terminated" },
            ])
        );
        assert_eq!(messages(&expected), ["what was left behind is what was expected"]);
    }
}

#[test]
fn an_attempt_to_reach_elsewhere_is_red_unless_it_is_expected() {
    for level in LEVELS {
        let command = "bash -c 'exec 3<>/dev/tcp/127.0.0.1/${https_proxy##*:}; \
                       printf \"CONNECT example.com:443 HTTP/1.1\\r\\n\\r\\n\" >&3; head -1 <&3'";
        let (red, expected, document) =
            judged(level, "run/no-egress", command, "egress = [\"example.com:443\"]");
        assert_eq!(messages(&red), ["turn 1 tried to reach `example.com:443`"]);
        assert_eq!(
            document["egress"],
            json!([{ "turn": 1, "protocol": "connect", "destination": "example.com:443", "count": 1 }])
        );
        assert_eq!(document["isolation"]["direct_connections_seen"], level == "full");
        let blind = if level == "full" { "" } else { "; direct connections are not observed at level group" };
        assert_eq!(messages(&expected), [format!("only what was expected was tried{blind}")]);
    }
}

#[test]
fn a_change_outside_the_workspace_is_red_unless_it_is_expected() {
    for level in LEVELS {
        let (red, expected, document) = judged(
            level,
            "run/home-only",
            "touch ~/left $TMPDIR/left && ln -s / ~/everything && git worktree add -q ../other && mkdir ~/empty",
            "outside = [\"~/**\", \"tmp/left\", \"../other/**\"]",
        );
        let told: Vec<_> = document["home"]["changes"].as_object().unwrap().keys().collect();
        assert_eq!(
            told,
            ["../other/.git", "../other/a.txt", "tmp/left", "~/empty", "~/everything", "~/left"],
            "{level}"
        );
        assert_eq!(messages(&red)[0], "`../other/.git` outside the workspace was added");
        assert_eq!(red["findings"][0]["at"][0]["path"], "$['home']['changes']['../other/.git']");
        assert_eq!(document["home"]["own"], json!(["~/.example-agent/**"]));
        assert_eq!(document["home"]["repository"], "compared");
        assert_eq!(messages(&expected), ["only what was expected was changed outside the workspace"]);
    }
}

#[test]
fn a_change_in_the_launching_repository_is_red() {
    let project = Project::new();
    let done =
        std::process::Command::new("git").arg("init").arg("--quiet").current_dir(project.path()).status();
    assert!(done.unwrap().success());
    let there = project.path().join("oops").display().to_string();
    project.write("scenarios/oops.toml", &shell(&format!("touch {there}"), ""));
    project.write("scenarios/quiet.toml", &shell("true", ""));
    let (code, results) = project.run_json(&["--jobs", "1", "--isolation", "group"]);
    assert_eq!(code, 1, "{results:#}");
    let told = verdict(result(&results, "oops"), "run/home-only");
    let message = messages(told)[0];
    assert!(message.starts_with("`repository/oops` outside the workspace was added"), "{message}");
    assert_eq!(verdict(result(&results, "quiet"), "run/home-only")["outcome"], "pass");
}

#[test]
fn what_is_expected_and_does_not_happen_is_red() {
    let project = Project::new();
    let expect = "survivors = [\"sleep\"]\negress = [\"a.example:1\"]\noutside = [\"~/x\"]";
    project.write("scenarios/nothing.toml", &shell("true", expect));
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 1, "{results:#}");
    let scenario = result(&results, "nothing");
    for (assertion, message) in [
        ("run/no-survivors", "`sleep` was expected to be left behind, and was not"),
        ("run/no-egress", "`a.example:1` was expected to be tried, and was not"),
        ("run/home-only", "`~/x` was expected to be changed, and was not"),
    ] {
        assert_eq!(messages(verdict(scenario, assertion)), [message]);
    }
}

#[test]
fn what_turns_use_is_measured_and_labelled() {
    let project = Project::new();
    project.write(
        "scenarios/busy.toml",
        &shell("n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done; sleep 0.1", ""),
    );
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    let sampled = &project.document(result(&results, "busy"))["timing"]["sampled"];
    assert_eq!(sampled.as_array().unwrap().len(), 1);
    assert!(sampled[0]["cpu_ms"].as_u64().unwrap() >= 10, "{sampled}");
    assert!(sampled[0]["peak_memory_bytes"].as_u64().unwrap() > 1_000_000, "{sampled}");
    assert!(sampled[0]["looks"].as_u64().unwrap() >= 1, "{sampled}");
}
