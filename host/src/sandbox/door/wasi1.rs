//! Door D, the older: WASI preview 1 for core modules. What it has is [`super::wasi`]'s; everything else is refused with
//! an error number, so that a language's runtime starts.

use wasmtime::{Caller, Engine, ExternType, FuncType, InstancePre, Linker, Module, Store, Val, ValType};

use super::wasi::Stream;
use super::{Declared, Door, Instance, ModuleError, command, contract, flat_memory as memory};
use crate::sandbox::imports::State;
use crate::sandbox::message::Description;
use crate::sandbox::stop::Stop;

const WASI: &str = "wasi_snapshot_preview1";

const SUCCESS: i32 = 0;
const BAD_DESCRIPTOR: i32 = 8;
const INVALID: i32 = 28;
const NOT_SUPPORTED: i32 = 52;

/// Vectors of one read or write, subscriptions of one poll.
const ITEMS_LIMIT: u32 = 1_024;

/// Those that do something.
const OFFERED: [&str; 14] = [
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_read",
    "fd_write",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
];

/// Those that only say no.
const REFUSED: [&str; 32] = [
    "fd_advise",
    "fd_allocate",
    "fd_datasync",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "proc_raise",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

/// Whether there is such an import.
pub(super) fn offers(module: &str, name: &str) -> bool {
    module == WASI && (OFFERED.contains(&name) || REFUSED.contains(&name))
}

/// Links what a module imports of it, which may be nothing.
pub(super) fn link(linker: &mut Linker<State>, module: &Module) -> wasmtime::Result<()> {
    let engine = module.engine();
    let mut refused: Vec<&str> = Vec::new();
    let mut any = false;
    for import in module.imports().filter(|import| import.module() == WASI) {
        any = true;
        if REFUSED.contains(&import.name()) && !refused.contains(&import.name()) {
            refused.push(import.name());
            refuse(linker, engine, import.name(), &import.ty())?;
        }
    }
    if any { link_offered(linker) } else { Ok(()) }
}

/// Says no, whatever the parameters are.
fn refuse(linker: &mut Linker<State>, engine: &Engine, name: &str, ty: &ExternType) -> wasmtime::Result<()> {
    let ExternType::Func(function) = ty else { return Ok(()) };
    let answer = if name.starts_with("proc") { NOT_SUPPORTED } else { BAD_DESCRIPTOR };
    let ty = FuncType::new(engine, function.params(), [ValType::I32]);
    linker.func_new(WASI, name, ty, move |mut caller, _, results| {
        caller.data_mut().wasi_call("refused function of WASI", 0)?;
        if let Some(result) = results.first_mut() {
            *result = Val::I32(answer);
        }
        Ok(())
    })?;
    Ok(())
}

fn link_offered(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(WASI, "args_sizes_get", |mut caller: Caller<'_, State>, count: i32, bytes: i32| {
        let arguments = caller.data().arguments();
        let size: usize = arguments.iter().map(|argument| argument.len() + 1).sum();
        let number = arguments.len();
        put(&mut caller, count, number as u32)?;
        put(&mut caller, bytes, size as u32)
    })?;
    linker.func_wrap(WASI, "args_get", |mut caller: Caller<'_, State>, pointers: i32, buffer: i32| {
        let arguments = caller.data().arguments().to_vec();
        let mut at = buffer as u32;
        for (position, argument) in arguments.iter().enumerate() {
            put(&mut caller, (pointers as u32).wrapping_add(4 * position as u32) as i32, at)?;
            let text = [argument.as_bytes(), b"\0"].concat();
            memory::write(&mut caller, at as i32, &text, "the place given to `args_get`")?;
            at = at.wrapping_add(text.len() as u32);
        }
        wasmtime::Result::Ok(SUCCESS)
    })?;
    linker.func_wrap(
        WASI,
        "environ_sizes_get",
        |mut caller: Caller<'_, State>, count: i32, bytes: i32| {
            put(&mut caller, count, 0)?;
            put(&mut caller, bytes, 0)
        },
    )?;
    linker.func_wrap(WASI, "environ_get", |_: i32, _: i32| SUCCESS)?;
    linker.func_wrap(WASI, "clock_res_get", |mut caller: Caller<'_, State>, _: i32, at: i32| {
        put_u64(&mut caller, at, 1_000_000)
    })?;
    linker.func_wrap(
        WASI,
        "clock_time_get",
        |mut caller: Caller<'_, State>, clock: i32, _: i64, at: i32| {
            let time = if clock == 0 {
                let (seconds, nanoseconds) = caller.data_mut().wall_clock()?;
                seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds.into())
            } else {
                caller.data_mut().monotonic_ns()?
            };
            put_u64(&mut caller, at, time)
        },
    )?;
    linker.func_wrap(WASI, "fd_close", |descriptor: i32| {
        if (0..=2).contains(&descriptor) { SUCCESS } else { BAD_DESCRIPTOR }
    })?;
    linker.func_wrap(WASI, "fd_fdstat_get", |mut caller: Caller<'_, State>, descriptor: i32, at: i32| {
        if !(0..=2).contains(&descriptor) {
            return Ok(BAD_DESCRIPTOR);
        }
        let mut stat = [0_u8; 24];
        // A character device, so that C flushes line by line; the rights are to read or to write.
        stat[0] = 2;
        stat[8] = if descriptor == 0 { 1 << 1 } else { 1 << 6 };
        memory::write(&mut caller, at, &stat, "the place given to `fd_fdstat_get`")?;
        wasmtime::Result::Ok(SUCCESS)
    })?;
    linker.func_wrap(WASI, "fd_read", fd_read)?;
    linker.func_wrap(WASI, "fd_write", fd_write)?;
    linker.func_wrap(WASI, "poll_oneoff", poll)?;
    linker.func_wrap(WASI, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(command::Exit(code)))
    })?;
    linker.func_wrap(WASI, "random_get", |mut caller: Caller<'_, State>, at: i32, length: i32| {
        let what = "the place given to `random_get`";
        memory::check_place(&mut caller, at, length, what)?;
        let random = caller.data_mut().random(u64::from(length as u32))?;
        memory::write(&mut caller, at, &random, what)?;
        wasmtime::Result::Ok(SUCCESS)
    })?;
    linker.func_wrap(WASI, "sched_yield", || SUCCESS)?;
    Ok(())
}

