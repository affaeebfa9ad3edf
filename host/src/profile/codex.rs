//! OpenAI's `codex exec`, as seen in version 0.169.0.
//!
//! It speaks Responses over HTTP, or over a WebSocket that it opens first with a prewarm frame. Its configuration
//! file is in `codex_home`, the vocabulary it prints in `codex_lines`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::document::{Place, ToolFacts};

use super::codex_code_mode::{CodeMode, is_code_mode};
use super::{
    KeyPlace, Known, Launch, Line, Profile, Program, Retried, Retries, Transport, TurnLaunch, WireCall,
    codex_home, codex_lines, codex_volatile, first, outputs, text_member,
};

/// The variable that holds the key; any value will do, the server asks for none.
const KEY_VARIABLE: &str = "WASSERT_API_KEY";

/// The profile `codex`.
pub(super) struct Codex;

impl Profile for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }

    fn program(&self) -> Program {
        // The npm package `codex` is a Node wrapper around these; the native program saves a process and 40 ms.
        let platforms = [
            ("codex-linux-x64", "x86_64-unknown-linux-musl"),
            ("codex-linux-arm64", "aarch64-unknown-linux-musl"),
            ("codex-darwin-x64", "x86_64-apple-darwin"),
            ("codex-darwin-arm64", "aarch64-apple-darwin"),
        ];
        Program::External {
            name: "codex",
            pinned: platforms
                .iter()
                .map(|(package, triple)| {
                    format!("tests/real-agents/node_modules/@openai/{package}/vendor/{triple}/bin/codex")
                })
                .collect(),
            install: "npm install --global @openai/codex@0.169.0",
        }
    }

    fn measured_version(&self) -> Option<&'static str> {
        Some("codex-cli 0.169.0")
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::Http, Transport::Websocket]
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Header
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        let mut arguments = vec!["exec".to_owned()];
        if turn.session.is_some() {
            arguments.push("resume".to_owned());
        }
        arguments.extend(["--json", "--skip-git-repo-check"].map(str::to_owned));
        arguments.extend(turn.arguments.iter().cloned());
        arguments.extend(turn.session.map(str::to_owned));
        arguments.push(turn.prompt.to_owned());

        let home = format!("{}/.codex", turn.home);
        let catalog = format!("{home}/catalog.json");
        Launch {
            arguments,
            environment: BTreeMap::from([
                ("CODEX_HOME".to_owned(), home),
                // How many lines of its log reach standard error is a race (0.169.0: at the end of a turn with a command
                // still running); what it says to users does not go through the log.
                ("RUST_LOG".to_owned(), "off".to_owned()),
                (KEY_VARIABLE.to_owned(), turn.key.to_owned()),
            ]),
            home_files: BTreeMap::from([
                (
                    ".codex/config.toml".to_owned(),
                    codex_home::configuration(
                        turn.base_url,
                        &catalog,
                        KEY_VARIABLE,
                        turn.transport,
                        turn.model,
                    ),
                ),
                (".codex/catalog.json".to_owned(), codex_home::catalog()),
            ]),
            stdin: None,
        }
    }

    fn own_paths(&self) -> &'static [&'static str] {
        // At `/tmp`, whatever `TMPDIR` says: the folder of a daemon that `exec` does not start.
        &["~/.codex/**", "tmp/codex-bwrap-*/**", "tmp/codex-daemon-*"]
    }

    fn hidden_paths(&self) -> &'static [&'static str] {
        &[".codex", ".agents"]
    }

    fn lacks(&self, tool: &str) -> bool {
        // It reads files with its shell.
        tool == "read-file"
    }

    fn read_line(&self, line: &str) -> Line {
        codex_lines::read_line(line)
    }

    fn read_output(&self, output: &str) -> ToolFacts {
        outputs::codex(output)
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        Ok(match tool {
            "shell" => WireCall::Function {
                name: "exec_command".to_owned(),
                arguments: json!({ "cmd": text_member(tool, input, "command")? }),
            },
            "write-file" => WireCall::Custom {
                name: "apply_patch".to_owned(),
                input: add_file_patch(
                    text_member(tool, input, "path")?,
                    text_member(tool, input, "content")?,
                ),
            },
            "edit-file" => WireCall::Custom {
                name: "apply_patch".to_owned(),
                input: update_file_patch(
                    text_member(tool, input, "path")?,
                    text_member(tool, input, "old")?,
                    text_member(tool, input, "new")?,
                ),
            },
            "start-command" => WireCall::Function {
                name: "exec_command".to_owned(),
                // On a terminal of its own, else nothing can be typed into it; the shortest wait there is.
                arguments: json!({
                    "cmd": text_member(tool, input, "command")?, "tty": true, "yield_time_ms": 250,
                }),
            },
            "write-to-command" => WireCall::Function {
                name: "write_stdin".to_owned(),
                // It comes back as soon as the command ends.
                arguments: json!({
                    "session_id": input.get("command"), "chars": text_member(tool, input, "text")?,
                    "yield_time_ms": 30_000,
                }),
            },
            "read-file" => return Err("codex has no tool that reads files".to_owned()),
            own => match input {
                Value::String(text) => WireCall::Custom { name: own.to_owned(), input: text.clone() },
                arguments => WireCall::Function { name: own.to_owned(), arguments: arguments.clone() },
            },
        })
    }

    fn lane(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str {
        if body.get("generate") == Some(&Value::Bool(false)) {
            return "prewarm";
        }
        let kind = turn_metadata(headers, body)
            .and_then(|metadata| Some(metadata.get("request_kind")?.as_str()?.to_owned()));
        match (kind.as_deref(), first(headers, "x-openai-subagent")) {
            (Some("prewarm"), _) => "prewarm",
            (Some("compaction"), _) | (_, Some("compact")) => "compaction",
            (_, Some(_)) => "subagent",
            _ => "main",
        }
    }

    fn default_reply(&self, lane: &str) -> Option<&'static str> {
        (lane == "compaction").then_some("A summary of what was said so far.")
    }

    fn retries(&self) -> Retries {
        Retries { most: 1, after: Retried::REFUSED_CUT_OR_FAILED }
    }

    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> Option<String> {
        first(headers, "thread-id").or_else(|| first(headers, "session-id")).map(str::to_owned)
    }

    fn with_model(&self, model: &str) -> Option<Known> {
        is_code_mode(model).then_some(Known(&CodeMode))
    }

    fn volatile(&self) -> &'static [Place] {
        &codex_volatile::PLACES
    }
}

