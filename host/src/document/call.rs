//! Section `calls`: what the agent asked of commands that stand in for real ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One call of a stand-in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Call {
    /// The turn, from 1; 0 when it is not known.
    pub turn: u32,
    /// The command's name.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it was called: `.` the workspace, a path below it, or an absolute one.
    pub directory: String,
    /// What it was given on standard input, at most 64 KiB; absent when it was given none, or does not read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// The reply that was given, from 1 in the scenario's order; absent when none fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<u32>,
    /// Values that it set, for later calls of the same command; of each at most 64 KiB.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// Its exit code; absent when it did not come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
}
