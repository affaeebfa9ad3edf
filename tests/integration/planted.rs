//! What an agent plants where the host looks after it, or where a stand-in does its work: nobody waits for it, and
//! nothing vanishes.

use serde_json::{Value, json};

use crate::harness::{Project, result, root, verdict};

/// What came of a script that is run as an agent.
struct Ran {
    code: i32,
    scenario: Value,
    document: Value,
}

/// Runs `script`, with keys for the scenario and tables behind it; `settings` are added to the project's.
fn run(script: &str, agent: &str, tables: &str, settings: &str) -> Ran {
    let project = Project::new();
    let known = std::fs::read_to_string(root().join("wassert.toml")).unwrap();
    project.write("wassert.toml", &format!("{known}\n{settings}")).write(
        "scenarios/one.toml",
        &format!(
            "summary = \"Something is planted.\"\ntimeout_seconds = 60\nagents = [\"{agent}\"]\n\
             [agent.{agent}]\narguments = [\"run.sh\"]\n[workspace]\ngit = true\n\
             files = {{ \"run.sh\" = {script:?}, \"notes.txt\" = \"before\\n\" }}\n{tables}\n"
        ),
    );
    let (code, results) = project.run_json(&[]);
    let scenario = result(&results, "one").clone();
    assert!(scenario["problem"].is_null(), "{scenario:#}");
    let document = project.document(&scenario);
    Ran { code, scenario, document }
}

const TURN: &str = "[[turn]]\nprompt = \"Go.\"\n";
const TOOL: &str = "[[shim]]\nname = \"tool\"\n[shim.otherwise]\nexit = 0\n";
const EXIT: &str = "[[assert]]\nuse = \"std/exit\"\nwith = { code = 0 }\n";

#[test]
fn nobody_waits_for_pipes_where_calls_and_turns_are_written_down() {
    let script = "rm -f ../shims/turn; mkfifo ../shims/turn\n\
                  mkdir ../shims/calls/1; mkfifo ../shims/calls/1/program; echo end";
    let second = "[[turn]]\nprompt = \"Again.\"\nresume = false\n";
    let ran = run(script, "script", &format!("{TOOL}{TURN}{second}{EXIT}"), "");
    assert_eq!(ran.document["turns"].as_array().unwrap().len(), 2);
    assert_eq!(ran.document["turns"][1]["end"], "exited");
}

#[test]
fn nobody_waits_for_a_pipe_in_the_place_of_the_agents_settings() {
    let settings = "[agent.own]\nextends = \"codex\"\nprogram = \"/bin/sh\"\nargs = []\n";
    let line = |line: &str| format!("echo '{line}'\n");
    let ended =
        line("{\"type\":\"thread.started\",\"thread_id\":\"t-1\"}") + &line("{\"type\":\"turn.completed\"}");
    let second = "[[turn]]\nprompt = \"Again.\"\nresume = false\n";
    let tables = format!("{TURN}{second}{EXIT}");
    let config = "$HOME/.codex/config.toml";
    let planted = format!("test -f {config} || exit 3; rm {config}; mkfifo {config}\n{ended}");
    let ran = run(&planted, "own", &tables, settings);
    assert_eq!(ran.document["turns"][1]["exit"], 0, "{:#}", ran.document["turns"]);
    // What can't be put right is recorded.
    let planted = format!("rm -r $HOME/.codex; echo > $HOME/.codex\n{ended}");
    let ran = run(&planted, "own", &tables, settings);
    assert_eq!((ran.code, &ran.document["turns"][1]["end"]), (1, &json!("not-started")));
    let notices = ran.scenario["notices"].to_string();
    assert!(notices.contains("turn 2 was not started: the agent's `.codex/"), "{notices}");
}

#[test]
fn a_stand_in_may_be_called_like_what_a_stand_in_needs() {
    let names = ["cat", "mkdir", "mv", "grep", "sh", "printf"];
    let tables: String = names
        .iter()
        .map(|name| {
            format!(
                "[[shim]]\nname = \"{name}\"\n[[shim.reply]]\nregex = \"^x$\"\nstdout = \"{name} said {{{{stdin}}}}\\n\"\n\
                 set = {{ seen = \"yes\" }}\n"
            )
        })
        .collect();
    // A name without a path, but for those that every shell has within.
    let script = "for name in cat mkdir mv grep sh; do echo in | $name x; done; env printf x </dev/null";
    let ran = run(script, "script", &format!("{tables}{TURN}{EXIT}"), "");
    let told: Vec<_> =
        ran.document["calls"].as_array().unwrap().iter().map(|call| call["program"].clone()).collect();
    assert_eq!(told, ["cat", "mkdir", "mv", "grep", "sh", "printf"]);
    assert!(ran.document["calls"].as_array().unwrap().iter().all(|call| call["set"]["seen"] == "yes"));
    assert_eq!(ran.code, 0, "{:#}", verdict(&ran.scenario, "run/completed"));
}

/// What `run/script-followed` says of calls that are not told.
fn untold(ran: &Ran) -> String {
    assert_eq!(ran.code, 1, "{:#}", ran.scenario["verdicts"]);
    let findings = verdict(&ran.scenario, "run/script-followed")["findings"].clone();
    assert_eq!(findings[0]["at"][0]["path"], "$['script']['calls_unread']", "{findings:#}");
    findings[0]["message"].as_str().unwrap().to_owned()
}

