//! opencode (`opencode run`), as seen in version 1.18.33.
//!
//! It speaks Chat, Responses or Messages, as the provider in its configuration says. A prompt is piped, because one
//! with spaces reaches it in quotes otherwise. Its vocabulary is in `opencode_lines`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::launch::{variables, words};
use super::{
    KeyPlace, Launch, Line, Profile, Program, Protocol, Retried, Retries, TurnLaunch, WireCall, first,
    opencode_lines, own_tool, text_member,
};
use crate::document::{Place, PlaceSection};

use PlaceSection::{Events, Headers, Requests, Transcript};

/// The profile `opencode`.
pub(super) struct Opencode;

/// What it would install into its configuration folder at every start, unless it is there.
const PLUGIN: (&str, &str) = ("@opencode-ai/plugin", "1.18.33");

const DATE: &str = "Today's date: ([A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{2} [0-9]{4})";

/// How the system prompt of the request for a title begins.
const TITLE: &str = "You are a title generator";

impl Profile for Opencode {
    fn name(&self) -> &'static str {
        "opencode"
    }

    fn program(&self) -> Program {
        let platforms =
            ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl", "darwin-arm64", "darwin-x64"];
        Program::External {
            name: "opencode",
            pinned: platforms
                .iter()
                .map(|platform| format!("tests/real-agents/node_modules/opencode-{platform}/bin/opencode"))
                .collect(),
            install: "npm install --global opencode-ai@1.18.33",
        }
    }

    fn measured_version(&self) -> Option<&'static str> {
        Some("1.18.33")
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[Protocol::Chat, Protocol::Responses, Protocol::Messages, Protocol::Gemini]
    }

    fn key_place(&self) -> KeyPlace {
        KeyPlace::Header
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        let mut arguments = words(["run", "--format", "json", "--thinking"]);
        // The default prompt asks the model for a title first; a scenario that wants that names one itself, or none.
        if let Some(at) = turn.arguments.iter().position(|argument| argument == NO_TITLE) {
            arguments.extend(
                turn.arguments
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| *index != at)
                    .map(|(_, word)| word.clone()),
            );
        } else {
            arguments.extend(words(["--title", "a scenario"]));
            arguments.extend_from_slice(turn.arguments);
        }
        if let Some(session) = turn.session {
            arguments.extend(words(["--session", session]));
        }
        let configuration = format!("{}/opencode.json", turn.home);
        Launch {
            arguments,
            environment: variables([
                ("OPENCODE_CONFIG", &configuration),
                ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
                ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
                ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
                ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1"),
                ("OPENCODE_PURE", "1"),
                ("OPENCODE_DISABLE_PROJECT_CONFIG", "1"),
                ("OPENCODE_DISABLE_EXTERNAL_SKILLS", "1"),
                ("OPENCODE_AUTH_CONTENT", "{}"),
            ]),
            home_files: home_files(turn),
            stdin: Some(turn.prompt.to_owned()),
        }
    }

    fn own_paths(&self) -> &'static [&'static str] {
        &[
            "~/opencode.json",
            "~/.config/opencode/**",
            "~/.local/share/opencode/**",
            "~/.local/state/opencode/**",
            "~/.cache/opencode/**",
            "tmp/.*.so",
            "tmp/opencode",
            "tmp/opencode/**",
        ]
    }

    fn hidden_paths(&self) -> &'static [&'static str] {
        &[".config/opencode", ".local/share/opencode", ".local/state/opencode", ".cache/opencode"]
    }

    fn read_line(&self, line: &str) -> Line {
        opencode_lines::read_line(line)
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        let member = |name: &str| text_member(tool, input, name);
        let (name, arguments) = match tool {
            "shell" => ("bash", json!({"command": member("command")?, "description": "a scripted command"})),
            "write-file" => ("write", json!({"filePath": member("path")?, "content": member("content")?})),
            "edit-file" => (
                "edit",
                json!({"filePath": member("path")?, "oldString": member("old")?, "newString": member("new")?}),
            ),
            "read-file" => ("read", json!({"filePath": member("path")?})),
            _ => return own_tool(tool, input),
        };
        Ok(WireCall::Function { name: name.to_owned(), arguments })
    }

    fn lane(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str {
        if headers.contains_key("x-parent-session-id") {
            return "subagent";
        }
        // Where the system prompt stands differs from protocol to protocol; it is always the first text.
        let prompts = [
            &body["messages"][0]["content"],
            &body["input"][0]["content"],
            &body["system"],
            &body["system"][0]["text"],
            &body["instructions"],
            &body["systemInstruction"]["parts"][0]["text"],
        ];
        let is_title =
            prompts.iter().any(|prompt| prompt.as_str().is_some_and(|text| text.starts_with(TITLE)));
        if is_title { "title" } else { "main" }
    }

    fn default_reply(&self, lane: &str) -> Option<&'static str> {
        (lane == "title").then_some("A title")
    }

    fn retries(&self) -> Retries {
        Retries { most: 2, after: Retried::REFUSED_OR_CUT }
    }

    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, _body: &Value) -> Option<String> {
        first(headers, "x-session-id").map(str::to_owned)
    }

    fn volatile(&self) -> &'static [Place] {
        static PLACES: [Place; 20] = [
            Place::new(Headers, "$['x-session-id'][*]", "session"),
            Place::new(Headers, "$['x-session-affinity'][*]", "session"),
            Place::new(Headers, "$['x-parent-session-id'][*]", "session"),
            Place::new(Requests, "$.prompt_cache_key", "session"),
            Place::new(Requests, "$.metadata.user_id", "session"),
            Place::within(Requests, "$.messages[*].content", DATE, "date"),
            Place::within(Requests, "$.input[*].content", DATE, "date"),
            Place::within(Requests, "$.system[*].text", DATE, "date"),
            Place::within(Requests, "$.instructions", DATE, "date"),
            Place::within(Requests, "$.systemInstruction.parts[*].text", DATE, "date"),
            Place::within(Transcript, "$.text", DATE, "date"),
            Place::new(Events, "$.timestamp", "time"),
            Place::new(Events, "$.sessionID", "session"),
            Place::new(Events, "$.part.sessionID", "session"),
            Place::new(Events, "$.part.id", "random"),
            Place::new(Events, "$.part.messageID", "message"),
            Place::new(Events, "$.part.time.*", "time"),
            Place::new(Events, "$.part.state.time.*", "time"),
            Place::new(Events, "$.error.data.responseHeaders.date", "time"),
            Place::within(Events, "$.part.snapshot", "^([0-9a-f]{40})$", "hash"),
        ];
        &PLACES
    }
}

