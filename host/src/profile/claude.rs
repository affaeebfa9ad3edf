//! Anthropic's Claude Code (`claude -p`), as seen in version 2.1.197.
//!
//! It speaks Messages, and repeats a stream that broke as a request without a stream. Its vocabulary is in
//! `claude_lines`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::launch::{variables, words};
use super::{
    KeyPlace, Launch, Line, Profile, Program, Protocol, Retried, Retries, TurnLaunch, WireCall, claude_lines,
    first, outputs, own_tool, text_member,
};
use crate::document::{Place, PlaceSection, ToolFacts};

use PlaceSection::{Events, Headers, Processes, Requests, Transcript};

/// The profile `claude`.
pub(super) struct Claude;

/// Today's date stands in the first message.
const DATE: &str = "Today's date is ([0-9]{4}-[0-9]{2}-[0-9]{2})";

/// A session's title is asked for by who drives it: a person at a terminal, or a client that keeps its input open and
/// sends `generate_session_title`. `claude -p` with a prompt asks for none. The request offers no tool, and wants JSON with
/// a title and nothing else; what a user wants as JSON (`--json-schema`) is asked for with a tool instead.
fn asks_for_a_title(body: &Value) -> bool {
    let schema = &body["output_config"]["format"]["schema"];
    let is_bare = body["tools"].as_array().is_none_or(Vec::is_empty);
    is_bare && schema["required"] == json!(["title"])
}

