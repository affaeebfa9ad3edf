//! Makes a module out of nothing one that describes itself: bodies replaced, a memory with room, the description in it.

use std::ops::Range;

use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, Function, Instruction, MemorySection,
};
use wasm_encoder::{MemoryType, Module, RawSection};
use wasmparser::{Parser, Payload};

use crate::modules::Wanted;

/// Where the description stands.
pub const DESCRIPTION: i32 = 1_024;

/// What it can't read stays as it is.
pub fn described(wasm: &[u8], wanted: &Wanted) -> Option<Vec<u8>> {
    let replaced = bodies(wasm, wanted)?;
    let mut out = Module::new();
    let mut imported = 0;
    let mut code = CodeSection::new();
    let mut bodies = 0;
    let mut is_written = false;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            Payload::MemorySection(memories) => {
                let mut section = MemorySection::new();
                for memory in memories {
                    let memory = memory.ok()?;
                    section.memory(MemoryType {
                        minimum: memory.initial.clamp(2, 16),
                        maximum: memory.maximum.map(|most| most.max(16)),
                        memory64: memory.memory64,
                        shared: memory.shared,
                        page_size_log2: None,
                    });
                }
                out.section(&section);
            }
            Payload::ImportSection(imports) => {
                imported = imports.clone().into_imports().count() as u32;
                raw(&mut out, wasm, 2, imports.range());
            }
            Payload::DataCountSection { count, .. } => {
                out.section(&DataCountSection { count: count + 1 });
            }
            Payload::CodeSectionEntry(body) => {
                match replaced.iter().find(|(index, _)| *index == imported + bodies) {
                    Some((_, body)) => code.raw(body),
                    None => code.raw(&wasm[body.range()]),
                };
                bodies += 1;
            }
            Payload::DataSection(data) => {
                let mut section = DataSection::new();
                for segment in data {
                    // Passive, whatever it was: an active one may lie beyond the memory, and then nothing runs.
                    section.passive(segment.ok()?.data.iter().copied());
                }
                finish(&mut out, &code, section, wanted);
                is_written = true;
            }
            Payload::End(_) => {}
            other => {
                if let Some((id, range)) = other.as_section()
                    && id != wasm_encoder::SectionId::Code as u8
                {
                    raw(&mut out, wasm, id, range);
                }
            }
        }
    }
    if !is_written {
        finish(&mut out, &code, DataSection::new(), wanted);
    }
    Some(out.finish())
}

fn finish(out: &mut Module, code: &CodeSection, mut data: DataSection, wanted: &Wanted) {
    if !code.is_empty() {
        out.section(code);
    }
    data.active(0, &ConstExpr::i32_const(DESCRIPTION), (wanted.description)());
    out.section(&data);
}

fn raw(out: &mut Module, wasm: &[u8], id: u8, range: Range<usize>) {
    out.section(&RawSection { id, data: &wasm[range] });
}

/// Positions of the functions to replace, and what replaces them.
fn bodies(wasm: &[u8], wanted: &Wanted) -> Option<Vec<(u32, Vec<u8>)>> {
    let mut replaced = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ExportSection(exports) = payload.ok()? {
            for export in exports {
                let export = export.ok()?;
                let name = format!("\"{}\"", export.name);
                let body = wanted.exports.iter().find(|(declared, _)| declared.contains(&name));
                if let Some((_, Some(instruction))) = body {
                    let mut function = Function::new([]);
                    function.instruction(instruction).instruction(&Instruction::End);
                    replaced.push((export.index, function.into_raw_body()));
                }
            }
        }
    }
    Some(replaced)
}
