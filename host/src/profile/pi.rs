//! pi (`pi --mode json --print`), as seen in version 0.73.1.
//!
//! It speaks all four protocols, as its `models.json` says. It exits with 0 whatever happened. Its vocabulary is in
//! `pi_lines`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::launch::{variables, words};
use super::{
    KeyPlace, Launch, Line, Profile, Program, Protocol, Retried, Retries, TurnLaunch, WireCall, first,
    outputs, own_tool, pi_lines, text_member,
};
use crate::document::{Place, PlaceSection, ToolFacts};

use PlaceSection::{Events, Headers, Requests, Transcript};

/// The profile `pi`.
pub(super) struct Pi;

const DATE: &str = "Current date: ([0-9]{4}-[0-9]{2}-[0-9]{2})";

impl Profile for Pi {
    fn name(&self) -> &'static str {
        "pi"
    }

    fn program(&self) -> Program {
        Program::External {
            name: "pi",
            pinned: words(["tests/real-agents/node_modules/.bin/pi"]),
            install: "npm install --global @mariozechner/pi-coding-agent@0.73.1",
        }
    }

    fn measured_version(&self) -> Option<&'static str> {
        Some("0.73.1")
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[Protocol::Chat, Protocol::Responses, Protocol::Messages, Protocol::Gemini]
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Header
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        let model = turn.model.unwrap_or("m1");
        let mut arguments =
            words(["--provider", "fake", "--model", model, "--mode", "json", "--print", "--offline"]);
        arguments.extend(words(["--no-extensions", "--no-skills", "--no-prompt-templates", "--no-themes"]));
        arguments.extend(words(["--no-context-files", "--system-prompt", "You are a test agent."]));
        if let Some(session) = turn.session {
            arguments.extend(words(["--session", session]));
        }
        arguments.extend_from_slice(turn.arguments);
        arguments.push(turn.prompt.to_owned());
        let (api, base_url) = match turn.protocol {
            Protocol::Chat => ("openai-completions", turn.base_url.to_owned()),
            Protocol::Responses => ("openai-responses", turn.base_url.to_owned()),
            Protocol::Messages => ("anthropic-messages", turn.origin().to_owned()),
            Protocol::Gemini => ("google-generative-ai", format!("{}/v1beta", turn.origin())),
        };
        let models = json!({"providers": {"fake": {
            "baseUrl": base_url, "api": api, "apiKey": turn.key, "models": [{"id": model, "name": model}]}}});
        let settings = json!({"retry": {"enabled": true, "maxRetries": 1, "baseDelayMs": 100,
            "provider": {"timeoutMs": 3000, "maxRetries": 0}}});
        Launch {
            arguments,
            environment: variables([("PI_CODING_AGENT_DIR", &format!("{}/.pi/agent", turn.home))]),
            home_files: BTreeMap::from([
                (".pi/agent/models.json".to_owned(), models.to_string()),
                (".pi/agent/settings.json".to_owned(), settings.to_string()),
            ]),
            stdin: None,
        }
    }

    fn own_paths(&self) -> &'static [&'static str] {
        &["~/.pi/**"]
    }

    fn hidden_paths(&self) -> &'static [&'static str] {
        &[".pi"]
    }

    fn read_line(&self, line: &str) -> Line {
        pi_lines::read_line(line)
    }

    fn read_output(&self, output: &str) -> ToolFacts {
        outputs::pi(output)
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        let member = |name: &str| text_member(tool, input, name);
        let (name, arguments) = match tool {
            "shell" => ("bash", json!({"command": member("command")?})),
            "write-file" => ("write", json!({"path": member("path")?, "content": member("content")?})),
            "edit-file" => (
                "edit",
                json!({"path": member("path")?, "edits": [{"oldText": member("old")?, "newText": member("new")?}]}),
            ),
            "read-file" => ("read", json!({"path": member("path")?})),
            _ => return own_tool(tool, input),
        };
        Ok(WireCall::Function { name: name.to_owned(), arguments })
    }

    fn lane(&self, _headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> &'static str {
        "main"
    }

    fn retries(&self) -> Retries {
        Retries { most: 1, after: Retried::REFUSED_OR_CUT }
    }

    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> Option<String> {
        first(headers, "session_id").or_else(|| first(headers, "session-id")).map(str::to_owned)
    }

    fn volatile(&self) -> &'static [Place] {
        static PLACES: [Place; 16] = [
            Place::new(Headers, "$['session_id'][*]", "session"),
            Place::new(Headers, "$['session-id'][*]", "session"),
            Place::new(Headers, "$['x-client-request-id'][*]", "session"),
            Place::new(Requests, "$.prompt_cache_key", "session"),
            Place::within(Requests, "$.messages[*].content", DATE, "date"),
            Place::within(Requests, "$.input[*].content", DATE, "date"),
            Place::within(Requests, "$.input[*].content[*].text", DATE, "date"),
            Place::within(Requests, "$.system[*].text", DATE, "date"),
            Place::within(Requests, "$.systemInstruction.parts[*].text", DATE, "date"),
            Place::within(Transcript, "$.text", DATE, "date"),
            Place::new(Events, "$.id", "session"),
            Place::new(Events, "$.timestamp", "time"),
            Place::new(Events, "$..timestamp", "time"),
            Place::within(Requests, "$.instructions", DATE, "date"),
            Place::within(Requests, "$.system", DATE, "date"),
            Place::new(Events, "$.delayMs", "duration"),
        ];
        &PLACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_has_its_address() {
        for (protocol, api, base_url) in [
            (Protocol::Chat, "openai-completions", "http://h:1/v1"),
            (Protocol::Messages, "anthropic-messages", "http://h:1"),
            (Protocol::Gemini, "google-generative-ai", "http://h:1/v1beta"),
        ] {
            let turn = TurnLaunch { base_url: "http://h:1/v1", protocol, ..TurnLaunch::default() };
            let files = Pi.launch(&turn).home_files;
            let written: Value = serde_json::from_str(&files[".pi/agent/models.json"]).unwrap();
            let provider = &written["providers"]["fake"];
            assert_eq!((provider["api"].as_str(), provider["baseUrl"].as_str()), (Some(api), Some(base_url)));
        }
    }
}
