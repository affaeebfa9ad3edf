//! From what a step does to what is sent and what is recorded of it.
//!
//! Pure. Which step it is, `lane` has decided; what it looks like on the wire, `protocol` knows.

use crate::document::{Item, Reply, ReplyKind};
use crate::profile::Transport;
use crate::scenario::{Fault, WireEvent};

use super::fault;
use super::part::Part;
use super::protocol::{Answer, Form, Frame, Head, Refusal, StreamEnd, WireFormat, delivered};
use super::script::{Action, ScriptStep};

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

    /// A reply that is written out. Who asked for one body gets the last that is written.
    fn events(&self, head: &Head<'_>, events: &[WireEvent]) -> Answer {
        let frame = |event: &WireEvent| match event {
            WireEvent::Data(data) => Frame::event(self.format.event_name(data).as_deref(), data),
            WireEvent::Raw(bytes) => Frame::raw(bytes.clone()),
        };
        let headers = self.format.reply_headers(head);
        let mut frames: Vec<Frame> = events.iter().map(frame).collect();
        if !self.streams {
            frames.drain(..frames.len().saturating_sub(1));
            return Answer { headers, frames, ..Answer::empty() };
        }
        Answer { headers, ..Answer::events(frames, StreamEnd::Complete) }
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
    step: &ScriptStep,
) -> (Answer, Vec<Item>) {
    let parts = step.parts.as_slice();
    match action {
        Action::Reply if !step.events.is_empty() => (manner.events(head, &step.events), step.items.clone()),
        Action::Reply => (manner.reply(head, parts), step.items.clone()),
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
            let kept = delivered(parts, &answer.frames).iter().map(Part::item).collect();
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
pub(super) fn called<'a>(action: &Action, items: &'a [Item]) -> impl Iterator<Item = &'a str> {
    let items = if *action == Action::Reply { items } else { &[] };
    items.iter().filter_map(|item| match item {
        Item::Call { tool, .. } => Some(tool.as_str()),
        _ => None,
    })
}

pub(super) fn reply(status: u16, kind: ReplyKind, detail: String) -> Reply {
    Reply { status, kind, detail, items: Vec::new() }
}
