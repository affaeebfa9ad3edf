//! codex with a model of the newer kind (`gpt-5.6-…`, `gpt-6-…`, `gpt-6.1-…`, seen in 0.169.0): it is offered one tool, `exec`, that
//! runs JavaScript, and everything else is called from there. All the rest is as with the classic functions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::codex::Codex;
use super::{
    Launch, Line, Profile, Program, Retries, Transport, TurnLaunch, WireCall, is_for_running_commands,
    text_member,
};
use crate::document::{Place, ToolFacts};

/// The profile `codex-code-mode`; a scenario comes to it by naming such a model.
pub(super) struct CodeMode;

/// What the names of such models begin with.
const MODELS: [&str; 3] = ["gpt-5.6-", "gpt-6-", "gpt-6.1-"];

/// Whether a model is of the newer kind.
pub(super) fn is_code_mode(model: &str) -> bool {
    MODELS.iter().any(|prefix| model.starts_with(prefix))
}

impl Profile for CodeMode {
    fn name(&self) -> &'static str {
        "codex-code-mode"
    }

    fn program(&self) -> Program {
        Codex.program()
    }

    fn measured_version(&self) -> Option<&'static str> {
        Codex.measured_version()
    }

    fn transports(&self) -> &'static [Transport] {
        Codex.transports()
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        Codex.launch(turn)
    }

    fn own_paths(&self) -> &'static [&'static str] {
        Codex.own_paths()
    }

    fn hidden_paths(&self) -> &'static [&'static str] {
        Codex.hidden_paths()
    }

    fn lacks(&self, tool: &str) -> bool {
        matches!(tool, "write-file" | "edit-file" | "read-file") || is_for_running_commands(tool)
    }

    fn read_line(&self, line: &str) -> Line {
        Codex.read_line(line)
    }

    fn is_racy_on_stderr(&self, line: &str) -> bool {
        Codex.is_racy_on_stderr(line)
    }

    fn read_output(&self, output: &str) -> ToolFacts {
        Codex.read_output(output)
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        if tool != "shell" {
            return Codex.tool(tool, input);
        }
        let command = Value::from(text_member(tool, input, "command")?);
        let script = format!("const r = await tools.exec_command({{cmd: {command}}}); text(r.output ?? r);");
        Ok(WireCall::Custom { name: "exec".to_owned(), input: script })
    }

    fn lane(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str {
        Codex.lane(headers, body)
    }

    fn default_reply(&self, lane: &str) -> Option<&'static str> {
        Codex.default_reply(lane)
    }

    fn retries(&self) -> Retries {
        Codex.retries()
    }

    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> Option<String> {
        Codex.request_session(headers, body)
    }

    fn volatile(&self) -> &[Place] {
        Codex.volatile()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_command_becomes_a_script_whatever_it_holds() {
        assert!(is_code_mode("gpt-5.6-mini") && !is_code_mode("gpt-5.5"));
        let call = CodeMode.tool("shell", &json!({"command": "printf \"a\\n\" > 'b'"})).unwrap();
        let input =
            r#"const r = await tools.exec_command({cmd: "printf \"a\\n\" > 'b'"}); text(r.output ?? r);"#;
        assert_eq!(call, WireCall::Custom { name: "exec".into(), input: input.into() });
    }
}
