//! Modules of every door through the program: inspected, judged, limited.

use crate::harness::{Project, root, verdict};

/// A project with a recording and, as `check.wasm`, the example of the flat ABI.
fn project() -> (Project, String) {
    let (project, recording) = Project::recorded();
    let text = std::fs::read_to_string(root().join("guest-sdk/wat/check.wat")).unwrap();
    std::fs::write(project.path().join("check.wasm"), wat::parse_str(text).unwrap()).unwrap();
    (project, recording)
}

/// A WASI command that reads its input and passes.
fn command() -> Vec<u8> {
    let read = |name: &str| std::fs::read_to_string(root().join("tests/guests").join(name)).unwrap();
    let text = format!("(module {}\n{})", read("prelude-command.wat"), read("command-pass.wat"));
    wat::parse_str(text).unwrap()
}

#[test]
fn a_module_is_inspected() {
    let (project, _) = project();
    let said = project.wassert(&["pack", "inspect", "check.wasm"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for words in
        ["the flat ABI wassert_v1", "wassert_v1.count", "exit-zero: ended every turn", "reads    turns"]
    {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    let said = project.wassert(&["pack", "inspect", "check.wasm", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(told["door"], "flat");
    assert_eq!(told["imports"], serde_json::json!(["wassert_v1.count", "wassert_v1.emit"]));
    assert_eq!(told["assertions"][0]["reads"], serde_json::json!(["turns"]));
    let bytes = std::fs::read(project.path().join("check.wasm")).unwrap();
    assert_eq!(told["size_bytes"], bytes.len());
    assert!(told["digest"].as_str().unwrap().starts_with("sha256:"));

    project.write("text.wasm", "no module");
    let said = project.wassert(&["pack", "inspect", "text.wasm"]);
    assert_eq!(said.code, 3);
    assert!(said.stderr.contains("magic bytes of WebAssembly"), "{}", said.stderr);
    assert_eq!(project.wassert(&["pack", "inspect", "absent.wasm"]).code, 2);
}

#[test]
fn flat_modules_and_commands_judge_a_recording() {
    let (project, recording) = project();
    std::fs::write(project.path().join("command.wasm"), command()).unwrap();
    let said = project.wassert(&[
        "judge",
        &recording,
        "--format",
        "json",
        "--use",
        "./check.wasm",
        "--use",
        "./command.wasm",
    ]);
    let results: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let scenario = &results["scenarios"][0];
    assert_eq!(verdict(scenario, "./check.wasm")["outcome"], "pass", "{scenario:#}");
    assert_eq!(verdict(scenario, "./command.wasm")["outcome"], "pass", "{scenario:#}");
    assert_eq!(verdict(scenario, "./command.wasm")["receipt"]["inputs"]["assertion"], "command");
}

#[test]
fn limits_come_from_the_project_and_from_the_command_line() {
    let (project, recording) = project();
    let judge = |limit: &[&str]| {
        project.wassert(&[&["judge", recording.as_str(), "--use", "./check.wasm"], limit].concat())
    };
    assert_eq!(judge(&[]).code, 0);
    let said = judge(&["--limit", "host_work=100"]);
    assert_eq!(said.code, 3);
    assert!(said.stdout.contains("limits.host_work"), "{}", said.stdout);
    let said = judge(&["--limit", "host_work"]);
    assert_eq!(said.code, 2);
    let said = judge(&["--limit", "host_wok=1"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("there is no limit `host_wok`"), "{}", said.stderr);
    project.write("wassert.toml", "[limits]\nhost_work = 100\n");
    assert_eq!(judge(&[]).code, 3);
    assert_eq!(judge(&["--limit", "host_work=2_000_000"]).code, 0);
}

#[test]
fn a_pack_describes_a_command_that_cannot() {
    let project = Project::new();
    project.write(
        "mine/pack.toml",
        r#"
[pack]
name = "mine"
version = "0.1.0"
summary = "Checks of mine"
license = "MIT"

[[module]]
path = "mine.wasm"

[[assertion]]
name = "looks"
summary = "looked"
reads = ["turns"]
parameters = "looks.schema.json"
"#,
    );
    project.write(
        "mine/looks.schema.json",
        r#"{"type":"object","properties":{"times":{"type":"integer"}},"additionalProperties":false}"#,
    );
    std::fs::write(project.path().join("mine/mine.wasm"), command()).unwrap();
    project.write("mine/examples/looks/with.json", r#"{"times":2}"#);
    let turn = r#"{"schema":"wassert.run/1","turns":[{"turn":1,"exit":0}]}"#;
    project.write("mine/examples/looks/pass.json", turn);
    project.write("mine/examples/looks/fail.json", turn);
    let said = project.wassert(&["pack", "test", "mine", "--format", "json"]);
    let told: serde_json::Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
    let text = told.to_string();
    assert!(text.contains("\"pass\"") && text.contains("looks"), "{told:#}");
    assert_eq!(said.code, 1, "the failing example passes: {told:#}");
    // Its schema comes with the pack, as the module can't say it.
    project.write("mine/examples/looks/with.json", r#"{"times":"two"}"#);
    let said = project.wassert(&["pack", "test", "mine", "--format", "json"]);
    assert!(
        said.stdout.contains("its parameters don't fit") && said.stdout.contains("times"),
        "{}",
        said.stdout
    );
    // One that describes itself says it itself.
    let own_check = root().join("scenarios/quickstart/own-check/check.wasm");
    std::fs::copy(own_check, project.path().join("mine/mine.wasm")).unwrap();
    let said = project.wassert(&["pack", "test", "mine"]);
    assert!(said.stderr.contains("though its module says itself"), "{}{}", said.stdout, said.stderr);
}

/// A scenario lowers limits, in `run` and again in `judge`, and nothing raises them for it.
#[test]
fn a_scenario_lowers_the_limits_of_its_assertions() {
    let project = Project::new();
    project.write(
        "scenarios/plain.toml",
        r#"
summary = "Says hello."
agents = ["example"]
[[turn]]
prompt = "Hi"
[[step]]
text = "Hello"
[limits]
host_work = 100
[[assert]]
use = "std/exit"
with = { code = 0 }
"#,
    );
    let (code, results) = project.run_json(&["--limit", "host_work=2_000_000"]);
    let scenario = &results["scenarios"][0];
    let message = verdict(scenario, "std/exit")["error"]["message"].to_string();
    assert!(code == 3 && message.contains("limits.host_work"), "{results:#}");
    let said = project.wassert(&["judge", scenario["recording"].as_str().unwrap()]);
    assert!(said.code == 3 && said.stdout.contains("limits.host_work"), "{}", said.stdout);
}
