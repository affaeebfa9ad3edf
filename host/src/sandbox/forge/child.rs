//! The forge itself: bounds itself, reads a module, compiles it, writes the result.

use std::io::{self, BufRead as _, Read as _, Write as _};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::{Made, Order};
use crate::sandbox::compile::compile;
use crate::sandbox::confine;
use crate::sandbox::engine::{self, THREAD_STACK_BYTES};
use crate::sandbox::stop::Stop;
use crate::sandbox::worker::give_up;
use crate::value::Unjudged;

/// Compiles the module on standard input.
///
/// # Errors
/// When the order is not understood, or nobody reads the result.
pub fn forge() -> io::Result<()> {
    give_up();
    let mut input = io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    bound(Resource::Cpu, order.limits.compile_cpu_seconds);
    bound(Resource::As, order.limits.compile_memory_bytes);
    confine::confine(&[]);
    let mut module = Vec::new();
    input.read_to_end(&mut module)?;
    let made = std::thread::Builder::new()
        .name("forge".to_owned())
        .stack_size(THREAD_STACK_BYTES)
        .spawn(move || made(&order, &module))?
        .join()
        .map_err(|_| io::Error::other("the compiler panicked"))?;
    let mut output = io::stdout().lock();
    let (refused, compiled) = match made {
        Ok(compiled) => (None, compiled),
        Err(unjudged) => (Some(unjudged), Vec::new()),
    };
    serde_json::to_writer(&mut output, &Made { refused })?;
    output.write_all(b"\n")?;
    output.write_all(&compiled)?;
    output.flush()
}

/// Below what the system allows already; where it can't be set, the parent's clock is left.
fn bound(resource: Resource, most: u64) {
    let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
}

fn made(order: &Order, module: &[u8]) -> Result<Vec<u8>, Unjudged> {
    let engine = engine::for_compiling(order.back_end(), &order.limits)
        .map_err(|error| Stop::host("host", format!("the engine could not be set up: {error}")).0)?;
    compile(&engine, module, &order.limits)
}
