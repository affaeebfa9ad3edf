//! What is wrong with what a person wrote is told with a place, and every other scenario still runs.

use crate::harness::{PLAIN, Project, Said, result, verdict};

/// Runs one broken scenario beside a healthy one.
fn broken(text: &str) -> Said {
    let project = Project::new();
    project.write("scenarios/broken.toml", text).write("scenarios/healthy.toml", PLAIN);
    project.write("scenarios/not-wasm.wasm", "this is text");
    let said = project.wassert(&["run"]);
    assert!(
        said.stdout.contains(" PASS "),
        "the healthy scenario did not run: {}{}",
        said.stdout,
        said.stderr
    );
    said
}

fn check(text: &str, code: i32, expected: &[&str]) {
    let said = broken(text);
    let all = format!("{}{}", said.stdout, said.stderr);
    assert_eq!(said.code, code, "{all}");
    for expected in expected {
        assert!(all.contains(expected), "`{expected}` is missing in\n{all}");
    }
}

#[test]
fn a_misspelt_key() {
    check(&PLAIN.replace("summary", "sumary"), 2, &["broken.toml:2:1", "did you mean `summary`?"]);
}

#[test]
fn a_wrong_type() {
    check(&PLAIN.replace("\"Say hello.\"", "7"), 2, &["broken.toml:4:10", "^"]);
}

#[test]
fn an_unknown_assertion() {
    check(&PLAIN.replace("std/exit", "std/exti"), 2, &["broken.toml:8:7", "did you mean `exit`?"]);
}

#[test]
fn an_unknown_pack() {
    check(&PLAIN.replace("std/exit", "sdt/exit"), 2, &["broken.toml:8:7", "did you mean `std`?"]);
}

#[test]
fn parameters_against_the_schema() {
    check(
        &PLAIN.replace("code = 0", "code = \"zero\""),
        2,
        &["broken.toml:9:8", "`std/exit` can't take these parameters", "/code"],
    );
}

#[test]
fn a_missing_module() {
    check(&PLAIN.replace("std/exit", "./gone.wasm"), 2, &["broken.toml:8:7", "gone.wasm"]);
}

#[test]
fn a_module_that_is_not_wasm() {
    check(&PLAIN.replace("std/exit", "./not-wasm.wasm"), 3, &["`./not-wasm.wasm` can't judge"]);
}

#[test]
fn nothing_selected_is_not_green() {
    let project = Project::new();
    project.write("scenarios/healthy.toml", PLAIN);
    for arguments in [&["run", "no-such-name"][..], &["run", "--tag", "none"], &["run", "--agent", "codex"]] {
        let said = project.wassert(arguments);
        assert_eq!(said.code, 4, "{arguments:?}: {}{}", said.stdout, said.stderr);
    }
    assert_eq!(Project::new().wassert(&["run"]).code, 2, "no scenarios folder");
    assert_eq!(project.wassert(&["run", "--no-such-flag"]).code, 2);
    assert_eq!(project.wassert(&["run", "scenarios/gone.toml"]).code, 2);
}

#[test]
fn a_failure_is_told_with_assertion_place_expected_and_actual() {
    let project = Project::new();
    project.write("scenarios/red.toml", &PLAIN.replace("code = 0", "code = 3"));
    let said = project.wassert(&["run"]);
    assert_eq!(said.code, 1, "{}", said.stdout);
    for expected in [
        "std/exit failed, asked at scenarios/red.toml:8",
        "at $['turns'][0]['exit']",
        "actual:   0",
        "expected: 3",
        "look: wassert show ",
    ] {
        assert!(said.stdout.contains(expected), "`{expected}` is missing in\n{}", said.stdout);
    }
}

#[test]
fn a_call_of_a_tool_that_is_not_offered_is_red() {
    let project = Project::new();
    let text = PLAIN.replace(
        "text = \"Hello.\"",
        "call = { id = \"c\", tool = \"teleport\", input = {} }\n[[step]]\ntext = \"Hello.\"",
    );
    project.write("scenarios/tool.toml", &text);
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 1, "{results:#}");
    let followed = verdict(result(&results, "tool"), "run/script-followed");
    assert_eq!(
        followed["findings"][0]["message"],
        "the script called `teleport`, which the agent had not offered"
    );
}

#[test]
fn a_request_without_a_step_is_told_with_the_nearest_one() {
    let project = Project::new();
    let text = PLAIN.replace(
        "text = \"Hello.\"",
        "call = { id = \"c\", tool = \"shell\", input = { command = \"true\" } }",
    );
    project.write("scenarios/short.toml", &text);
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 1, "{results:#}");
    let finding = &verdict(result(&results, "short"), "run/script-followed")["findings"][0];
    assert_eq!(finding["message"], "a request in lane `main` fitted no step");
    assert!(finding["at"][0]["actual"].as_str().unwrap().contains("main"), "{finding:#}");
}

#[test]
fn no_color_is_honoured() {
    let project = Project::new();
    project.write("scenarios/plain.toml", PLAIN);
    let said = project.wassert(&["run", "--color", "always"]);
    assert!(said.stdout.contains("\x1b[32m") || said.stdout.contains("\x1b[1m"), "{}", said.stdout);
    let plain: Said = project.command(&["run"]).env("NO_COLOR", "1").output().unwrap().into();
    assert!(!plain.stdout.contains('\x1b'));
}
