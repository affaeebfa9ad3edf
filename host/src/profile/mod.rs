//! What is known of each agent, as data and small pure functions: how to find, isolate, start and read it.
//!
//! Nothing here starts a process, opens a file or a socket. A new agent is one file and one line in [`by_name`].

mod antigravity;
mod claude;
mod claude_lines;
mod codex;
mod codex_code_mode;
mod codex_home;
mod codex_legacy;
mod codex_lines;
mod codex_volatile;
mod command;
mod custom;
mod example;
mod gemini;
mod gemini_lines;
mod launch;
mod line;
mod lines;
mod memory;
mod opencode;
mod opencode_lines;
mod outputs;
mod pi;
mod pi_lines;
mod protocol;
mod retries;
mod version;
#[cfg(test)]
mod vocabulary;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Place, ToolFacts};

pub use custom::AgentSettings;
pub use launch::{KeyPlace, Launch, Program, TurnLaunch};
pub use line::{Line, UsageReport, UsageScope};
pub use memory::peak_memory_mebibytes;
pub use protocol::{Protocol, Stop};
pub use retries::{Retried, Retries};
pub use version::{Standing, doubts, standing};

/// How an agent speaks to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// One HTTP request a model step, answered by a stream of server-sent events.
    Http,
    /// One WebSocket for many model steps.
    Websocket,
}

impl Transport {
    /// The word used in scenarios and documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Websocket => "websocket",
        }
    }
}

/// Everything the program knows about one agent.
pub trait Profile: Send + Sync {
    /// Its name in scenarios.
    fn name(&self) -> &'static str;

    /// The name of the profile it is made of: its own, unless a project describes it.
    fn extends(&self) -> &'static str {
        self.name()
    }

    /// How its program is found.
    fn program(&self) -> Program;

    /// Arguments that make the program print its version; empty where it has none, as this program and those that only
    /// a user knows.
    fn version_arguments(&self) -> &'static [&'static str] {
        if matches!(self.program(), Program::External { .. }) { &["--version"] } else { &[] }
    }

    /// The version every fact here was measured with, as the program says it.
    fn measured_version(&self) -> Option<&'static str> {
        None
    }

    /// Whether what is written here was seen with the real program, and not only read about.
    fn is_verified(&self) -> bool {
        true
    }

    /// The protocols it can speak, the default first.
    fn protocols(&self) -> &[Protocol] {
        &[Protocol::Responses]
    }

    /// The transports it can use, the default first.
    fn transports(&self) -> &'static [Transport] {
        &[Transport::Http]
    }

    /// Where its requests carry the run's key.
    fn key_place(&self) -> KeyPlace {
        KeyPlace::Path
    }

    /// How one turn is started.
    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch;

    /// Patterns of names outside the workspace that are the agent's own to change: `~/…` in its home, `tmp/…` in its
    /// temporary folder, `../…` beside the workspace. `*` is any characters of a name, `**` any number of folders.
    fn own_paths(&self) -> &'static [&'static str] {
        &[]
    }

    /// Files and folders (`~/…`, no patterns) that a turn may leave in the home and the next one trips over;
    /// removed between turns.
    fn stale_paths(&self) -> &'static [&'static str] {
        &[]
    }

    /// Names below a user's real home that hold this agent's credentials and settings; no run should see them.
    fn hidden_paths(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether its exit code is all it says of how a turn ended: 0 is completed, anything else failed.
    fn ends_by_exit(&self) -> bool {
        false
    }

    /// The exit code by which one that ends so says that it can't run here.
    fn skip_exit(&self) -> Option<i32> {
        None
    }

    /// Whether it has nothing that answers to a neutral tool. A scenario that calls such a tool does not apply to it.
    fn lacks(&self, tool: &str) -> bool {
        is_for_running_commands(tool)
    }

    /// Reads one line of standard output.
    fn read_line(&self, line: &str) -> Line;

    /// Whether it is a race whether such a line stands on standard error at all. It is kept in the raw output alone.
    fn is_racy_on_stderr(&self, _line: &str) -> bool {
        false
    }

    /// What it writes around the output of a tool.
    fn read_output(&self, _output: &str) -> ToolFacts {
        ToolFacts::default()
    }

    /// The tool call that a neutral tool becomes. Names that are not neutral are tools' own names and pass as they
    /// are.
    ///
    /// # Errors
    /// When the agent has no such tool, or the input lacks what it needs; the sentence says which.
    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String>;

    /// The role of a request, from what all protocols have: headers (names in lower case) and the body.
    fn lane(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str;

    /// What the model says in a lane that nothing is scripted for, so that a scenario need only script `main`; none: its
    /// requests fit no step. Lanes whose requests ask no model are answered for every agent alike.
    fn default_reply(&self, _lane: &str) -> Option<&'static str> {
        None
    }

    /// What it is known to recover from by asking again. Nothing, where nobody has seen it.
    fn retries(&self) -> Retries {
        Retries::default()
    }

    /// Whether it skips comment lines in a stream of events, as the format asks for.
    fn skips_comments(&self) -> bool {
        true
    }

    /// The session a request names.
    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> Option<String>;

    /// The profile of this agent with that model, where the model decides about its tools.
    fn with_model(&self, _model: &str) -> Option<Known> {
        None
    }

    /// Where values stand that differ from run to run; what differs for every agent is known to the host.
    fn volatile(&self) -> &[Place] {
        &[]
    }
}

