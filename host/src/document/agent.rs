//! Sections `agent`, `isolation` and `turns`.

use serde::{Deserialize, Serialize};

use crate::value::Digest;

/// The program under test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// The name the scenario's matrix gives it, such as `codex-websocket`.
    pub name: String,
    /// The profile that knows how to start and read it, such as `codex`.
    pub profile: String,
    /// What the program says of its version, where the profile knows how to ask.
    pub version: Option<String>,
    /// The version that what is known of it was measured with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_version: Option<String>,
    /// Whether what is known of it was never seen with the real program.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
    /// File name of the program; its folder is a fact of the machine, kept out of the document.
    pub program: String,
    /// Digest of the program's bytes.
    pub sha256: Option<Digest>,
    /// Arguments of each turn's process, with placeholders for what differs between runs.
    pub arguments: Vec<Vec<String>>,
    /// `http` or `websocket`: what the profile was told to use.
    pub transport: String,
}

/// What kept the run apart from the machine. A level that can't guarantee something says `false`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Isolation {
    /// The level that was in force.
    pub level: IsolationLevel,
    /// Home and XDG folders of the run's own.
    pub own_home: bool,
    /// The environment held nothing but what the profile and the scenario name.
    pub own_environment: bool,
    /// Every process of the agent was in a process group that the host ended.
    pub own_process_group: bool,
    /// The agent saw no process but its own, and every one of them ended with its turn.
    pub own_processes: bool,
    /// The agent saw the system's programs, its own and the run's folder, and could write in that folder alone.
    pub own_files: bool,
    /// No address but the server's could be reached.
    pub no_network: bool,
    /// Connections that go around the proxy variables would be in `egress` too. At level `group` they are not seen.
    pub direct_connections_seen: bool,
    /// Whether the run was told to use the machine's network (`--network host`).
    pub asked_for_host_network: bool,
    /// Why the level is not `full`: the system's refusal, or that it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not_full: Option<String>,
}

impl IsolationLevel {
    /// The word in the document.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Group => "group",
            Self::None => "none",
        }
    }
}

/// How far the run was kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationLevel {
    /// Namespaces: processes, network and mounts of its own.
    Full,
    /// Process group, child subreaper, proxy variables that lead to a proxy that refuses.
    Group,
    /// Nothing.
    #[default]
    None,
}

/// One prompt, one agent process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Turn {
    /// From 1.
    pub turn: u32,
    /// What the agent was asked.
    pub prompt: String,
    /// Whether the process was told to go on with the session of the turn before.
    pub resumes: bool,
    /// Exit code, when the process ended by itself or handled its signal.
    pub exit: Option<i32>,
    /// Name of the signal that ended it, such as `SIGKILL`.
    pub signal: Option<String>,
    /// Why it ended.
    pub end: EndCause,
    /// What became of it, apart from any verdict; absent in older recordings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<super::AgentOutcome>,
    /// The budget that it passed; absent where it passed none. One that says what it used only at its end has ended by
    /// itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceeded: Option<super::Exceeded>,
    /// What there was a budget for, and the agent did not say: it counts as unknown, not as nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<super::Measure>,
    /// Whether limits of all its processes together were held; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_limits_held: Option<bool>,
    /// The interrupt that the scenario plans; absent where it plans none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interrupt: Option<TurnInterrupt>,
    /// What the last terminal event said; absent when there was none or the profile knows none.
    pub terminal: Option<Terminal>,
    /// The session the agent printed.
    pub session: Option<String>,
    /// The agent's last message.
    pub final_message: Option<String>,
    /// What the agent said it used.
    pub usage: Usage,
}

/// An interrupt that the scenario planned for a turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TurnInterrupt {
    /// What was done: `INT`, `TERM`, another signal, or `close-stdin`.
    pub action: String,
    /// Whether what it waited for happened, and it was done.
    pub sent: bool,
    /// Whether the agent ended within its time after that.
    pub ended: bool,
}

/// What an agent's terminal event said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terminal {
    /// The turn was completed.
    Completed,
    /// The turn failed.
    Failed,
}

/// Why an agent's process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndCause {
    /// By itself.
    #[default]
    Exited,
    /// By a signal the host did not send.
    Signal,
    /// The host ended it: the scenario's time was up.
    Timeout,
    /// The host ended it: it had been silent for longer than the scenario allows.
    Stalled,
    /// The host ended it: it wrote more than the limit.
    OutputLimit,
    /// The host ended it: it had passed a budget.
    BudgetExhausted,
    /// The host ended it: the run was interrupted.
    Interrupted,
    /// It could not be started.
    NotStarted,
}

/// Token counts as the agent reported them; zeros mean nothing unless `reported`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Whether the agent said anything about its usage.
    pub reported: bool,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// What it says this cost, in millionths of a US dollar; absent where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_microdollars: Option<u64>,
}
