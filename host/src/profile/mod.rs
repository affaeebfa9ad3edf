//! What is known of each agent, as data and small pure functions: how to find, isolate, start and read it.
//!
//! Nothing here starts a process, opens a file or a socket. A new agent is one file and one line in [`by_name`].

mod codex;
mod codex_home;
mod codex_lines;
mod codex_volatile;
mod example;
mod protocol;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Event, Place, Terminal};

pub use protocol::Protocol;

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

    /// How its program is found.
    fn program(&self) -> Program;

    /// Arguments that make the program print its version; empty where it has none.
    fn version_arguments(&self) -> &'static [&'static str] {
        &[]
    }

    /// The transports it can use, the default first.
    fn transports(&self) -> &'static [Transport];

    /// How one turn is started.
    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch;

    /// Patterns of names outside the workspace that are the agent's own to change: `~/…` in its home, `tmp/…` in its
    /// temporary folder, `../…` beside the workspace. `*` is any characters of a name, `**` any number of folders.
    fn own_paths(&self) -> &'static [&'static str] {
        &[]
    }

    /// Reads one line of standard output.
    fn read_line(&self, line: &str) -> Line;

    /// The tool call that a neutral tool becomes. Names that are not neutral are tools' own names and pass as they
    /// are.
    ///
    /// # Errors
    /// When the agent has no such tool, or the input lacks what it needs; the sentence says which.
    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String>;

    /// The role of a request, from what all protocols have: headers (names in lower case) and the body.
    fn lane(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str;

    /// The session a request names.
    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> Option<String>;

    /// Where values stand that differ from run to run; what differs for every agent is known to the host.
    fn volatile(&self) -> &'static [Place] {
        &[]
    }
}

/// How a program is found: `--agent-bin NAME=PATH` first, then these, then `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// This very program, with a first argument.
    Own {
        /// The first argument.
        argument: &'static str,
    },
    /// A program of its own.
    External {
        /// File name on `PATH`.
        name: &'static str,
        /// Paths below the project's root that come before `PATH`.
        pinned: Vec<String>,
        /// The command that installs it.
        install: &'static str,
    },
}

/// What a profile needs to know to start a turn. Every path is absolute.
#[derive(Clone, Copy, Debug)]
pub struct TurnLaunch<'a> {
    /// `http://127.0.0.1:PORT/v1`.
    pub base_url: &'a str,
    /// The agent's working directory.
    pub workspace: &'a str,
    /// The agent's home.
    pub home: &'a str,
    /// What it is asked.
    pub prompt: &'a str,
    /// The session to go on with.
    pub session: Option<&'a str>,
    /// How it speaks to the server.
    pub transport: Transport,
    /// Arguments the scenario adds.
    pub arguments: &'a [String],
}

/// How a turn is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// Arguments after the program.
    pub arguments: Vec<String>,
    /// Variables beside the common ones (`PATH`, `HOME`, `TMPDIR`, locale, proxies).
    pub environment: BTreeMap<String, String>,
    /// Files written below the home before the first turn: relative path to text.
    pub home_files: BTreeMap<String, String>,
}

/// What one line of standard output says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// The normalised event; `turn` and `line` are filled in by the caller.
    pub event: Event,
    /// The session it names.
    pub session: Option<String>,
    /// What it says of the end of the turn.
    pub terminal: Option<Terminal>,
    /// Tokens it reports: input and output, for this process or, where the agent counts so, for the whole session.
    pub usage: Option<(u64, u64)>,
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
pub const NEUTRAL_TOOLS: [(&str, &[&str]); 2] =
    [("shell", &["command"]), ("write-file", &["path", "content"])];

/// What agents get in place of a key: not a secret.
pub const FAKE_KEY: &str = "not-a-key";

/// The names of all profiles.
pub const NAMES: [&str; 2] = ["codex", "example"];

/// The profile of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Profile> {
    match name {
        "codex" => Some(&codex::Codex),
        "example" => Some(&example::Example),
        _ => None,
    }
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
                session: None,
                transport: profile.transports()[0],
                arguments: &[],
            });
            for path in launch.home_files.keys().map(|path| format!("~/{path}")) {
                assert!(profile.own_paths().iter().any(|own| glob_matches(own, &path)), "{name}: {path}");
            }
        }
    }
}