/// An argument of a scenario, taken out: no title is given, so the agent asks the model for one.
const NO_TITLE: &str = "--no-title";

fn home_files(turn: &TurnLaunch<'_>) -> BTreeMap<String, String> {
    let (package, base_url) = match turn.protocol {
        Protocol::Chat => ("@ai-sdk/openai-compatible", turn.base_url.to_owned()),
        Protocol::Responses => ("@ai-sdk/openai", turn.base_url.to_owned()),
        Protocol::Messages => ("@ai-sdk/anthropic", turn.base_url.to_owned()),
        Protocol::Gemini => ("@ai-sdk/google", format!("{}/v1beta", turn.origin())),
    };
    let model = turn.model.unwrap_or("m1");
    let denied = ["task", "todowrite", "webfetch", "skill", "glob", "grep"];
    let mut permission = serde_json::Map::from_iter([("*".to_owned(), Value::from("allow"))]);
    // Beyond the workspace it asks, and there is nobody to answer.
    permission.insert("external_directory".to_owned(), "ask".into());
    permission.extend(denied.map(|tool| (tool.to_owned(), Value::from("deny"))));
    let models = BTreeMap::from([(model, json!({"name": model}))]);
    let configuration = json!({
        "provider": {"fake": {"npm": package, "name": "fake", "models": models, "options": {
            "baseURL": base_url, "apiKey": turn.key, "chunkTimeout": 5000, "headerTimeout": 5000}}},
        "model": format!("fake/{model}"),
        "small_model": format!("fake/{model}"),
        "autoupdate": false, "share": "disabled", "snapshot": false, "lsp": false, "formatter": false,
        "agent": {"build": {"prompt": "You are a test agent."}},
        "permission": permission,
    });
    let (plugin, version) = PLUGIN;
    let wanted = json!({"dependencies": {plugin: version}}).to_string();
    let locked = json!({"name": "opencode", "lockfileVersion": 3, "packages": {
        "": {"dependencies": {plugin: version}},
        format!("node_modules/{plugin}"): {"version": version}}});
    let at = |path: &str| format!(".config/opencode/{path}");
    BTreeMap::from([
        ("opencode.json".to_owned(), configuration.to_string()),
        (at("package.json"), wanted),
        (at("package-lock.json"), locked.to_string()),
        (
            at(&format!("node_modules/{plugin}/package.json")),
            json!({"name": plugin, "version": version}).to_string(),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_is_piped_and_the_title_is_given() {
        let turn = TurnLaunch { prompt: "say hi", session: Some("ses_1"), ..TurnLaunch::default() };
        let launch = Opencode.launch(&turn);
        assert_eq!(
            launch.arguments.join(" "),
            "run --format json --thinking --title a scenario --session ses_1"
        );
        assert_eq!(launch.stdin.as_deref(), Some("say hi"));
        let extra = words(["--no-title", "--x"]);
        let untitled = Opencode.launch(&TurnLaunch { arguments: &extra, ..turn });
        assert_eq!(untitled.arguments.join(" "), "run --format json --thinking --x --session ses_1");
    }

    #[test]
    fn the_provider_follows_the_protocol() {
        for (protocol, package, base_url) in [
            (Protocol::Chat, "@ai-sdk/openai-compatible", "http://h:1/v1"),
            (Protocol::Gemini, "@ai-sdk/google", "http://h:1/v1beta"),
        ] {
            let turn = TurnLaunch { base_url: "http://h:1/v1", protocol, ..TurnLaunch::default() };
            let files = Opencode.launch(&turn).home_files;
            let written: Value = serde_json::from_str(&files["opencode.json"]).unwrap();
            assert_eq!(written["provider"]["fake"]["npm"], package);
            assert_eq!(written["provider"]["fake"]["options"]["baseURL"], base_url);
        }
    }

    #[test]
    fn a_request_for_a_title_is_told_apart_in_every_protocol() {
        let lane = |body: Value| Opencode.lane(&BTreeMap::new(), &body);
        let title = "You are a title generator. You output …";
        assert_eq!(lane(json!({"messages": [{"role": "system", "content": title}]})), "title");
        assert_eq!(lane(json!({"system": [{"type": "text", "text": title}]})), "title");
        assert_eq!(lane(json!({"input": [{"role": "developer", "content": title}]})), "title");
        assert_eq!(lane(json!({"messages": [{"role": "user", "content": "x"}]})), "main");
    }
}
