//! From frames and a schedule to what is written, in which pieces, and what is waited for in between.
//!
//! Pure. A schedule that names what the reply has not is no reason to stop: it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use super::frame;
use crate::scenario::{ByteAt, End, FrameAt, Gate, What, Wire};

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
    let (mut head, closes) = head(material, wire);
    let mut slots = edited(material, wire, &mut plan.unknown);
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

#[derive(Default)]
struct Acts {
    list: Vec<Act>,
    sent: Vec<usize>,
    is_chunked: bool,
    is_body_chunked: bool,
}

impl Acts {
    /// Adds a slot; false when the reply ends in it.
    fn slot(&mut self, slot: Slot) -> bool {
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

/// The head, and whether the body has the form that the schedule's headers say, whatever it is, and then the end.
fn head(material: &Material, wire: &Wire) -> (Slot, bool) {
    let mut headers = material.headers.clone();
    for (name, value) in &wire.headers {
        headers.retain(|(own, _)| own != name);
        if !value.is_empty() {
            headers.push((name.clone(), value.clone()));
        }
    }
    let closes = wire.headers.iter().any(|(name, _)| name == "content-length");
    if !headers.iter().any(|(name, _)| name == "content-length") {
        match material.form {
            Form::Chunked if !closes => headers.push(("transfer-encoding".into(), "chunked".into())),
            Form::Length if !closes => {
                let length: usize = material.frames.iter().map(Vec::len).sum();
                headers.push(("content-length".into(), length.to_string()));
            }
            _ => {}
        }
    }
    if closes && !headers.iter().any(|(name, _)| name == "connection") {
        headers.push(("connection".into(), "close".into()));
    }
    let reason = reason(material.status);
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", material.status);
    for (name, value) in &headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    (Slot { bytes: text.into_bytes(), ..Slot::default() }, closes)
}

fn reason(status: u16) -> &'static str {
    hyper::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Scripted")
}

/// The frames with what is changed in each.
fn edited(material: &Material, wire: &Wire, unknown: &mut Vec<String>) -> Vec<Slot> {
    let is_message = material.form == Form::Messages;
    let mut slots = Vec::new();
    let mut fragments: Vec<Option<usize>> = vec![None; material.frames.len()];
    let mut opcodes = vec![1_u8; material.frames.len()];
    let mut texts = material.frames.clone();
    let mut raws = vec![false; material.frames.len()];
    let mut kept = vec![true; material.frames.len()];
    for change in &wire.changes {
        for index in frames(material, &change.at.frame, unknown) {
            let Some(index) = index.checked_sub(1) else { continue };
            let bytes = &texts[index];
            let new = match &change.what {
                What::Data(data) if is_message => data.clone().into_bytes(),
                What::Data(data) => frame::with_data(bytes, data),
                What::Raw(raw) => {
                    raws[index] = true;
                    raw.clone().into_bytes()
                }
                What::NoEventLine if !is_message => frame::without_event_line(bytes),
                What::NoBlankLine if !is_message => frame::without_blank_line(bytes),
                What::LineEnd(line_end) if !is_message => frame::with_line_end(bytes, *line_end),
                What::Binary => {
                    opcodes[index] = 2;
                    continue;
                }
                What::Fragment(size) => {
                    fragments[index] = Some(*size);
                    continue;
                }
                _ => continue,
            };
            kept[index] &= !matches!(change.what, What::Data(_) | What::Raw(_));
            texts[index] = new;
        }
    }
    for (index, text) in texts.into_iter().enumerate() {
        let bytes = if !is_message || raws[index] {
            text
        } else {
            let pieces: Vec<&[u8]> = match fragments[index] {
                Some(size) if text.len() > size => text.chunks(size).collect(),
                _ => vec![&text],
            };
            let last = pieces.len() - 1;
            let framed = pieces.iter().enumerate().map(|(at, piece)| {
                frame::message(if at == 0 { opcodes[index] } else { 0 }, piece, at == last)
            });
            framed.collect::<Vec<_>>().concat()
        };
        slots.push(Slot { frame: kept[index].then_some(index), bytes, ..Slot::default() });
    }
    slots
}

/// Notes waits and ends at their places.
fn mark(material: &Material, wire: &Wire, head: &mut Slot, slots: &mut [Slot], unknown: &mut Vec<String>) {
    for change in &wire.changes {
        let mark = match &change.what {
            What::Delay { ms } | What::Settle { ms } => Mark::Act(Act::Pause(Duration::from_millis(*ms))),
            What::Hold(gate) => Mark::Act(Act::Hold(gate.clone())),
            What::Split => Mark::Act(Act::Drain),
            What::End(end) => Mark::Act(Act::End(end.clone())),
            What::Trickle { bytes, every_ms } => {
                for index in frames(material, &change.at.frame, &mut Vec::new()) {
                    let slot = if index == 0 { &mut *head } else { &mut slots[index - 1] };
                    for at in (*bytes..slot.bytes.len()).step_by(*bytes) {
                        let mark = match every_ms {
                            0 => Mark::Cut,
                            ms => Mark::Act(Act::Pause(Duration::from_millis(*ms))),
                        };
                        slot.marks.entry(at).or_default().push(mark);
                    }
                }
                continue;
            }
            _ => continue,
        };
        for index in frames(material, &change.at.frame, &mut Vec::new()) {
            let slot = if index == 0 { &mut *head } else { &mut slots[index - 1] };
            match offset(&slot.bytes, change.at.byte) {
                Some(at) => slot.marks.entry(at).or_default().push(mark.clone()),
                None => unknown.push(match change.at.byte {
                    ByteAt::InsideCharacter => {
                        format!("frame {index} has no character of more than one byte")
                    }
                    _ => format!("frame {index} has only {} bytes", slot.bytes.len()),
                }),
            }
        }
    }
}

/// The frames in the order in which they go out.
fn ordered(material: &Material, wire: &Wire, slots: Vec<Slot>, unknown: &mut Vec<String>) -> Vec<Slot> {
    let mut order: Vec<(usize, Slot)> =
        slots.into_iter().enumerate().map(|(at, slot)| (at + 1, slot)).collect();
    for change in &wire.changes {
        for number in frames(material, &change.at.frame, &mut Vec::new()) {
            let Some(at) = order.iter().position(|(own, _)| *own == number) else { continue };
            match &change.what {
                What::Drop => {
                    order.remove(at);
                }
                What::Duplicate => {
                    let bytes = order[at].1.bytes.clone();
                    order.insert(at + 1, (usize::MAX, Slot { bytes, ..Slot::default() }));
                }
                What::MoveAfter(target) => {
                    for target in frames(material, &FrameAt::Number(*target), unknown) {
                        let moved = order.remove(at);
                        let after = order.iter().position(|(own, _)| *own == target);
                        order.insert(after.map_or(0, |after| after + 1), moved);
                    }
                }
                What::Comment(text) => {
                    let bytes = match material.form {
                        Form::Messages => frame::message(9, &text.as_bytes()[..text.len().min(125)], true),
                        Form::Chunked | Form::Length => format!(": {text}\n\n").into_bytes(),
                    };
                    order.insert(at, (usize::MAX, Slot { bytes, ..Slot::default() }));
                }
                What::Insert { event, data } => {
                    let bytes = match material.form {
                        Form::Messages => frame::message(1, data.as_bytes(), true),
                        Form::Chunked | Form::Length => frame::event(event.as_deref(), data),
                    };
                    order.insert(at, (usize::MAX, Slot { bytes, ..Slot::default() }));
                }
                _ => {}
            }
        }
    }
    order.into_iter().map(|(_, slot)| slot).collect()
}

fn offset(bytes: &[u8], at: ByteAt) -> Option<usize> {
    match at {
        ByteAt::Start => Some(0),
        ByteAt::End => Some(bytes.len()),
        ByteAt::InsideCharacter => frame::inside_character(bytes),
        ByteAt::Offset(offset) => {
            let offset = i64::from(offset);
            let at = if offset < 0 { bytes.len() as i64 + offset } else { offset };
            usize::try_from(at).ok().filter(|at| *at <= bytes.len())
        }
    }
}

/// The numbers of the frames a place names.
fn frames(material: &Material, at: &FrameAt, unknown: &mut Vec<String>) -> Vec<usize> {
    let count = material.frames.len();
    let found = match at {
        FrameAt::Every => return (1..=count).collect(),
        FrameAt::Named(name) => material
            .frames
            .iter()
            .position(|frame| frame::type_of(frame).as_deref() == Some(name))
            .map(|index| index + 1),
        FrameAt::Number(number) => {
            let number = i64::from(*number);
            let at = if number < 0 { count as i64 + 1 + number } else { number };
            let first = i64::from(material.form == Form::Messages);
            usize::try_from(at).ok().filter(|at| (first..=count as i64).contains(&(*at as i64)))
        }
    };
    match found {
        Some(found) => vec![found],
        None => {
            unknown.push(match at {
                FrameAt::Named(name) => {
                    format!("the reply has no frame of type `{}`", crate::value::excerpt(name, 60))
                }
                FrameAt::Number(number) => format!("the reply has no frame {number}, it has {count}"),
                FrameAt::Every => String::new(),
            });
            Vec::new()
        }
    }
}
