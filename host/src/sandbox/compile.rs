//! From a module's bytes to compiled code, in this process: what a forge does, and what is done without one.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use wasmtime::Engine;

use super::cache::Content;
use super::door::{self, ModuleError};
use super::engine::ALLOWED;
use super::limits::Limits;
use super::stop::{Stop, first_line};
use crate::value::{Unjudged, to_canonical_string};

/// Compiles a module, whatever door it comes in by.
pub(super) fn compile(engine: &Engine, bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, Unjudged> {
    let misfit = |error: ModuleError| Stop::guest(error.code(), error.to_string()).0;
    let wasm = door::prepare(bytes, &limits.shape).map_err(misfit)?;
    let compiled = if wasmparser::Parser::is_component(&wasm) {
        engine.precompile_component(&wasm)
    } else {
        engine.precompile_module(&wasm)
    };
    compiled.map_err(|error| misfit(ModuleError::NotAModule(format!("{}; {ALLOWED}", first_line(&error)))))
}

/// What compiled code is kept under: the module, the engine that can run it, the program that wrapped it and looked through
/// it, and the shape it had to have.
pub(super) fn code_name(engine: &Engine, module: &Content, limits: &Limits) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    to_canonical_string(&limits.shape).unwrap_or_default().hash(&mut hasher);
    format!("{}-{:016x}", module.hex(), hasher.finish())
}
