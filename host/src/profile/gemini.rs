//! Google's gemini-cli (`gemini -p`), as seen in version 0.61.0.
//!
//! It speaks `generateContent`. Without a model named it asks a smaller one first which to use: lane `router`. Its
//! vocabulary is in `gemini_lines`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::launch::{variables, words};
use super::{
    KeyPlace, Launch, Line, Profile, Program, Protocol, Retried, Retries, TurnLaunch, WireCall, gemini_lines,
    outputs, own_tool, text_member,
};
use crate::document::{Place, PlaceSection, ToolFacts};

use PlaceSection::{Events, Processes, Requests, Stderr, Transcript};

/// The profile `gemini`.
pub(super) struct Gemini;

/// What a scenario names as the model to have it chosen by the router.
const ROUTED: &str = "auto";

const DATE: &str = "Today's date is ([^(\\n]+) \\(formatted";

/// What it says of a request that it will try again. The message may be of several lines: with a `Retry-After`, the
/// second one repeats that.
const RETRYING: &str = "Attempt [0-9]+ failed(?s:.{0,1000}?) Retrying (?:with backoff|after ([0-9.]+)ms)";
const GROUP: &str = "(?m)^Process Group PGID: ([0-9]+)$";

impl Profile for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn program(&self) -> Program {
        Program::External {
            name: "gemini",
            pinned: words(["tests/real-agents/node_modules/.bin/gemini"]),
            install: "npm install --global @google/gemini-cli@0.61.0",
        }
    }

    fn measured_version(&self) -> Option<&'static str> {
        Some("0.61.0")
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[Protocol::Gemini]
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Header
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        let mut arguments = Vec::new();
        match turn.model {
            Some(ROUTED) => {}
            model => arguments.extend(words(["-m", model.unwrap_or("gemini-2.5-flash")])),
        }
        if let Some(session) = turn.session {
            arguments.extend(words(["--resume", session]));
        }
        arguments.extend(words(["--output-format", "stream-json"]));
        if !turn.arguments.iter().any(|argument| argument == "--approval-mode") {
            arguments.extend(words(["--approval-mode", "yolo"]));
        }
        arguments.extend_from_slice(turn.arguments);
        // One word, so that a prompt which looks like an option is none.
        arguments.push(format!("--prompt={}", turn.prompt));
        let system = format!("{}/.gemini/system.md", turn.home);
        let settings = json!({
            "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": false}},
            "general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false, "maxAttempts": 2},
            "privacy": {"usageStatisticsEnabled": false},
            "telemetry": {"enabled": false},
            "ide": {"enabled": false},
            "tools": {"core": ["run_shell_command", "write_file", "read_file", "replace"]},
        });
        Launch {
            arguments,
            environment: variables([
                ("GOOGLE_GEMINI_BASE_URL", turn.origin()),
                ("GEMINI_API_KEY", turn.key),
                ("GEMINI_CLI_TRUST_WORKSPACE", "true"),
                // Its wrapper ignores signals and costs a second process.
                ("GEMINI_CLI_NO_RELAUNCH", "true"),
                ("GEMINI_SYSTEM_MD", &system),
                // Else it warns of the terminal on standard error.
                ("TERM", "xterm-256color"),
                ("COLORTERM", "truecolor"),
            ]),
            home_files: BTreeMap::from([
                (".gemini/settings.json".to_owned(), settings.to_string()),
                (".gemini/system.md".to_owned(), "You are a test agent.\n".to_owned()),
            ]),
            stdin: None,
        }
    }

    fn own_paths(&self) -> &'static [&'static str] {
        // The last one stays when it is ended while a command runs.
        &["~/.gemini/**", "tmp/gemini-client-error-*", "tmp/gemini-shell-*/**"]
    }

    fn stale_paths(&self) -> &'static [&'static str] {
        // With it the next run stalls for 13 seconds.
        &["~/.gemini/projects.json.lock"]
    }

    fn hidden_paths(&self) -> &'static [&'static str] {
        &[".gemini", ".config/gcloud", ".config/gemini"]
    }

    fn read_line(&self, line: &str) -> Line {
        gemini_lines::read_line(line)
    }

    fn is_racy_on_stderr(&self, line: &str) -> bool {
        // Of how long its own start took: said or not, as its first request is answered before or after that is over.
        line.starts_with("[STARTUP] ")
    }

    fn read_output(&self, output: &str) -> ToolFacts {
        outputs::gemini(output)
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        let member = |name: &str| text_member(tool, input, name);
        let (name, arguments) = match tool {
            "shell" => (
                "run_shell_command",
                json!({"command": member("command")?, "description": "a scripted command"}),
            ),
            "write-file" => {
                ("write_file", json!({"file_path": member("path")?, "content": member("content")?}))
            }
            "edit-file" => (
                "replace",
                json!({"file_path": member("path")?, "old_string": member("old")?, "new_string": member("new")?,
                    "instruction": "a scripted edit"}),
            ),
            "read-file" => ("read_file", json!({"file_path": member("path")?})),
            _ => return own_tool(tool, input),
        };
        Ok(WireCall::Function { name: name.to_owned(), arguments })
    }

    fn lane(&self, _headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str {
        let configuration = &body["generationConfig"];
        let schema = [&configuration["responseJsonSchema"], &configuration["responseSchema"]];
        if schema.iter().any(|schema| schema["properties"].get("complexity_reasoning").is_some()) {
            return "router";
        }
        // Sub-agents have no mark of their own, but must end with this tool.
        let declared = body["tools"].as_array().into_iter().flatten();
        let mut names = declared
            .flat_map(|tool| tool["functionDeclarations"].as_array().into_iter().flatten())
            .filter_map(|function| function["name"].as_str());
        if names.any(|name| name == "complete_task") { "subagent" } else { "main" }
    }

    fn default_reply(&self, lane: &str) -> Option<&'static str> {
        // Anything but this JSON is asked for five times, and costs more than a minute.
        (lane == "router").then_some(r#"{"complexity_reasoning":"scripted","complexity_score":1}"#)
    }

    fn retries(&self) -> Retries {
        const AFTER: &[Retried] = &[Retried::Status(429), Retried::Status(500), Retried::Status(503)];
        Retries { most: 1, after: AFTER }
    }

    /// A comment line before an event makes it fail with exit code 1.
    fn skips_comments(&self) -> bool {
        false
    }

    fn request_session(&self, _headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> Option<String> {
        None
    }

    fn volatile(&self) -> &'static [Place] {
        static PLACES: [Place; 13] = [
            Place::new(Events, "$.timestamp", "time"),
            Place::new(Events, "$.session_id", "session"),
            Place::new(Events, "$.stats.duration_ms", "duration"),
            // What it makes up for a call without an id.
            Place::within(Events, "$.tool_id", "_([0-9]{13}_[0-9]+)$", "call"),
            Place::within(Events, "$.output", GROUP, "process"),
            Place::within(Requests, "$.contents[*].parts[*].text", DATE, "date"),
            Place::within(Transcript, "$.text", DATE, "date"),
            Place::within(
                Requests,
                "$.contents[*].parts[*].functionResponse.response.output",
                GROUP,
                "process",
            ),
            Place::within(Transcript, "$.output", GROUP, "process"),
            Place::within(
                Stderr,
                "$",
                "gemini-client-error-[A-Za-z.-]+-([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9-]+Z)\\.json",
                "time",
            ),
            Place::within(Stderr, "$", RETRYING, "duration"),
            Place::within(Processes, "$", "/gemini-shell-([A-Za-z0-9]{6})/", "random"),
            Place::within(Stderr, "$", "file:///[^ ]*/([A-Za-z0-9-]+)-[A-Z0-9]{8}\\.js", "chunk"),
        ];
        &PLACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_before_a_retry_is_found_behind_a_message_of_several_lines() {
        let retrying = regex::Regex::new(RETRYING).unwrap();
        let pauses = |text: &str| -> Vec<Option<String>> {
            retrying.captures_iter(text).map(|found| Some(found.get(1)?.as_str().to_owned())).collect()
        };
        let one =
            "Attempt 1 failed: too many requests\nSuggested retry after 1s.. Retrying after 5971ms...\n";
        let two = "Attempt 2 failed with status 500. Retrying with backoff... _GaxiosError: x\n";
        let three = "Attempt 3 failed: overloaded. Retrying after 812.5ms...\n";
        let text = format!("{one}{two}{three}");
        assert_eq!(pauses(&text), [Some("5971".to_owned()), None, Some("812.5".to_owned())]);
    }

    #[test]
    fn the_router_is_asked_only_where_the_scenario_wants_it() {
        let launch = |model| {
            Gemini.launch(&TurnLaunch { prompt: "--go", model, ..TurnLaunch::default() }).arguments.join(" ")
        };
        assert_eq!(
            launch(None),
            "-m gemini-2.5-flash --output-format stream-json --approval-mode yolo --prompt=--go"
        );
        assert_eq!(launch(Some("auto")), "--output-format stream-json --approval-mode yolo --prompt=--go");
    }

    #[test]
    fn lanes_are_told_apart_by_what_a_request_asks_for() {
        let lane = |body: Value| Gemini.lane(&BTreeMap::new(), &body);
        let router = json!({"generationConfig": {"responseJsonSchema":
            {"properties": {"complexity_reasoning": {}, "complexity_score": {}}}}});
        assert_eq!(lane(router), "router");
        assert_eq!(
            lane(json!({"tools": [{"functionDeclarations": [{"name": "complete_task"}]}]})),
            "subagent"
        );
        assert_eq!(lane(json!({"tools": [{"functionDeclarations": [{"name": "replace"}]}]})), "main");
    }
}
