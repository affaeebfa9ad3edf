//! Slots in their order become writes, waits and an end.

use super::{Act, Mark, Slot};
use crate::scenario::End;
use crate::server::wire::frame;

/// What has been planned so far.
#[derive(Default)]
pub(super) struct Acts {
    /// What to do, in order.
    pub(super) list: Vec<Act>,
    /// Positions of the frames that are sent to their end.
    pub(super) sent: Vec<usize>,
    /// Whether what is sent now goes in chunks.
    pub(super) is_chunked: bool,
    /// Whether the body goes in chunks.
    pub(super) is_body_chunked: bool,
}

impl Acts {
    /// Adds a slot; false when the reply ends in it.
    pub(super) fn slot(&mut self, slot: Slot) -> bool {
        let mut sent = 0;
        for (at, marks) in slot.marks {
            let at = at.min(slot.bytes.len());
            self.send(&slot.bytes[sent..at]);
            sent = at;
            for mark in marks {
                match mark {
                    Mark::Cut => {}
                    Mark::Act(Act::End(end)) => {
                        self.end(end);
                        return false;
                    }
                    Mark::Act(act) => self.list.push(act),
                }
            }
        }
        self.send(&slot.bytes[sent..]);
        self.sent.extend(slot.frame);
        true
    }

    fn send(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut piece =
            if self.is_chunked { format!("{:x}\r\n", bytes.len()).into_bytes() } else { Vec::new() };
        piece.extend_from_slice(bytes);
        if self.is_chunked {
            piece.extend_from_slice(b"\r\n");
        }
        self.list.push(Act::Send(piece));
    }

    /// Agents that find bytes and end in one read drop the bytes or keep them by chance, so they read first.
    fn end(&mut self, end: End) {
        match &end {
            End::Clean if self.is_body_chunked => self.list.push(Act::Send(b"0\r\n\r\n".to_vec())),
            End::Close { code, reason } => {
                let payload = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
                self.list.push(Act::Send(frame::message(8, &payload, true)));
            }
            End::Clean | End::Fin | End::Reset | End::HalfClose | End::Stall => {}
        }
        if end != End::Stall {
            self.list.push(Act::Drain);
        }
        self.list.push(Act::End(end));
    }
}
