//! The functions of WASI preview 2 that do something, by name.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower, Resource, ResourceType};

use super::command::Exit;
use super::wasi::Stream;
use crate::sandbox::imports::State;
use crate::sandbox::stop::Stop;
use crate::value::excerpt;

/// What one write may bring.
const WRITE_BYTES: u64 = 64 << 10;

const OUTPUT: u32 = 1;
const ERRORS: u32 = 2;

struct Input;
struct Output;
struct Pollable;
struct Failure;
/// Descriptors, sockets, terminals: there is never one.
struct Nothing;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[allow(dead_code, reason = "nothing fails without ending the judging")]
    LastOperationFailed(Resource<Failure>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

type Store<'a> = StoreContextMut<'a, State>;
type Interface<'a> = LinkerInstance<'a, State>;
type Written = (Result<(), StreamError>,);

pub(super) fn resource(interface: &mut Interface<'_>, name: &str) -> wasmtime::Result<()> {
    let ty = match name {
        "input-stream" => ResourceType::host::<Input>(),
        "output-stream" => ResourceType::host::<Output>(),
        "pollable" => ResourceType::host::<Pollable>(),
        "error" => ResourceType::host::<Failure>(),
        _ => ResourceType::host::<Nothing>(),
    };
    interface.resource(name, ty, |_, _| Ok(()))
}

/// Links one function: one of those below, or one that ends the judging.
pub(super) fn function(of: &mut Interface<'_>, interface: &str, name: &str) -> wasmtime::Result<()> {
    match (interface, name) {
        ("wasi:cli/environment", "get-environment") => {
            of.func_wrap(name, |_: Store<'_>, (): ()| Ok((Vec::<(String, String)>::new(),)))
        }
        ("wasi:cli/environment", "get-arguments") => {
            of.func_wrap(name, |store: Store<'_>, (): ()| Ok((store.data().arguments().to_vec(),)))
        }
        ("wasi:cli/environment", "initial-cwd") => {
            of.func_wrap(name, |_: Store<'_>, (): ()| Ok((None::<String>,)))
        }
        ("wasi:cli/exit", "exit") => {
            of.func_wrap(name, |_: Store<'_>, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
                Err(wasmtime::Error::new(Exit(i32::from(status.is_err()))))
            })
        }
        ("wasi:cli/stdin", "get-stdin") => {
            of.func_wrap(name, |_: Store<'_>, (): ()| Ok((Resource::<Input>::new_own(0),)))
        }
        ("wasi:cli/stdout", "get-stdout") => {
            of.func_wrap(name, |_: Store<'_>, (): ()| Ok((Resource::<Output>::new_own(OUTPUT),)))
        }
        ("wasi:cli/stderr", "get-stderr") => {
            of.func_wrap(name, |_: Store<'_>, (): ()| Ok((Resource::<Output>::new_own(ERRORS),)))
        }
        ("wasi:cli/terminal-stdin", "get-terminal-stdin")
        | ("wasi:cli/terminal-stdout", "get-terminal-stdout")
        | ("wasi:cli/terminal-stderr", "get-terminal-stderr") => {
            of.func_wrap(name, |_: Store<'_>, (): ()| Ok((None::<Resource<Nothing>>,)))
        }
        ("wasi:filesystem/preopens", "get-directories") => {
            of.func_wrap(name, |_: Store<'_>, (): ()| Ok((Vec::<(Resource<Nothing>, String)>::new(),)))
        }
        ("wasi:io/error", "[method]error.to-debug-string") => {
            of.func_wrap(name, |_: Store<'_>, (_,): (Resource<Failure>,)| Ok((String::from("failed"),)))
        }
        _ if interface == "wasi:io/poll" => poll(of, name),
        _ if interface == "wasi:io/streams" => stream(of, name),
        _ if interface.starts_with("wasi:clocks/") => clock(of, interface, name),
        _ if interface.starts_with("wasi:random/") => random(of, name),
        _ => nothing(of, name),
    }
}

/// Whatever it takes, calling it ends the judging.
fn nothing(of: &mut Interface<'_>, name: &str) -> wasmtime::Result<()> {
    let called = excerpt(name, 100);
    of.func_new(name, move |_, _, _, _| {
        let message =
            format!("called `{called}` of WASI: an assertion has no files, sockets, terminal or network");
        Err(Stop::guest("wasi", message).into())
    })
}

fn poll(of: &mut Interface<'_>, name: &str) -> wasmtime::Result<()> {
    match name {
        "[method]pollable.ready" => {
            of.func_wrap(name, |_: Store<'_>, (_,): (Resource<Pollable>,)| Ok((true,)))
        }
        "[method]pollable.block" => of
            .func_wrap(name, |mut store: Store<'_>, (_,): (Resource<Pollable>,)| {
                Ok(store.data_mut().wasi_call("poll", 0)?)
            }),
        "poll" => of.func_wrap(name, |mut store: Store<'_>, (all,): (Vec<Resource<Pollable>>,)| {
            store.data_mut().wasi_call("poll", 4 * all.len())?;
            Ok(((0..all.len() as u32).collect::<Vec<u32>>(),))
        }),
        _ => nothing(of, name),
    }
}

fn pollable() -> wasmtime::Result<(Resource<Pollable>,)> {
    Ok((Resource::new_own(0),))
}

fn stream(of: &mut Interface<'_>, name: &str) -> wasmtime::Result<()> {
    match name {
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => {
            of.func_wrap(name, |mut store: Store<'_>, (_, most): (Resource<Input>, u64)| {
                let bytes = store.data_mut().read_input(usize::try_from(most).unwrap_or(usize::MAX))?;
                let ended = bytes.is_empty() && most > 0;
                Ok((if ended { Err(StreamError::Closed) } else { Ok(bytes) },))
            })
        }
        "[method]input-stream.skip" | "[method]input-stream.blocking-skip" => {
            of.func_wrap(name, |mut store: Store<'_>, (_, most): (Resource<Input>, u64)| {
                let skipped = store.data_mut().read_input(usize::try_from(most).unwrap_or(usize::MAX))?.len();
                let ended = skipped == 0 && most > 0;
                Ok((if ended { Err(StreamError::Closed) } else { Ok(skipped as u64) },))
            })
        }
        "[method]input-stream.subscribe" => {
            of.func_wrap(name, |_: Store<'_>, (_,): (Resource<Input>,)| pollable())
        }
        "[method]output-stream.subscribe" => {
            of.func_wrap(name, |_: Store<'_>, (_,): (Resource<Output>,)| pollable())
        }
        "[method]output-stream.check-write" => of
            .func_wrap(name, |_: Store<'_>, (_,): (Resource<Output>,)| {
                Ok((Ok::<u64, StreamError>(WRITE_BYTES),))
            }),
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => of.func_wrap(
            name,
            |mut store: Store<'_>, (to, bytes): (Resource<Output>, Vec<u8>)| -> wasmtime::Result<Written> {
                let stream = if to.rep() == ERRORS { Stream::Errors } else { Stream::Output };
                store.data_mut().write_output(stream, &bytes)?;
                Ok((Ok(()),))
            },
        ),
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => of.func_wrap(
            name,
            |mut store: Store<'_>, (_,): (Resource<Output>,)| -> wasmtime::Result<Written> {
                store.data_mut().wasi_call("flush", 0)?;
                Ok((Ok(()),))
            },
        ),
        _ => nothing(of, name),
    }
}

fn clock(of: &mut Interface<'_>, interface: &str, name: &str) -> wasmtime::Result<()> {
    match (interface, name) {
        ("wasi:clocks/wall-clock", "now") => of.func_wrap(name, |mut store: Store<'_>, (): ()| {
            let (seconds, nanoseconds) = store.data_mut().wall_clock()?;
            Ok((Datetime { seconds, nanoseconds },))
        }),
        ("wasi:clocks/wall-clock", "resolution") => {
            of.func_wrap(name, |_: Store<'_>, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1_000_000 },)))
        }
        ("wasi:clocks/monotonic-clock", "now") => {
            of.func_wrap(name, |mut store: Store<'_>, (): ()| Ok((store.data_mut().monotonic_ns()?,)))
        }
        ("wasi:clocks/monotonic-clock", "resolution") => {
            of.func_wrap(name, |_: Store<'_>, (): ()| Ok((1_000_000_u64,)))
        }
        ("wasi:clocks/monotonic-clock", "subscribe-duration") => {
            of.func_wrap(name, |mut store: Store<'_>, (duration_ns,): (u64,)| {
                store.data_mut().wait_ns(duration_ns)?;
                pollable()
            })
        }
        ("wasi:clocks/monotonic-clock", "subscribe-instant") => {
            of.func_wrap(name, |mut store: Store<'_>, (moment_ns,): (u64,)| {
                let state = store.data_mut();
                let now = state.monotonic_ns()?;
                state.wait_ns(moment_ns.saturating_sub(now))?;
                pollable()
            })
        }
        _ => nothing(of, name),
    }
}

fn random(of: &mut Interface<'_>, name: &str) -> wasmtime::Result<()> {
    match name {
        "get-random-bytes" | "get-insecure-random-bytes" => of
            .func_wrap(name, |mut store: Store<'_>, (count,): (u64,)| {
                Ok((store.data_mut().random(count)?,))
            }),
        "get-random-u64" | "get-insecure-random-u64" => {
            of.func_wrap(name, |mut store: Store<'_>, (): ()| Ok((store.data_mut().random_u64()?,)))
        }
        "insecure-seed" => of.func_wrap(name, |mut store: Store<'_>, (): ()| {
            let state = store.data_mut();
            Ok(((state.random_u64()?, state.random_u64()?),))
        }),
        _ => nothing(of, name),
    }
}
