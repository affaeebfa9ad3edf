//! Which conversation a request begins, when it goes on with none.

use super::{Lane, Mismatch, Moment, Place};
use crate::server::conversation::{Entries, Entry, quote};

/// Why a request opens no conversation.
pub(super) enum Refused {
    /// Whatever else it may be.
    Finally(Mismatch),
    /// This, where it is near no conversation.
    Unless(String),
}

impl Lane {
    /// The step with which a new conversation begins.
    pub(super) fn opening(&self, now: &Entries, moment: Moment<'_>) -> Result<Place, Refused> {
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
    pub(super) fn first_open_step(&self) -> Result<usize, Mismatch> {
        let prompted = self.steps.iter().position(|step| step.step.opened_by.is_some());
        (0..prompted.unwrap_or(self.steps.len()))
            .find(|&at| {
                let step = &self.steps[at];
                !step.taken && !step.step.repeat && (at == 0 || !self.steps[at - 1].calls_tools())
            })
            .ok_or_else(|| self.exhausted(self.steps.last().map_or(0, |step| step.step.number)))
    }
}
