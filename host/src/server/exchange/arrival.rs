//! A request on its way into the capture, and the answers that no step gives.

use crate::document::{ReplyKind, Request};
use crate::scenario;

use super::step::head;
use super::{State, TERMINAL_STATUS};
use crate::server::answer::{Manner, reply};
use crate::server::lane::Mismatch;
use crate::server::protocol::{Answer, Decoded, Refusal};
use crate::server::share::SharedBytes;
use crate::server::takeover::Outgoing;

/// A request on its way into the capture.
pub(super) struct Arrival {
    /// What is known of it so far.
    pub(super) request: Request,
    /// Its body as it came.
    pub(super) bytes: SharedBytes,
    /// How it is answered.
    pub(super) manner: Manner,
}

impl State {
    /// Whether every step has served its reply; never where one may be repeated.
    pub(super) fn is_used_up(&self) -> bool {
        self.lanes.values().flat_map(|lane| &lane.steps).all(|step| step.complete && !step.step.repeat)
    }

    /// Keeps a request that has its answer, and tells the gates of it.
    pub(super) fn note(&mut self, request: Request, bytes: SharedBytes) -> usize {
        let (lane, step) = (request.lane.clone(), request.step);
        let position = self.capture.push(request, bytes);
        self.gates.arrived(&lane, step, position);
        position
    }

    /// Answers without the script.
    pub(super) fn default_answer(&mut self, mut arrival: Arrival, lane: &str, answer: Answer) -> Outgoing {
        arrival.request.lane = lane.to_owned();
        arrival.request.reply = reply(answer.status, ReplyKind::Default, answer.detail.clone());
        let position = self.note(arrival.request, arrival.bytes);
        Outgoing::plain(answer, position)
    }

    /// Refuses what is near no step.
    pub(super) fn refuse(&mut self, arrival: Arrival, lane: &str, difference: String) -> Outgoing {
        self.unmatched(arrival, lane, Mismatch { nearest_step: 0, difference })
    }

    /// Refuses what fits no step.
    pub(super) fn unmatched(&mut self, mut arrival: Arrival, lane: &str, mismatch: Mismatch) -> Outgoing {
        let nearest = match mismatch.nearest_step {
            0 => String::new(),
            step => format!(", nearest step {step}"),
        };
        let message = format!("no step of the script fits: lane {lane}{nearest}: {}", mismatch.difference);
        arrival.request.lane = lane.to_owned();
        arrival.request.reply = reply(TERMINAL_STATUS, ReplyKind::Unmatched, mismatch.difference.clone());
        let answer = arrival.manner.refusal(&Refusal::new(TERMINAL_STATUS, "unmatched_request", message));
        let position = self.note(arrival.request, arrival.bytes);
        self.capture.unmatched(position, mismatch);
        Outgoing::plain(answer, position)
    }

    /// Answers codex' `generate: false`: it waits for `response.completed` and builds on its identifier.
    pub(super) fn prewarm(&mut self, arrival: &Arrival, decoded: Decoded) -> Answer {
        self.prewarms += 1;
        let id = format!("prewarm_{}", self.prewarms);
        let answer = arrival
            .manner
            .reply(&head(&id, "prewarm", &arrival.request, &decoded, &scenario::Manner::default()), &[]);
        self.responses.remember("prewarm", format!("resp_{id}"), decoded.wire_items);
        answer
    }
}
