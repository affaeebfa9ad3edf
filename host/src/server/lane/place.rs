//! Where a request belongs: in a conversation that its transcript extends.

use super::opening::Refused;
use super::{Conversation, Lane, Mismatch, Moment, Place};
use crate::server::conversation::{Difference, Entries, Entry, Relation, relate};

impl Lane {
    /// Where a request belongs: in a conversation, or at the beginning of one.
    pub(super) fn place(&self, now: &Entries, moment: Moment<'_>) -> Result<Place, Mismatch> {
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
