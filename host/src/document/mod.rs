//! The run document, `wassert.run/1`: everything captured in one run of one scenario, as one JSON value.
//!
//! It is the only input of an assertion. These are its types; `recording/` writes and reads it. Ordinals
//! (`turn`, `step`, `attempt`, `conversation`) count from 1, as people do and as scenario files do; positions in
//! paths (`$.requests[0]`) count from 0, as JSONPath does. A reader tolerates missing sections and unknown members.
//!
//! What differs from run to run stands in it as a symbol, such as `⟦thread#1⟧`; see `recording/symbol`.

mod agent;
mod budget;
mod call;
mod difference;
mod egress;
mod event;
mod file;
mod home;
mod outcome;
mod place;
mod process;
mod redaction;
mod request;
mod scenario;
mod tool;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use agent::{Agent, EndCause, Isolation, IsolationLevel, Terminal, Turn, TurnInterrupt, Usage};
pub use budget::{BudgetLevel, Exceeded, Measure};
pub use call::Call;
pub use difference::{Difference, Differences, Part, VARYING, differences};
pub use egress::{DESTINATIONS_LIMIT, EgressAttempt, EgressProtocol, MORE_DESTINATIONS};
pub use event::{Event, EventKind, Phase, Stream};
pub use file::{
    Change, FileChange, FileKind, FileState, Git, GitChange, GitWorktree, TEXT_INLINE_LIMIT_BYTES,
};
pub use home::{Home, HomeChange, NAMES_LIMIT, RepositoryWatch};
pub use outcome::{
    AgentOutcome, EvidenceSource, FailureCategory, FailureClass, OutcomeEvidence, OutcomeKind,
};
pub use place::{HOST_KINDS, Place, PlaceError, PlaceSection, QUANTITIES, RACE, Step};
pub use process::{COMMAND_LINE_LIMIT, LeftProcess, PROCESSES_LIMIT, ProcessEnd};
pub use redaction::{Redaction, RedactionForm};
pub use request::{Item, Reply, ReplyKind, Request, Role, Violation};
pub use scenario::{
    Asserted, Completed, ExpectedAttempts, Scenario, Script, ScriptedStep, ToolNotOffered, UnmatchedRequest,
    UnusedStep,
};
pub use tool::{ToolFacts, ToolOutput};

use crate::value::Digest;

/// The schema this program writes. A reader refuses a newer major version.
pub const SCHEMA: &str = "wassert.run/1";

/// The JSON Schema of the run document; a test keeps it the same as the types.
pub const RUN_SCHEMA: &str = include_str!("../../schemas/run.schema.json");

/// The sections assertions may name in `reads`, in document order.
pub const SECTIONS: [&str; 18] = [
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
    "calls",
    "processes",
    "egress",
    "home",
    "script",
    "redactions",
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
    /// What the agent asked of commands that stand in for real ones, in the order it asked; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<Call>>,
    /// What was left behind at the end of each turn, by turn and command; absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<LeftProcess>>,
    /// What the agent tried to reach beyond the server, by turn, protocol and destination; absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress: Option<Vec<EgressAttempt>>,
    /// What became of everything around the workspace; absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<Home>,
    /// How the server's script was followed.
    pub script: Script,
    /// Secrets that were replaced by symbols before anything was written, sorted by secret, place and form.
    pub redactions: Vec<Redaction>,
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
    /// One entry a turn that was started: what its processes used, sampled.
    pub sampled: Vec<Sampled>,
    /// Positions in `requests`, in order of arrival.
    pub arrival: Vec<usize>,
    /// When each of them arrived, in the same order: from the start of the server.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arrived_ms: Vec<u64>,
}

/// What the processes of one turn used, as seen from time to time: what is over between two looks is missed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampled {
    /// The turn, from 1.
    pub turn: u32,
    /// User and system time of the agent, of every process it waited for, and of what it left behind; the kernel
    /// counts in steps of 10 ms.
    pub cpu_ms: u64,
    /// The largest sum of resident memory of all its processes at one look; shared pages count in each. 0 when the
    /// turn was over before the first look.
    pub peak_memory_bytes: u64,
    /// How many looks there were, 50 ms apart.
    pub looks: u32,
    /// Bytes that the agent, and every process it waited for, gave to write calls: to files, pipes and sockets. In
    /// namespaces, of every process.
    pub bytes_written: u64,
    /// Processes and threads that were started, counted by the kernel; absent where there were no namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_started: Option<u64>,
    /// Different processes seen at one look or another, the agent among them.
    pub processes_seen: u64,
    /// What the kernel counted of all processes of the turn together; there when the turn has limits of them together and
    /// the system holds those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub together: Option<SampledTogether>,
    /// The longest time without a byte of output.
    pub longest_silence_ms: u64,
    /// Whether the agent was ever silent for so long that it was said: `slow_seconds` of its turn, or 60 percent of the
    /// time it may be silent.
    pub slow: bool,
    /// Whether connections to the server were open when it first was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_connected: Option<bool>,
}

/// What all processes of one turn together used, from the start of the agent to its end, counted by the kernel in a
/// control group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SampledTogether {
    /// User and system time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Most memory at once; cached files count, shared pages once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// Most processes and threads at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_tasks: Option<u64>,
    /// Processes that the kernel ended since all together needed more than `total_memory_mebibytes`.
    pub out_of_memory: u64,
    /// Starts of processes and threads that the kernel refused since there were `total_processes`.
    pub starts_refused: u64,
}
