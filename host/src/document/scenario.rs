//! Sections `scenario` and `script`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Violation;
use crate::value::Digest;

/// What was asked of the agent and of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scenario {
    /// Path below the scenarios' root, without ending: `quickstart/plain`.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// Digest of the scenario file as it is recorded: without its secrets.
    pub sha256: Option<Digest>,
    /// Time for all turns together.
    pub timeout_ms: u64,
    /// How many turns were planned; fewer are in `turns` when one of them did not complete.
    pub turns: u32,
    /// Steps of the script, in file order.
    pub steps: Vec<ScriptedStep>,
    /// Lanes that a real endpoint answers, with its address: what stands in their replies is not repeatable.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub upstream: BTreeMap<String, String>,
    /// Whether the script was served to whoever asked: there was no agent, and there are no turns.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub served: bool,
    /// What `run/completed` expects.
    pub completed: Completed,
    /// The exit code that `run/completed` expects of the last turn; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Steps for which `run/script-followed` expects another number of attempts than the script has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<ExpectedAttempts>,
    /// Tools that `run/script-followed` expects to be called though they are not offered, each at least once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_offered: Vec<String>,
    /// What `run/no-survivors` expects: names of commands that are left behind, each at least once; none unless said.
    pub survivors: Vec<String>,
    /// What `run/no-egress` expects: destinations the agent tries to reach, each at least once; none unless said.
    pub egress: Vec<String>,
    /// What `run/home-only` expects: patterns of names outside the workspace, each for at least one change.
    pub outside: Vec<String>,
    /// What is asserted, in file order.
    pub assertions: Vec<Asserted>,
    /// What each assertion may use at most, where the scenario allows less than the project: key of `[limits]` to number.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
    /// The symbols of the declared secrets, in file order; a secret that stood nowhere else has one too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// How the run is expected to end; `run/completed` compares it with every turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completed {
    /// Every process ended by itself, and its terminal event said the turn was completed.
    #[default]
    Completed,
    /// The last process ended by itself, and its terminal event said the turn failed.
    Failed,
    /// The last process ended by itself without a terminal event.
    Silent,
    /// The last process was ended at the scenario's time limit.
    Timeout,
    /// The last process was ended by a signal the host did not send.
    Signal,
    /// The last process was ended because it was silent for too long.
    Stalled,
    /// The last process was ended for writing too much.
    OutputLimit,
    /// The last turn passed a budget.
    BudgetExhausted,
}

/// How often an agent tries a step, where that is not what the script has for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExpectedAttempts {
    /// The step's lane.
    pub lane: String,
    /// Its number within the lane, from 1.
    pub step: u32,
    /// The attempts.
    pub attempts: u32,
}

/// One step of the script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptedStep {
    /// The lane it belongs to.
    pub lane: String,
    /// Its number within the lane, from 1.
    pub step: u32,
    /// Attempts it expects: its faults, and its reply.
    pub attempts: u32,
    /// Whether it may go unused.
    pub optional: bool,
}

/// One `[[assert]]` of the scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asserted {
    /// `std/file`, `./check.wasm`, …
    #[serde(rename = "use")]
    pub uses: String,
    /// Its parameters.
    pub with: Value,
    /// Digest of the module that judges it.
    pub module: Option<Digest>,
    /// Path prefixes of the document it may read, where the scenario grants others than it declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Vec<String>>,
}

/// How the script was followed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// Steps whose reply was never served, optional ones left out.
    pub unused: Vec<UnusedStep>,
    /// Requests that fitted no step.
    pub unmatched: Vec<UnmatchedRequest>,
    /// Requests that reached a step again after its reply had been served in full.
    pub surplus: Vec<usize>,
    /// Expectations of steps that did not hold.
    pub unexpected: Vec<UnmatchedRequest>,
    /// Tools the script called though the agent had not offered them.
    pub not_offered: Vec<ToolNotOffered>,
    /// Connections that a limit ended before there was a request, by code: `too-many-connections`, `slow-client`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_connections: Vec<Violation>,
    /// Why `calls` does not tell every call of the commands that stand in for real ones, or not the whole of one; absent
    /// where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_unread: Option<String>,
}

/// A step whose reply was never served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnusedStep {
    /// Its lane.
    pub lane: String,
    /// Its number within the lane, from 1.
    pub step: u32,
    /// How many of its attempts arrived.
    pub attempts: u32,
}

/// A request and why it did not fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnmatchedRequest {
    /// Position in `requests`.
    pub request: usize,
    /// The step that comes nearest, from 1; 0 when there is none.
    pub nearest_step: u32,
    /// The first difference, for people.
    pub difference: String,
}

/// A scripted call to a tool that the request had not offered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolNotOffered {
    /// Position in `requests`.
    pub request: usize,
    /// The tool's name on the wire.
    pub tool: String,
}
