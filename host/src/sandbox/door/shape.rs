//! Refuses what could take minutes to compile, before a compiler sees it.
//!
//! The bounds lie above what real guests have (CPython: bodies of 427 KB, 781 nested blocks, 13,500 functions, 38
//! modules; StarlingMonkey: 46,000 locals times loops), and below modules of a few kilobytes built to compile long.

use wasmparser::{FunctionBody, Operator, Parser, Payload};

use super::ModuleError;

const BODY_LIMIT_BYTES: usize = 512 * 1024;
const NESTING_LIMIT: u32 = 1_000;
const LOCALS_LIMIT: u64 = 50_000;
const LOCALS_TIMES_LOOPS_LIMIT: u64 = 100_000;
const FUNCTIONS_LIMIT: u64 = 30_000;
const MODULES_LIMIT: u32 = 64;
const INSTANCES_LIMIT: u32 = 128;
const MEMORIES_LIMIT: u32 = 8;
const TABLES_LIMIT: u32 = 16;

pub(super) fn check(component: &[u8]) -> Result<(), ModuleError> {
    let (mut functions, mut modules) = (0_u64, 0_u32);
    let (mut instances, mut memories, mut tables) = (0_u32, 0_u32, 0_u32);
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|error| ModuleError::NotAModule(error.to_string()))? {
            Payload::ModuleSection { .. } => modules += 1,
            Payload::InstanceSection(section) => instances += section.count(),
            Payload::MemorySection(section) => memories += section.count(),
            Payload::TableSection(section) => tables += section.count(),
            Payload::CodeSectionEntry(body) => {
                function(functions, &body)?;
                functions += 1;
            }
            _ => {}
        }
    }
    for (what, count, most) in [
        ("functions", functions, FUNCTIONS_LIMIT),
        ("modules", u64::from(modules), u64::from(MODULES_LIMIT)),
        ("instances", u64::from(instances), u64::from(INSTANCES_LIMIT)),
        ("memories", u64::from(memories), u64::from(MEMORIES_LIMIT)),
        ("tables", u64::from(tables), u64::from(TABLES_LIMIT)),
    ] {
        if count > most {
            return Err(ModuleError::Shape(format!("has {count} {what}; at most {most} are allowed")));
        }
    }
    Ok(())
}

fn function(position: u64, body: &FunctionBody<'_>) -> Result<(), ModuleError> {
    let broken = |error: wasmparser::Error| ModuleError::NotAModule(error.to_string());
    let refuse = |what: String| Err(ModuleError::Shape(format!("function {position} has {what}")));
    let bytes = body.range().len();
    if bytes > BODY_LIMIT_BYTES {
        return refuse(format!("a body of {bytes} bytes; at most {BODY_LIMIT_BYTES} are allowed"));
    }
    let mut locals = 0_u64;
    for declared in body.get_locals_reader().map_err(broken)? {
        locals += u64::from(declared.map_err(broken)?.0);
    }
    if locals > LOCALS_LIMIT {
        return refuse(format!("{locals} locals; at most {LOCALS_LIMIT} are allowed"));
    }
    let (mut loops, mut nesting) = (0_u64, 0_u32);
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
        if nesting > NESTING_LIMIT {
            return refuse(format!("more than {NESTING_LIMIT} nested blocks"));
        }
    }
    if locals * loops > LOCALS_TIMES_LOOPS_LIMIT {
        return refuse(format!("{locals} locals and {loops} loops; such code can take minutes to compile"));
    }
    Ok(())
}
