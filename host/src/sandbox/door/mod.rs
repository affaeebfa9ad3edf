//! The doors a module comes in by. All lead to one component for the world `wassert:pack/pack`.
//!
//! A component is taken as it is; a core module with the world's canonical ABI is wrapped. The flat core ABI and
//! WASI commands have no door yet.

use std::borrow::Cow;

pub(super) mod bindings;
mod contract;
mod shape;
mod wrap;

pub use wrap::wrap;

use super::limits::Shape;

/// Why a file is not a module that can judge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// It is not WebAssembly, or uses a proposal this program does not allow.
    #[error("not a WebAssembly module that wassert can run: {0}")]
    NotAModule(String),
    /// An import or export does not fit the world.
    #[error("does not fit the contract wassert:pack@0.1.0: {0}")]
    Contract(String),
    /// Compiling it could take too long.
    #[error("not compiled: {0}")]
    Shape(String),
}

impl ModuleError {
    /// The word for it in a verdict.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAModule(_) => "not-a-module",
            Self::Contract(_) => "contract",
            Self::Shape(_) => "shape",
        }
    }
}

/// A component for the world, from whatever the bytes are.
pub(super) fn component<'a>(bytes: &'a [u8], shape: &Shape) -> Result<Cow<'a, [u8]>, ModuleError> {
    let component: Cow<'a, [u8]> = if wasmparser::Parser::is_core_wasm(bytes) {
        wrap(bytes)?.into()
    } else if wasmparser::Parser::is_component(bytes) {
        bytes.into()
    } else {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).into_owned();
        let message = format!("it starts with {start:?} instead of the magic bytes of WebAssembly");
        return Err(ModuleError::NotAModule(message));
    };
    shape::check(&component, shape)?;
    contract::check(&component)?;
    Ok(component)
}
