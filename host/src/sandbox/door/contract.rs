//! Whether a module's imports and exports fit its door, said by name before an engine says it by type.

use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload};

use super::{DoorKind, ModuleError, flat, not_a_module, wasi1, wasi2};
use crate::value::excerpt;

/// What the world imports; versions of one minor release are compatible.
const IMPORTS: [&str; 2] = ["wassert:pack/evidence@0.1.", "wassert:pack/report@0.1."];

/// What it exports.
pub(super) const EXPORT: &str = "wassert:pack/assertions@0.1.";

/// What a command of WASI preview 2 exports.
pub(super) const COMMAND: &str = "wasi:cli/run@0.2.";

/// Imports that the door does not have, and strings that are not UTF-8, are refused.
pub(super) fn check(wasm: &[u8], kind: DoorKind) -> Result<(), ModuleError> {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(not_a_module)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    import_fits(import.map_err(not_a_module)?.name.name, kind)?;
                }
            }
            Payload::ImportSection(imports) if depth == 0 => {
                for import in imports.into_imports() {
                    let import = import.map_err(not_a_module)?;
                    core_import_fits(import.module, import.name, kind)?;
                }
            }
            Payload::ComponentCanonicalSection(functions) => {
                for function in functions {
                    utf8_only(&function.map_err(not_a_module)?)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a component of this door may import that.
pub(super) fn import_fits(name: &str, kind: DoorKind) -> Result<(), ModuleError> {
    let of_world = IMPORTS.iter().any(|known| name.starts_with(known)) && kind == DoorKind::Component;
    if of_world || (kind != DoorKind::CanonicalCore && wasi2::offers(name)) {
        return Ok(());
    }
    let hint = match kind {
        DoorKind::CommandPreview2 => {
            "a command has WASI preview 2 (wasi:cli, clocks, filesystem, io, random, sockets) and nothing else"
        }
        _ if name.starts_with("wasi") => {
            "a core module for the world has no WASI. Build a component, or for a target without WASI: Rust for \
             wasm32-unknown-unknown"
        }
        _ => "it offers `wassert:pack/evidence@0.1.0` and `wassert:pack/report@0.1.0`",
    };
    Err(ModuleError::Contract(format!("wassert offers no `{}`; {hint}", excerpt(name, 120))))
}

fn core_import_fits(module: &str, name: &str, kind: DoorKind) -> Result<(), ModuleError> {
    let offered = wasi1::offers(module, name) || (kind == DoorKind::Flat && flat::offers(module, name));
    if offered {
        return Ok(());
    }
    let hint = if kind == DoorKind::Flat {
        "the flat ABI has `wassert_v1` (see guest-sdk/wat/ABI.md) and `wasi_snapshot_preview1`"
    } else {
        "a command has `wasi_snapshot_preview1` and nothing else"
    };
    let import = excerpt(&format!("{module}.{name}"), 120);
    Err(ModuleError::Contract(format!("wassert offers no `{import}`; {hint}")))
}

/// What the engine says where types do not fit.
pub(super) fn misfit(error: &wasmtime::Error) -> ModuleError {
    ModuleError::Contract(excerpt(&format!("{error:#}"), 400))
}

/// Transcoding strings is where engines had many of their holes; no guest needs it.
fn utf8_only(function: &CanonicalFunction) -> Result<(), ModuleError> {
    let (CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. }) = function
    else {
        return Ok(());
    };
    if options.iter().any(|option| matches!(option, CanonicalOption::UTF16 | CanonicalOption::CompactUTF16)) {
        return Err(ModuleError::Contract("its strings are not UTF-8".to_owned()));
    }
    Ok(())
}
