//! `wassert import`: what other tools had becomes scenarios that load and run; the rest is named, line by line.

use serde_json::{Value, json};

use crate::harness::{Project, result};

/// Every field that can be carried to an agent that is no codex.
fn every_field() -> Value {
    json!({
        "name": "every field!",
        "turns": ["Write and tell.", {"prompt": "And again."}],
        "files": {"notes.txt": "before\n", ".code/skills/tidy/SKILL.md": "Fold.\n", "../escape.txt": "x"},
        "copy": [{"source": "data", "target": "given"}],
        "skill_roots": ["roots"],
        "git_init": true,
        "env": {"SHADE": "green"},
        "timeout_seconds": 60,
        "max_seconds": 30,
        "config_toml": "model_verbosity = \"low\"\n",
        "inherit_auth": true,
        "include_plan_tool": true,
        "gh": {"responses": [
            {"match": {"prefix": "issue list"}, "stdout": "none\n"},
            {"match": {"contains": ["repo"]}, "stderr": "no\n", "exit_code": 2}
        ], "next_issue": 7},
        "surprise": 1,
        "responses_api": {"responses": [
            {"status": 503, "body": {"error": {"code": "busy", "message": "try again"}}},
            {"events": [{"item": {"type": "function_call", "call_id": "c1", "name": "shell",
                "arguments": "{\"command\":[\"bash\",\"-lc\",\"printf 'after\\\\n' > notes.txt; echo $SHADE; gh issue list\"]}"}}]},
            {"events": [{"item": {"type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": {"$repeat": "ab", "count": 3}}]}}], "response_id": "r1"},
            {"events": [{"event": "response.output_item.done", "payload": {"item": {"type": "message",
                "role": "assistant", "content": [{"type": "output_text", "text": "twice"}]}}}]}
        ]},
        "expect": {
            "returncode": 0,
            "assistant_contains": ["twice"],
            "command_contains": ["notes.txt"],
            "responses_request_count": 4,
            "event_count": {"turn.completed": 2, "item.agent_message": [1, 2]},
            "event_count_any": [{"msg.task_complete": 2}, {"thread.started": [1, 2]}],
            "events": [{"type": "item.completed", "item": {"type": "agent_message"}}],
            "command_events": [{"command": "notes.txt", "output": ["green"], "status": "completed", "exit_code": 0}],
            "responses": [{"index": 0, "scope": "input", "contains": "Write and tell.", "not_contains": ["And again."],
                "count": {"Write and tell.": 1, "nowhere": 0}, "image_payload_bytes": 0}],
            "function_call_outputs": [{"request": 2, "call_id": "c1", "contains_all": ["green"], "not_contains": ["red"]}],
            "workspace_files": [{"path": "notes.txt", "exists": true, "equals": "after\n"},
                {"path": "given/a.txt", "contains": "data"}, {"path": "gone.txt", "exists": false}],
            "workspace_git_status": [{"equals": " M notes.txt\n", "not_contains": ["??"]}],
            "gh_contains": ["issue"],
            "returncod": 0
        }
    })
}

fn harness_project(scenario: &Value) -> Project {
    let project = Project::new();
    std::fs::create_dir(project.path().join(".git")).unwrap();
    project
        .write("old/every.json", &scenario.to_string())
        .write("old/roots/wash/SKILL.md", "Wash.\n")
        .write("data/a.txt", "data\n");
    project
}

const IMPORT: [&str; 7] =
    ["import", "code-exec-harness", "old/every.json", "--output", "scenarios", "--agent", "example"];

