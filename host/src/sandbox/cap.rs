//! What wasmtime asks before an instance grows: memories, tables, and how many things there may be.

use wasmtime::ResourceLimiter;

use super::limits::{Limits, grouped, size};
use super::stop::Stop;
use crate::value::ErrorClass;

/// Says no with a trap, so that where a module stops depends on the module alone.
pub(super) struct Cap {
    memory_bytes: usize,
    memory_bytes_limit: usize,
    table_elements_limit: usize,
    instances_limit: usize,
    memories_limit: usize,
    tables_limit: usize,
}

impl Cap {
    pub fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_limit: limits.memory_bytes,
            table_elements_limit: limits.table_elements,
            instances_limit: limits.shape.instances as usize,
            memories_limit: limits.shape.memories as usize,
            tables_limit: limits.shape.tables as usize,
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
            let most = size(self.memory_bytes_limit as u64);
            let message = format!("needs more than {most} of memory (limits.memory_bytes)");
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
                grouped(self.table_elements_limit as u64)
            );
            return Err(Stop::new(ErrorClass::Guest, "memory", message).into());
        }
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(out_of_memory())
    }

    fn instances(&self) -> usize {
        self.instances_limit
    }

    fn tables(&self) -> usize {
        self.tables_limit
    }

    fn memories(&self) -> usize {
        self.memories_limit
    }
}
