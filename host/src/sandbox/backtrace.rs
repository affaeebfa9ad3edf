//! Where in a module a trap was: function names and, where there is debug information, source lines.
//!
//! For people alone. Names and lines are the module's own words, so they are cut and escaped, and no receipt has them.

use wasmtime::{FrameInfo, WasmBacktrace};

use crate::value::excerpt;

/// Calls told, innermost first.
const CALLS_LIMIT: usize = 3;

const NAME_LIMIT_CHARACTERS: usize = 80;

/// `divide (src/lib.rs:41), called by check`; `None` where nothing has a name.
pub(super) fn place(error: &wasmtime::Error) -> Option<String> {
    let trace = error.downcast_ref::<WasmBacktrace>()?;
    let calls: Vec<String> = trace.frames().iter().filter_map(call).take(CALLS_LIMIT).collect();
    (!calls.is_empty()).then(|| calls.join(", called by "))
}

fn call(frame: &FrameInfo) -> Option<String> {
    let symbol = frame.symbols().first();
    let name = symbol.and_then(|symbol| symbol.name()).or_else(|| frame.func_name())?;
    let name = excerpt(name, NAME_LIMIT_CHARACTERS);
    let Some(file) = symbol.and_then(|symbol| symbol.file()) else { return Some(name) };
    // The end of a path tells more than its start.
    let file: Vec<char> = file.chars().rev().take(NAME_LIMIT_CHARACTERS).collect();
    let file = excerpt(&file.into_iter().rev().collect::<String>(), NAME_LIMIT_CHARACTERS);
    let line = symbol.and_then(|symbol| symbol.line()).map_or(String::new(), |line| format!(":{line}"));
    Some(format!("{name} ({file}{line})"))
}