/// All files below a folder with their bytes.
fn tree(folder: &std::path::Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_harness_scenario_with_every_field_runs_and_the_rest_is_named() {
    let project = harness_project(&every_field());
    let said = project.wassert(&IMPORT);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let toml = std::fs::read_to_string(project.path().join("scenarios/every-field/scenario.toml")).unwrap();
    for named in [
        "`../escape.txt` lies outside",
        "`max_seconds` = 30",
        "`config_toml`: example takes no settings of codex",
        "`inherit_auth` = true",
        "`include_plan_tool` = true",
        "`gh.next_issue` = 7",
        "`surprise` is unknown",
        "`response_id` of reply 3",
        "not in request 2",
        "`expect.returncod` is unknown",
    ] {
        assert!(said.stdout.contains(named), "{named}\n{}", said.stdout);
        assert!(
            toml.lines().any(|line| line.starts_with("# Not carried over: ") && line.contains(named)),
            "{named}"
        );
    }
    assert_eq!(said.stdout.matches("not carried over").count(), 10, "{}", said.stdout);
    assert!(toml.contains("ababab"));
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{results:#}\n{toml}");
    let verdicts = result(&results, "every-field")["verdicts"].as_array().unwrap();
    assert!(verdicts.len() >= 20, "{}", verdicts.len());
    let files = project.document(result(&results, "every-field"))["files"].clone();
    for path in [".agents/skills/tidy/SKILL.md", ".agents/skills/wash/SKILL.md", "given/a.txt"] {
        assert!(files[path].is_object(), "{path}");
    }
}

#[test]
fn importing_twice_gives_the_same_bytes_and_overwrites_nothing() {
    let project = harness_project(&every_field());
    assert_eq!(project.wassert(&IMPORT).code, 0);
    let first = tree(&project.path().join("scenarios"));
    assert_eq!(project.wassert(&IMPORT).code, 0);
    assert_eq!(tree(&project.path().join("scenarios")), first);
    project.write("scenarios/every-field/scenario.toml", "mine");
    let said = project.wassert(&IMPORT);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("nothing is overwritten"), "{}", said.stderr);
}

#[test]
fn an_imported_check_can_fail() {
    for (check, value, assertion) in [
        ("returncode", json!(1), "std/exit"),
        ("assistant_contains", json!(["thrice"]), "std/final-message"),
        ("command_contains", json!(["rm"]), "std/command"),
        ("responses_request_count", json!(3), "std/request-count"),
        ("event_count", json!({"turn.completed": 3}), "std/event-counts"),
        ("events", json!([{"type": "nothing"}]), "std/json"),
        ("workspace_git_status", json!([{"equals": ""}]), "std/git-status"),
    ] {
        let mut scenario = every_field();
        scenario["expect"] = json!({ check: value });
        let project = harness_project(&scenario);
        assert_eq!(project.wassert(&IMPORT).code, 0);
        let (code, results) = project.run_json(&[]);
        assert_eq!(code, 1, "{check}: {results:#}");
        let failed = result(&results, "every-field")["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|verdict| verdict["assertion"] == assertion && verdict["outcome"] == "fail");
        assert!(failed, "{check}: {results:#}");
    }
}

#[test]
fn what_only_codex_takes_is_carried_to_codex() {
    let project = harness_project(&json!({
        "prompt": "Go.",
        "model": "m-1", "sandbox": "read-only",
        "config_toml": "a = 1\n[b.\"c d\"]\ne = \"f\"\n",
        "config_overrides": ["x=true"],
        "responses_api": [
            {"events": [{"type": "response.odd", "payload": {"n": null}}], "completed": false},
            {"sse": "event: x\ndata: {}\n\n"},
            {"events": [{"item": {"type": "web_search_call", "id": "w"}}]},
            {"status": 400, "body": {"error": {"message": "no"}}}
        ]
    }));
    let said = project.wassert(&["import", "code-exec-harness", "old/every.json", "--output", "scenarios"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let toml = std::fs::read_to_string(project.path().join("scenarios/every.toml")).unwrap();
    assert!(
        toml.contains(
            "arguments = [\"--sandbox\", \"read-only\", \"-c\", \"a=1\", \"-c\", \"b.\\\"c d\\\".e=\\\"f\\\"\", \"-c\", \"x=true\"]"
        ),
        "{toml}"
    );
    assert!(toml.contains("model = \"m-1\"") && toml.contains("timeout_seconds = 180"), "{toml}");
    assert!(
        said.stdout.contains("it checks nothing") && said.stdout.contains("breaks off"),
        "{}",
        said.stdout
    );
    let checked = project.wassert(&["check"]);
    assert_eq!(checked.code, 0, "{}{}\n{toml}", checked.stdout, checked.stderr);
}

#[test]
fn what_is_no_scenario_is_refused() {
    for text in ["", "[]", "nonsense", r#"{"prompt": {"$repeat": "x", "count": 99999999999}}"#] {
        let project = harness_project(&json!({}));
        project.write("old/every.json", text);
        assert_eq!(project.wassert(&IMPORT).code, 2, "{text}");
    }
}

#[test]
fn a_smoke_manifest_becomes_scenarios_and_exit_code_77_stays_a_skip() {
    let project = Project::new();
    project
        .write("smoke/_helpers.sh", "say() { echo \"said $1\"; }\n")
        .write("smoke/good.sh", ". \"$(dirname \"$0\")/_helpers.sh\"\nsay hello\n")
        .write("smoke/absent.sh", "echo 'no terminal multiplexer' >&2\nexit 77\n")
        .write("smoke/bad.sh", "exit 2\n");
    let entry = |name: &str| {
        format!(
            "[[scenario]]\nname = \"{name}\"\nscript = \"{name}.sh\"\nowners = [\"a-task\", \"gate\"]\n\
             description = \"pins the day it broke\"\ntimeout_seconds = 20\n"
        )
    };
    project.write("smoke/manifest.toml", &(entry("good") + &entry("absent") + &entry("bad")));
    let import = ["import", "workgraph", "smoke/manifest.toml", "--output", "imported"];
    for _ in 0..2 {
        let said = project.wassert(&import);
        assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    }
    let output = project
        .command(&["run", "--format", "json"])
        .current_dir(project.path().join("imported"))
        .output()
        .unwrap();
    let results: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let outcome = |name: &str| {
        let scenarios = results["scenarios"].as_array().unwrap();
        let found = scenarios.iter().find(|scenario| scenario["name"].as_str().unwrap().ends_with(name));
        found.unwrap_or_else(|| panic!("{name}: {results:#}"))["outcome"].clone()
    };
    assert_eq!(
        (outcome("good"), outcome("absent"), outcome("bad")),
        (json!("pass"), json!("skip"), json!("fail"))
    );
    assert!(results.to_string().contains("no terminal multiplexer"), "the reason is told: {results:#}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_manifest_with_a_name_twice_or_with_nothing_is_refused() {
    let entry = "[[scenario]]\nname = \"a\"\nscript = \"a.sh\"\n";
    for text in [format!("{entry}{entry}"), String::new(), "[[scenario]]\nname = \"a\"\n".to_owned()] {
        let project = Project::new();
        project.write("manifest.toml", &text);
        let said = project.wassert(&["import", "workgraph", "manifest.toml", "--output", "imported"]);
        assert_eq!(said.code, 2, "{text}");
    }
}
