//! A core module's memory: every pointer and length is checked before a byte is touched.

use std::ops::Range;

use wasmtime::{Caller, Extern, Memory};

use crate::sandbox::imports::State;
use crate::sandbox::limits::{grouped, size};
use crate::sandbox::stop::Stop;

/// The caller's memory.
pub(super) fn of(caller: &mut Caller<'_, State>) -> Result<Memory, Stop> {
    caller.get_export("memory").and_then(Extern::into_memory).ok_or_else(none)
}

pub(super) fn none() -> Stop {
    Stop::guest("contract", "it exports no `memory`")
}

fn range(memory_bytes: usize, pointer: u32, length: u32, what: &str) -> Result<Range<usize>, Stop> {
    // Two 32-bit numbers never wrap in 64 bits.
    let end = u64::from(pointer) + u64::from(length);
    if end > memory_bytes as u64 {
        let message = format!(
            "{what} is not in its memory: {} bytes at {}, of {}",
            grouped(length.into()),
            grouped(pointer.into()),
            grouped(memory_bytes as u64)
        );
        return Err(Stop::guest("output", message));
    }
    Ok(pointer as usize..end as usize)
}

/// Bytes of a memory; `what` begins the sentence about what is wrong with them.
pub(super) fn slice<'m>(
    memory: &'m [u8],
    pointer: u32,
    length: u32,
    most_bytes: usize,
    what: &str,
) -> Result<&'m [u8], Stop> {
    let range = range(memory.len(), pointer, length, what)?;
    if range.len() > most_bytes {
        let message = format!("{what} is larger than {} (limits.call_bytes)", size(most_bytes as u64));
        return Err(Stop::guest("output", message));
    }
    Ok(&memory[range])
}

/// The same to write to, of any size.
pub(super) fn slice_mut<'m>(
    memory: &'m mut [u8],
    pointer: u32,
    length: u32,
    what: &str,
) -> Result<&'m mut [u8], Stop> {
    let range = range(memory.len(), pointer, length, what)?;
    Ok(&mut memory[range])
}

/// Bytes that the caller hands over.
pub(super) fn bytes(
    caller: &mut Caller<'_, State>,
    pointer: i32,
    length: i32,
    what: &str,
) -> Result<Vec<u8>, Stop> {
    let memory = of(caller)?;
    let most = caller.data().call_bytes;
    slice(memory.data(&*caller), pointer as u32, length as u32, most, what).map(<[u8]>::to_vec)
}

/// Text that the caller hands over.
pub(super) fn text(
    caller: &mut Caller<'_, State>,
    pointer: i32,
    length: i32,
    what: &str,
) -> Result<String, Stop> {
    let bytes = bytes(caller, pointer, length, what)?;
    String::from_utf8(bytes).map_err(|_| Stop::guest("output", format!("{what} is not UTF-8")))
}

/// Refuses a place to write to before any work is done for it.
pub(super) fn check_place(
    caller: &mut Caller<'_, State>,
    pointer: i32,
    length: i32,
    what: &str,
) -> Result<(), Stop> {
    let memory = of(caller)?;
    range(memory.data_size(&*caller), pointer as u32, length as u32, what).map(drop)
}

/// Writes at a place.
pub(super) fn write(
    caller: &mut Caller<'_, State>,
    pointer: i32,
    bytes: &[u8],
    what: &str,
) -> Result<(), Stop> {
    let memory = of(caller)?;
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    slice_mut(memory.data_mut(caller), pointer as u32, length, what)?.copy_from_slice(bytes);
    Ok(())
}
