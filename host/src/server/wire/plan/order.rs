//! In which order frames go out, and what goes out between them.

use super::address::frames;
use super::{Form, Material, Slot};
use crate::scenario::{FrameAt, What, Wire};
use crate::server::wire::frame;

/// The frames in the order in which they go out.
pub(super) fn ordered(
    material: &Material,
    wire: &Wire,
    slots: Vec<Slot>,
    unknown: &mut Vec<String>,
) -> Vec<Slot> {
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
