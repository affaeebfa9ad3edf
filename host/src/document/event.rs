//! Sections `events`, `stdout` and `stderr`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line the agent printed, in words all agents share. What a kind has nothing to say about is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// The turn it was printed in, from 1.
    pub turn: u32,
    /// Line of the turn's standard output, from 1.
    pub line: u32,
    /// What it is about.
    pub kind: EventKind,
    /// Whether it starts, updates or ends that.
    pub phase: Phase,
    /// The agent's own word for it, such as `item.completed/command_execution`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The tool's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The agent's identifier of the item or call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Message, reasoning or error text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Command line of a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What the command or tool gave back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What the agent wrote around that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<super::ToolFacts>,
    /// Exit code of a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i64>,
    /// Paths of a file change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The first member that stands twice in one object of the line; parsers disagree on which one counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_member: Option<String>,
    /// The line as JSON, or as text when it is not JSON.
    pub raw: Value,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The session, with its identifier.
    Session,
    /// The turn as a whole.
    Turn,
    /// A message of the agent.
    Message,
    /// The agent's reasoning.
    Reasoning,
    /// A command it runs.
    Command,
    /// Files it changes.
    FileChange,
    /// Another tool it calls.
    Tool,
    /// Tokens or money it says it used.
    Usage,
    /// It tries again.
    Retry,
    /// Something it wants to be known, and that stopped nothing.
    Warning,
    /// Something went wrong; fatal or not is for the turn's terminal event to say.
    Error,
    /// Known, and of no consequence by itself: a part of a message, the beginning of a step, an echo of the prompt.
    Progress,
    /// JSON the profile does not know: the agent's vocabulary has changed, or was never seen in full.
    #[default]
    Other,
    /// A line that is not a JSON object.
    Text,
}

/// Where in its life the thing an event is about stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It begins.
    Started,
    /// It goes on.
    Updated,
    /// It ended well, or ended and says how in its own fields.
    Completed,
    /// It ended badly.
    Failed,
    /// It has no duration.
    #[default]
    Instant,
}

/// What a turn wrote to one stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stream {
    /// The turn, from 1.
    pub turn: u32,
    /// Bytes written, kept or not; what was replaced by symbols counts as long as they are.
    pub bytes: u64,
    /// Whether bytes beyond the limit were dropped.
    pub truncated: bool,
    /// Lines of standard output beyond the limit that became no event; what was kept of them is in the blob.
    #[serde(skip_serializing_if = "is_zero")]
    pub lines_dropped: u64,
    /// The text when it is at most 64 KiB of UTF-8; the blob `stdout/<position>` or `stderr/<position>` always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
