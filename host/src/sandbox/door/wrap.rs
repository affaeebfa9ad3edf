//! Makes a component of a core module that has the world's canonical ABI.

use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::{DoorKind, ModuleError, contract};
use crate::value::excerpt;

/// The contract, as guests get it.
const WIT: &str = include_str!("../../../../guest-sdk/wit/pack.wit");

/// Wraps a core module into a component for the world `wassert:pack/pack`.
///
/// The module exports `memory`, `cabi_realloc` and `wassert:pack/assertions@0.1.0#describe` and `…#check`. Where a
/// binding generator embedded the world (custom section `component-type…`) that one counts.
///
/// # Errors
/// [`ModuleError::NotAModule`] for bytes that are none, [`ModuleError::Contract`] naming what does not fit.
pub fn wrap(core: &[u8]) -> Result<Vec<u8>, ModuleError> {
    let has_world = inspect(core)?;
    let mut bytes = core.to_vec();
    if !has_world {
        embed_world(&mut bytes)?;
    }
    ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| misfit(format!("{error:#}")))
}

/// Whether a world is embedded; imports that no world of ours has are named.
fn inspect(core: &[u8]) -> Result<bool, ModuleError> {
    let broken = |error: wasmparser::Error| ModuleError::NotAModule(error.to_string());
    let mut has_world = false;
    for payload in Parser::new(0).parse_all(core) {
        match payload.map_err(broken)? {
            Payload::CustomSection(section) => has_world |= section.name().starts_with("component-type"),
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let module = import.map_err(broken)?.module;
                    // `$root`, `[export]…` and the like are the canonical ABI's own.
                    if module.starts_with("wasi") || module == "env" {
                        contract::import_fits(module, DoorKind::CanonicalCore)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(has_world)
}

fn embed_world(bytes: &mut Vec<u8>) -> Result<(), ModuleError> {
    let mut resolve = Resolve::default();
    resolve
        .push_str("pack.wit", WIT)
        .and_then(|package| resolve.select_world(&[package], Some("pack")))
        .and_then(|world| embed_component_metadata(bytes, &resolve, world, StringEncoding::UTF8))
        .map_err(|error| misfit(format!("{error:#}")))
}

fn misfit(error: String) -> ModuleError {
    ModuleError::Contract(excerpt(&error, 400))
}
