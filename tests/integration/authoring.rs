//! Examples of a pack: tested, and written from a recording.

use crate::harness::{Project, Said, not_passed, root};

/// A project with the standard pack's manifest and module, no examples, and one recording.
fn project() -> (Project, String) {
    let project = Project::new();
    for file in ["pack.toml", "std.wasm"] {
        project.write(&format!("pack/{file}"), "");
        std::fs::copy(root().join("assertions/std").join(file), project.path().join("pack").join(file))
            .unwrap();
    }
    let scenario = root().join("scenarios/quickstart/edit-file.toml");
    let (code, results) = project.run_json(&[scenario.to_str().unwrap()]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    let recording = results["scenarios"][0]["recording"].as_str().unwrap().to_owned();
    (project, recording)
}

fn new_example(project: &Project, arguments: &[&str]) -> Said {
    project.wassert(&[&["new", "example", "--pack", "pack"], arguments].concat())
}

fn read(project: &Project, path: &str) -> serde_json::Value {
    let path = project.path().join("pack/examples").join(path);
    serde_json::from_slice(&std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))).unwrap()
}

#[test]
fn a_passing_and_a_failing_example_come_from_one_recording() {
    let (project, recording) = project();
    let said = new_example(
        &project,
        &[
            &recording,
            "--assertion",
            "exit",
            "--name",
            "fail-one",
            "--with",
            r#"{"code":0}"#,
            "--patch",
            r#"{"op":"replace","path":"/turns/0/exit","value":1}"#,
        ],
    );
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let pass = read(&project, "exit/pass.json");
    let members: Vec<_> = pass.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["schema", "turns"], "only what the assertion reads");
    let fail = read(&project, "exit/fail-one.json");
    assert_eq!(fail["from"], "pass");
    assert_eq!(fail["patch"][0]["value"], 1);
    assert_eq!(read(&project, "exit/with.json"), serde_json::json!({ "code": 0 }));

    let again = ["--assertion", "exit", "--name", "fail-two", "--with", r#"{"code":3}"#, "--patch", "[]"];
    let said = new_example(&project, &again);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(read(&project, "exit/fail-two.with.json"), serde_json::json!({ "code": 3 }));
}

#[test]
fn nothing_is_written_that_does_not_keep_its_promise_and_nothing_twice() {
    let (project, recording) = project();
    let with = ["--with", r#"{"code":0}"#];
    let wrong =
        new_example(&project, &[&[&*recording, "--assertion", "exit", "--name", "fail"], &with[..]].concat());
    assert_eq!(wrong.code, 1, "{}{}", wrong.stdout, wrong.stderr);
    assert!(wrong.stderr.contains("nothing was written"), "{}", wrong.stderr);
    assert!(!project.path().join("pack/examples").exists());

    let pass = [&[&*recording, "--assertion", "exit", "--name", "pass"], &with[..]].concat();
    assert_eq!(new_example(&project, &pass).code, 0);
    let twice = new_example(&project, &pass);
    assert_eq!(twice.code, 2);
    assert!(twice.stderr.contains("`examples/exit/pass.json` is there already"), "{}", twice.stderr);

    for (arguments, reason) in [
        (vec![&*recording, "--assertion", "exits", "--name", "pass"], "has no assertion `exits`; it has"),
        (vec![&*recording, "--assertion", "exit", "--name", "failing"], "can't be named `failing`"),
        (
            vec![&*recording, "--assertion", "exit", "--name", "pass-b", "--sections", "turnz"],
            "no section `turnz`",
        ),
        (vec!["--assertion", "file", "--name", "fail", "--patch", "[]"], "no example `pass` to patch"),
        (
            vec!["--assertion", "exit", "--name", "fail", "--patch", r#"{"op":"remove","path":"/turns/7"}"#],
            "operation 0 (remove `/turns/7`): `7` is no position in `/turns`",
        ),
        (vec!["--assertion", "exit", "--name", "fail", "--patch", "{"], "`--patch {` is not JSON"),
    ] {
        let said = new_example(&project, &arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(reason), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn a_pack_is_tested_and_what_is_wrong_decides_the_exit_code() {
    let (project, _) = project();
    let test = || project.wassert(&["pack", "test", "pack"]);
    assert_eq!(test().code, 2, "no examples at all");
    let examples = root().join("assertions/std/examples");
    for folder in std::fs::read_dir(&examples).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            let to = format!("pack/examples/{}", file.strip_prefix(&examples).unwrap().display());
            project.write(&to, &std::fs::read_to_string(&file).unwrap());
        }
    }
    let sound = test();
    assert_eq!(sound.code, 0, "{}{}", sound.stdout, sound.stderr);
    assert!(sound.stdout.contains("   ok exit/fail\n"), "{}", sound.stdout);

    project.write("pack/examples/exit/fail-not.json", r#"{"from":"pass","patch":[]}"#);
    let failed = test();
    assert_eq!(failed.code, 1);
    assert!(
        failed.stdout.contains("WRONG exit/fail-not\n  expected fail, the verdict is:"),
        "{}",
        failed.stdout
    );

    project.write(
        "pack/examples/exit/fail-not.json",
        r#"{"from":"pass","patch":[{"op":"remove","path":"/turns"}]}"#,
    );
    let unjudged = test();
    assert_eq!(unjudged.code, 3, "{}", unjudged.stdout);
    project.write("pack/examples/exit/fail-not.json", r#"{"from":"pass","patch":7}"#);
    let broken = test();
    assert_eq!(broken.code, 2);
    assert!(broken.stdout.contains("a patch is a list of operations"), "{}", broken.stdout);
    std::fs::remove_file(project.path().join("pack/examples/exit/fail-not.json")).unwrap();

    for name in ["fail", "fail-none", "fail-signal"] {
        std::fs::remove_file(project.path().join(format!("pack/examples/exit/{name}.json"))).unwrap();
    }
    let missing = test();
    assert_eq!(missing.code, 2);
    assert!(missing.stdout.contains("there is no example that shows `exit` say fail"), "{}", missing.stdout);

    project.write("pack/std.wasm", "not wasm");
    assert_eq!(test().code, 3);
    project.write("pack/pack.toml", "[pack]\n");
    assert_eq!(test().code, 2);
}
