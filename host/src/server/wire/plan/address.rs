//! Which frame, and which byte of it, a place of a schedule means.

use super::{Form, Material};
use crate::scenario::{ByteAt, FrameAt};
use crate::server::wire::frame;

/// The offset of a place in a frame, where the frame has it.
pub(super) fn offset(bytes: &[u8], at: ByteAt) -> Option<usize> {
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
pub(super) fn frames(material: &Material, at: &FrameAt, unknown: &mut Vec<String>) -> Vec<usize> {
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
