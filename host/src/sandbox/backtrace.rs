//! Where in a module a trap was: function names and, where there is debug information, source lines.
//!
//! For people alone. Names and lines are the module's own words, so they are cut and escaped, and no receipt has them.

use wasmtime::{FrameInfo, WasmBacktrace};

use crate::value::excerpt;

/// Calls told, innermost first.
const CALLS_LIMIT: usize = 3;

const NAME_LIMIT_CHARACTERS: usize = 80;

/// What a language's own panic and abort machinery is called; the call that led there says more.
const MACHINERY: [&str; 8] =
    ["core::", "std::", "alloc::", "__rustc", "<core::", "<std::", "<alloc::", "__rust"];

/// `divide (src/lib.rs:41), called by check`; `None` where nothing has a name.
pub(super) fn place(error: &wasmtime::Error) -> Option<String> {
    let trace = error.downcast_ref::<WasmBacktrace>()?;
    let calls: Vec<String> = trace.frames().iter().filter_map(call).collect();
    told(&calls)
}

fn told(calls: &[String]) -> Option<String> {
    let is_machinery = |call: &&String| {
        call.split(' ').next() == Some("abort") || MACHINERY.iter().any(|start| call.starts_with(start))
    };
    let machinery = calls.iter().take_while(is_machinery).count();
    let own = if machinery == calls.len() { calls } else { &calls[machinery..] };
    (!own.is_empty()).then(|| own[..own.len().min(CALLS_LIMIT)].join(", called by "))
}

fn call(frame: &FrameInfo) -> Option<String> {
    let symbol = frame.symbols().first();
    let name = symbol.and_then(|symbol| symbol.name()).or_else(|| frame.func_name())?;
    // Names of Rust without their hashes, which say nothing and differ from build to build.
    let name = excerpt(&format!("{:#}", rustc_demangle::demangle(name)), NAME_LIMIT_CHARACTERS);
    let Some(file) = symbol.and_then(|symbol| symbol.file()) else { return Some(name) };
    // The end of a path tells more than its start.
    let file: Vec<char> = file.chars().rev().take(NAME_LIMIT_CHARACTERS).collect();
    let file = excerpt(&file.into_iter().rev().collect::<String>(), NAME_LIMIT_CHARACTERS);
    let line = symbol.and_then(|symbol| symbol.line()).map_or(String::new(), |line| format!(":{line}"));
    Some(format!("{name} ({file}{line})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machinery_of_a_panic_is_left_out() {
        let calls = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let panicked = calls(&[
            "abort",
            "std::process::abort",
            "core::panicking::panic (p.rs:1)",
            "mine::divide (lib.rs:41)",
            "check",
        ]);
        assert_eq!(told(&panicked).unwrap(), "mine::divide (lib.rs:41), called by check");
        assert_eq!(told(&calls(&["abort"])).unwrap(), "abort");
        assert_eq!(told(&calls(&["a", "b", "c", "d"])).unwrap(), "a, called by b, called by c");
        assert_eq!(told(&[]), None);
    }
}
