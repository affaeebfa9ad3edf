//! A scenario as the rest of the program sees it: checked, with defaults filled in. `load` makes it from TOML. What its
//! script is made of is in `steps`, what it asserts in `asserted`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::asserted::Assertion;
use super::steps::Step;
use crate::document::{Completed, ExpectedAttempts, Place};
use crate::profile::{Known, Protocol, Transport};
use crate::value::Digest;

/// One scenario file, loaded and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Path below the scenarios' root, `/`-separated, without ending: `quickstart/plain`.
    pub name: String,
    /// The file as the user named it.
    pub file: PathBuf,
    /// Its text.
    pub source: Arc<str>,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// One sentence.
    pub summary: String,
    /// What went wrong once and must not again.
    pub pins: Option<String>,
    /// Who answers for it.
    pub owners: Vec<String>,
    /// Words to select it by.
    pub tags: Vec<String>,
    /// Values that must not stand in a recording.
    pub secrets: Vec<String>,
    /// The matrix; never empty.
    pub agents: Vec<AgentChoice>,
    /// Time for all turns together.
    pub timeout_ms: u64,
    /// What all turns together may use.
    pub budget: super::Budget,
    /// What the agent finds in its working directory.
    pub workspace: super::Workspace,
    /// Commands that stand in for real ones.
    pub shims: Vec<super::Shim>,
    /// Prompts; empty only in a script that is served.
    pub turns: Vec<Turn>,
    /// What the server takes in, and which lanes a real endpoint answers.
    pub reception: super::Reception,
    /// The server's script, in file order.
    pub steps: Vec<Step>,
    /// How each agent is expected to end; an agent that is not named here uses `completed`.
    pub completed: Completed,
    /// Agent name to how it is expected to end.
    pub completed_by_agent: BTreeMap<String, Completed>,
    /// Where values stand that differ from run to run, beside those the agent's profile knows. Checked.
    pub volatile: Vec<Place>,
    /// What each assertion may use at most, by the keys of [`crate::scenario::LIMITS`]; it only lowers other limits.
    pub limits: BTreeMap<String, u64>,
    /// Agent name to the exit code that is expected of its last turn.
    pub exits: BTreeMap<String, i32>,
    /// Agent name to the steps it tries another number of times than the script has.
    pub attempts: BTreeMap<String, Vec<ExpectedAttempts>>,
    /// What each agent is expected to do beyond its workspace.
    pub effects: Effects,
    /// What is asserted; empty only in a script that is served.
    pub assertions: Vec<Assertion>,
}

impl Scenario {
    /// How `agent` is expected to end.
    pub fn completed_for(&self, agent: &str) -> Completed {
        self.completed_by_agent.get(agent).copied().unwrap_or(self.completed)
    }

    /// The folder the scenario file lies in.
    pub fn directory(&self) -> PathBuf {
        self.file.parent().map(PathBuf::from).unwrap_or_default()
    }
}

/// One column of the matrix: an agent and its settings in this scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentChoice {
    /// Its name in this scenario; the profile's, or that of a `[agent.NAME]` with `extends`.
    pub name: String,
    /// The profile's name; of an agent that the project describes, that of the agent it extends.
    pub profile: String,
    /// The profile.
    pub known: Known,
    /// How it speaks to the server.
    pub transport: Transport,
    /// In which protocol.
    pub protocol: Protocol,
    /// The model it asks for; absent: its profile's choice.
    pub model: Option<String>,
    /// The neutral tools that the scenario calls and the agent has not: the scenario does not apply to it.
    pub lacks: Vec<String>,
    /// Variables added to its environment.
    pub environment: BTreeMap<String, String>,
    /// Arguments added before the prompt.
    pub arguments: Vec<String>,
}

/// What a run is expected to do beyond its workspace; empty lists: nothing. Lists are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Names of commands that are left behind.
    pub survivors: PerAgent,
    /// Destinations beyond the server that are tried: `host:port`.
    pub egress: PerAgent,
    /// Patterns of names outside the workspace that are changed: `~/…`, `tmp/…`, `../…`, `repository/…`.
    pub outside: PerAgent,
    /// Tools that the script calls though they are not offered.
    pub not_offered: PerAgent,
}

/// A list that may differ from agent to agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerAgent {
    /// Where nothing else is said.
    pub everywhere: Vec<String>,
    /// By the agent's name.
    pub by_agent: BTreeMap<String, Vec<String>>,
}

impl PerAgent {
    /// The list of one agent.
    pub fn of(&self, agent: &str) -> &[String] {
        self.by_agent.get(agent).unwrap_or(&self.everywhere)
    }
}

/// One prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What the agent is asked.
    pub prompt: String,
    /// Whether it goes on with the session of the turn before; false on the first.
    pub resumes: bool,
    /// How its process is treated.
    pub conduct: super::Conduct,
}
