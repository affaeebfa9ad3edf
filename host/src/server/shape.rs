//! What a scripted reply is made of before any request is known: its frames, and how long each is at least.
//!
//! For whoever writes a schedule of faults: places in it must be there whatever the agent sends.

use crate::profile::{Profile, Protocol, Transport};
use crate::scenario::{Manner, Reply, Step, Template};

use super::part::translated;
use super::protocol::{Frame, Head, format_of};

/// The frames of a reply that is streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many bytes each has at least; never 0.
    pub frames: Vec<usize>,
    /// How many of them go by before an item of the reply is complete.
    pub unfinished: usize,
}

impl Shape {
    /// The shape of every reply of a step; none where one of them is no list of items, or can't be translated.
    pub fn of(step: &Step, profile: &dyn Profile, protocol: Protocol, transport: Transport) -> Option<Self> {
        let shapes: Option<Vec<Self>> =
            step.replies().map(|reply| of_reply(reply, profile, protocol, transport)).collect();
        shapes?.into_iter().reduce(Self::met)
    }

    /// What both have.
    #[must_use]
    pub fn met(mut self, other: Self) -> Self {
        let shorter = self.frames.iter().zip(&other.frames).map(|(a, b)| *a.min(b));
        self.frames = shorter.collect();
        self.unfinished = self.unfinished.min(other.unfinished);
        self
    }
}

fn of_reply(reply: &Reply, profile: &dyn Profile, protocol: Protocol, transport: Transport) -> Option<Shape> {
    let Reply::Items { manner: Manner { usage, stop, .. }, .. } = reply else { return None };
    let parts = translated(reply, profile).ok()?;
    // The shortest that any request can bring.
    let head = Head {
        id: "",
        stem: "",
        model: "",
        input_items: 0,
        reports_usage: false,
        usage: *usage,
        stop: *stop,
    };
    let frames = format_of(protocol).stream(&head, &parts);
    let first = frames.iter().position(|frame| frame.piece.is_some()).unwrap_or(frames.len());
    let bytes = |frame: &Frame| match transport {
        Transport::Http => frame.sse().len(),
        Transport::Websocket => frame.payload().len(),
    };
    let mut lengths: Vec<usize> = frames.iter().map(|frame| bytes(frame).max(1)).collect();
    let mut unfinished = (first + 1).min(frames.len());
    if Template::is_in(reply) {
        // How long a captured value is, nobody knows yet.
        lengths.truncate(first.max(1));
        unfinished = first;
    }
    Some(Shape { unfinished: unfinished.min(lengths.len()), frames: lengths })
}
