//! From frames and a schedule to what is written, in which pieces, and what is waited for in between.
//!
//! Pure. A schedule that names what the reply has not is no reason to stop: it is told.

mod acts;
mod address;
mod edit;
mod mark;
mod order;

use std::collections::BTreeMap;
use std::time::Duration;

use acts::Acts;
use edit::{edited, head};
use mark::mark;
use order::ordered;

use crate::scenario::{End, Gate, Wire};

/// How frames go over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Form {
    /// Chunks of an HTTP body (RFC 9112 section 7.1).
    Chunked,
    /// An HTTP body of known length.
    Length,
    /// Messages of a WebSocket.
    Messages,
}

/// A reply before it is disturbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Material {
    /// HTTP status; unused over a WebSocket.
    pub(in crate::server) status: u16,
    /// HTTP headers, names in lower case.
    pub(in crate::server) headers: Vec<(String, String)>,
    /// The body's frames, or the messages.
    pub(in crate::server) frames: Vec<Vec<u8>>,
    /// How they go over the wire.
    pub(in crate::server) form: Form,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Write these bytes at once.
    Send(Vec<u8>),
    /// Wait.
    Pause(Duration),
    /// Wait until a gate is open.
    Hold(Gate),
    /// Wait until the peer has read everything.
    Drain,
    /// End the connection so.
    End(End),
}

/// What to do with a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Plan {
    pub(super) acts: Vec<Act>,
    /// What the schedule names and the reply has not, for people.
    pub(in crate::server) unknown: Vec<String>,
    sent: Vec<usize>,
}

impl Plan {
    /// Positions of the frames that are sent to their end, and as they are.
    pub(in crate::server) fn sent(&self) -> impl Iterator<Item = usize> {
        self.sent.iter().copied()
    }

    /// The gates the reply is held at.
    pub(in crate::server) fn gates(&self) -> impl Iterator<Item = &Gate> {
        self.acts.iter().filter_map(|act| match act {
            Act::Hold(gate) => Some(gate),
            _ => None,
        })
    }
}

/// A frame and what happens inside it.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// Position of the frame; none where something else is sent.
    frame: Option<usize>,
    bytes: Vec<u8>,
    marks: BTreeMap<usize, Vec<Mark>>,
}

#[derive(Clone, Debug)]
enum Mark {
    /// Only a boundary between two writes.
    Cut,
    Act(Act),
}

/// Plans a reply.
pub(in crate::server) fn plan(material: &Material, wire: &Wire) -> Plan {
    let mut plan = Plan::default();
    let mut slots = edited(material, wire, &mut plan.unknown);
    let sent = ordered(material, wire, slots.clone(), &mut Vec::new());
    let (mut head, closes) = head(material, wire, sent.iter().map(|slot| slot.bytes.len()).sum());
    mark(material, wire, &mut head, &mut slots, &mut plan.unknown);
    let order = ordered(material, wire, slots, &mut plan.unknown);

    let is_chunked = material.form == Form::Chunked && !closes;
    let mut acts = Acts { is_chunked: false, is_body_chunked: is_chunked, ..Acts::default() };
    let mut goes_on = material.form == Form::Messages || acts.slot(head);
    acts.is_chunked = is_chunked;
    for slot in order {
        goes_on = goes_on && acts.slot(slot);
    }
    if goes_on && is_chunked {
        acts.list.push(Act::Send(b"0\r\n\r\n".to_vec()));
    }
    let says_close = material.headers.iter().any(|(name, value)| name == "connection" && value == "close");
    if goes_on && (closes || says_close) {
        acts.list.push(Act::End(End::Fin));
    }
    plan.acts = acts.list;
    plan.sent = acts.sent;
    plan
}
