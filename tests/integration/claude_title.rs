//! The real claude, driven by a client that keeps its input open and asks for the session's title: the model is asked
//! beside the conversation, and answers without a script for it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::Project;
use crate::real_agents::installed;
use crate::serve::{Serving, document};

#[test]
fn a_title_is_given_beside_the_conversation() {
    let Some((_, program)) = installed().into_iter().find(|(name, _)| *name == "claude") else { return };
    let program = program.strip_prefix("claude=").unwrap();
    let project = Project::new();
    let script = "agents = ['claude']\n[[step]]\ntext = 'Hello.'\n[[step]]\ntext = 'Hello again.'\n";
    let serving = Serving::start(&project, script, &[]);
    let home = project.path().join("home");
    let mut claude = Command::new(program)
        .args(["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"])
        .args(["--model", "claude-sonnet-4-5", "--strict-mcp-config", "--setting-sources", ""])
        .args(["--system-prompt", "You are a test agent.", "--tools", "Bash"])
        .env("HOME", &home)
        .env("CLAUDE_CONFIG_DIR", home.join(".claude"))
        .env("ANTHROPIC_BASE_URL", serving.base_url().trim_end_matches("/v1"))
        .env("ANTHROPIC_API_KEY", "not-a-key")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(project.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = claude.stdin.take().unwrap();
    let mut lines = BufReader::new(claude.stdout.take().unwrap()).lines();
    let mut send = |message: Value| writeln!(stdin, "{message}").unwrap();
    let mut until = |kind: &str| loop {
        let line = lines.next().unwrap_or_else(|| panic!("it ended before `{kind}`")).unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        if event["type"] == kind {
            break event;
        }
    };
    let prompt = |text: &str| {
        let message = json!({ "role": "user", "content": text });
        json!({ "type": "user", "message": message, "parent_tool_use_id": null, "session_id": "" })
    };
    send(prompt("Say hello."));
    assert_eq!(until("result")["result"], "Hello.");
    let asked = json!({ "subtype": "generate_session_title", "description": "Say hello.", "persist": false });
    send(json!({ "type": "control_request", "request_id": "title", "request": asked }));
    let told = until("control_response");
    assert_eq!(told["response"]["response"]["title"], "A title", "{told}");
    send(prompt("And again."));
    assert_eq!(until("result")["result"], "Hello again.");
    drop(stdin);
    assert!(claude.wait().unwrap().success());
    let (code, _, stderr) = serving.end();
    assert_eq!(code, 0, "{stderr}");
    let run = document(&project, "claude");
    let requests = run["requests"].as_array().unwrap();
    let asked: Vec<_> = requests.iter().map(|request| request["lane"].as_str().unwrap()).collect();
    assert_eq!(asked.iter().filter(|lane| **lane == "title").count(), 1, "{asked:?}");
    assert_eq!(asked.iter().filter(|lane| **lane == "main").count(), 2, "{asked:?}");
}
