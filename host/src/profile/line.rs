//! What one line of an agent's standard output says, in words that all agents share.

use crate::document::{Event, Terminal};

/// What one line of standard output says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// The normalised event; `turn` and `line` are filled in by the caller.
    pub event: Event,
    /// The session it names.
    pub session: Option<String>,
    /// What it says of the end of the turn. The last word counts.
    pub terminal: Option<Terminal>,
    /// Whether it takes back what was said of the end: the agent goes on.
    pub reopens: bool,
    /// What it says of usage.
    pub usage: Option<UsageReport>,
    /// Whether the agent has nothing more to do, though its terminal line is still to come.
    pub is_last_word: bool,
    /// Whether its message goes on where the one before it ended.
    pub is_part: bool,
    /// Whether it is a race how often such a line comes in a row: the last one counts.
    pub may_repeat: bool,
    /// Whether it is a race how often such a line comes and what it holds. It is kept in the raw output and becomes no
    /// event.
    pub is_racy: bool,
}

/// What an agent says it used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageReport {
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Cost in millionths of a US dollar, where it says so.
    pub cost_microdollars: Option<u64>,
    /// Of what.
    pub scope: UsageScope,
}

/// What a report of usage is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageScope {
    /// One model request: reports add up.
    Step,
    /// The turn: the last report counts.
    Turn,
    /// The session so far, with earlier turns: what a turn used is the difference.
    Session,
}
