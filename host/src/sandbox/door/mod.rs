//! The doors a module comes in by, all behind one trait: what differs from door to door stays in here.
//!
//! A component is taken as it is, a core module with the world's canonical ABI is wrapped into one; the flat ABI and
//! WASI commands are adapters that lead to the same imports and findings.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::{Engine, Module, Store};

pub(super) mod bindings;
mod command;
mod component;
mod contract;
mod description;
mod finding;
mod flat;
mod flat_imports;
mod flat_memory;
mod inspect;
mod json;
mod kind;
mod shape;
mod wasi;
mod wasi1;
mod wasi2;
mod wasi2_imports;
mod wrap;

pub use inspect::{Inspection, inspect};
pub(super) use json::is_within as json_is_within;
pub use kind::{DoorKind, door_of};
pub(super) use wasi::Wasi;
pub use wrap::wrap;

use super::imports::State;
use super::limits::Shape;
use super::message::Description;

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

fn not_a_module(error: wasmparser::Error) -> ModuleError {
    ModuleError::NotAModule(error.to_string())
}

/// A module ready to be instantiated, whichever door it came in by.
pub(super) trait Door: Send + Sync {
    /// The engine it was compiled for.
    fn engine(&self) -> &Engine;

    /// What a module without `describe` declares; `None` for one that is asked.
    fn declared(&self) -> Option<Declared> {
        None
    }

    /// A fresh instance.
    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn Instance>>;
}

/// What a module that can't be asked says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Declared {
    /// Its custom section, not yet bounded.
    Section(Vec<Description>),
    /// Nothing: it is one assertion, named by whoever uses it.
    Nothing,
}

/// An instance that can be asked.
pub(super) trait Instance {
    /// What it offers.
    fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<Vec<Description>>;

    /// Judges; the inner error is the module's "cannot judge".
    fn check(
        &self,
        store: &mut Store<State>,
        name: &str,
        parameters: &str,
    ) -> wasmtime::Result<Result<(), String>>;
}

/// What the compiler made.
#[derive(Clone)]
pub(super) enum Compiled {
    /// Of doors A, B and the newer D.
    Component(Component),
    /// Of doors C and the older D.
    Module(Module),
}

/// What the compiler gets: checked, and wrapped where that is needed.
pub(super) fn prepare<'a>(bytes: &'a [u8], shape: &Shape) -> Result<Cow<'a, [u8]>, ModuleError> {
    let (wasm, kind): (Cow<'a, [u8]>, _) = match door_of(bytes)? {
        DoorKind::CanonicalCore => (wrap(bytes)?.into(), DoorKind::Component),
        kind => (bytes.into(), kind),
    };
    shape::check(&wasm, shape)?;
    contract::check(&wasm, kind)?;
    Ok(wasm)
}

/// What must be known of a module's bytes to open its door, besides what was compiled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Way {
    kind: DoorKind,
    /// Of commands alone.
    declared: Declared,
}

impl Way {
    /// From the module as it came.
    pub fn of(bytes: &[u8]) -> Result<Self, ModuleError> {
        let kind = door_of(bytes)?;
        let declared = if kind.is_command() { command::declared(bytes)? } else { Declared::Nothing };
        Ok(Self { kind, declared })
    }
}

/// Opens the door of a compiled module.
pub(super) fn open(compiled: &Compiled, way: Way) -> Result<Box<dyn Door>, ModuleError> {
    Ok(match (way.kind, compiled) {
        (DoorKind::Component | DoorKind::CanonicalCore, Compiled::Component(component)) => {
            Box::new(component::ComponentDoor::new(component)?)
        }
        (DoorKind::CommandPreview2, Compiled::Component(component)) => {
            Box::new(wasi2::CommandDoor::new(component, way.declared)?)
        }
        (DoorKind::Flat, Compiled::Module(module)) => Box::new(flat::FlatDoor::new(module)?),
        (DoorKind::CommandPreview1, Compiled::Module(module)) => {
            Box::new(wasi1::CommandDoor::new(module, way.declared)?)
        }
        _ => return Err(ModuleError::NotAModule("it was compiled as something else".to_owned())),
    })
}
