//! Where inside frames a reply waits, is cut or ends.

use std::time::Duration;

use super::address::{frames, offset};
use super::{Act, Mark, Material, Slot};
use crate::scenario::{ByteAt, What, Wire};

/// Notes waits and ends at their places.
pub(super) fn mark(
    material: &Material,
    wire: &Wire,
    head: &mut Slot,
    slots: &mut [Slot],
    unknown: &mut Vec<String>,
) {
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
