//! Refuses what could take minutes to compile, before a compiler sees it: one pass over the bytes, nothing validated.
//!
//! The bounds are [`Shape`]'s. What passes may still be slow; compiling is bounded on its own.

use wasmparser::{FunctionBody, Operator, Parser, Payload};

use super::ModuleError;
use crate::sandbox::limits::{Shape, grouped, size};

pub(super) fn check(wasm: &[u8], most: &Shape) -> Result<(), ModuleError> {
    let mut count = Shape { functions: 0, modules: 0, instances: 0, memories: 0, tables: 0, ..most.clone() };
    let mut function = 0_u64;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(broken)? {
            Payload::ModuleSection { .. } => count.modules += 1,
            Payload::FunctionSection(section) => count.functions += u64::from(section.count()),
            Payload::InstanceSection(section) => count.instances += u64::from(section.count()),
            Payload::MemorySection(section) => count.memories += u64::from(section.count()),
            Payload::TableSection(section) => count.tables += u64::from(section.count()),
            Payload::CodeSectionEntry(body) => {
                check_function(function, &body, most)?;
                function += 1;
            }
            _ => {}
        }
        for (what, key, count, most) in [
            ("functions", "functions", count.functions, most.functions),
            ("core modules", "modules", count.modules, most.modules),
            ("instances", "instances", count.instances, most.instances),
            ("memories", "memories", count.memories, most.memories),
            ("tables", "tables", count.tables, most.tables),
        ] {
            if count > most {
                return Err(ModuleError::Shape(format!(
                    "it has {} {what}; at most {} are allowed (limits.shape.{key})",
                    grouped(count),
                    grouped(most)
                )));
            }
        }
    }
    Ok(())
}

fn check_function(position: u64, body: &FunctionBody<'_>, most: &Shape) -> Result<(), ModuleError> {
    let refuse = |what: String, key: &str| {
        Err(ModuleError::Shape(format!("its function {position} has {what} (limits.shape.{key})")))
    };
    let bytes = body.range().len() as u64;
    if bytes > most.body_bytes {
        let (bytes, most) = (size(bytes), size(most.body_bytes));
        return refuse(format!("a body of {bytes}; at most {most} are allowed"), "body_bytes");
    }
    let mut locals = 0_u64;
    for declared in body.get_locals_reader().map_err(broken)? {
        locals += u64::from(declared.map_err(broken)?.0);
    }
    if locals > most.locals {
        let (locals, most) = (grouped(locals), grouped(most.locals));
        return refuse(format!("{locals} locals; at most {most} are allowed"), "locals");
    }
    let (mut loops, mut nesting) = (0_u64, 0_u64);
    for operator in body.get_operators_reader().map_err(broken)? {
        match operator.map_err(broken)? {
            Operator::Loop { .. } => {
                loops += 1;
                nesting += 1;
            }
            Operator::Block { .. } | Operator::If { .. } => nesting += 1,
            Operator::End => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        if nesting > most.nesting {
            let most = grouped(most.nesting);
            return refuse(format!("more than {most} blocks within each other"), "nesting");
        }
    }
    if locals.saturating_mul(loops) > most.locals_times_loops {
        let (locals, loops) = (grouped(locals), grouped(loops));
        return refuse(
            format!("{locals} locals and {loops} loops; such code can take minutes to compile"),
            "locals_times_loops",
        );
    }
    Ok(())
}

fn broken(error: wasmparser::Error) -> ModuleError {
    ModuleError::NotAModule(error.to_string())
}
