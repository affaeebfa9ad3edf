//! From what a step does to what is sent and what is recorded of it.
//!
//! Pure. Which step it is, `lane` has decided; what it looks like on the wire, `protocol` knows.

use serde_json::{Value, json};

use crate::document::{Item, Reply, ReplyKind};
use crate::scenario::Fault;

use super::fault;
use super::protocol::responses_events::{self as events, Head};
use super::protocol::{Answer, StreamEnd};
use super::script::{Action, Part};

/// The answer of an attempt, and what of the reply it leaves with the agent.
pub(super) fn render(head: &Head<'_>, action: &Action, parts: &[Part]) -> (Answer, Vec<Item>) {
    match action {
        Action::Reply => {
            let events = events::reply(head, parts);
            (Answer::Events { events, end: StreamEnd::Complete }, parts.iter().map(Part::item).collect())
        }
        Action::Fail { fault: Fault::Status { status, code, message, retry_after_seconds }, .. } => {
            let (status, retry_after_seconds) = (*status, *retry_after_seconds);
            let (code, message) = (code.clone(), message.clone());
            (Answer::Error { status, code, message, retry_after_seconds }, Vec::new())
        }
        Action::Fail { fault: Fault::Failed { code, message }, .. } => {
            let events = events::failed(head, code, message);
            (Answer::Events { events, end: StreamEnd::Close }, Vec::new())
        }
        Action::Fail { fault: Fault::Cut, .. } => {
            let (events, kept) = events::cut(head, parts);
            (Answer::Events { events, end: StreamEnd::Cut }, kept.iter().map(Part::item).collect())
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
        Part::Reasoning(_) | Part::Text(_) => None,
    })
}

pub(super) fn reply(status: u16, kind: ReplyKind, detail: String) -> Reply {
    Reply { status, kind, detail, items: Vec::new() }
}

pub(super) fn error(status: u16, code: &str, message: String) -> Answer {
    Answer::Error { status, code: code.to_owned(), message, retry_after_seconds: None }
}

pub(super) fn models() -> Value {
    json!({"object": "list", "data": [
        {"id": "fake-model", "object": "model", "created": 0, "owned_by": "wassert"},
    ]})
}

/// The answer to a request that did not ask for a stream: the response that the last event holds.
pub(super) fn unstreamed(answer: Answer) -> Answer {
    match answer {
        Answer::Events { mut events, end: StreamEnd::Complete | StreamEnd::Close } => {
            let body = events.last_mut().map(|event| event["response"].take());
            Answer::Json { status: 200, body }
        }
        other => other,
    }
}
