//! Slots for instances that are made once and used again: a fresh instance costs a few microseconds instead of tens.
//!
//! It takes address space, not memory, changes nothing that a module could notice, and the same code runs with and without
//! it. Where address space is short (`ulimit -v`) each instance is made anew.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::limits::Shape;

/// Memories at a time, of all threads: each takes 4 GiB of address space and its guards.
const MEMORIES: u32 = 64;

/// Tables at a time, of all threads.
const TABLES: u32 = 64;

/// As many as a table can have, so that only `limits` decide: 32 GiB of address space each.
const TABLE_ELEMENTS: usize = u32::MAX as usize;

/// Above what any module needs; these are counted, not reserved.
const INSTANCES: u32 = 65_536;
const TABLES_PER_MODULE: u32 = TABLES;
const INSTANCE_BYTES: usize = 1 << 30;

/// Bytes of a slot that stay in memory and are zeroed by writing: quicker than asking the system, for small modules.
const KEPT_MEMORY_BYTES: usize = 128 << 10;
const KEPT_TABLE_BYTES: usize = 16 << 10;

/// An engine that takes instances from a pool, if modules this large fit into it and the machine has the address space.
pub(super) fn engine(mut config: Config, shape: &Shape) -> wasmtime::Result<Engine> {
    if shape.memories > MEMORIES.into() || shape.tables > TABLES.into() {
        return Engine::new(&config);
    }
    let mut pool = PoolingAllocationConfig::new();
    pool.total_memories(MEMORIES)
        .total_tables(TABLES)
        .total_core_instances(INSTANCES)
        .total_component_instances(INSTANCES)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_tables_per_module(TABLES_PER_MODULE)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEPT_MEMORY_BYTES)
        .table_keep_resident(KEPT_TABLE_BYTES)
        // A worker's fences do not let it ask.
        .pagemap_scan(Enabled::No);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).or_else(|_| {
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        Engine::new(&config)
    })
}