impl Profile for Claude {
    fn name(&self) -> &'static str {
        "claude"
    }

    fn program(&self) -> Program {
        let platforms =
            ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl", "darwin-arm64", "darwin-x64"];
        Program::External {
            name: "claude",
            pinned: platforms
                .iter()
                .map(|platform| {
                    format!("tests/real-agents/node_modules/@anthropic-ai/claude-code-{platform}/claude")
                })
                .collect(),
            install: "npm install --global @anthropic-ai/claude-code@2.1.197",
        }
    }

    fn measured_version(&self) -> Option<&'static str> {
        Some("2.1.197 (Claude Code)")
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[Protocol::Messages]
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Header
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        let mut arguments = words(["-p"]);
        if let Some(session) = turn.session {
            arguments.extend(words(["--resume", session]));
        }
        // The shape of its prompts depends on the model, and its default changes within one home.
        let model = turn.model.unwrap_or("claude-sonnet-4-5");
        arguments.extend(words(["--output-format", "stream-json", "--verbose", "--model", model]));
        arguments.extend(words(["--strict-mcp-config", "--disable-slash-commands", "--setting-sources", ""]));
        arguments.extend(words(["--system-prompt", "You are a test agent."]));
        let says = |option: &str| turn.arguments.iter().any(|argument| argument == option);
        if !says("--tools") {
            arguments.extend(words(["--tools", "Bash,Edit,Read,Write"]));
        }
        if !says("--permission-mode") {
            arguments.extend(words(["--permission-mode", "bypassPermissions"]));
        }
        arguments.extend_from_slice(turn.arguments);
        arguments.extend(words(["--", turn.prompt]));
        let configuration = format!("{}/.claude", turn.home);
        Launch {
            arguments,
            environment: variables([
                ("CLAUDE_CONFIG_DIR", &configuration),
                ("ANTHROPIC_BASE_URL", turn.origin()),
                ("ANTHROPIC_API_KEY", turn.key),
                ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
                ("CLAUDE_CODE_ATTRIBUTION_HEADER", "0"),
                ("CLAUDE_CODE_MAX_RETRIES", "1"),
                ("API_TIMEOUT_MS", "20000"),
                // As root it refuses to bypass permissions unless it is told that this is a sandbox, which it is.
                ("IS_SANDBOX", "1"),
            ]),
            ..Launch::default()
        }
    }

    fn own_paths(&self) -> &'static [&'static str] {
        &["~/.claude/**", "~/.claude.json*", "tmp/claude-*/**", "tmp/claude-*"]
    }

    fn hidden_paths(&self) -> &'static [&'static str] {
        &[".claude", ".claude.json", ".config/claude"]
    }

    fn read_line(&self, line: &str) -> Line {
        claude_lines::read_line(line)
    }

    fn read_output(&self, output: &str) -> ToolFacts {
        outputs::claude(output)
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        let member = |name: &str| text_member(tool, input, name);
        let (name, arguments) = match tool {
            "shell" => ("Bash", json!({"command": member("command")?, "description": "a scripted command"})),
            "write-file" => ("Write", json!({"file_path": member("path")?, "content": member("content")?})),
            "edit-file" => (
                "Edit",
                // What it leaves out is added when the conversation is sent again.
                json!({"replace_all": false, "file_path": member("path")?, "old_string": member("old")?,
                    "new_string": member("new")?}),
            ),
            "read-file" => ("Read", json!({"file_path": member("path")?})),
            _ => return own_tool(tool, input),
        };
        Ok(WireCall::Function { name: name.to_owned(), arguments })
    }

    fn lane(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str {
        match headers.contains_key("x-claude-code-agent-id") {
            true => "subagent",
            false if asks_for_a_title(body) => "title",
            false => "main",
        }
    }

    fn default_reply(&self, lane: &str) -> Option<&'static str> {
        (lane == "title").then_some(r#"{"title":"A title"}"#)
    }

    fn retries(&self) -> Retries {
        Retries { most: 1, after: Retried::REFUSED_OR_CUT }
    }

    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> Option<String> {
        first(headers, "x-claude-code-session-id").map(str::to_owned)
    }

    fn volatile(&self) -> &'static [Place] {
        static PLACES: [Place; 23] = [
            Place::new(Headers, "$['x-claude-code-session-id'][*]", "session"),
            Place::new(Headers, "$['x-claude-code-agent-id'][*]", "agent"),
            Place::new(Headers, "$['x-stainless-retry-count'][*]", "count"),
            Place::new(Requests, "$.metadata.user_id.session_id", "session"),
            Place::new(Requests, "$.metadata.user_id.device_id", "device"),
            Place::within(Requests, "$.messages[*].content[*].text", DATE, "date"),
            Place::within(Requests, "$.system[*].text", DATE, "date"),
            Place::within(Transcript, "$.text", DATE, "date"),
            Place::new(Events, "$.session_id", "session"),
            Place::new(Events, "$.uuid", "random"),
            Place::new(Events, "$.timestamp", "time"),
            Place::new(Events, "$.duration_ms", "duration"),
            Place::new(Events, "$.duration_api_ms", "duration"),
            Place::new(Events, "$.ttft_ms", "duration"),
            Place::new(Events, "$.ttft_stream_ms", "duration"),
            Place::new(Events, "$.time_to_request_ms", "duration"),
            Place::new(Events, "$.retry_delay_ms", "duration"),
            // Of messages that it made up itself.
            Place::within(
                Events,
                "$.message.id",
                "^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$",
                "random",
            ),
            Place::new(Events, "$.task_id", "task"),
            // Named after the workspace's path.
            Place::within(Events, "$.memory_paths.auto", "/projects/(-[^/]+)/memory/$", "project"),
            Place::new(Events, "$.tool_use_result.durationMs", "duration"),
            Place::within(Processes, "$", "/snapshot-bash-([0-9]+-[a-z0-9]+)\\.sh", "random"),
            Place::within(Processes, "$", "/claude-([0-9a-f]{4})-cwd", "random"),
        ];
        &PLACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_launched_with_its_session_and_the_scenarios_own_tools() {
        let extra = words(["--tools", "Read", "--permission-mode", "default"]);
        let launch = Claude.launch(&TurnLaunch {
            base_url: "http://127.0.0.1:7/v1",
            home: "/h",
            prompt: "--go",
            session: Some("s"),
            arguments: &extra,
            ..TurnLaunch::default()
        });
        let line = launch.arguments.join(" ");
        assert!(line.starts_with("-p --resume s --output-format stream-json"), "{line}");
        assert!(line.ends_with("--tools Read --permission-mode default -- --go"), "{line}");
        assert!(!line.contains("bypassPermissions") && !line.contains("Bash"), "{line}");
        assert_eq!(launch.environment["ANTHROPIC_BASE_URL"], "http://127.0.0.1:7");
    }

    #[test]
    fn a_sub_agent_is_told_apart() {
        let headers = BTreeMap::from([("x-claude-code-agent-id".to_owned(), vec!["a".to_owned()])]);
        assert_eq!(Claude.lane(&headers, &Value::Null), "subagent");
        assert_eq!(Claude.lane(&BTreeMap::new(), &Value::Null), "main");
    }

    #[test]
    fn a_request_for_a_title_is_told_apart_and_answered() {
        let asked = |tools: Value, required: Value| {
            let schema =
                json!({"type": "object", "properties": {"title": {"type": "string"}}, "required": required});
            let format = json!({"type": "json_schema", "schema": schema});
            Claude.lane(&BTreeMap::new(), &json!({"tools": tools, "output_config": {"format": format}}))
        };
        assert_eq!(asked(json!([]), json!(["title"])), "title");
        assert_eq!(asked(json!([{"name": "Bash"}]), json!(["title"])), "main");
        assert_eq!(asked(json!([]), json!(["title", "branch"])), "main");
        let reply: Value = serde_json::from_str(Claude.default_reply("title").unwrap()).unwrap();
        assert_eq!(reply, json!({"title": "A title"}));
        assert_eq!(Claude.default_reply("main"), None);
    }
}
