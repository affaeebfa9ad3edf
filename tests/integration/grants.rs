//! What an assertion may read: asked for by a scenario, told in the report, and the same in manifest and module.

use crate::harness::{Project, root, verdict};

fn scenario(project: &Project, name: &str, assertion: &str) {
    project.write(
        name,
        &format!(
            "summary = \"A greeting.\"\n\n[[turn]]\nprompt = \"Say hello.\"\n\n[[step]]\ntext = \"hello\"\n\n[[assert]]\n{assertion}\n"
        ),
    );
}

#[test]
fn a_scenario_grants_what_an_assertion_may_read_and_the_report_tells_it() {
    let project = Project::new();
    scenario(&project, "declared.toml", "use = \"std/exit\"\nwith = { code = 7 }");
    scenario(&project, "granted.toml", "use = \"std/exit\"\nwith = { code = 7 }\ngrant = [\"turns\"]");
    scenario(&project, "withheld.toml", "use = \"std/exit\"\nwith = { code = 0 }\ngrant = [\"files\"]");

    let declared = "turns.end, turns.exit, turns.signal, turns.turn";
    for (name, granted) in [("declared.toml", declared), ("granted.toml", "turns")] {
        let said = project.wassert(&["run", name]);
        assert_eq!(said.code, 1, "{}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains(&format!("    granted:  {granted}\n")), "{name}: {}", said.stdout);
        assert!(!said.stdout.contains("was not granted"), "{name}: {}", said.stdout);
    }

    let said = project.wassert(&["run", "withheld.toml"]);
    // Without the turns there is nothing to judge.
    assert_eq!(said.code, 3, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("    granted:  files\n"), "{}", said.stdout);
    assert!(said.stdout.contains("asked for `$.turns[-1]`, which it was not granted"), "{}", said.stdout);

    let (_, results) = project.run_json(&["withheld.toml"]);
    let verdict = verdict(&results["scenarios"][0], "std/exit");
    let sections: Vec<_> = verdict["receipt"]["inputs"]["evidence"].as_object().unwrap().keys().collect();
    assert_eq!(sections, ["files"], "{verdict:#}");
}

#[test]
fn a_manifest_that_says_other_reads_than_its_module_is_refused() {
    let (project, recording) = Project::recorded();
    let standard = root().join("assertions/std");
    let manifest = std::fs::read_to_string(standard.join("pack.toml")).unwrap();
    let reads = r#"reads = ["turns.turn", "turns.exit", "turns.signal", "turns.end"]"#;
    let more = reads.replacen('[', r#"["files", "#, 1);
    assert_eq!(manifest.matches(reads).count(), 1, "{manifest}");
    project.write("pack/pack.toml", &manifest.replace(reads, &more));
    std::fs::copy(standard.join("std.wasm"), project.path().join("pack/std.wasm")).unwrap();

    let said = project.wassert(&[
        "new",
        "example",
        "--pack",
        "pack",
        &recording,
        "--assertion",
        "exit",
        "--name",
        "pass",
        "--with",
        r#"{"code":0}"#,
    ]);
    assert_eq!(said.code, 2, "{}{}", said.stdout, said.stderr);
    let difference = "it says that `exit` reads files, turns.end, turns.exit, turns.signal, turns.turn, \
                      its module says turns.end, turns.exit, turns.signal, turns.turn";
    assert!(said.stderr.contains(difference), "{}", said.stderr);
    assert!(!project.path().join("pack/examples").exists());
}