/// A tool call as it goes over the wire.
#[derive(Clone, Debug, PartialEq)]
pub enum WireCall {
    /// A function with JSON arguments.
    Function {
        /// The tool's name.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A tool that takes text.
    Custom {
        /// The tool's name.
        name: String,
        /// Its input.
        input: String,
    },
}

impl WireCall {
    /// The tool's name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Function { name, .. } | Self::Custom { name, .. } => name,
        }
    }
}

/// The neutral tools and the members of their input; the rest of the program knows no others.
pub const NEUTRAL_TOOLS: [(&str, &[&str]); 6] = [
    ("shell", &["command"]),
    ("write-file", &["path", "content"]),
    ("edit-file", &["path", "old", "new"]),
    ("read-file", &["path"]),
    // A command that is not waited for, and what is typed into it by the name its result gave it.
    ("start-command", &["command"]),
    ("write-to-command", &["command", "text"]),
];

/// Whether it is one of the neutral tools for commands that go on running; most agents have none.
fn is_for_running_commands(tool: &str) -> bool {
    matches!(tool, "start-command" | "write-to-command")
}

/// What agents get in place of a key: not a secret.
pub const FAKE_KEY: &str = "not-a-key";

/// Whether a token is what agents get in place of a key, also one of a run's own: `not-a-key-…`.
pub fn is_fake_key(token: &str) -> bool {
    token.strip_prefix(FAKE_KEY).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The names of all profiles.
pub const NAMES: [&str; 8] =
    ["antigravity", "claude", "codex", "command", "example", "gemini", "opencode", "pi"];

/// A profile that is known by name: one of this program, or one that a project's settings made.
#[derive(Clone, Copy)]
pub struct Known(pub &'static dyn Profile);

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Known {}

/// The profile of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Profile> {
    match name {
        "antigravity" => Some(&antigravity::Antigravity),
        "claude" => Some(&claude::Claude),
        "codex" => Some(&codex::Codex),
        "codex-code-mode" => Some(&codex_code_mode::CodeMode),
        "command" => Some(&command::Command),
        "example" => Some(&example::Example),
        "gemini" => Some(&gemini::Gemini),
        "opencode" => Some(&opencode::Opencode),
        "pi" => Some(&pi::Pi),
        _ => None,
    }
}

/// Names below a user's home that hold credentials and settings of any agent known.
pub fn all_hidden_paths() -> std::collections::BTreeSet<&'static str> {
    NAMES.into_iter().filter_map(by_name).flat_map(|profile| profile.hidden_paths()).copied().collect()
}

/// A call of one of the agent's own tools: functions with JSON arguments, that is.
fn own_tool(tool: &str, input: &Value) -> Result<WireCall, String> {
    match input {
        Value::Object(_) => Ok(WireCall::Function { name: tool.to_owned(), arguments: input.clone() }),
        _ => Err(format!("tool `{tool}` needs a table as its input")),
    }
}

/// The first value of a header.
fn first<'a>(headers: &'a BTreeMap<String, Vec<String>>, name: &str) -> Option<&'a str> {
    headers.get(name)?.first().map(String::as_str)
}

/// A required text member of a neutral tool's input.
fn text_member<'a>(tool: &str, input: &'a Value, member: &str) -> Result<&'a str, String> {
    input
        .get(member)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("tool `{tool}` needs `{member}`, a text, in its input"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::glob_matches;

    #[test]
    fn what_is_laid_in_a_home_is_the_agents_own() {
        for name in NAMES {
            let profile = by_name(name).unwrap();
            let launch = profile.launch(&TurnLaunch {
                base_url: "http://127.0.0.1:1/v1",
                workspace: "/w",
                home: "/h",
                prompt: "p",
                transport: profile.transports()[0],
                protocol: profile.protocols()[0],
                ..TurnLaunch::default()
            });
            for path in launch.home_files.keys().map(|path| format!("~/{path}")) {
                assert!(profile.own_paths().iter().any(|own| glob_matches(own, &path)), "{name}: {path}");
            }
        }
    }
}
