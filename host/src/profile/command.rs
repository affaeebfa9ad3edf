//! Any command: argv without a shell, a home and an environment of its own, the prompt on standard input. It speaks to
//! no model unless it reads `WASSERT_BASE_URL`, prints no events, and its exit code is all it says of how it ended.

use std::collections::BTreeMap;

use serde_json::Value;

use super::launch::variables;
use super::{Launch, Line, Profile, Program, Protocol, TurnLaunch, WireCall, lines, own_tool};

/// The exit code by which test programs have always said "not here".
const SKIP: i32 = 77;

/// The profile `command`.
pub(super) struct Command;

impl Profile for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn program(&self) -> Program {
        Program::Unnamed
    }

    fn protocols(&self) -> &'static [Protocol] {
        &Protocol::ALL
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        Launch {
            arguments: turn.arguments.to_vec(),
            environment: variables([("WASSERT_BASE_URL", turn.base_url)]),
            stdin: Some(turn.prompt.to_owned()),
            ..Launch::default()
        }
    }

    fn skip_exit(&self) -> Option<i32> {
        Some(SKIP)
    }

    fn ends_by_exit(&self) -> bool {
        true
    }

    fn read_line(&self, line: &str) -> Line {
        lines::plain(line)
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        own_tool(tool, input)
    }

    fn lacks(&self, tool: &str) -> bool {
        super::NEUTRAL_TOOLS.iter().any(|(neutral, _)| *neutral == tool)
    }

    fn lane(&self, _headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> &'static str {
        "main"
    }

    fn request_session(&self, _headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> Option<String> {
        None
    }
}
