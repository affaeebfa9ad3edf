//! Causality: which step of a lane a request reaches.
//!
//! Pure. A request goes on with the conversation whose transcript it extends, or opens a new one; arrival order,
//! counters and wording decide nothing. What fits no step, or fits two conversations, fits none.

use std::collections::BTreeSet;

use super::conversation::{Difference, Entries, Entry, Relation, quote, relate};
use super::script::{Action, ScriptStep};

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
}

/// The steps and conversations of one role of traffic.
#[derive(Debug)]
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
    base: Vec<Entry>,
    emitted: Vec<Entry>,
    complete: bool,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Served {
    /// The conversation, from 1.
    pub(super) conversation: u32,
    /// Position of the step in the lane.
    pub(super) step: usize,
    /// The attempt, from 1.
    pub(super) attempt: u32,
    /// Whether the step's reply had been served before.
    pub(super) surplus: bool,
    /// What it is answered with.
    pub(super) action: Action,
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
    Again(usize),
    Next(usize),
}

impl Place {
    fn conversation(self) -> usize {
        match self {
            Self::Again(conversation) | Self::Next(conversation) => conversation,
        }
    }
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

    /// Finds the step a request reaches, and counts the attempt.
    ///
    /// # Errors
    /// When it reaches none; nothing has changed then.
    pub(super) fn serve(&mut self, now: &Entries, moment: Moment<'_>) -> Result<Served, Mismatch> {
        let (conversation, step) = match self.place(now, moment)? {
            Some(Place::Again(conversation)) => (conversation, self.conversations[conversation].step),
            Some(Place::Next(conversation)) => {
                let step = self.step_after(conversation)?;
                self.conversations[conversation].step = step;
                self.conversations[conversation].attempts.clear();
                (conversation, step)
            }
            None => {
                let step = self.first_open_step()?;
                self.opened_in_turns.insert(moment.turn);
                let session = moment.session.map(str::to_owned);
                self.conversations.push(Conversation { session, step, attempts: Vec::new() });
                (self.conversations.len() - 1, step)
            }
        };
        let scripted = &mut self.steps[step];
        let surplus = scripted.complete;
        let action = scripted.attempt();
        let emits = match &action {
            Action::Reply => true,
            Action::Fail { fault, .. } => super::fault::emits_items(fault),
        };
        self.conversations[conversation].attempts.push(Attempt {
            turn: moment.turn,
            base: now.list.clone(),
            emitted: if emits { scripted.emitted.clone() } else { Vec::new() },
            complete: scripted.complete,
        });
        Ok(Served { conversation: conversation as u32 + 1, step, attempt: scripted.arrived, surplus, action })
    }

    /// The conversation a request goes on with; none when it opens one.
    fn place(&self, now: &Entries, moment: Moment<'_>) -> Result<Option<Place>, Mismatch> {
        let mut places = Vec::new();
        let mut nearest: Option<(usize, Mismatch)> = None;
        for conversation in 0..self.conversations.len() {
            match self.place_in(conversation, now, moment) {
                Ok(place) => places.push(place),
                Err(difference) => {
                    if nearest.as_ref().is_none_or(|(agreed, _)| difference.agreed > *agreed) {
                        nearest = Some((difference.agreed, self.mismatch(conversation, difference)));
                    }
                }
            }
        }
        let own = |place: &&Place| {
            moment.session.is_some()
                && self.conversations[place.conversation()].session.as_deref() == moment.session
        };
        match places[..] {
            [] => {}
            [place] => return Ok(Some(place)),
            [first, ..] => {
                let mut of_its_session = places.iter().filter(own);
                return match (of_its_session.next(), of_its_session.next()) {
                    (Some(place), None) => Ok(Some(*place)),
                    _ => Err(self.ambiguous(first)),
                };
            }
        }
        match self.why_it_may_not_open(now, moment) {
            None => Ok(None),
            Some(reason) => Err(nearest.map_or_else(
                || Mismatch {
                    nearest_step: self.first_open_step().map_or(0, |step| self.steps[step].step.number),
                    difference: reason,
                },
                |(_, mismatch)| mismatch,
            )),
        }
    }

