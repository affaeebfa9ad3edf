//! The agent built into this program, which prints the event vocabulary of codex.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::document::{Place, PlaceSection};

use super::{
    Launch, Line, Profile, Program, Protocol, Retried, Retries, Transport, TurnLaunch, WireCall, codex_lines,
    is_for_running_commands, text_member,
};

/// The profile of `wassert example-agent`.
pub struct Example;

impl Profile for Example {
    fn name(&self) -> &'static str {
        "example"
    }

    fn program(&self) -> Program {
        Program::Own { argument: "example-agent" }
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::Http, Transport::Websocket]
    }

    fn protocols(&self) -> &'static [Protocol] {
        &Protocol::ALL
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        let mut arguments: Vec<String> =
            ["exec", "--json", "--base-url", turn.base_url, "--transport", turn.transport.word()]
                .map(str::to_owned)
                .to_vec();
        // Responses is what it speaks unasked.
        if turn.protocol != Protocol::Responses {
            arguments.extend(["--protocol".to_owned(), turn.protocol.word().to_owned()]);
        }
        arguments.extend_from_slice(turn.arguments);
        // Nothing after this is an option, whatever the prompt looks like.
        arguments.push("--".to_owned());
        if let Some(session) = turn.session {
            arguments.extend(["resume".to_owned(), session.to_owned()]);
        }
        arguments.push(turn.prompt.to_owned());
        let home = format!("{}/.example-agent", turn.home);
        Launch {
            arguments,
            environment: BTreeMap::from([("EXAMPLE_AGENT_HOME".to_owned(), home)]),
            ..Launch::default()
        }
    }

    fn own_paths(&self) -> &'static [&'static str] {
        &["~/.example-agent/**"]
    }

    fn lacks(&self, tool: &str) -> bool {
        matches!(tool, "edit-file" | "read-file") || is_for_running_commands(tool)
    }

    fn read_line(&self, line: &str) -> Line {
        codex_lines::read_line(line)
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        let function = |name: &str, arguments| WireCall::Function { name: name.to_owned(), arguments };
        match (tool, input) {
            ("shell", _) => Ok(function("shell", json!({"command": text_member(tool, input, "command")?}))),
            ("write-file", _) => {
                let path = text_member(tool, input, "path")?;
                let content = text_member(tool, input, "content")?;
                Ok(function("write_file", json!({"path": path, "content": content})))
            }
            (_, Value::Object(_)) => Ok(function(tool, input.clone())),
            (_, Value::String(text)) => Ok(WireCall::Custom { name: tool.to_owned(), input: text.clone() }),
            _ => Err(format!("tool `{tool}` needs an object or a text as its input")),
        }
    }

    fn lane(&self, _headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str {
        if body.get("generate") == Some(&Value::Bool(false)) { "prewarm" } else { "main" }
    }

    fn retries(&self) -> Retries {
        Retries { most: 1, after: Retried::REFUSED_CUT_OR_FAILED }
    }

    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> Option<String> {
        headers.get("session-id")?.first().cloned()
    }

    fn volatile(&self) -> &'static [Place] {
        const {
            &[
                Place::new(PlaceSection::Headers, "$['session-id'][*]", "thread"),
                Place::new(PlaceSection::Headers, "$['thread-id'][*]", "thread"),
                Place::new(PlaceSection::Events, "$.thread_id", "thread"),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_launched_with_its_session() {
        let extra = ["--max-retries".to_owned(), "3".to_owned()];
        let launch = Example.launch(&TurnLaunch {
            base_url: "http://127.0.0.1:1/v1",
            workspace: "/w",
            home: "/h",
            prompt: "--go",
            session: Some("ab-1"),
            protocol: Protocol::Responses,
            transport: Transport::Websocket,
            arguments: &extra,
            ..TurnLaunch::default()
        });
        let expected = "exec --json --base-url http://127.0.0.1:1/v1 --transport websocket --max-retries 3 -- resume ab-1 --go";
        assert_eq!(launch.arguments.join(" "), expected);
        assert_eq!(launch.environment["EXAMPLE_AGENT_HOME"], "/h/.example-agent");
    }

    #[test]
    fn neutral_tools_become_its_own() {
        let arguments = json!({"path": "a", "content": "b"});
        let call = Example.tool("write-file", &arguments);
        assert_eq!(call, Ok(WireCall::Function { name: "write_file".into(), arguments }));
        assert_eq!(Example.tool("shell", &json!({"command": "ls"})).unwrap().name(), "shell");
        let refusal = Example.tool("shell", &json!({"cmd": "ls"})).unwrap_err();
        assert!(refusal.contains("`command`"), "{refusal}");
    }

    #[test]
    fn other_names_pass_as_they_are() {
        let custom = WireCall::Custom { name: "patch".into(), input: "x".into() };
        assert_eq!(Example.tool("patch", &json!("x")), Ok(custom));
        assert_eq!(Example.tool("grep", &json!({})).unwrap().name(), "grep");
        assert!(Example.tool("grep", &json!(7)).is_err());
    }

    #[test]
    fn a_request_that_generates_nothing_is_a_prewarm() {
        let headers = BTreeMap::from([("session-id".to_owned(), vec!["s".to_owned()])]);
        assert_eq!(Example.lane(&headers, &json!({"generate": false})), "prewarm");
        assert_eq!(Example.lane(&headers, &json!({"generate": true})), "main");
        assert_eq!(Example.request_session(&headers, &Value::Null).as_deref(), Some("s"));
    }
}
