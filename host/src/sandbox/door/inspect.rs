//! What can be told of a module without running it: its door and its imports.

use std::collections::BTreeSet;

use wasmparser::{Parser, Payload};

use super::{Declared, DoorKind, ModuleError, command, door_of, not_a_module};

/// What a module is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The door it comes in by.
    pub door: DoorKind,
    /// What it imports, function by function where the file says so; sorted.
    pub imports: Vec<String>,
    /// Whether it can say itself which assertions it has: by `describe`, or in a custom section.
    pub describes_itself: bool,
}

/// Looks at a module.
///
/// # Errors
/// [`ModuleError::NotAModule`] and [`ModuleError::Contract`]; whether it fits in every detail is told by describing it.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, ModuleError> {
    let door = door_of(bytes)?;
    let describes_itself = !door.is_command() || matches!(command::declared(bytes)?, Declared::Section(_));
    Ok(Inspection { door, imports: imports(bytes)?, describes_itself })
}

/// Of a component the functions that its core modules take from its imported instances, else the instances.
fn imports(bytes: &[u8]) -> Result<Vec<String>, ModuleError> {
    let (mut of_component, mut of_core) = (BTreeSet::new(), BTreeSet::new());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(not_a_module)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    of_component.insert(import.map_err(not_a_module)?.name.name.to_owned());
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(not_a_module)?;
                    of_core.insert((import.module.to_owned(), import.name.to_owned()));
                }
            }
            _ => {}
        }
    }
    if Parser::is_core_wasm(bytes) {
        return Ok(of_core.into_iter().map(|(module, name)| format!("{module}.{name}")).collect());
    }
    let named = |instance: String| {
        let functions: Vec<String> = of_core
            .iter()
            .filter(|(module, name)| *module == instance && !name.starts_with("[resource-drop]"))
            .map(|(module, name)| format!("{module}.{name}"))
            .collect();
        if functions.is_empty() { vec![instance] } else { functions }
    };
    Ok(of_component.into_iter().flat_map(named).collect())
}
