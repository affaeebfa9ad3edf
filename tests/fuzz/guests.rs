//! The doors, each with the text that the guests of `tests/guests` have in common, a guest that is right, and the same
//! with some bytes changed.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::calls;
use super::random::Random;

const STD: &[u8] = include_bytes!("../../assertions/std/std.wasm");

/// What a core module is made into before it is judged; nothing where that can't be.
type Wrap = fn(&[u8]) -> Option<Vec<u8>>;

/// What a core module calls the host by.
#[derive(Clone, Copy)]
pub enum Abi {
    Canonical,
    Flat,
    Preview1,
    Preview2,
}

/// A door, as core modules come in by it.
pub struct Door {
    pub kind: &'static str,
    pub abi: Abi,
    /// What the hostile guests of the door have in common, imports first.
    pub prelude: &'static str,
    /// What makes a right guest of it.
    right: &'static str,
    pub wrap: Wrap,
}

pub const CANONICAL: Door = Door {
    kind: "core module",
    abi: Abi::Canonical,
    prelude: include_str!("../guests/prelude.wat"),
    right: "(func $describing) (func $checking (result i32) (call $read) (call $say (i32.const 0)) (call $ok))",
    wrap: as_it_is,
};

pub const COMPONENT: Door = Door { kind: "component", wrap: component, ..CANONICAL };

pub const FLAT: Door = Door {
    kind: "flat module",
    abi: Abi::Flat,
    prelude: include_str!("../guests/prelude-flat.wat"),
    right: "(func $checking (result i64) (call $read) (call $say) (i64.const 0))",
    wrap: as_it_is,
};

pub const COMMAND: Door = Door {
    kind: "WASI command",
    abi: Abi::Preview1,
    prelude: include_str!("../guests/prelude-command.wat"),
    right: "(func $checking (call $read) (call $say))",
    wrap: as_it_is,
};

pub const COMPONENT_COMMAND: Door = Door {
    kind: "WASI component",
    abi: Abi::Preview2,
    prelude: include_str!("../guests/prelude-preview2.wat"),
    right: "(func $checking (call $read) (call $say))",
    wrap: component_command,
};

pub const DOORS: [&Door; 5] = [&CANONICAL, &COMPONENT, &FLAT, &COMMAND, &COMPONENT_COMMAND];

impl Door {
    /// A module of this door: the common part, and what is said as text.
    pub fn module(&self, rest: &str) -> Vec<u8> {
        let text = format!("(module {} {rest})", self.prelude);
        let core = wat::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", self.kind));
        (self.wrap)(&core).unwrap_or_else(|| panic!("{}: can't be wrapped\n{text}", self.kind))
    }
}

fn as_it_is(core: &[u8]) -> Option<Vec<u8>> {
    Some(core.to_vec())
}

fn component(core: &[u8]) -> Option<Vec<u8>> {
    wassert::sandbox::wrap(core).ok()
}

/// A component for the world of `tests/guests/preview2.wit`.
fn component_command(core: &[u8]) -> Option<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("preview2.wit", include_str!("../guests/preview2.wit")).unwrap();
    let world = resolve.select_world(&[package], Some("command")).unwrap();
    let mut core = core.to_vec();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).ok()?;
    ComponentEncoder::default().module(&core).and_then(|encoder| encoder.validate(true).encode()).ok()
}

/// What kind of module, and its bytes: one that calls the host, or a right one with some bytes changed, now and then with
/// none.
pub fn generate(random: &mut Random) -> (String, Vec<u8>) {
    let door = *random.pick(&DOORS);
    if random.one_in(2) {
        return (format!("{}, calls", door.kind), door.module(&calls::program(random, door)));
    }
    let bytes = match random.below(6) {
        0 if door.kind == COMPONENT.kind => STD.to_vec(),
        _ => door.module(door.right),
    };
    if random.one_in(16) {
        (format!("{}, right", door.kind), bytes)
    } else {
        (format!("{}, changed", door.kind), damaged(random, bytes))
    }
}

/// Some bytes other than they were, or cut off.
fn damaged(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    if random.one_in(16) {
        bytes.truncate(random.below(bytes.len()));
    }
    for _ in 0..=random.below(3) {
        if !bytes.is_empty() {
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
        }
    }
    bytes
}