#[test]
fn no_call_vanishes_without_a_word() {
    let never = "[[assert]]\nuse = \"std/program-called\"\nwith = { program = \"tool\", max = 1 }\n";
    for (script, told) in [
        ("tool a; tool b; tool c; rm -r ../shims/calls/2", "call 2 is missing"),
        ("tool a; rm -r ../shims/calls/1; mkdir ../shims/calls/x", "`x` is no call"),
        ("tool a; rm -r ../shims/calls", "the folder of calls can't be read: No such file"),
        ("tool a; tool b; rm ../shims/calls/2/program", "call 2 is of no command that stands in"),
        ("tool a; rm ../shims/calls/1/arguments", "call 1 does not tell its arguments"),
        (
            "mkdir -p ../shims/calls/9999; cd ../shims/calls; mkdir $(seq 1 1002)",
            "there are 3 calls beyond the first 1000",
        ),
        (
            "tool a; tool b; head -c 300000 /dev/zero > ../shims/calls/2/arguments",
            "call 2 has more arguments than are kept",
        ),
    ] {
        let ran = run(script, "script", &format!("{TOOL}{TURN}{EXIT}{never}"), "");
        let said = untold(&ran);
        assert!(said.contains(told), "{script}: {said}");
    }
}

#[test]
fn a_call_that_can_not_be_written_down_fails() {
    let script = "rmdir ../shims/calls; echo > ../shims/calls; tool a; test $? = 70";
    let ran = run(script, "script", &format!("{TOOL}{TURN}{EXIT}"), "");
    assert_eq!(ran.document["stderr"][0]["text"], "tool: the call can't be written down\n");
    assert!(untold(&ran).contains("the folder of calls can't be read"));
}

#[test]
fn what_is_planted_beside_stand_ins_is_told() {
    let told = |script: &str, tables: &str| -> Value {
        let ran = run(script, "script", &format!("{tables}{TURN}{EXIT}"), "");
        assert_eq!(ran.code, i32::from(ran.document["home"]["changes"] != json!({})), "{script}");
        ran.document["home"]["changes"].clone()
    };
    let change = |change: &str, kind: &str| json!({ "change": change, "kind": kind });
    assert_eq!(told("tool a", TOOL), json!({}));
    assert_eq!(
        told("mkdir -p ../shims/bin; echo > ../shims/bin/git", ""),
        json!({ "../shims/bin/git": change("added", "file") })
    );
    let script = "tool a; cd ../shims; echo > bin/git; echo x >> bin/tool; rm bin/other; rm turn; mkdir turn\n\
                  mkdir deep; echo > deep/x; rm -r state; ln -s /tmp state";
    let two = format!("{TOOL}[[shim]]\nname = \"other\"\n[shim.otherwise]\nexit = 0\n");
    assert_eq!(
        told(script, &two),
        json!({
            "../shims/bin/git": change("added", "file"),
            "../shims/bin/tool": change("modified", "file"),
            "../shims/bin/other": change("removed", "file"),
            "../shims/turn": change("modified", "folder"),
            "../shims/deep/x": change("added", "file"),
            "../shims/state": change("modified", "link"),
        })
    );
    assert_eq!(
        told("chmod -x ../shims/bin/tool", TOOL),
        json!({ "../shims/bin/tool": change("modified", "file") })
    );
}

#[test]
fn what_git_can_not_compare_is_recorded_and_no_assertion_on_it_passes() {
    let asserts = "[[assert]]\nuse = \"std/git-status\"\nwith = { not-contains = \"x\" }\n\
                   [[assert]]\nuse = \"std/git-diff\"\nwith = { max-files = 9 }\n";
    let ran = run("rm notes.txt; mkfifo notes.txt", "script", &format!("{TURN}{EXIT}{asserts}"), "");
    let git = &ran.document["git"];
    assert!(git["unread"].as_str().unwrap().contains("unsupported file type"), "{git}");
    assert_eq!((git.get("status"), git.get("diff")), (None, None));
    for assertion in ["std/git-status", "std/git-diff"] {
        assert_eq!(verdict(&ran.scenario, assertion)["outcome"], "error", "{assertion}");
    }
    assert_eq!(verdict(&ran.scenario, "std/exit")["outcome"], "pass");
    assert_eq!(ran.document["files"]["notes.txt"]["after"]["kind"], "other");
    assert!(ran.scenario["notices"].to_string().contains("what git says of the workspace is not known"));
}

#[test]
fn an_agent_hides_nothing_from_git_by_rules_of_its_own() {
    let asserts = "[[assert]]\nuse = \"std/git-status\"\nwith = { equals = [] }\n";
    let script = "mkfifo .gitignore .gitattributes; mkdir sub; echo '*' > sub/.gitignore; echo > sub/x";
    let ran = run(script, "script", &format!("{TURN}{EXIT}{asserts}"), "");
    let git = &ran.document["git"];
    assert_eq!(
        git["status"],
        json!([{ "code": "??", "path": "sub/.gitignore" }, { "code": "??", "path": "sub/x" }]),
        "{git}"
    );
    assert_eq!(verdict(&ran.scenario, "std/git-status")["outcome"], "fail");
}

#[test]
fn what_lies_deeper_than_is_looked_at_is_recorded() {
    let script = "mkdir -p $(printf 'd/%.0s' $(seq 140)); echo after > notes.txt";
    let ran = run(script, "script", &format!("{TURN}{EXIT}"), "");
    let files = ran.document["files"].as_object().unwrap();
    let unread: Vec<_> = files.values().filter(|file| file["after"]["unread"].is_string()).collect();
    assert_eq!((ran.code, unread.len(), &files["notes.txt"]["change"]), (0, 1, &json!("modified")));
}
