//! From what a step does to what is sent and what is recorded of it.
//!
//! Pure. Which step it is, `lane` has decided; what it looks like on the wire, `protocol` knows.

use crate::document::{Reply, ReplyKind};
use crate::profile::Transport;
use crate::scenario::Fault;

use super::fault;
use super::part::Part;
use super::protocol::{Answer, Form, Frame, Head, Refusal, StreamEnd, WireFormat, delivered};
use super::script::Action;

/// How a request wants to be answered.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// The protocol.
    pub(super) format: &'static dyn WireFormat,
    /// What carries the answer.
    pub(super) transport: Transport,
    /// Whether it is a stream of events.
    pub(super) streams: bool,
}

impl Manner {
    /// A refusal in this manner.
    pub(super) fn refusal(&self, refusal: &Refusal) -> Answer {
        self.format.refusal(self.transport, refusal)
    }

    /// A whole reply.
    pub(super) fn reply(&self, head: &Head<'_>, parts: &[Part]) -> Answer {
        let answer = if self.streams {
            Answer::events(self.format.stream(head, parts), StreamEnd::Complete)
        } else {
            Answer::json(200, &self.format.whole(head, parts))
        };
        Answer { headers: self.format.reply_headers(head), ..answer }
    }

    /// A reply that is cut inside its first item.
    fn cut(&self, head: &Head<'_>, parts: &[Part]) -> Answer {
        if !self.streams {
            let mut body = self.format.whole(head, parts).to_string().into_bytes();
            body.truncate(body.len() / 2);
            let frames = vec![Frame::raw(body)];
            return Answer { form: Form::Json, ..Answer::events(frames, StreamEnd::Cut) };
        }
        let mut parts = parts.to_vec();
        if let Some(first) = parts.first_mut() {
            *first = first.halved();
        }
        let mut frames = self.format.stream(head, &parts);
        if let Some(at) = frames.iter().position(|frame| frame.piece.is_some()) {
            let is_complete = frames[at].piece.as_ref().is_some_and(|piece| piece.is_complete);
            frames.truncate(if is_complete { at } else { at + 1 });
        }
        Answer::events(frames, StreamEnd::Cut)
    }
}

/// The answer of an attempt, and what of the reply it leaves with the agent.
pub(super) fn render(
    manner: Manner,
    head: &Head<'_>,
    action: &Action,
    parts: &[Part],
) -> (Answer, Vec<Part>) {
    match action {
        Action::Reply => (manner.reply(head, parts), parts.to_vec()),
        Action::Fail { fault: Fault::Status { status, code, message, retry_after_seconds }, .. } => {
            let refusal = Refusal {
                status: *status,
                code: code.clone(),
                message: message.clone(),
                retry_after_seconds: *retry_after_seconds,
            };
            (manner.refusal(&refusal), Vec::new())
        }
        Action::Fail { fault: Fault::Failed { code, message }, .. } => {
            (manner.format.failed(manner, head, code, message), Vec::new())
        }
        Action::Fail { fault: Fault::Cut, .. } => {
            let answer = manner.cut(head, parts);
            let kept = delivered(parts, &answer.frames);
            (answer, kept)
        }
    }
}

pub(super) fn step_reply(action: &Action) -> Reply {
    match action {
        Action::Reply => reply(200, ReplyKind::Step, String::new()),
        Action::Fail { fault, last } => {
            let status = match fault {
                Fault::Status { status, .. } => *status,
                Fault::Failed { .. } | Fault::Cut => 200,
            };
            let kind = if *last { ReplyKind::Step } else { ReplyKind::Fault };
            reply(status, kind, fault::describe(fault))
        }
    }
}

/// The tools an answer calls, in full.
pub(super) fn called<'a>(action: &Action, parts: &'a [Part]) -> impl Iterator<Item = &'a str> {
    let parts = if *action == Action::Reply { parts } else { &[] };
    parts.iter().filter_map(|part| match part {
        Part::Call { wire, .. } => Some(wire.name()),
        Part::Reasoning { .. } | Part::Text { .. } => None,
    })
}

pub(super) fn reply(status: u16, kind: ReplyKind, detail: String) -> Reply {
    Reply { status, kind, detail, items: Vec::new() }
}
