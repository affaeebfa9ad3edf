//! Modules out of nothing (wasm-smith), through every door: with the right imports and exports, most of them with a
//! `describe` that works, so that the random code that is left runs as `check` and calls the host with random values.

use arbitrary::Unstructured;
use wasm_encoder::Instruction;
use wasm_smith::{Config, Module};

use crate::cases::guests::{self, Door};
use crate::cases::random::Random;
use crate::rebuild;

/// Bytes of chance for one module.
const CHANCE_BYTES: usize = 4_096;

/// What modules of a door are asked for.
pub struct Wanted {
    door: &'static Door,
    /// Exports, each with the instruction that becomes its body, or nothing where it stays random.
    pub exports: &'static [(&'static str, Option<Instruction<'static>>)],
    /// What lies in memory from [`rebuild::DESCRIPTION`] on.
    pub description: fn() -> Vec<u8>,
}

const REALLOC: (&str, Option<Instruction<'static>>) = (
    r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)"#,
    // One place for everything, which is wrong and must do no harm.
    Some(Instruction::I32Const(65536)),
);

const CANONICAL_EXPORTS: &[(&str, Option<Instruction<'static>>)] = &[
    REALLOC,
    (
        r#"(func (export "wassert:pack/assertions@0.1.0#describe") (result i32) unreachable)"#,
        Some(Instruction::I32Const(rebuild::DESCRIPTION)),
    ),
    (
        r#"(func (export "wassert:pack/assertions@0.1.0#check") (param i32 i32 i32 i32) (result i32) unreachable)"#,
        None,
    ),
];

static WANTED: [Wanted; 5] = [
    Wanted { door: &guests::CANONICAL, exports: CANONICAL_EXPORTS, description: canonical_description },
    Wanted { door: &guests::COMPONENT, exports: CANONICAL_EXPORTS, description: canonical_description },
    Wanted {
        door: &guests::FLAT,
        exports: &[
            (r#"(func (export "wassert_abi") (result i32) unreachable)"#, Some(Instruction::I32Const(1))),
            (
                r#"(func (export "wassert_alloc") (param i32) (result i32) unreachable)"#,
                Some(Instruction::I32Const(65536)),
            ),
            (
                r#"(func (export "wassert_describe") (result i64) unreachable)"#,
                // 66 bytes at 1024.
                Some(Instruction::I64Const(0x400_0000_0042)),
            ),
            (r#"(func (export "wassert_check") (param i32 i32) (result i64) unreachable)"#, None),
        ],
        description: flat_description,
    },
    Wanted {
        door: &guests::COMMAND,
        exports: &[(r#"(func (export "_start") unreachable)"#, None)],
        description: flat_description,
    },
    Wanted {
        door: &guests::COMPONENT_COMMAND,
        exports: &[REALLOC, (r#"(func (export "wasi:cli/run@0.2.0#run") (result i32) unreachable)"#, None)],
        description: flat_description,
    },
];

/// What kind of module, and its bytes.
pub fn generate(random: &mut Random) -> (String, Vec<u8>) {
    let wanted = random.pick(&WANTED);
    let kind = wanted.door.kind;
    match random.below(20) {
        0..=6 => guests::generate(random),
        7 => ("nothing asked for, core".to_owned(), smith(random, Config::default())),
        8..=10 => wrapped(kind, "generated", smith(random, interface(wanted)), wanted.door),
        _ => {
            let core = smith(random, interface(wanted));
            let core = rebuild::described(&core, wanted).unwrap_or(core);
            wrapped(kind, "generated, describes", core, wanted.door)
        }
    }
}

/// What can't be wrapped is judged as it is.
fn wrapped(kind: &str, how: &str, core: Vec<u8>, door: &Door) -> (String, Vec<u8>) {
    match (door.wrap)(&core) {
        Some(bytes) => (format!("{kind}, {how}"), bytes),
        None => (format!("not wrapped, meant as {kind}"), core),
    }
}

fn chance(random: &mut Random) -> Vec<u8> {
    let length = 64 + random.below(CHANCE_BYTES);
    random.bytes(length)
}

fn smith(random: &mut Random, config: Config) -> Vec<u8> {
    let config = bounded(random, config);
    let chance = chance(random);
    Module::new(config, &mut Unstructured::new(&chance)).map(|module| module.to_bytes()).unwrap_or_default()
}

fn bounded(random: &mut Random, mut config: Config) -> Config {
    // Now and then something that is not on the list of proposals.
    let allowed = !random.one_in(16);
    for proposal in [
        &mut config.exceptions_enabled,
        &mut config.gc_enabled,
        &mut config.memory64_enabled,
        // `externref` is of the proposal for garbage collection to the engine.
        &mut config.reference_types_enabled,
        &mut config.relaxed_simd_enabled,
        &mut config.tail_call_enabled,
        &mut config.threads_enabled,
    ] {
        *proposal &= !allowed;
    }
    // Code that never traps goes on for longer.
    config.disallow_traps = random.one_in(2);
    config.max_tables = if config.reference_types_enabled { 4 } else { 1 };
    config.max_memories = config.max_memories.max(1);
    config.max_table_elements = 1_000;
    config.max_instructions = 400;
    config
}

/// The imports of the prelude that all hostile guests of a door share, and its exports.
fn interface(wanted: &Wanted) -> Config {
    let imports: String = wanted.door.prelude.lines().filter(|line| line.starts_with("(import")).collect();
    let exports: String = wanted.exports.iter().map(|(export, _)| *export).collect();
    Config {
        available_imports: Some(wat::parse_str(format!("(module {imports})")).unwrap()),
        exports: Some(wat::parse_str(format!("(module (memory (export \"memory\") 2) {exports})")).unwrap()),
        allow_start_export: false,
        ..Config::default()
    }
}

/// As in the prelude: one assertion `test` that reads `turns`, and a path.
fn canonical_description() -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mut block = vec![0; 2116 - 1024];
    for (at, bytes) in [
        (1024, words(&[1040, 1])),
        (1040, words(&[1100, 4, 1110, 9, 1024, 0, 1080, 1])),
        (1080, words(&[1130, 5])),
        (1100, b"test".to_vec()),
        (1110, b"A summary".to_vec()),
        (1130, b"turns".to_vec()),
        (2048, words(&[2100, 15])),
        (2100, b"$.turns[0].exit".to_vec()),
    ] {
        block[at - 1024..at - 1024 + bytes.len()].copy_from_slice(&bytes);
    }
    block
}

fn flat_description() -> Vec<u8> {
    br#"[{"name":"test","summary":"A summary","reads":["turns","stdout"]}]"#.to_vec()
}
