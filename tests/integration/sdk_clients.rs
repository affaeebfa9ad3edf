//! The vendors' own clients against the server. Skipped loudly where they are not installed; with
//! WASSERT_REQUIRE_AGENTS=1 that is a failure.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use wassert::profile::{self, Protocol};
use wassert::scenario::{self, LoadContext};
use wassert::server::{Server, ServerSettings, Traffic};

use crate::harness::root;

fn installed() -> bool {
    let folder = root().join("tests/sdk-clients/node_modules/openai");
    let node = Command::new("node").arg("--version").output().is_ok_and(|said| said.status.success());
    let is_installed = node && folder.is_dir();
    if !is_installed {
        assert!(
            std::env::var_os("WASSERT_REQUIRE_AGENTS").is_none(),
            "the vendors' clients are not installed: npm ci --prefix tests/sdk-clients (needs Node 20)"
        );
        eprintln!(
            "SKIPPED: the vendors' clients are not installed; install them with `npm ci --prefix tests/sdk-clients`"
        );
    }
    is_installed
}

/// Serves a script, and gives what the client printed and what arrived.
fn drive(protocol: Protocol, wanted: &'static str, steps: &str) -> (Value, Traffic) {
    let text = format!(
        "summary = \"x\"\nagents = [\"example\"]\n[agent.example]\nprotocol = \"{}\"\n[[turn]]\nprompt = \"go\"\n\
         {steps}\n[[assert]]\nuse = \"std/exit\"\n",
        protocol.word()
    );
    let context = LoadContext { file_exists: &|_| true, folder_exists: &|_| true, agents: &[] };
    let loaded = scenario::load("sdk".into(), PathBuf::from("sdk.toml"), text.as_bytes(), &context);
    let scenario = loaded.scenario.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::start(ServerSettings {
            steps: scenario.steps,
            profile: profile::by_name("example").unwrap(),
            accept_websocket: false,
            capture_limit_bytes: 1024 * 1024,
            workspace: None,
            free: false,
            reception: scenario::Reception::default(),
            key: None,
        })
        .await
        .unwrap();
        server.begin_turn(1, "go", false);
        let base_url = server.base_url().to_owned();
        let said = tokio::task::spawn_blocking(move || {
            Command::new("node")
                .arg(root().join("tests/sdk-clients/client.mjs"))
                .args([protocol.word(), &base_url, wanted])
                .output()
                .unwrap()
        });
        let said = said.await.unwrap();
        let printed = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| {
            panic!(
                "{protocol:?}: {}{}",
                String::from_utf8_lossy(&said.stdout),
                String::from_utf8_lossy(&said.stderr)
            )
        });
        (printed, server.finish().await)
    })
}

/// A script that no request fits.
const NOTHING_FITS: &str = "[[step]]\nlane = \"title\"\noptional = true\ntext = \"x\"\n";

const TOOLS: &str = r#"
[[step]]
reasoning = "why"
text      = "looking"
calls     = [
  { id = "a", tool = "shell", input = { command = "ls" } },
  { id = "b", tool = "shell", input = { command = "pwd" } },
]
[[step]]
expect = { tool-result = [{ call = "a", contains = "output of a" }, { call = "b", contains = "output of b" }] }
text = "done"
[[step.attempt]]
fault = { status = 503 }
"#;

#[test]
fn the_vendors_clients_follow_a_script_with_tools_and_a_retry() {
    if !installed() {
        return;
    }
    for (protocol, stops) in [
        (Protocol::Responses, ["completed", "completed"]),
        (Protocol::Chat, ["tool_calls", "stop"]),
        (Protocol::Messages, ["tool_use", "end_turn"]),
        (Protocol::Gemini, ["STOP", "STOP"]),
    ] {
        let (printed, traffic) = drive(protocol, "tools", TOOLS);
        let call =
            |id: &str, command: &str| json!({"id": id, "name": "shell", "input": {"command": command}});
        assert_eq!(
            printed["first"],
            json!({"deltas": ["looking"], "text": "looking", "reasoning": "why", "stop": stops[0],
                "calls": [call("a", "ls"), call("b", "pwd")], "input_tokens": 100}),
            "{protocol:?}"
        );
        assert_eq!(printed["second"], json!({"text": "done", "stop": stops[1]}), "{protocol:?}");
        let places: Vec<_> = traffic.requests.iter().map(|request| (request.step, request.attempt)).collect();
        assert_eq!(places, [(1, 1), (2, 1), (2, 2)], "{protocol:?}");
        assert!(traffic.script.unmatched.is_empty() && traffic.script.unexpected.is_empty(), "{protocol:?}");
        let wrong: Vec<_> = traffic.requests.iter().flat_map(|request| &request.violations).collect();
        assert!(wrong.is_empty(), "{protocol:?}: {wrong:?}");
    }
}

#[test]
fn the_vendors_clients_understand_a_refusal_and_ask_only_once() {
    if !installed() {
        return;
    }
    for (protocol, error) in [
        (Protocol::Responses, "BadRequestError"),
        (Protocol::Chat, "BadRequestError"),
        (Protocol::Messages, "BadRequestError"),
        (Protocol::Gemini, "ApiError"),
    ] {
        let (printed, traffic) = drive(protocol, "refused", NOTHING_FITS);
        assert_eq!((&printed["error"], &printed["status"]), (&json!(error), &json!(400)), "{protocol:?}");
        let message = printed["message"].as_str().unwrap();
        assert!(message.contains("no step of the script fits"), "{protocol:?}: {message}");
        assert_eq!(traffic.requests.len(), 1, "{protocol:?}");
    }
}

#[test]
fn the_vendors_clients_understand_a_failure_inside_a_stream() {
    if !installed() {
        return;
    }
    let steps = "[[step]]\nfail = { failed = \"server_error\", message = \"boom\" }\n";
    let (printed, _) = drive(Protocol::Responses, "failed", steps);
    assert_eq!(printed["answer"], json!({"stop": "failed", "message": "boom"}));
    for protocol in [Protocol::Chat, Protocol::Messages, Protocol::Gemini] {
        let (printed, _) = drive(protocol, "failed", steps);
        assert!(printed["error"].is_string(), "{protocol:?}: {printed}");
        assert!(printed["message"].as_str().unwrap().contains("boom"), "{protocol:?}: {printed}");
    }
}

#[test]
fn the_vendors_clients_find_models_and_count_tokens() {
    if !installed() {
        return;
    }
    for (protocol, name) in [
        (Protocol::Responses, "fake-model"),
        (Protocol::Chat, "fake-model"),
        (Protocol::Messages, "claude-fake"),
        (Protocol::Gemini, "models/gemini-fake"),
    ] {
        let (printed, _) = drive(protocol, "models", NOTHING_FITS);
        assert_eq!(printed, json!([name]), "{protocol:?}");
    }
    for protocol in [Protocol::Messages, Protocol::Gemini] {
        assert_eq!(drive(protocol, "count", NOTHING_FITS).0, json!(100), "{protocol:?}");
    }
}