fn put(caller: &mut Caller<'_, State>, at: i32, number: u32) -> wasmtime::Result<i32> {
    memory::write(caller, at, &number.to_le_bytes(), "a place given to WASI")?;
    Ok(SUCCESS)
}

fn put_u64(caller: &mut Caller<'_, State>, at: i32, number: u64) -> wasmtime::Result<i32> {
    memory::write(caller, at, &number.to_le_bytes(), "a place given to WASI")?;
    Ok(SUCCESS)
}

/// Pointer and length of each vector.
fn vectors(caller: &mut Caller<'_, State>, at: i32, count: i32) -> Result<Option<Vec<(i32, i32)>>, Stop> {
    if count as u32 > ITEMS_LIMIT {
        return Ok(None);
    }
    let bytes = memory::bytes(caller, at, count * 8, "a list of places given to WASI")?;
    let number = |bytes: &[u8]| i32::from_le_bytes(bytes.try_into().unwrap_or_default());
    Ok(Some(bytes.chunks_exact(8).map(|pair| (number(&pair[..4]), number(&pair[4..]))).collect()))
}

fn fd_write(
    mut caller: Caller<'_, State>,
    descriptor: i32,
    at: i32,
    count: i32,
    written: i32,
) -> wasmtime::Result<i32> {
    let stream = match descriptor {
        1 => Stream::Output,
        2 => Stream::Errors,
        _ => return Ok(BAD_DESCRIPTOR),
    };
    let Some(vectors) = vectors(&mut caller, at, count)? else { return Ok(INVALID) };
    let mut total = 0_u32;
    for (pointer, length) in vectors {
        let bytes = memory::bytes(&mut caller, pointer, length, "what is given to `fd_write`")?;
        total = total.wrapping_add(length as u32);
        caller.data_mut().write_output(stream, &bytes)?;
    }
    put(&mut caller, written, total)
}

