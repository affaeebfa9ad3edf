//! A request on its way into the capture, and the answers that no step gives.

use std::sync::Arc;

use crate::document::{ReplyKind, Request};
use crate::scenario::{self, Endpoint};

use super::step::head;
use super::{State, TERMINAL_STATUS};
use crate::server::answer::{Manner, reply};
use crate::server::capture::FOREIGN;
use crate::server::lane::Mismatch;
use crate::server::part::Part;
use crate::server::protocol::{Answer, Decoded, Refusal};
use crate::server::request::is_inline;
use crate::server::share::{Kept, SharedBytes};
use crate::server::takeover::Outgoing;
use crate::server::upstream::Forward;

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

    /// Refuses a request that is not the agent's. It uses up nothing, and of its body no more is kept than the document
    /// holds.
    pub(super) fn foreign(&mut self, mut arrival: Arrival, bytes: &[u8]) -> Outgoing {
        if is_inline(bytes.len()) {
            arrival.bytes = self.capture.keep_foreign(bytes).unwrap_or_default();
        }
        let message = "this request has not the key of the run, so it is not the agent's: it was recorded and used up nothing";
        let answer =
            arrival.manner.refusal(&Refusal::new(TERMINAL_STATUS, "foreign_request", message.to_owned()));
        if !self.capture.has_foreign_room() {
            self.capture.more_foreign();
            return Outgoing::plain(answer, self.capture.len());
        }
        arrival.request.lane = String::from(FOREIGN);
        arrival.request.reply =
            reply(TERMINAL_STATUS, ReplyKind::Foreign, String::from("without the run's key"));
        let position = self.note(arrival.request, arrival.bytes);
        Outgoing::plain(answer, position)
    }

    /// Refuses a request for which there is no room any more; that there was one is told.
    pub(super) fn beyond_room(&mut self, arrival: &Arrival) -> Outgoing {
        let message = "more was sent in this run than may be captured";
        self.capture.refused_connection("capture-limit", message.to_owned());
        let refusal = Refusal::new(TERMINAL_STATUS, "capture_limit", message.to_owned());
        Outgoing::plain(arrival.manner.refusal(&refusal), self.capture.len())
    }

    /// Sends a request on to a real endpoint.
    pub(super) fn forwarded(&mut self, mut arrival: Arrival, lane: &str, endpoint: Endpoint) -> Outgoing {
        let request = &mut arrival.request;
        request.lane = lane.to_owned();
        request.reply = reply(0, ReplyKind::Upstream, String::new());
        let forward = Forward {
            method: request.method.clone(),
            target: request.path.clone(),
            headers: request.headers.clone(),
            body: Vec::new(),
            endpoint,
        };
        let message = format!("{} gave no answer for lane {lane}", forward.endpoint);
        let answer = arrival.manner.refusal(&Refusal::new(TERMINAL_STATUS, "upstream_unreachable", message));
        let position = self.note(arrival.request, arrival.bytes);
        Outgoing { forward: Some(Box::new(forward)), ..Outgoing::plain(answer, position) }
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

    /// What the model says where nothing is scripted; later requests may build on it.
    pub(super) fn reply_by_default(
        &mut self,
        arrival: &Arrival,
        lane: &str,
        decoded: Decoded,
        parts: &[Part],
    ) -> Answer {
        let count = self.defaults.entry(lane.to_owned()).or_default();
        *count += 1;
        let id = format!("{lane}_{count}");
        let head = head(&id, lane, &arrival.request, &decoded, &scenario::Manner::default());
        let answer = arrival.manner.reply(&head, parts);
        let mut items = decoded.wire_items;
        items.extend(arrival.manner.format.remembered(&head, parts).into_iter().map(Arc::new));
        self.responses.remember(lane, format!("resp_{id}"), items, Kept::Always, self.capture.store());
        if lane == "compaction" {
            self.summaries.extend(parts.iter().map(Part::whole));
        }
        answer
    }
}
