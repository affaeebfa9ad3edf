//! What git says of a workspace and its worktrees when an agent takes them away, or puts a link in their place.

use serde_json::{Value, json};

use crate::harness::{Project, result, root};

/// The document of a run in which `/bin/sh` does what it is told; `$SECRET` is a folder of the machine.
fn document(script: &str, level: &str) -> Value {
    let project = Project::new();
    project
        .write("wassert.toml", &std::fs::read_to_string(root().join("wassert.toml")).unwrap())
        .write("secret/one.txt", "nobody may read this")
        .write("secret/notes.txt", "nobody may read this");
    let secret = project.path().join("secret");
    let script = script.replace("$SECRET", secret.to_str().unwrap());
    project.write(
        "scenarios/one.toml",
        &format!(
            "summary = \"Worktrees.\"\nagents = [\"script\"]\n[agent.script]\narguments = [\"run.sh\"]\n[workspace]\n\
             files = {{ \"notes.txt\" = \"mine\", \"run.sh\" = {script:?} }}\n[[workspace.worktree]]\n\
             path = \"trees/next\"\nbranch = \"next\"\nfiles = {{ \"one.txt\" = \"1\" }}\n[[turn]]\nprompt = \"Go.\"\n\
             [[assert]]\nuse = \"std/exit\"\nwith = {{ code = 0 }}\n"
        ),
    );
    let (_, results) = project.run_json(&["--isolation", level]);
    project.document(result(&results, "one"))
}

fn told(git: &Value) -> Vec<String> {
    let line =
        |change: &Value| format!("{} {}", change["code"].as_str().unwrap(), change["path"].as_str().unwrap());
    git["status"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_worktree_that_was_removed_is_told_by_what_is_gone() {
    let document = document("git worktree remove --force trees/next && git worktree list | wc -l", "full");
    assert_eq!(document["turns"][0]["final_message"], "1");
    assert_eq!(told(&document["git"]), [""; 0]);
    let next = &document["git"]["worktrees"]["trees/next"];
    assert_eq!(told(next), [" D notes.txt", " D one.txt", " D run.sh"]);
    assert_eq!(document["files"]["trees/next/one.txt"]["change"], "removed");
}

#[test]
fn a_link_in_place_of_a_folder_leads_git_nowhere() {
    for script in [
        "rm -r trees/next && ln -s $SECRET trees/next",
        "mv trees/next trees/kept && rm -r trees/kept && rmdir trees && mkdir other && ln -s $SECRET other/next && ln -s other trees",
    ] {
        let document = document(script, "group");
        let next = &document["git"]["worktrees"]["trees/next"];
        assert_eq!(told(next), [" D notes.txt", " D one.txt", " D run.sh"], "{script}");
        assert!(!document.to_string().contains("nobody may read this"), "{script}");
    }
    let document = document("cd .. && mv workspace moved && ln -s $SECRET workspace", "group");
    assert_eq!(told(&document["git"]), [" D notes.txt", " D run.sh"]);
    assert!(!document.to_string().contains("nobody may read this"));
    assert_eq!(document["home"]["changes"]["../workspace"]["change"], json!("modified"));
}
