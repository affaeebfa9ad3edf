//! Which door a module comes in by, told from the names of its imports and exports alone.

use serde::{Deserialize, Serialize};
use wasmparser::{Parser, Payload};

use super::{ModuleError, contract, flat};
use crate::value::excerpt;

/// A door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DoorKind {
    /// A component for the world `wassert:pack/pack`.
    Component,
    /// A core module with that world's canonical ABI, wrapped by the host.
    CanonicalCore,
    /// A core module with the flat ABI, `wassert_v1`.
    Flat,
    /// A command for WASI preview 1: a core module with `_start`.
    CommandPreview1,
    /// A command for WASI preview 2: a component with `wasi:cli/run`.
    CommandPreview2,
}

impl DoorKind {
    /// The word for it in JSON and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::CanonicalCore => "canonical-core",
            Self::Flat => "flat",
            Self::CommandPreview1 => "wasi-preview1-command",
            Self::CommandPreview2 => "wasi-preview2-command",
        }
    }

    /// A phrase for it.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Component => "a component for the world wassert:pack/pack",
            Self::CanonicalCore => "a core module with the canonical ABI, wrapped by the host",
            Self::Flat => "a core module with the flat ABI wassert_v1",
            Self::CommandPreview1 => "a WASI command, preview 1",
            Self::CommandPreview2 => "a WASI command, preview 2",
        }
    }

    /// Whether such modules have no `describe`.
    pub fn is_command(self) -> bool {
        matches!(self, Self::CommandPreview1 | Self::CommandPreview2)
    }
}

/// The door of a module.
///
/// # Errors
/// [`ModuleError::NotAModule`] for bytes that are none, [`ModuleError::Contract`] where no door fits.
pub fn door_of(bytes: &[u8]) -> Result<DoorKind, ModuleError> {
    let is_core = Parser::is_core_wasm(bytes);
    if !is_core && !Parser::is_component(bytes) {
        if bytes.is_empty() {
            return Err(ModuleError::NotAModule("it is empty".to_owned()));
        }
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).into_owned();
        let message = format!("it starts with {start:?} instead of the magic bytes of WebAssembly");
        return Err(ModuleError::NotAModule(message));
    }
    let mut names = Vec::new();
    let (mut depth, mut has_world) = (0_u32, false);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(super::not_a_module)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ExportSection(exports) if depth == 0 => {
                for export in exports {
                    names.push(export.map_err(super::not_a_module)?.name);
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    names.push(export.map_err(super::not_a_module)?.name.name);
                }
            }
            Payload::CustomSection(section) if depth == 0 => {
                has_world |= section.name().starts_with("component-type");
            }
            _ => {}
        }
    }
    let exports = |start: &str| names.iter().any(|name| name.starts_with(start));
    let other_version =
        |name: &&&str| name.contains("wassert:pack/assertions@") && !name.contains(contract::EXPORT);
    if let Some(other) = names.iter().find(other_version) {
        let message = format!("it exports `{}`; this program speaks wassert:pack@0.1.0", excerpt(other, 80));
        return Err(ModuleError::Contract(message));
    }
    if !is_core {
        return match () {
            () if exports(contract::EXPORT) => Ok(DoorKind::Component),
            () if exports(contract::COMMAND) => Ok(DoorKind::CommandPreview2),
            () => Err(ModuleError::Contract(
                "it exports neither `wassert:pack/assertions@0.1.0` nor, as a command, `wasi:cli/run@0.2.0`"
                    .to_owned(),
            )),
        };
    }
    match () {
        () if exports(flat::VERSION_EXPORT) => Ok(DoorKind::Flat),
        () if has_world || exports(contract::EXPORT) || exports("cm32p2|") => Ok(DoorKind::CanonicalCore),
        () if names.contains(&"_start") => Ok(DoorKind::CommandPreview1),
        () => Err(ModuleError::Contract(
            "it exports none of `wassert:pack/assertions@0.1.0#check` (canonical ABI), `wassert_abi` (flat ABI) and \
             `_start` (WASI command)"
                .to_owned(),
        )),
    }
}
