//! Commands that stand in for real ones: found first, answering as the scenario says, remembering, and told in the
//! document.

use serde_json::{Value, json};
use wassert::scenario::{LoadContext, load};

use crate::harness::{Project, result, root};

/// A scenario whose script calls `git` and `tool`, both standing in.
fn scenario(script: &str, shims: &str) -> String {
    format!(
        "summary = \"Stand-ins.\"\nagents = [\"script\"]\n[agent.script]\narguments = [\"run.sh\"]\n[workspace]\n\
         files = {{ \"run.sh\" = {script:?}, \"sub/x\" = \"\" }}\n{shims}\n[[turn]]\nprompt = \"Go.\"\n\
         [[assert]]\nuse = \"std/exit\"\nwith = {{ code = 0 }}\n"
    )
}

fn run(script: &str, shims: &str, level: &str) -> (Value, Value) {
    let project = Project::new();
    project
        .write("wassert.toml", &std::fs::read_to_string(root().join("wassert.toml")).unwrap())
        .write("scenarios/one.toml", &scenario(script, shims));
    let (code, results) = project.run_json(&["--isolation", level, "--twice"]);
    assert_eq!(code, 0, "{results:#}");
    let document = project.document(result(&results, "one"));
    (document["calls"].clone(), document["turns"][0]["final_message"].clone())
}

const SHIMS: &str = r#"
[[shim]]
name = "git"
[[shim.reply]]
exact = "status -s"
stdout = "it's `quoted` $HOME \\n {{count}}\n"
[[shim.reply]]
contains = ["log", "-1"]
stderr = "nothing\n"
exit = 3
[[shim.reply]]
regex = "^rev-[a-z]+ HEAD$"
stdout = "abc\n"
set = { head = "{{argument:2}}!" }
[[shim.reply]]
when = { head = "HEAD!" }
stdout = "seen {{head}} {{stdin}}\n"

[[shim]]
name = "tool"
stdin = false
[shim.otherwise]
exit = 7
"#;

#[test]
fn calls_are_answered_remembered_and_told() {
    let script = "git status -s; git status -s; git log x -1; echo $?; cd sub; git rev-parse HEAD; \
                  printf 'in' | git 'a  b' ''; tool; echo $?; cd ..; git odd\n\
                  echo end";
    for level in ["full", "group"] {
        let (calls, said) = run(script, SHIMS, level);
        assert_eq!(
            said,
            "it's `quoted` $HOME \\n 1\nit's `quoted` $HOME \\n 2\n3\nabc\nseen HEAD! in\n7\nseen HEAD! \nend"
        );
        let call = |program: &str, arguments: Value, directory: &str, reply: Value, exit: i32| {
            let mut call = json!({
                "turn": 1, "program": program, "arguments": arguments, "directory": directory, "exit": exit,
            });
            if !reply.is_null() {
                call["reply"] = reply;
            }
            call
        };
        let mut with_input = call("git", json!(["a  b", ""]), "sub", json!(4), 0);
        with_input["stdin"] = json!("in");
        let mut setting = call("git", json!(["rev-parse", "HEAD"]), "sub", json!(3), 0);
        setting["set"] = json!({ "head": "HEAD!" });
        let mut calls = calls.as_array().unwrap().clone();
        // A script's own standard input holds its prompt, and goes to whatever it calls first.
        for call in &mut calls {
            if call["stdin"] != "in" {
                call.as_object_mut().unwrap().remove("stdin");
            }
        }
        assert_eq!(
            json!(calls),
            json!([
                call("git", json!(["status", "-s"]), ".", json!(1), 0),
                call("git", json!(["status", "-s"]), ".", json!(1), 0),
                call("git", json!(["log", "x", "-1"]), ".", json!(2), 3),
                setting,
                with_input,
                call("tool", json!([]), "sub", Value::Null, 7),
                call("git", json!(["odd"]), ".", json!(4), 0),
            ]),
            "{level}"
        );
    }
}

#[test]
fn a_call_that_no_reply_fits_fails_and_names_itself() {
    let shims = "[[shim]]\nname = \"gh\"\n[[shim.reply]]\nexact = \"a\"\nstdout = \"b\"\n";
    let (calls, said) = run("gh repo view 2>&1; echo $?", shims, "group");
    assert_eq!(said, "gh: no reply fits: repo view\n1");
    assert_eq!((&calls[0]["exit"], &calls[0]["reply"]), (&json!(1), &Value::Null));
}

#[test]
fn a_stand_in_that_makes_no_sense_is_refused() {
    for shims in [
        "[[shim]]\nname = \"../gh\"\n",
        "[[shim]]\nname = \"gh\"\n[[shim]]\nname = \"gh\"\n",
        "[[shim]]\nname = \"gh\"\n[[shim.reply]]\nstdout = \"x\"\n",
        "[[shim]]\nname = \"gh\"\n[[shim.reply]]\nexact = \"x\"\nset = { \"a b\" = \"\" }\n",
        "[[shim]]\nname = \"gh\"\nreplies = 1\n",
        "[[shim]]\nname = \"gh\"\n[shim.otherwise]\nexit = 256\n",
    ] {
        let project = Project::new();
        project
            .write("wassert.toml", &std::fs::read_to_string(root().join("wassert.toml")).unwrap())
            .write("scenarios/one.toml", &scenario("true", shims));
        assert_eq!(project.wassert(&["check"]).code, 2, "{shims}");
    }
}

