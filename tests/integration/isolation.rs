//! What an agent sees and what it can't reach.

use crate::harness::{Project, result};

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
    assert_eq!(code, 0, "{results:#}");
    let document = project.document(result(&results, "git"));
    assert_eq!(document["git"]["status"][0]["path"], "a.txt");
    assert!(!proof.exists(), "the host's git ran what the workspace's configuration says");
}

#[test]
fn two_runs_never_share_a_folder() {
    let project = Project::new();
    project.write("scenarios/look.toml", &shell("pwd"));
    let recordings = [(); 2].map(|()| {
        let (_, results) = project.run_json(&[]);
        let recording = results["scenarios"][0]["recording"].as_str().unwrap().to_owned();
        let raw = std::fs::read_to_string(project.path().join(&recording).join("log/stdout-1")).unwrap();
        (recording, raw, project.document(&results["scenarios"][0])["events"].to_string())
    });
    assert_ne!(recordings[0].0, recordings[1].0);
    assert_ne!(recordings[0].1, recordings[1].1, "the workspaces had the same path");
    assert_eq!(recordings[0].2, recordings[1].2, "the path is no part of the document");
}
