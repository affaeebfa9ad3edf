//! Whether a component's imports and exports are the world's, said by name before an engine says it by type.

use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload};

use super::ModuleError;
use crate::value::excerpt;

/// What the world imports; versions of one minor release are compatible.
const IMPORTS: [&str; 2] = ["wassert:pack/evidence@0.1.", "wassert:pack/report@0.1."];

/// What it exports.
const EXPORT: &str = "wassert:pack/assertions@0.1.";

pub(super) fn check(component: &[u8]) -> Result<(), ModuleError> {
    let mut depth = 0_u32;
    let mut exported = false;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(not_a_module)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    import_fits(import.map_err(not_a_module)?.name.name)?;
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    exported |= export.map_err(not_a_module)?.name.name.starts_with(EXPORT);
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
    if exported {
        Ok(())
    } else {
        Err(ModuleError::Contract("it does not export `wassert:pack/assertions@0.1.0`".to_owned()))
    }
}

pub(super) fn import_fits(name: &str) -> Result<(), ModuleError> {
    if IMPORTS.iter().any(|known| name.starts_with(known)) {
        return Ok(());
    }
    let name = excerpt(name, 120);
    let hint = if name.starts_with("wasi") {
        "an assertion has no clock, files, network or environment. Build for a target without WASI: Rust for \
         wasm32-unknown-unknown, componentize-py with --stub-wasi, componentize-js with every feature disabled"
    } else {
        "it offers `wassert:pack/evidence@0.1.0` and `wassert:pack/report@0.1.0`"
    };
    Err(ModuleError::Contract(format!("wassert offers no `{name}`; {hint}")))
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

fn not_a_module(error: wasmparser::Error) -> ModuleError {
    ModuleError::NotAModule(error.to_string())
}
