//! Causality: which step of a lane a request reaches.
//!
//! Pure. A request goes on with the conversation whose transcript it extends, or opens a new one; arrival order,
//! counters and wording decide nothing. What fits no step, or fits two conversations, fits none.

use std::collections::BTreeSet;

use super::conversation::{Difference, Entries, Entry, Relation, quote, relate};
use super::script::{Action, Prepared, ScriptStep};

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
    base: Vec<Entry>,
    emitted: Vec<Entry>,
    complete: bool,
}

/// Why a request opens no conversation.
enum Refused {
    /// Whatever else it may be.
    Finally(Mismatch),
    /// This, where it is near no conversation.
    Unless(String),
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
        let prepared =
            prepare(&self.steps[step]).map_err(|difference| Mismatch { nearest_step: number, difference })?;
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
                return Ok(Served { conversation: 0, step, attempt: 1, surplus: false, action });
            }
        };
        let scripted = &mut self.steps[step];
        let surplus = scripted.complete;
        let action = scripted.attempt(prepared);
        let emits = match &action {
            Action::Reply | Action::Default => true,
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
        let prepared =
            prepare(&self.steps[step]).map_err(|difference| Mismatch { nearest_step: number, difference })?;
        let scripted = &mut self.steps[step];
        let action = scripted.attempt(prepared);
        Ok(Served { conversation: 0, step, attempt: scripted.arrived, surplus: false, action })
    }

    /// Where a request belongs: in a conversation, or at the beginning of one.
    fn place(&self, now: &Entries, moment: Moment<'_>) -> Result<Place, Mismatch> {
        let mut places = Vec::new();
        let mut nearest: Option<(usize, Mismatch)> = None;
        for conversation in 0..self.conversations.len() {
            match self.place_in(conversation, now, moment) {
                Ok(place) => places.push((conversation, place)),
                Err(difference) => {
                    if nearest.as_ref().is_none_or(|(agreed, _)| difference.agreed > *agreed) {
                        nearest = Some((difference.agreed, self.mismatch(conversation, difference)));
                    }
                }
            }
        }
        let own = |(conversation, _): &&(usize, Place)| {
            moment.session.is_some() && self.conversations[*conversation].session.as_deref() == moment.session
        };
        match places[..] {
            [] => {}
            [(_, place)] => return Ok(place),
            [(first, _), ..] => {
                let mut of_its_session = places.iter().filter(own);
                return match (of_its_session.next(), of_its_session.next()) {
                    (Some((_, place)), None) => Ok(*place),
                    _ => Err(self.ambiguous(first)),
                };
            }
        }
        match self.opening(now, moment) {
            Ok(place) => Ok(place),
            Err(refused) => Err(match (nearest, refused) {
                (_, Refused::Finally(mismatch)) => mismatch,
                (Some((_, mismatch)), Refused::Unless(_)) => mismatch,
                (None, Refused::Unless(difference)) => Mismatch {
                    nearest_step: self.first_open_step().map_or(0, |step| self.steps[step].step.number),
                    difference,
                },
            }),
        }
    }

    /// The step with which a new conversation begins.
    fn opening(&self, now: &Entries, moment: Moment<'_>) -> Result<Place, Refused> {
        if let Some(place) = self.prompted(now).map_err(Refused::Finally)? {
            return Ok(place);
        }
        let why_not = match self.why_it_may_not_open(now, moment) {
            None => match self.first_open_step() {
                Ok(step) => return Ok(Place::Opens(step)),
                Err(mismatch) => Refused::Finally(mismatch),
            },
            Some(reason) => Refused::Unless(reason),
        };
        self.repeated(now).map(Place::Repeats).ok_or(why_not)
    }

    /// The conversation whose prompt a message of the user is, or else holds.
    fn prompted(&self, now: &Entries) -> Result<Option<Place>, Mismatch> {
        let holds = |fits: &dyn Fn(&str, &str) -> bool| -> Vec<usize> {
            (0..self.steps.len())
                .filter(|&at| {
                    let step = &self.steps[at];
                    let prompt = step.step.opened_by.as_deref().filter(|_| !step.taken && !step.step.repeat);
                    prompt.is_some_and(|prompt| now.users().any(|text| fits(text, prompt)))
                })
                .collect()
        };
        let mut fitting = holds(&|text, prompt| text.trim() == prompt);
        if fitting.is_empty() {
            fitting = holds(&|text, prompt| text.contains(prompt));
        }
        match fitting[..] {
            [] => Ok(None),
            [step] => Ok(Some(Place::Opens(step))),
            [first, second, ..] => Err(Mismatch {
                nearest_step: self.steps[first].step.number,
                difference: format!(
                    "it could open the conversation of step {} and that of step {}",
                    self.steps[first].step.number, self.steps[second].step.number
                ),
            }),
        }
    }

    /// The step of a conversation that keeps nothing: after the step whose calls the end of the transcript answers,
    /// or the first.
    fn repeated(&self, now: &Entries) -> Option<usize> {
        let answered = now.answered_since_the_user();
        let follows = (1..self.steps.len()).rev().find(|&at| {
            self.steps[at].step.repeat
                && self.steps[at].step.opened_by.is_none()
                && self.steps[at - 1].issues_only(&answered)
        });
        follows.or_else(|| {
            let begins = |at: usize| at == 0 || !self.steps[at - 1].calls_tools();
            let first = |prompted: bool| {
                (0..self.steps.len()).find(|&at| {
                    let step = &self.steps[at].step;
                    let opens = match (&step.opened_by, prompted) {
                        (Some(prompt), true) => now.users().any(|text| text.contains(prompt.as_str())),
                        (None, false) => begins(at),
                        _ => false,
                    };
                    step.repeat && opens && answered.is_empty()
                })
            };
            first(true).or_else(|| first(false))
        })
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
                    let prompted = if moment.free {
                        !users.is_empty()
                    } else {
                        moment.resumes
                            && attempt.turn < moment.turn
                            && users.iter().any(|text| text.contains(moment.prompt.trim()))
                    };
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
        match self.rewritten(conversation, moment) {
            Some(place) => Ok(place),
            None => Err(nearest.unwrap_or_else(|| now.unprompted(0))),
        }
    }

    /// Agents replace a long history by its summary: the conversation goes on where it was, however it begins now.
    fn rewritten(&self, conversation: usize, moment: Moment<'_>) -> Option<Place> {
        let Conversation { session, attempts, .. } = &self.conversations[conversation];
        let last = attempts.last()?;
        let is_known = |summary: &String| {
            last.base.iter().any(|entry| matches!(entry, Entry::User(text) | Entry::Assistant(text) if text.contains(summary.as_str())))
        };
        let is_new = moment.summaries.iter().any(|summary| !is_known(summary));
        let is_its_own = moment.session.is_none() || session.as_deref() == moment.session;
        (is_new && is_its_own).then_some(if last.complete {
            Place::Next(conversation)
        } else {
            Place::Again(conversation)
        })
    }

    fn why_it_may_not_open(&self, now: &Entries, moment: Moment<'_>) -> Option<String> {
        let own_call = now.list.iter().find_map(|entry| match entry {
            Entry::Call { call, .. } | Entry::Result { call, .. } if self.issued(call) => Some(call),
            _ => None,
        });
        if let Some(call) = own_call {
            return Some(format!("it holds call {} of a conversation it does not go on with", quote(call)));
        }
        if self.name != "main" || moment.free {
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
        let prompted = self.steps.iter().position(|step| step.step.opened_by.is_some());
        (0..prompted.unwrap_or(self.steps.len()))
            .find(|&at| {
                let step = &self.steps[at];
                !step.taken && !step.step.repeat && (at == 0 || !self.steps[at - 1].calls_tools())
            })
            .ok_or_else(|| self.exhausted(self.steps.last().map_or(0, |step| step.step.number)))
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

    fn ambiguous(&self, conversation: usize) -> Mismatch {
        let step = self.conversations[conversation].step;
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