fn fd_read(
    mut caller: Caller<'_, State>,
    descriptor: i32,
    at: i32,
    count: i32,
    read: i32,
) -> wasmtime::Result<i32> {
    if descriptor != 0 {
        return Ok(BAD_DESCRIPTOR);
    }
    let Some(vectors) = vectors(&mut caller, at, count)? else { return Ok(INVALID) };
    let mut total = 0_u32;
    for (pointer, length) in vectors {
        let what = "a place given to `fd_read`";
        memory::check_place(&mut caller, pointer, length, what)?;
        let bytes = caller.data_mut().read_input(length as u32 as usize)?;
        memory::write(&mut caller, pointer, &bytes, what)?;
        total = total.wrapping_add(bytes.len() as u32);
    }
    put(&mut caller, read, total)
}

/// What waits for input or output has it at once; else the earliest moment comes at once.
fn poll(
    mut caller: Caller<'_, State>,
    subscriptions: i32,
    events: i32,
    count: i32,
    happened: i32,
) -> wasmtime::Result<i32> {
    const SUBSCRIPTION_BYTES: usize = 48;
    const EVENT_BYTES: usize = 32;
    const CLOCK: u8 = 0;
    if count == 0 || count as u32 > ITEMS_LIMIT {
        return Ok(INVALID);
    }
    let bytes = memory::bytes(
        &mut caller,
        subscriptions,
        count * SUBSCRIPTION_BYTES as i32,
        "what `poll_oneoff` waits for",
    )?;
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    let mut ready: Vec<&[u8]> =
        bytes.chunks_exact(SUBSCRIPTION_BYTES).filter(|subscription| subscription[8] != CLOCK).collect();
    if ready.is_empty() {
        let now = caller.data_mut().monotonic_ns()?;
        let wait = |subscription: &&[u8]| {
            let timeout = number(&subscription[24..32]);
            if subscription[40] & 1 == 1 { timeout.saturating_sub(now) } else { timeout }
        };
        if let Some(earliest) = bytes.chunks_exact(SUBSCRIPTION_BYTES).min_by_key(wait) {
            caller.data_mut().wait_ns(wait(&earliest))?;
            ready.push(earliest);
        }
    }
    let mut answer = Vec::new();
    for subscription in &ready {
        let mut event = [0_u8; EVENT_BYTES];
        event[..8].copy_from_slice(&subscription[..8]);
        event[10] = subscription[8];
        answer.extend_from_slice(&event);
    }
    memory::write(&mut caller, events, &answer, "the place given to `poll_oneoff`")?;
    put(&mut caller, happened, ready.len() as u32)
}

/// A core module with `_start`.
pub(super) struct CommandDoor {
    pre: InstancePre<State>,
    declared: Declared,
}

impl CommandDoor {
    pub fn new(module: &Module, declared: Declared) -> Result<Self, ModuleError> {
        let mut linker = Linker::new(module.engine());
        link(&mut linker, module)
            .and_then(|()| linker.instantiate_pre(module))
            .map(|pre| Self { pre, declared })
            .map_err(|error| contract::misfit(&error))
    }
}

impl Door for CommandDoor {
    fn engine(&self) -> &Engine {
        self.pre.module().engine()
    }

    fn declared(&self) -> Option<Declared> {
        Some(self.declared.clone())
    }

    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn Instance>> {
        Ok(Box::new(Command(self.pre.instantiate(store)?)))
    }
}

struct Command(wasmtime::Instance);

impl Instance for Command {
    fn describe(&self, _: &mut Store<State>) -> wasmtime::Result<Vec<Description>> {
        Err(command::cannot_describe())
    }

    fn check(
        &self,
        store: &mut Store<State>,
        name: &str,
        parameters: &str,
    ) -> wasmtime::Result<Result<(), String>> {
        let start = self.0.get_typed_func::<(), ()>(&mut *store, "_start").map_err(|error| {
            Stop::guest("contract", format!("`_start` of a command takes and gives nothing: {error:#}"))
        })?;
        store.data_mut().begin_command(name, parameters)?;
        let result = start.call(&mut *store, ());
        command::ended(store.data_mut(), result)
    }
}
