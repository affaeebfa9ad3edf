//! The run document, `wassert.run/1`: everything captured in one run of one scenario, as one JSON value.
//!
//! It is the only input of an assertion. These are its types; `recording/` writes and reads it. Ordinals
//! (`turn`, `step`, `attempt`, `conversation`) count from 1, as people do and as scenario files do; positions in
//! paths (`$.requests[0]`) count from 0, as JSONPath does. A reader tolerates missing sections and unknown members.

mod agent;
mod event;
mod file;
mod request;
mod scenario;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use agent::{Agent, EndCause, Isolation, IsolationLevel, Terminal, Turn, Usage};
pub use event::{Event, EventKind, Phase, Stream};
pub use file::{Change, FileChange, FileKind, FileState, Git, GitChange, TEXT_INLINE_LIMIT_BYTES};
pub use request::{Item, Reply, ReplyKind, Request, Role, Violation};
pub use scenario::{
    Asserted, Completed, Scenario, Script, ScriptedStep, ToolNotOffered, UnmatchedRequest, UnusedStep,
};

use crate::value::Digest;

/// The schema this program writes. A reader refuses a newer major version.
pub const SCHEMA: &str = "wassert.run/1";

/// The JSON Schema of the run document; a test keeps it the same as the types.
pub const RUN_SCHEMA: &str = include_str!("../../schemas/run.schema.json");

/// The sections assertions may name in `reads`, in document order.
pub const SECTIONS: [&str; 13] = [
    "scenario",
    "agent",
    "isolation",
    "turns",
    "events",
    "requests",
    "stdout",
    "stderr",
    "files",
    "git",
    "script",
    "raw",
    "timing",
];

/// The whole document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Always `wassert.run/1`.
    pub schema: String,
    /// What was asked of the agent and of the server.
    pub scenario: Scenario,
    /// The program under test.
    pub agent: Agent,
    /// What kept the run apart from the machine.
    pub isolation: Isolation,
    /// One entry a turn: one prompt, one agent process.
    pub turns: Vec<Turn>,
    /// What the agent printed on standard output, one entry a line, normalised.
    pub events: Vec<Event>,
    /// What reached the server, in order of turn, lane, conversation, step and attempt.
    pub requests: Vec<Request>,
    /// One entry a turn.
    pub stdout: Vec<Stream>,
    /// One entry a turn.
    pub stderr: Vec<Stream>,
    /// Every file of the workspace that was added, modified or removed, and every file that was there before.
    pub files: BTreeMap<String, FileChange>,
    /// The workspace against its baseline, where the scenario asks for git.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<Git>,
    /// How the server's script was followed.
    pub script: Script,
    /// Raw captures that lie beside the document: name to digest and size.
    pub raw: BTreeMap<String, Raw>,
    /// What differs between two runs: durations and the order of arrival.
    pub timing: Timing,
}

/// A raw capture in the recording's `log/` folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Raw {
    /// Digest of the bytes kept.
    pub sha256: Digest,
    /// Bytes kept.
    pub bytes: u64,
}

/// Durations and arrival order: the only section, with `raw`, that may differ between two runs of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// From the start of the preparation to the end of the capture.
    pub duration_ms: u64,
    /// One entry a turn: from the start of the process to its end.
    pub turns_ms: Vec<u64>,
    /// Positions in `requests`, in order of arrival.
    pub arrival: Vec<usize>,
}
