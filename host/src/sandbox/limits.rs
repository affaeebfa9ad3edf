//! How much a module may use, and the memory cap that wasmtime asks about.

use serde::{Deserialize, Serialize};
use wasmtime::ResourceLimiter;

use super::stop::Stop;
use crate::value::ErrorClass;

/// Units of host work that every call of an import costs, besides one per byte moved or searched and what a query
/// visits.
pub(super) const WORK_UNITS_PER_CALL: u64 = 100;

/// What one judging may use. A part of a verdict's receipt: other limits, other receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A module's size. The largest seen in practice are Python's, with 18 MB.
    pub file_bytes: u64,
    /// Fuel for instantiating and for `describe`; language runtimes need some 10 million.
    pub setup_fuel: u64,
    /// Fuel for `check`: half a second to a second of work.
    pub check_fuel: u64,
    /// Units of host work: what fuel does not see, bounded like fuel. Two billion bytes are searched in a second or two.
    pub host_work: u64,
    /// A backstop where fuel and host work fail; reaching it says nothing about the evidence.
    pub wall_clock_ms: u64,
    /// All memories of a module together.
    pub memory_bytes: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// Findings kept; more are counted and dropped.
    pub findings: u32,
    /// Bytes of all findings kept together; more are counted and dropped.
    pub findings_bytes: usize,
    /// Places of one finding.
    pub places: usize,
    /// Bytes of a finding's message or expectation; the rest is cut off, marked.
    pub message_bytes: usize,
    /// Bytes of a finding's `extra`.
    pub extra_bytes: usize,
    /// Bytes of the log together; the rest is dropped, marked.
    pub log_bytes: usize,
    /// Bytes of one answer to a query.
    pub answer_bytes: usize,
    /// Bytes a module may hand over in one call.
    pub call_bytes: usize,
    /// Open blobs at a time.
    pub handles: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 32 << 20,
            setup_fuel: 1_000_000_000,
            check_fuel: 10_000_000_000,
            host_work: 2_000_000_000,
            wall_clock_ms: 30_000,
            memory_bytes: 256 << 20,
            table_elements: 100_000,
            findings: 1_000,
            findings_bytes: 8 << 20,
            places: 100,
            message_bytes: 4 << 10,
            extra_bytes: 64 << 10,
            log_bytes: 64 << 10,
            answer_bytes: 4 << 20,
            call_bytes: 4 << 20,
            handles: 10_000,
        }
    }
}

/// Says no with a trap, so that where a module stops depends on the module alone.
pub(super) struct Cap {
    memory_bytes: usize,
    memory_bytes_limit: usize,
    table_elements_limit: usize,
}

impl Cap {
    pub fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_limit: limits.memory_bytes,
            table_elements_limit: limits.table_elements,
        }
    }
}

fn out_of_memory() -> wasmtime::Error {
    Stop::new(ErrorClass::Host, "out-of-memory", "the machine has no memory left for the module").into()
}

impl ResourceLimiter for Cap {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let total = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if total > self.memory_bytes_limit {
            let mib = self.memory_bytes_limit >> 20;
            let message = format!("needs more than {mib} MiB of memory (limits.memory_bytes)");
            return Err(Stop::new(ErrorClass::Guest, "memory", message).into());
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(out_of_memory())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        if desired > self.table_elements_limit {
            let message = format!(
                "needs a table of more than {} elements (limits.table_elements)",
                self.table_elements_limit
            );
            return Err(Stop::new(ErrorClass::Guest, "memory", message).into());
        }
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(out_of_memory())
    }
}
