//! What an agent sees and what it can't reach.

use serde_json::Value;

use crate::harness::{Project, not_passed, result, verdict};

fn shell(command: &str) -> String {
    format!(
        r#"
summary = "One shell call."
[workspace]
git = true
files = {{ "a.txt" = "a\n" }}
[[turn]]
prompt = "Look around."
[[step]]
call = {{ id = "look", tool = "shell", input = {{ command = {command:?} }} }}
[[step]]
text = "Done."
[[assert]]
use = "std/tool-output"
with = {{ call = "look", contains = "code 0" }}
"#
    )
}

#[test]
fn the_environment_holds_nothing_of_the_callers() {
    let project = Project::new();
    project.write("scenarios/look.toml", &shell("env; echo HOME_IS $HOME; ls -a $HOME; cat"));
    let said: crate::harness::Said = project
        .command(&["run", "--format", "json"])
        .env("OPENAI_API_KEY", "sk-do-not-leak")
        .env("SSH_AUTH_SOCK", "/do/not/leak")
        .output()
        .unwrap()
        .into();
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let results = serde_json::from_str(&said.stdout).unwrap();
    let document = project.document(result(&results, "look")).to_string();
    assert!(document.contains("TMPDIR=") && document.contains("HOME_IS "), "{document}");
    assert!(!document.contains("do-not-leak") && !document.contains("do/not/leak"), "{document}");
}

#[test]
fn a_path_that_leads_out_is_refused_before_anything_runs() {
    let project = Project::new();
    project.write("scenarios/out.toml", &shell("true").replace("a.txt", "../escape.txt"));
    let said = project.wassert(&["run"]);
    assert_eq!(said.code, 2, "{}", said.stdout);
    assert!(said.stderr.contains("../escape.txt") && said.stderr.contains("out.toml:"), "{}", said.stderr);
    assert!(!project.path().join("escape.txt").exists());
}

#[test]
fn a_workspace_configuration_of_git_is_never_executed() {
    let project = Project::new();
    let proof = project.path().join("executed");
    let command = format!(
        "git config core.fsmonitor 'touch {}; :' && git status >/dev/null; rm -f {0} && echo changed > a.txt",
        proof.display()
    );
    project.write("scenarios/git.toml", &shell(&command));
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    let document = project.document(result(&results, "git"));
    assert_eq!(document["git"]["status"][0]["path"], "a.txt");
    assert!(!proof.exists(), "the host's git ran what the workspace's configuration says");
}

#[test]
fn two_runs_never_share_a_folder() {
    let project = Project::new();
    project.write("scenarios/look.toml", &shell("pwd"));
    let recordings = [(); 2].map(|()| {
        let (_, results) = project.run_json(&["--isolation", "group"]);
        let recording = results["scenarios"][0]["recording"].as_str().unwrap().to_owned();
        let raw = std::fs::read_to_string(project.path().join(&recording).join("log/stdout-1")).unwrap();
        (recording, raw, project.document(&results["scenarios"][0])["events"].to_string())
    });
    assert_ne!(recordings[0].0, recordings[1].0);
    assert_ne!(recordings[0].1, recordings[1].1, "the workspaces had the same path");
    assert_eq!(recordings[0].2, recordings[1].2, "the path is no part of the document");
}

/// Runs one command at a level, and returns its output as the model saw it, the verdicts and the document.
fn looked(project: &Project, arguments: &[&str], command: &str) -> (String, Value, Value) {
    project.write("scenarios/look.toml", &shell(command));
    let (_, results) = project.run_json(arguments);
    let scenario = result(&results, "look").clone();
    let document = project.document(&scenario);
    let output = document["requests"][1]["transcript"]
        .as_array()
        .and_then(|items| items.iter().find(|item| item["kind"] == "result"))
        .map(|item| item["output"].as_str().unwrap().to_owned())
        .unwrap_or_else(|| panic!("no output in {document:#}"));
    (output, scenario, document)
}

const FULL: [&str; 2] = ["--isolation", "full"];

#[test]
fn at_level_full_the_agent_is_an_ordinary_user_with_files_of_its_own() {
    let project = Project::new();
    project.write("CLAUDE.md", "not for agents").write(".wassert/runs/secret", "recorded");
    let home = std::env::var("HOME").unwrap_or_default();
    let command = format!(
        "id -u; grep CapEff /proc/self/status; pwd; ls -d {home}/.ssh {} /etc/codex; ls -a / .. | grep -i -e claude -e agents; \
         for place in / /usr /etc /proc/sys/kernel /agent; do touch $place/x && echo wrote $place; done; \
         echo t > /tmp/t; echo w > w; echo h > ~/h; cat /proc/1/environ; kill -9 1; echo still here",
        project.path().display(),
    );
    let (output, scenario, document) = looked(&project, &FULL, &command);
    let lines: Vec<_> = output.lines().collect();
    assert!(output.contains("1000\n") && output.contains("still here"), "{output}");
    assert!(
        lines.iter().any(|line| line.starts_with("CapEff") && line.ends_with("0000000000000000")),
        "{output}"
    );
    for there in ["wrote", "CLAUDE.md", "recorded"] {
        assert!(
            !lines.iter().any(|line| line.contains(there) && !line.contains("cannot access")),
            "{output}"
        );
    }
    assert!(output.contains("/proc/1/environ: Permission denied"), "{output}");
    assert_eq!(document["isolation"]["level"], "full");
    assert_eq!(document["files"]["w"]["change"], "added");
    let outside: Vec<_> = document["home"]["changes"].as_object().unwrap().keys().collect();
    assert_eq!(outside, ["tmp/t", "~/h"], "what is written to /tmp is seen too");
    assert_eq!(verdict(&scenario, "run/home-only")["outcome"], "fail");
}