    fn place_in(&self, conversation: usize, now: &Entries, moment: Moment<'_>) -> Result<Place, Difference> {
        let mut nearest: Option<Difference> = None;
        let mut keep = |difference: Difference| {
            if nearest.as_ref().is_none_or(|kept| difference.agreed > kept.agreed) {
                nearest = Some(difference);
            }
        };
        // The last attempt first: agents that keep a partial reply have it in their transcript from then on.
        for attempt in self.conversations[conversation].attempts.iter().rev() {
            match relate(&attempt.base, &attempt.emitted, now) {
                Relation::Again if attempt.turn == moment.turn => return Ok(Place::Again(conversation)),
                Relation::Again => keep(Difference {
                    agreed: now.list.len(),
                    sentence: format!(
                        "end of the transcript: expected more than was sent in turn {}, which is over",
                        attempt.turn
                    ),
                }),
                Relation::Differs(difference) => keep(difference),
                Relation::Beyond { first_user, .. } if !attempt.complete => {
                    keep(now.premature(first_user));
                }
                Relation::Beyond { unanswered, users, first_user } => {
                    let prompted = moment.resumes
                        && attempt.turn < moment.turn
                        && users.iter().any(|text| text.contains(moment.prompt.trim()));
                    let calls = attempt.emitted.iter().any(|entry| matches!(entry, Entry::Call { .. }));
                    match unanswered {
                        _ if prompted => return Ok(Place::Next(conversation)),
                        None if calls => return Ok(Place::Next(conversation)),
                        None => keep(now.unprompted(first_user)),
                        Some(difference) => keep(difference),
                    }
                }
            }
        }
        Err(nearest.unwrap_or_else(|| now.unprompted(0)))
    }

    fn why_it_may_not_open(&self, now: &Entries, moment: Moment<'_>) -> Option<String> {
        let own_call = now.list.iter().find_map(|entry| match entry {
            Entry::Call { call, .. } | Entry::Result { call, .. } if self.issued(call) => Some(call),
            _ => None,
        });
        if let Some(call) = own_call {
            return Some(format!("it holds call {} of a conversation it does not go on with", quote(call)));
        }
        if self.name != "main" {
            return None;
        }
        let turn = moment.turn;
        if turn == 0 {
            return Some(String::from("no turn has begun"));
        }
        if moment.resumes && turn > 1 {
            return Some(format!("turn {turn} resumes, and there is no conversation it goes on with"));
        }
        if self.opened_in_turns.contains(&turn) {
            return Some(format!("turn {turn} has opened its conversation already"));
        }
        match now.last_user() {
            Some(text) if text.contains(moment.prompt.trim()) => None,
            Some(text) => {
                Some(format!("the last user message {} does not hold the prompt of turn {turn}", quote(text)))
            }
            None => Some(String::from("there is no message of the user")),
        }
    }

    fn issued(&self, id: &str) -> bool {
        self.steps
            .iter()
            .filter(|step| step.taken)
            .flat_map(|step| &step.emitted)
            .any(|entry| matches!(entry, Entry::Call { call, .. } if call == id))
    }

    /// The first step that no conversation has reached and that does not answer another step's calls.
    fn first_open_step(&self) -> Result<usize, Mismatch> {
        (0..self.steps.len())
            .find(|&at| !self.steps[at].taken && (at == 0 || !self.steps[at - 1].calls_tools()))
            .ok_or_else(|| self.exhausted(self.steps.last().map_or(0, |step| step.step.number)))
    }

    fn step_after(&self, conversation: usize) -> Result<usize, Mismatch> {
        let last = self.conversations[conversation].step;
        let number = self.steps[last].step.number;
        match self.steps.get(last + 1) {
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

    fn ambiguous(&self, place: Place) -> Mismatch {
        let step = self.conversations[place.conversation()].step;
        Mismatch {
            nearest_step: self.steps[step].step.number,
            difference: String::from("it goes on with more than one conversation equally well"),
        }
    }

    fn mismatch(&self, conversation: usize, difference: Difference) -> Mismatch {
        let last = self.conversations[conversation].step;
        let nearest = self.steps.get(last + 1).unwrap_or(&self.steps[last]);
        Mismatch { nearest_step: nearest.step.number, difference: difference.sentence }
    }
}