/// The JSON that codex says of each request: in the body over both transports, in a header over HTTP as well.
fn turn_metadata(headers: &BTreeMap<String, Vec<String>>, body: &Value) -> Option<Value> {
    let name = "x-codex-turn-metadata";
    let in_body = body.get("client_metadata").and_then(|metadata| metadata.get(name)).and_then(Value::as_str);
    serde_json::from_str(in_body.or_else(|| first(headers, name))?).ok()
}

/// The patch that writes a whole file, whether it exists or not.
fn add_file_patch(path: &str, content: &str) -> String {
    let lines: String = content.lines().map(|line| format!("+{line}\n")).collect();
    format!("*** Begin Patch\n*** Add File: {path}\n{lines}*** End Patch\n")
}

/// The patch that replaces whole lines.
fn update_file_patch(path: &str, old: &str, new: &str) -> String {
    let lines =
        |text: &str, mark: char| text.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
    format!(
        "*** Begin Patch\n*** Update File: {path}\n@@\n{}{}*** End Patch\n",
        lines(old, '-'),
        lines(new, '+')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(session: Option<&str>) -> Launch {
        Codex.launch(&TurnLaunch {
            base_url: "http://127.0.0.1:1/v1",
            workspace: "/run/ws",
            home: "/run/home",
            prompt: "hello",
            session,
            transport: Transport::Websocket,
            arguments: &["-s".to_owned(), "read-only".to_owned()],
            ..TurnLaunch::default()
        })
    }

    #[test]
    fn a_resumed_turn_names_the_session_before_the_prompt() {
        assert_eq!(
            launch(None).arguments,
            ["exec", "--json", "--skip-git-repo-check", "-s", "read-only", "hello"]
        );
        assert_eq!(
            launch(Some("id")).arguments,
            ["exec", "resume", "--json", "--skip-git-repo-check", "-s", "read-only", "id", "hello"]
        );
    }

    #[test]
    fn neutral_tools_become_codex_tools() {
        assert_eq!(
            Codex.tool("shell", &json!({"command": "ls"})).unwrap(),
            WireCall::Function { name: "exec_command".into(), arguments: json!({"cmd": "ls"}) }
        );
        assert_eq!(
            Codex.tool("write-file", &json!({"path": "a", "content": "x\ny\n"})).unwrap(),
            WireCall::Custom {
                name: "apply_patch".into(),
                input: "*** Begin Patch\n*** Add File: a\n+x\n+y\n*** End Patch\n".into()
            }
        );
        assert!(Codex.tool("shell", &json!({"cmd": "ls"})).unwrap_err().contains("`command`"));
    }

    #[test]
    fn lanes_are_told_apart_by_what_codex_says_of_a_request() {
        let none = BTreeMap::new();
        let header = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), vec![value.to_owned()])]);
        assert_eq!(Codex.lane(&none, &json!({"generate": false})), "prewarm");
        assert_eq!(Codex.lane(&none, &json!({})), "main");
        assert_eq!(Codex.lane(&header("x-openai-subagent", "collab_spawn"), &json!({})), "subagent");
        assert_eq!(
            Codex.lane(&header("x-codex-turn-metadata", r#"{"request_kind":"compaction"}"#), &json!({})),
            "compaction"
        );
        let body = json!({"client_metadata": {"x-codex-turn-metadata": r#"{"request_kind":"turn"}"#}});
        assert_eq!(Codex.lane(&none, &body), "main");
    }
}
