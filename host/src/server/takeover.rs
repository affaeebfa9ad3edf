//! Replies that are written to the socket by this program itself: from an answer and its schedule to a plan, and its
//! play.

use crate::profile::Transport;
use crate::scenario::Wire;

use super::exchange::Exchange;
use super::protocol::{Answer, Form as AnswerForm, Frame, StreamEnd};
use super::upstream::Forward;
use super::wire::{Form, Material, Plan, Played, Socket, plan, play};

/// What goes out for a request.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// The answer, for hyper or tungstenite to send.
    pub(super) answer: Answer,
    /// What is done with the socket instead, where the answer is disturbed.
    pub(super) plan: Option<Plan>,
    /// Where the request is sent instead; the answer is for when there is none from there.
    pub(super) forward: Option<Box<Forward>>,
    /// The number of the request among all that arrived.
    pub(super) number: usize,
}

impl Outgoing {
    /// An answer that goes out as it is.
    pub(super) fn plain(answer: Answer, number: usize) -> Self {
        Self { answer, plan: None, forward: None, number }
    }
}

/// Plans how an answer is disturbed; none where nothing disturbs it.
pub(super) fn planned(answer: &Answer, wire: &Wire, transport: Transport) -> Option<Plan> {
    (!wire.is_empty()).then(|| plan(&material(answer, transport), wire))
}

fn material(answer: &Answer, transport: Transport) -> Material {
    let form = match (transport, answer.form) {
        (Transport::Websocket, _) => Form::Messages,
        (Transport::Http, AnswerForm::Events) => Form::Chunked,
        (Transport::Http, AnswerForm::Json) => Form::Length,
    };
    let frames = answer.frames.iter().map(|frame| match form {
        Form::Chunked => frame.sse().to_vec(),
        Form::Length | Form::Messages => Frame::payload(frame).to_vec(),
    });
    let content_type = if form == Form::Length { "application/json" } else { "text/event-stream" };
    let mut headers = vec![(String::from("content-type"), String::from(content_type))];
    if form == Form::Chunked {
        headers.push((String::from("cache-control"), String::from("no-cache")));
    }
    if answer.end != StreamEnd::Complete && form != Form::Messages {
        headers.push((String::from("connection"), String::from("close")));
    }
    headers.extend(answer.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Material { status: answer.status, headers, frames: frames.collect(), form }
}

/// Plays the plan of an answer; whether the connection may be used again.
pub(super) async fn take_over(socket: Socket, plan: Plan, number: usize, exchange: &Exchange) -> bool {
    let passed = |gate: &_| exchange.passed(number, gate);
    let Played { goes_on } = play(socket, plan, exchange.gates(), number, passed).await;
    goes_on
}
