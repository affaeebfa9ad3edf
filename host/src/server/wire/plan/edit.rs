//! What a schedule changes in the head and in each frame.

use super::address::frames;
use super::{Form, Material, Slot};
use crate::scenario::{What, Wire};
use crate::server::wire::frame;

/// The head, and whether the body has the form that the schedule's headers say, whatever it is, and then the end.
/// `length` is that of a body that is sent to its end.
pub(super) fn head(material: &Material, wire: &Wire, length: usize) -> (Slot, bool) {
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
pub(super) fn edited(material: &Material, wire: &Wire, unknown: &mut Vec<String>) -> Vec<Slot> {
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
