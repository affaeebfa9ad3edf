//! From what a step does to what is sent and what is recorded of it.
//!
//! Pure. Which step it is, `lane` has decided; what it looks like on the wire, `protocol` knows.

use crate::document::{Item, Reply, ReplyKind};
use crate::profile::Transport;
use crate::scenario::{Fault, Wire, WireEvent};

use super::fault;
use super::part::Part;
use super::protocol::{Answer, Form, Frame, Head, Refusal, StreamEnd, WireFormat, delivered};
use super::script::{Action, ScriptStep};
use super::takeover::planned;
use super::wire::Plan;

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

/// An answer, what of the reply it leaves with the agent, and how it is disturbed on its way.
pub(super) struct Rendered {
    pub(super) answer: Answer,
    pub(super) kept: Vec<Item>,
    pub(super) plan: Option<Plan>,
}

/// Renders what an attempt is answered with. `default` is what the lane answers by itself.
pub(super) fn render(
    manner: Manner,
    head: &Head<'_>,
    action: &Action,
    step: &ScriptStep,
    default: Option<Answer>,
) -> Rendered {
    match action {
        Action::Reply | Action::Default => {
            let whole = reply_or(manner, head, step, default);
            disturbed(manner, whole, step, &step.step.wire)
        }
        Action::Fail { fault, .. } => failing(manner, head, fault, step, default),
    }
}

fn reply_or(
    manner: Manner,
    head: &Head<'_>,
    step: &ScriptStep,
    default: Option<Answer>,
) -> (Answer, Vec<Item>) {
    match default {
        Some(answer) => (answer, Vec::new()),
        None if !step.events.is_empty() => (manner.events(head, &step.events), step.items.clone()),
        None => (manner.reply(head, &step.parts), step.items.clone()),
    }
}

fn failing(
    manner: Manner,
    head: &Head<'_>,
    fault: &Fault,
    step: &ScriptStep,
    default: Option<Answer>,
) -> Rendered {
    let (answer, kept) = match fault {
        Fault::Status { status, code, message, retry_after_seconds } => {
            let refusal = Refusal {
                status: *status,
                code: code.clone(),
                message: message.clone(),
                retry_after_seconds: *retry_after_seconds,
            };
            (manner.refusal(&refusal), Vec::new())
        }
        Fault::Failed { code, message } => (manner.format.failed(manner, head, code, message), Vec::new()),
        Fault::Cut => {
            let answer = manner.cut(head, &step.parts);
            let kept = delivered(&step.parts, &answer.frames).iter().map(Part::item).collect();
            (answer, kept)
        }
        Fault::Disturbed { fault: None, wire } => {
            return disturbed(manner, reply_or(manner, head, step, default), step, wire);
        }
        Fault::Disturbed { fault: Some(fault), wire } => {
            let Rendered { mut answer, kept, .. } = failing(manner, head, fault, step, None);
            if wire.then_completed {
                answer.frames.extend(manner.reply(head, &step.parts).frames.pop());
            }
            return disturbed(manner, (answer, kept), step, wire);
        }
    };
    Rendered { answer, kept, plan: None }
}

fn disturbed(
    manner: Manner,
    (answer, kept): (Answer, Vec<Item>),
    step: &ScriptStep,
    wire: &Wire,
) -> Rendered {
    let plan = planned(&answer, wire, manner.transport);
    let kept = match &plan {
        Some(plan) if !wire.delivers() => {
            let frames: Vec<Frame> = plan.sent().map(|index| answer.frames[index].clone()).collect();
            delivered(&step.parts, &frames).iter().map(Part::item).collect()
        }
        _ => kept,
    };
    Rendered { answer, kept, plan }
}

pub(super) fn step_reply(action: &Action, status: u16) -> Reply {
    match action {
        Action::Reply => reply(200, ReplyKind::Step, String::new()),
        Action::Default => reply(status, ReplyKind::Default, String::new()),
        Action::Fail { fault, last } => {
            let kind = if *last { ReplyKind::Step } else { ReplyKind::Fault };
            Reply {
                retry_after_ms: fault::retry_after_ms(fault),
                ..reply(status, kind, fault::describe(fault))
            }
        }
    }
}

/// The calls an answer makes in full: identifier and tool.
pub(super) fn called<'a>(action: &Action, items: &'a [Item]) -> impl Iterator<Item = (&'a str, &'a str)> {
    let items = if *action == Action::Reply { items } else { &[] };
    items.iter().filter_map(|item| match item {
        Item::Call { call, tool, .. } => Some((call.as_str(), tool.as_str())),
        _ => None,
    })
}

pub(super) fn reply(status: u16, kind: ReplyKind, detail: String) -> Reply {
    Reply { status, kind, detail, ..Reply::default() }
}
