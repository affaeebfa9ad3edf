//! What the flat ABI offers a module: the same evidence and report as the world's, over pointers.

use wasmtime::component::Resource;
use wasmtime::{Caller, Linker};

use super::bindings::wassert::pack::{evidence, report};
use super::{finding, flat_memory as memory};
use crate::sandbox::imports::{Blob, State};
use crate::sandbox::stop::Stop;
use crate::value::canonical;

const MODULE: &str = "wassert_v1";

pub(super) const NAMES: [(&str, &str); 10] = [
    (MODULE, "query"),
    (MODULE, "count"),
    (MODULE, "open"),
    (MODULE, "size"),
    (MODULE, "read"),
    (MODULE, "find"),
    (MODULE, "close"),
    (MODULE, "emit"),
    (MODULE, "log"),
    // What AssemblyScript's runtime calls before it traps.
    ("env", "abort"),
];

/// Answers below zero. The refusal's words are in the log.
const NOT_FOUND: i64 = -1;
const INVALID_EXPRESSION: i64 = -2;
const TOO_LARGE: i64 = -3;

fn refused(state: &mut State, refusal: &evidence::Refusal) -> wasmtime::Result<i64> {
    report::Host::log(state, report::Level::Debug, format!("{}: {}", refusal.code, refusal.detail))?;
    Ok(match refusal.code.as_str() {
        "invalid-expression" => INVALID_EXPRESSION,
        "too-large" => TOO_LARGE,
        _ => NOT_FOUND,
    })
}

/// The handle, if it is open.
fn handle(state: &State, handle: i32) -> Result<Resource<Blob>, Stop> {
    let blob = Resource::new_borrow(handle as u32);
    match state.table.get(&blob) {
        Ok(_) => Ok(blob),
        Err(_) => Err(Stop::guest("output", format!("used the handle {handle}, which is not open"))),
    }
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "query", query)?;
    linker.func_wrap(MODULE, "count", |mut caller: Caller<'_, State>, at: i32, length: i32| {
        let expression = memory::text(&mut caller, at, length, "the expression of `count`")?;
        match evidence::Host::count(caller.data_mut(), expression)? {
            Ok(count) => Ok(i64::from(count)),
            Err(refusal) => refused(caller.data_mut(), &refusal),
        }
    })?;
    linker.func_wrap(MODULE, "open", |mut caller: Caller<'_, State>, at: i32, length: i32| {
        let name = memory::text(&mut caller, at, length, "the name given to `open`")?;
        match evidence::HostBlob::open(caller.data_mut(), name)? {
            Ok(blob) => Ok(blob.rep() as i32),
            Err(refusal) => refused(caller.data_mut(), &refusal).map(|code| code as i32),
        }
    })?;
    linker.func_wrap(MODULE, "size", |mut caller: Caller<'_, State>, blob: i32| {
        let blob = handle(caller.data(), blob)?;
        evidence::HostBlob::size(caller.data_mut(), blob).map(|size| size as i64)
    })?;
    linker.func_wrap(
        MODULE,
        "read",
        |mut caller: Caller<'_, State>, blob: i32, offset: i64, at: i32, capacity: i32| {
            let what = "the place given to `read`";
            memory::check_place(&mut caller, at, capacity, what)?;
            let blob = handle(caller.data(), blob)?;
            let bytes = evidence::HostBlob::read(caller.data_mut(), blob, offset as u64, capacity as u32)?;
            memory::write(&mut caller, at, &bytes, what)?;
            wasmtime::Result::Ok(bytes.len() as i32)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "find",
        |mut caller: Caller<'_, State>, blob: i32, at: i32, length: i32, start: i64| {
            let needle = memory::bytes(&mut caller, at, length, "what `find` looks for")?;
            let blob = handle(caller.data(), blob)?;
            let found = evidence::HostBlob::find(caller.data_mut(), blob, needle, start as u64)?;
            wasmtime::Result::Ok(found.map_or(NOT_FOUND, |position| position as i64))
        },
    )?;
    linker.func_wrap(MODULE, "close", |mut caller: Caller<'_, State>, blob: i32| {
        let blob = handle(caller.data(), blob)?;
        evidence::HostBlob::drop(caller.data_mut(), Resource::new_own(blob.rep()))
    })?;
    linker.func_wrap(MODULE, "emit", |mut caller: Caller<'_, State>, at: i32, length: i32| {
        let text = memory::bytes(&mut caller, at, length, "the finding given to `emit`")?;
        caller.data_mut().charge(text.len() as u64)?;
        let depth = caller.data().json_depth;
        let finding = finding::read(&text, "the finding given to `emit`", depth)?;
        report::Host::emit(caller.data_mut(), finding)
    })?;
    linker.func_wrap(MODULE, "log", |mut caller: Caller<'_, State>, level: i32, at: i32, length: i32| {
        let text = memory::text(&mut caller, at, length, "the message given to `log`")?;
        let level = match level {
            0 => report::Level::Debug,
            1 => report::Level::Info,
            _ => report::Level::Warn,
        };
        report::Host::log(caller.data_mut(), level, text)
    })?;
    linker.func_wrap("env", "abort", |_: i32, _: i32, line: i32, column: i32| -> wasmtime::Result<()> {
        Err(Stop::guest("trap", format!("crashed: it called `abort` at line {line}, column {column}")).into())
    })?;
    Ok(())
}

/// How many bytes the answer has; it is written only where it fits.
fn query(
    mut caller: Caller<'_, State>,
    expression: i32,
    length: i32,
    skip: i32,
    max: i32,
    at: i32,
    capacity: i32,
) -> wasmtime::Result<i64> {
    let what = "the place given to `query`";
    memory::check_place(&mut caller, at, capacity, what)?;
    let expression = memory::text(&mut caller, expression, length, "the expression of `query`")?;
    let nodes = match evidence::Host::query(caller.data_mut(), expression, skip as u32, max as u32)? {
        Ok(nodes) => nodes,
        Err(refusal) => return refused(caller.data_mut(), &refusal),
    };
    let mut answer = String::from("[");
    for (position, node) in nodes.into_iter().enumerate() {
        let comma = if position > 0 { "," } else { "" };
        let path = canonical(&node.path.into());
        answer.push_str(&format!(r#"{comma}{{"path":{path},"value":{}}}"#, node.json));
    }
    answer.push(']');
    if answer.len() <= capacity as u32 as usize {
        memory::write(&mut caller, at, answer.as_bytes(), what)?;
    }
    Ok(answer.len() as i64)
}