#[test]
fn what_another_call_finds_remembered_is_told_with_the_call_that_set_it() {
    let shims = r#"
[[shim]]
name = "gh"
[[shim.reply]]
prefix = "issue create"
set = { title = "{{argument:3}}", next = "{{count}}" }
[shim.otherwise]
set = { title = "{{title}} and more" }
"#;
    let (calls, _) = run("gh issue create one; gh other; gh issue create two", shims, "full");
    let told: Vec<_> = calls.as_array().unwrap().iter().map(|call| call["set"].clone()).collect();
    assert_eq!(
        told,
        [
            json!({ "next": "1", "title": "one" }),
            json!({ "title": "one and more" }),
            json!({ "next": "2", "title": "two" }),
        ]
    );
}

#[test]
fn a_dry_run_tells_of_stand_ins_and_calls_none() {
    let project = Project::new();
    project
        .write("wassert.toml", &std::fs::read_to_string(root().join("wassert.toml")).unwrap())
        .write("scenarios/one.toml", &scenario("git status", SHIMS));
    let said = project.wassert(&["run", "--dry-run"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    for line in [
        "  git stands in, first on PATH",
        "    reply 2: contains log, contains -1: exit code 3, standard error 'nothing",
        "    reply 3: matches '^rev-[a-z]+ HEAD$': exit code 0, standard output 'abc",
        "sets head to '{{argument:2}}!'",
        "    reply 4: when head is 'HEAD!': exit code 0",
        "    otherwise: exit code 1, and a message that names the call",
        "  tool stands in, first on PATH",
        "    otherwise: exit code 7",
    ] {
        assert!(said.stdout.contains(line), "{line} in {}", said.stdout);
    }
    let said = project.wassert(&["run", "--dry-run", "--format", "json"]);
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    let shims = &told["scenarios"][0]["shims"];
    assert_eq!(shims[0]["replies"][1]["contains"], json!(["log", "-1"]));
    assert_eq!(shims[0]["otherwise"], Value::Null);
    assert_eq!(
        shims[1],
        json!({
            "name": "tool", "stdin": false, "replies": [],
            "otherwise": { "stdout": "", "stderr": "", "exit": 7, "set": {} },
        })
    );
}

#[test]
fn a_regular_expression_is_refused_where_grep_refuses_it() {
    for regex in [
        "(",
        "a)",
        "((a)",
        "[",
        "[a",
        "[]",
        "[[:foo:]]",
        "[z-a]",
        "a\\",
        "a{2,1}",
        "(a{3,2})",
        "[[:alpha:]",
        "^issue (view|list) [0-9]+$",
        "[]a]",
        "[^]a]",
        "\\(",
        "[[:alpha:]_-]",
        "[a-z-]",
        "[(]",
        "a{2,}",
        "a{,2}",
        "a{x}",
        "a{",
        "a|b",
        "(a)\\1",
        "é+",
        "[[.a.]-z]",
        "[[=a=]]",
        "[\\]",
        "a{1,2}{3}",
    ] {
        let grep = std::process::Command::new("grep")
            .args(["-Eq", "-e", regex])
            .stdin(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .env("LC_ALL", "C.UTF-8")
            .status();
        let text = scenario("true", &format!("[[shim]]\nname = \"gh\"\n[[shim.reply]]\nregex = '{regex}'\n"));
        let context = LoadContext { file_exists: &|_| true, folder_exists: &|_| true, agents: &[] };
        let loaded = load("one".to_owned(), "one.toml".into(), text.as_bytes(), &context);
        let said: Vec<_> = loaded.diagnostics.iter().map(|found| (found.id, found.message.clone())).collect();
        let is_taken = !said.iter().any(|(id, _)| *id == "bad-shim");
        assert_eq!(is_taken, grep.unwrap().code() != Some(2), "{regex}: {said:?}");
    }
}

#[test]
fn a_regular_expression_that_this_systems_grep_refuses_is_no_call_that_does_not_match() {
    let shims =
        "[[shim]]\nname = \"gh\"\n[[shim.reply]]\nregex = \"^a[[.no-such.]]\"\n[shim.otherwise]\nexit = 0\n";
    let (calls, said) = run("gh ab 2>&1; echo $?", shims, "group");
    assert_eq!(said, "gh: grep -E refuses ^a[[.no-such.]]\n70");
    assert_eq!((&calls[0]["exit"], &calls[0]["reply"]), (&json!(70), &Value::Null));
}

#[test]
fn brackets_and_empty_values_are_said_as_they_are_written() {
    let shims = r#"
[[shim]]
name = "gh"
[shim.otherwise]
stdout = "{{ .title }} {{{{count}} [{{old}}] {{argument:1}}\n"
set = { old = "" }
"#;
    let (calls, said) = run("gh a; gh b", shims, "group");
    assert_eq!(said, "{{ .title }} {{count}} [] a\n{{ .title }} {{count}} [] b");
    assert_eq!(calls[0]["set"], json!({ "old": "" }));
}
