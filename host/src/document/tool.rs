//! What agents say around the output of a tool, in fields of its own.

use serde::{Deserialize, Serialize};

/// What an agent wrote around a tool's output. What it did not write is absent; what differs from run to run is a
/// symbol here as it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolFacts {
    /// Exit code of a command, where the agent tells the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i64>,
    /// Its name of this piece of output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk: Option<String>,
    /// Seconds it says the tool took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_time: Option<String>,
    /// Its name of a command that still runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The process group that it says the command has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_group: Option<String>,
}

/// What one tool gave back, as a request tells the model for the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolOutput {
    /// Position in the request's transcript.
    pub item: u32,
    /// Identifier of the call.
    pub call: String,
    /// What the agent wrote around it.
    pub facts: ToolFacts,
}
