//! The steps of a script, translated for one agent, and how far each has been served.
//!
//! Pure. Which request reaches which step is for `lane` to say.

use crate::document::Item;
use crate::profile::Profile;
use crate::scenario::{Expectation, Fault, Manner, Reply, Step, WireEvent};

use super::conversation::{Entry, quote};
use super::part::{Part, translated};
use super::protocol::said;

/// A step and how far it has been served.
#[derive(Clone, Debug)]
pub(super) struct ScriptStep {
    /// As scripted.
    pub(super) step: Step,
    /// The items of its reply; none when the reply is a failure or written out.
    pub(super) parts: Vec<Part>,
    /// The reply where it is written out.
    pub(super) events: Vec<WireEvent>,
    /// What an agent understands of the whole reply.
    pub(super) items: Vec<Item>,
    /// The same as entries of a conversation.
    pub(super) emitted: Vec<Entry>,
    /// Attempts that have arrived.
    pub(super) arrived: u32,
    /// Whether the final reply has been served.
    pub(super) complete: bool,
    /// Whether a conversation has reached it.
    pub(super) taken: bool,
}

/// What one attempt is answered with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// The reply's items.
    Reply,
    /// A failure.
    Fail {
        /// Which.
        fault: Fault,
        /// Whether the step ends with it.
        last: bool,
    },
}

impl ScriptStep {
    /// Translates a step.
    ///
    /// # Errors
    /// What the profile says of a tool it can't translate.
    pub(super) fn new(step: Step, profile: &dyn Profile) -> Result<Self, String> {
        let parts = translated(&step.reply, profile)?;
        let events = match &step.reply {
            Reply::Events(events) => events.clone(),
            Reply::Items { .. } | Reply::Fail(_) => Vec::new(),
        };
        let items = if events.is_empty() { parts.iter().map(Part::item).collect() } else { said(&events) };
        let emitted = items.iter().filter_map(Entry::of).collect();
        Ok(Self { step, parts, events, items, emitted, arrived: 0, complete: false, taken: false })
    }

    /// Whether the agent answers this step by itself, so that the next step belongs to the same conversation.
    pub(super) fn calls_tools(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Call { .. }))
    }

    /// Counts an attempt, and says what it is answered with.
    pub(super) fn attempt(&mut self) -> Action {
        self.taken = true;
        self.arrived += 1;
        if let Some(fault) = self.step.faults.get(self.arrived as usize - 1) {
            return Action::Fail { fault: fault.clone(), last: false };
        }
        self.complete = true;
        match &self.step.reply {
            Reply::Items { .. } | Reply::Events(_) => Action::Reply,
            Reply::Fail(fault) => Action::Fail { fault: fault.clone(), last: true },
        }
    }

    /// How its reply is put.
    pub(super) fn manner(&self) -> Manner {
        match &self.step.reply {
            Reply::Items { manner, .. } => manner.clone(),
            Reply::Events(_) | Reply::Fail(_) => Manner::default(),
        }
    }

    /// The expectations that a transcript does not meet, for people.
    pub(super) fn unmet(&self, transcript: &[Item]) -> Vec<String> {
        self.step.expect.iter().filter_map(|expectation| unmet(expectation, transcript)).collect()
    }
}

fn unmet(expectation: &Expectation, transcript: &[Item]) -> Option<String> {
    let Expectation::ToolResult { call, contains } = expectation;
    let result = transcript.iter().enumerate().find_map(|(position, item)| match item {
        Item::Result { call: of, output } if of == call => Some((position, output)),
        _ => None,
    });
    match result {
        None => Some(format!("expected the result of call {}, and there is none", quote(call))),
        Some((_, output)) if output.contains(contains.as_str()) => None,
        Some((position, output)) => Some(format!(
            "transcript item {position}: expected the result of call {} to contain {}, got {}",
            quote(call),
            quote(contains),
            quote(output)
        )),
    }
}
