//! Guests that are right, one for each door, and the same with some bytes changed.

use super::random::Random;

const STD: &[u8] = include_bytes!("../../assertions/std/std.wasm");

/// A WASI command of preview 2, as text.
const COMPONENT_COMMAND: &str = include_str!("../guests/component-command-exits.wat");

/// Core modules of one door: the text that the guests of `tests/guests` have in common, and what makes a right one of it.
pub struct CoreDoor {
    pub kind: &'static str,
    pub prelude: &'static str,
    rest: &'static str,
}

pub const CANONICAL: CoreDoor = CoreDoor {
    kind: "core module",
    prelude: include_str!("../guests/prelude.wat"),
    rest: "(func $describing) (func $checking (result i32) (call $read) (call $say (i32.const 0)) (call $ok))",
};

pub const FLAT: CoreDoor = CoreDoor {
    kind: "flat module",
    prelude: include_str!("../guests/prelude-flat.wat"),
    rest: "(func $checking (result i64) (call $read) (call $say) (i64.const 0))",
};

pub const COMMAND: CoreDoor = CoreDoor {
    kind: "WASI command",
    prelude: include_str!("../guests/prelude-command.wat"),
    rest: "(func $checking (call $read) (call $say))",
};

/// What kind of module, and its bytes: of any door, with some bytes changed, and now and then with none.
pub fn changed(random: &mut Random) -> (String, Vec<u8>) {
    let (kind, bytes) = match random.below(6) {
        0 => ("component", STD.to_vec()),
        1 => ("WASI component", wat::parse_str(COMPONENT_COMMAND).unwrap()),
        _ => {
            let door = *random.pick(&[&CANONICAL, &FLAT, &COMMAND]);
            (door.kind, wat::parse_str(format!("(module {} {})", door.prelude, door.rest)).unwrap())
        }
    };
    if random.one_in(16) {
        (kind.to_owned(), bytes)
    } else {
        (format!("{kind}, changed"), damaged(random, bytes))
    }
}

/// Some bytes other than they were, or cut off.
fn damaged(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    if random.one_in(8) {
        bytes.truncate(random.below(bytes.len()));
    }
    for _ in 0..=random.below(8) {
        if !bytes.is_empty() {
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
        }
    }
    bytes
}
