//! Causality: which step of a lane a request reaches.
//!
//! Pure. A request goes on with the conversation whose transcript it extends, or opens a new one; arrival order,
//! counters and wording decide nothing. What fits no step, or fits two conversations, fits none.

mod opening;
mod place;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::conversation::{Entries, Entry};
use super::script::{Action, Prepared, ScriptStep};
use crate::scenario::Values;

/// When a request arrives, and what it says of its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    /// The turn, from 1.
    pub(super) turn: u32,
    /// What the agent was asked in it.
    pub(super) prompt: &'a str,
    /// Whether the turn goes on with the session of the one before.
    pub(super) resumes: bool,
    /// The session the request names.
    pub(super) session: Option<&'a str>,
    /// Whether nobody begins turns: clients come and go as they like.
    pub(super) free: bool,
    /// Texts by which agents replaced the history of conversations, and which the request holds.
    pub(super) summaries: &'a [String],
}

/// The steps and conversations of one role of traffic.
pub(super) struct Lane {
    name: String,
    /// In order of their numbers.
    pub(super) steps: Vec<ScriptStep>,
    conversations: Vec<Conversation>,
    opened_in_turns: BTreeSet<u32>,
}

#[derive(Debug)]
struct Conversation {
    session: Option<String>,
    /// Position of the step reached last.
    step: usize,
    /// Attempts of that step.
    attempts: Vec<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    turn: u32,
    base: Arc<[Entry]>,
    emitted: Vec<Entry>,
    complete: bool,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Served {
    /// The conversation, from 1; 0 where none is kept.
    pub(super) conversation: u32,
    /// Position of the step in the lane.
    pub(super) step: usize,
    /// The attempt, from 1.
    pub(super) attempt: u32,
    /// Whether the step's reply had been served before.
    pub(super) surplus: bool,
    /// What it is answered with.
    pub(super) action: Action,
    /// The values it brought.
    pub(super) brought: Values,
}

/// Why a request fits no step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// Number of the step that comes nearest; 0 when there is none.
    pub(super) nearest_step: u32,
    /// For people.
    pub(super) difference: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The step that this conversation reached last.
    Again(usize),
    /// The step after it.
    Next(usize),
    /// A new conversation, which begins with this step.
    Opens(usize),
    /// A step that keeps no conversations.
    Repeats(usize),
}

impl Lane {
    /// A lane without conversations.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            steps: Vec::new(),
            conversations: Vec::new(),
            opened_in_turns: BTreeSet::new(),
        }
    }

    /// Finds the step a request reaches, and counts the attempt. `prepare` makes the step's reply ready.
    ///
    /// # Errors
    /// When it reaches none, or no reply can be given; nothing has changed then.
    pub(super) fn serve(
        &mut self,
        now: &Entries,
        moment: Moment<'_>,
        prepare: impl FnOnce(&ScriptStep) -> Result<Prepared, String>,
    ) -> Result<Served, Mismatch> {
        let place = self.place(now, moment)?;
        let step = match place {
            Place::Again(conversation) => self.conversations[conversation].step,
            Place::Next(conversation) => self.step_after(conversation)?,
            Place::Opens(step) | Place::Repeats(step) => step,
        };
        let number = self.steps[step].step.number;
        let mut prepared =
            prepare(&self.steps[step]).map_err(|difference| Mismatch { nearest_step: number, difference })?;
        let brought = std::mem::take(&mut prepared.values);
        let conversation = match place {
            Place::Again(conversation) => conversation,
            Place::Next(conversation) => {
                self.conversations[conversation].step = step;
                self.conversations[conversation].attempts.clear();
                conversation
            }
            Place::Opens(step) => {
                if self.steps[step].step.opened_by.is_none() {
                    self.opened_in_turns.insert(moment.turn);
                }
                let session = moment.session.map(str::to_owned);
                self.conversations.push(Conversation { session, step, attempts: Vec::new() });
                self.conversations.len() - 1
            }
            Place::Repeats(step) => {
                // Nothing is kept of it, however often it comes.
                let scripted = &mut self.steps[step];
                scripted.arrived = 0;
                let action = scripted.attempt(prepared);
                return Ok(Served { conversation: 0, step, attempt: 1, surplus: false, action, brought });
            }
        };
        let scripted = &mut self.steps[step];
        let surplus = scripted.complete;
        let action = scripted.attempt(prepared);
        let emits = match &action {
            Action::Reply | Action::Default => true,
            Action::Fail { fault, .. } => super::fault::emits_items(fault),
        };
        let attempts = &mut self.conversations[conversation].attempts;
        // A retry brings the same again, however long it is.
        let base = match attempts.last() {
            Some(last) if *last.base == *now.list => Arc::clone(&last.base),
            _ => now.list.as_slice().into(),
        };
        attempts.push(Attempt {
            turn: moment.turn,
            base,
            emitted: if emits { scripted.emitted.clone() } else { Vec::new() },
            complete: scripted.complete,
        });
        Ok(Served {
            conversation: conversation as u32 + 1,
            step,
            attempt: scripted.arrived,
            surplus,
            action,
            brought,
        })
    }

    /// Serves the requests of a lane that hold no conversation: its steps in order, each until its reply is served.
    ///
    /// # Errors
    /// When all of them have been served.
    pub(super) fn serve_in_order(
        &mut self,
        prepare: impl FnOnce(&ScriptStep) -> Result<Prepared, String>,
    ) -> Result<Served, Mismatch> {
        let step = (0..self.steps.len())
            .find(|&at| self.steps[at].step.repeat || self.steps[at].awaits_attempts())
            .ok_or_else(|| self.exhausted(self.steps.last().map_or(0, |step| step.step.number)))?;
        let number = self.steps[step].step.number;
        let mut prepared =
            prepare(&self.steps[step]).map_err(|difference| Mismatch { nearest_step: number, difference })?;
        let brought = std::mem::take(&mut prepared.values);
        let scripted = &mut self.steps[step];
        let action = scripted.attempt(prepared);
        Ok(Served { conversation: 0, step, attempt: scripted.arrived, surplus: false, action, brought })
    }

    fn step_after(&self, conversation: usize) -> Result<usize, Mismatch> {
        let last = self.conversations[conversation].step;
        let number = self.steps[last].step.number;
        match self.steps.get(last + 1).filter(|next| next.step.opened_by.is_none() && !next.step.repeat) {
            None => Err(self.exhausted(number)),
            Some(next) if next.taken => Err(Mismatch {
                nearest_step: next.step.number,
                difference: format!("step {} has been reached by another conversation", next.step.number),
            }),
            Some(_) => Ok(last + 1),
        }
    }

    fn exhausted(&self, number: u32) -> Mismatch {
        let difference = match number {
            0 => format!("the script has no step of lane {}", self.name),
            _ => format!("the script of lane {} has no step after {number}", self.name),
        };
        Mismatch { nearest_step: number, difference }
    }
}
