//! Google's Antigravity (`agy --print`). **Not verified against the real binary**: everything here was read about, not
//! seen. It is said to print plain text, or JSON as its last line; to take its model from a settings file; and to
//! print no conversation id, so that a second turn can't go on with the first.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::launch::{variables, words};
use super::{
    KeyPlace, Launch, Line, Profile, Program, Protocol, TurnLaunch, WireCall, is_for_running_commands, lines,
    own_tool, text_member,
};

/// The profile `antigravity`.
pub(super) struct Antigravity;

impl Profile for Antigravity {
    fn name(&self) -> &'static str {
        "antigravity"
    }

    fn program(&self) -> Program {
        Program::External { name: "agy", pinned: Vec::new(), install: "see https://antigravity.google" }
    }

    fn is_verified(&self) -> bool {
        false
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[Protocol::Gemini]
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Header
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        // Without the option it wants a terminal.
        let mut arguments = words(["--print"]);
        if let Some(session) = turn.session {
            arguments.push(format!("--conversation={session}"));
        }
        arguments.extend_from_slice(turn.arguments);
        arguments.push(turn.prompt.to_owned());
        let model = turn.model.unwrap_or("gemini-2.5-flash");
        Launch {
            arguments,
            environment: variables([("GOOGLE_GEMINI_BASE_URL", turn.origin()), ("GEMINI_API_KEY", turn.key)]),
            // A model named as an argument is said to be ignored.
            home_files: BTreeMap::from([(
                ".gemini/antigravity-cli/settings.json".to_owned(),
                json!({ "model": model }).to_string(),
            )]),
            stdin: None,
        }
    }

    fn own_paths(&self) -> &'static [&'static str] {
        &["~/.gemini/**", "~/.antigravity/**"]
    }

    fn hidden_paths(&self) -> &'static [&'static str] {
        &[".antigravity", ".gemini"]
    }

    fn ends_by_exit(&self) -> bool {
        true
    }

    fn read_line(&self, line: &str) -> Line {
        lines::object(line, |_, _, _| {})
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        let member = |name: &str| text_member(tool, input, name);
        match tool {
            "shell" => Ok(WireCall::Function {
                name: "run_command".to_owned(),
                arguments: json!({"CommandLine": member("command")?}),
            }),
            _ => own_tool(tool, input),
        }
    }

    fn lacks(&self, tool: &str) -> bool {
        matches!(tool, "write-file" | "edit-file" | "read-file") || is_for_running_commands(tool)
    }

    fn lane(&self, _headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> &'static str {
        "main"
    }

    fn request_session(&self, _headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> Option<String> {
        None
    }
}
