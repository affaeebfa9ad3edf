//! The engine: everything that could make two judgings differ is switched off or fixed here.

use std::num::NonZeroUsize;

use wasmparser::WasmFeatures;
use wasmtime::{Config, Engine, OperatorCost, OptLevel, Strategy, WasmBacktraceDetails};

use super::judge::BackEnd;
use super::limits::Limits;
use super::pool;

/// What a verdict is a function of besides its inputs: wasmtime's release line (the meaning of one unit of fuel), the
/// cost table below, the list of proposals below and the query evaluator. Never the back end.
pub const ENGINE_ID: &str = "wasmtime-48.0/cost-1/proposals-1/query-3";

/// The most that a stack of WebAssembly code may be: every check runs on a thread of [`THREAD_STACK_BYTES`], which must
/// leave room for the host.
const STACK_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// Stack of the threads that compile and run modules: compilers recurse, and overflowing ends the process.
pub(super) const THREAD_STACK_BYTES: usize = 16 * 1024 * 1024;

/// Calls looked at for a trap's place; a panic of Rust is some ten calls deep.
const FRAMES_LIMIT: usize = 24;

/// What modules may use, written out: wasmtime's defaults grow with every release. Real guests built from Rust,
/// C, JavaScript and Python need no more than this.
pub(super) const PROPOSALS: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// The same for people.
pub(super) const ALLOWED: &str = "allowed is WebAssembly 2.0 with SIMD and extended constants";

/// An engine that runs modules.
pub(super) fn new(back_end: BackEnd, limits: &Limits) -> wasmtime::Result<Engine> {
    pool::engine(config(back_end, limits.stack_bytes)?, &limits.shape)
}

/// An engine that only compiles, and makes code for those that run.
pub(super) fn for_compiling(back_end: BackEnd, limits: &Limits) -> wasmtime::Result<Engine> {
    Engine::new(&config(back_end, limits.stack_bytes)?)
}

fn config(back_end: BackEnd, stack_bytes: usize) -> wasmtime::Result<Config> {
    let mut cost = OperatorCost::default();
    // wasmtime charges nothing for growing; the host zeroes each page.
    cost.variable.memory_grow_per_page = u8::MAX;
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .concurrency_support(false)
        .wasm_features(!PROPOSALS, false)
        .wasm_features(PROPOSALS, true)
        .consume_fuel(true)
        .operator_cost(cost)
        .epoch_interruption(true)
        .max_wasm_stack(stack_bytes.clamp(1, STACK_LIMIT_BYTES))
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(FRAMES_LIMIT));
    if back_end == BackEnd::Interpreter {
        config.target("pulley64")?;
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use wasmtime::Module;

    use super::*;

    /// One module a proposal, each valid where the proposal is allowed.
    const REFUSED: [(&str, &str); 12] = [
        ("threads", "(module (memory 1 1 shared))"),
        (
            "relaxed-simd",
            "(module (func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))",
        ),
        ("tail-call", "(module (func $f (return_call $f)))"),
        ("multi-memory", "(module (memory 1) (memory 1))"),
        ("memory64", "(module (memory i64 1))"),
        ("exceptions", "(module (tag $t) (func (throw $t)))"),
        ("function-references", "(module (type $t (func)) (func (param (ref $t))))"),
        ("gc", "(module (type (struct (field i32))))"),
        (
            "wide-arithmetic",
            "(module (func (param i64 i64 i64 i64) (result i64 i64) (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))))",
        ),
        ("custom-page-sizes", "(module (memory 1 (pagesize 1)))"),
        ("stack-switching", "(module (type $f (func)) (type $c (cont $f)))"),
        ("shared-everything-threads", "(module (global (shared i32) (i32.const 0)))"),
    ];

    const ALLOWED: [(&str, &str); 8] = [
        ("mutable-global", "(module (global (export \"g\") (mut i32) (i32.const 0)))"),
        (
            "saturating-float-to-int",
            "(module (func (param f32) (result i32) (i32.trunc_sat_f32_s (local.get 0))))",
        ),
        ("sign-extension", "(module (func (param i32) (result i32) (i32.extend8_s (local.get 0))))"),
        ("multi-value", "(module (func (result i32 i32) (i32.const 1) (i32.const 2)))"),
        ("reference-types", "(module (table 1 funcref) (func (drop (table.get 0 (i32.const 0)))))"),
        ("bulk-memory", "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 1))))"),
        ("simd", "(module (func (result v128) (v128.const i64x2 0 0)))"),
        ("extended-const", "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))"),
    ];

    #[test]
    fn only_the_listed_proposals_are_allowed() {
        let engine = new(BackEnd::Native, &Limits::default()).unwrap();
        for (proposal, text) in REFUSED {
            assert!(Module::new(&engine, wat::parse_str(text).unwrap()).is_err(), "{proposal}");
        }
        for (proposal, text) in ALLOWED {
            let result = Module::new(&engine, wat::parse_str(text).unwrap());
            assert!(result.is_ok(), "{proposal}: {:?}", result.err());
        }
    }

    #[test]
    fn the_engines_identity_names_the_versions_in_use() {
        let query = crate::query::QUERY_VERSION;
        assert!(ENGINE_ID.ends_with(&format!("/query-{query}")));
        assert!(include_str!("../../Cargo.toml").contains("wasmtime = { version = \"48\""));
    }
}