#[test]
fn what_agents_keep_in_a_users_home_is_hidden_even_where_the_home_is_exposed() {
    let project = Project::new();
    let secrets =
        [".codex/auth.json", ".claude/.credentials.json", ".claude.json", ".gemini/oauth_creds.json"];
    for name in secrets.iter().chain(&["kept.txt"]) {
        project.write(&format!("user/{name}"), "what stands there");
    }
    let home = project.path().join("user").canonicalize().unwrap();
    let looked = |readable: &[&str]| {
        let text = shell(&format!(
            "cd {} && cat kept.txt && cat {}; echo looked",
            home.display(),
            secrets.join(" ")
        ));
        project.write("scenarios/look.toml", &text);
        let arguments = [&["run", "--format", "json", "--isolation", "full"], readable].concat();
        let output = project.command(&arguments).env("HOME", &home).output().unwrap();
        let results: Value = serde_json::from_slice(&output.stdout).unwrap();
        let document = project.document(result(&results, "look"));
        document["requests"][1]["transcript"].to_string()
    };
    let output = looked(&["--readable", home.to_str().unwrap()]);
    assert!(output.contains("looked"), "{output}");
    assert_eq!(output.matches("what stands there").count(), 1, "kept.txt and nothing else: {output}");
    let output = looked(&[]);
    assert_eq!(output.matches("what stands there").count(), 0, "{output}");
}

#[test]
fn at_level_full_every_way_out_is_refused_and_told() {
    let project = Project::new();
    let command = "getent hosts nowhere.example; for to in 192.0.2.7/4433 192.0.2.7/4433 198.51.100.1/22; do \
                   bash -c \"exec 3<>/dev/tcp/$to\"; done; bash -c 'echo x > /dev/udp/203.0.113.9/53'; \
                   bash -c 'exec 3<>/dev/tcp/::ffff:192.0.2.8/80'; bash -c 'exec 3<>/dev/tcp/2001:db8::1/443'; true";
    let (output, scenario, document) = looked(&project, &FULL, command);
    assert!(output.contains("Connection refused"), "{output}");
    let told: Vec<_> = document["egress"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| (attempt["protocol"].as_str().unwrap(), attempt["destination"].as_str().unwrap()))
        .collect();
    for expected in [
        ("dns", "nowhere.example:53"),
        ("tcp", "192.0.2.7:4433"),
        ("tcp", "198.51.100.1:22"),
        ("tcp", "192.0.2.8:80"),
        ("udp", "203.0.113.9:53"),
    ] {
        assert!(told.contains(&expected), "{expected:?} is missing in {told:?}\n{output}");
    }
    let twice = document["egress"]
        .as_array()
        .unwrap()
        .iter()
        .find(|attempt| attempt["destination"] == "192.0.2.7:4433");
    assert_eq!(twice.unwrap()["count"], 2);
    assert_eq!(verdict(&scenario, "run/no-egress")["outcome"], "fail");
}

#[test]
fn at_level_full_nothing_survives_whatever_it_does() {
    let project = Project::new();
    let command = "for i in 1 2 3; do setsid sh -c \"trap '' TERM INT HUP; (sleep 1000 &) ; exec sleep 1002\" >/dev/null 2>&1 & done; \
                   env -i setsid nohup sleep 1003 >/dev/null 2>&1 & sleep 0.2; true";
    let (_, _, document) = looked(&project, &FULL, command);
    let left = document["processes"].as_array().unwrap();
    assert!(left.len() >= 4, "{left:?}");
    assert!(left.iter().all(|left| left["end"] != "remains"), "{left:?}");
}

#[test]
fn the_machines_network_is_an_explicit_and_recorded_choice() {
    let project = Project::new();
    let (output, _, document) =
        looked(&project, &["--isolation", "full", "--network", "host"], "cat /proc/net/dev");
    let isolation = &document["isolation"];
    assert_eq!((&isolation["level"], &isolation["asked_for_host_network"]), (&"full".into(), &true.into()));
    assert_eq!(
        (&isolation["no_network"], &isolation["direct_connections_seen"]),
        (&false.into(), &false.into())
    );
    assert!(output.contains("lo:"), "{output}");
}

#[test]
fn a_system_that_forbids_namespaces_gives_level_group_and_says_why() {
    let project = Project::new();
    project.write("scenarios/look.toml", &shell("true"));
    // A user namespace in which no further one may be made, as in many containers.
    let run = |arguments: &str| -> crate::harness::Said {
        let script = format!(
            "echo 0 > /proc/sys/user/max_user_namespaces && exec {} run --format json {arguments}",
            env!("CARGO_BIN_EXE_wassert")
        );
        let mut command = std::process::Command::new("unshare");
        command.args(["-Ur", "sh", "-c", &script]).current_dir(project.path()).output().unwrap().into()
    };
    let said = run("");
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let results: Value = serde_json::from_str(&said.stdout).unwrap();
    let isolation = project.document(result(&results, "look"))["isolation"].clone();
    assert_eq!(isolation["level"], "group");
    let why = isolation["why_not_full"].as_str().unwrap();
    assert!(why.starts_with("unshare the user namespace: "), "{why}");
    let said = run("--isolation full");
    assert_eq!(said.code, 3, "{}", said.stdout);
    assert!(said.stdout.contains("--isolation group"), "{}", said.stdout);
}
