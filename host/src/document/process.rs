//! Section `processes`: what an agent left behind.

use serde::{Deserialize, Serialize};

/// A command line is kept up to this many characters.
pub const COMMAND_LINE_LIMIT: usize = 1024;

/// Processes named in one document; a fork bomb is not told one by one.
pub const PROCESSES_LIMIT: usize = 200;

/// A process that was still there 100 ms after the agent of its turn had ended. The host ended it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftProcess {
    /// The turn, from 1.
    pub turn: u32,
    /// File name of the first word of its command line, such as `sleep`; the kernel's name for it where it has none.
    pub name: String,
    /// Its command line, words separated by a blank, at most 1024 characters. It is the agent's text: renderers
    /// escape it.
    pub command: String,
    /// What ended it.
    pub end: ProcessEnd,
}

/// What ended a process that was left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessEnd {
    /// SIGTERM.
    #[default]
    Terminated,
    /// SIGKILL, half a second after SIGTERM.
    Killed,
    /// Nothing: it is not the host's to end, or can't be (another user's, or stuck in the kernel).
    Remains,
}
