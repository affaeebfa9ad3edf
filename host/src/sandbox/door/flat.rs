//! Door C: the flat ABI `wassert_v1`, numbers in the middle and JSON at the edges. `guest-sdk/wat/ABI.md` is its page.
//!
//! The host writes into a guest's memory only where the guest said so in that very call, and never calls the guest
//! while the guest waits for an import.

use std::sync::Arc;

use wasmtime::{Engine, ExternType, InstancePre, Linker, Memory, Module, Store, TypedFunc};

use super::{Door, Instance, ModuleError, contract, description, flat_imports, flat_memory, wasi1};
use crate::sandbox::imports::State;
use crate::sandbox::message::Description;
use crate::sandbox::stop::Stop;

/// The export that says which version of the ABI a module speaks, and that it speaks it at all.
pub(super) const VERSION_EXPORT: &str = "wassert_abi";
const VERSION: i32 = 1;

/// What a module exports, with the types as a person would write them.
const EXPORTS: [(&str, &str, usize, usize); 4] = [
    (VERSION_EXPORT, "() -> i32", 0, 1),
    ("wassert_alloc", "(length: i32) -> i32", 1, 1),
    ("wassert_describe", "() -> i64", 0, 1),
    ("wassert_check", "(pointer: i32, length: i32) -> i64", 2, 1),
];

pub(super) struct FlatDoor {
    pre: InstancePre<State>,
}

/// Whether the flat ABI has that import.
pub(super) fn offers(module: &str, name: &str) -> bool {
    flat_imports::NAMES.contains(&(module, name))
}

impl FlatDoor {
    pub fn new(module: &Module) -> Result<Self, ModuleError> {
        check_exports(module)?;
        let mut linker = Linker::new(module.engine());
        flat_imports::link(&mut linker)
            .and_then(|()| wasi1::link(&mut linker, module))
            .and_then(|()| linker.instantiate_pre(module))
            .map(|pre| Self { pre })
            .map_err(|error| contract::misfit(&error))
    }
}

fn check_exports(module: &Module) -> Result<(), ModuleError> {
    let missing = |what: &str| Err(ModuleError::Contract(format!("the flat ABI needs the export {what}")));
    if !matches!(module.get_export("memory"), Some(ExternType::Memory(_))) {
        return missing("`memory`");
    }
    for (name, signature, parameters, results) in EXPORTS {
        match module.get_export(name) {
            Some(ExternType::Func(function))
                if function.params().len() == parameters && function.results().len() == results => {}
            _ => return missing(&format!("`{name}` {signature}")),
        }
    }
    Ok(())
}

impl Door for FlatDoor {
    fn engine(&self) -> &Engine {
        self.pre.module().engine()
    }

    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn Instance>> {
        let instance = self.pre.instantiate(&mut *store)?;
        let typed = |error: wasmtime::Error| Stop::guest("contract", format!("the flat ABI: {error:#}"));
        let memory = instance.get_memory(&mut *store, "memory").ok_or_else(flat_memory::none)?;
        let version = instance
            .get_typed_func::<(), i32>(&mut *store, VERSION_EXPORT)
            .map_err(typed)?
            .call(&mut *store, ())?;
        if version != VERSION {
            let message =
                format!("it speaks version {version} of the flat ABI; this program speaks {VERSION}");
            return Err(Stop::guest("contract", message).into());
        }
        Ok(Box::new(FlatInstance {
            memory,
            alloc: instance.get_typed_func(&mut *store, "wassert_alloc").map_err(typed)?,
            describe: instance.get_typed_func(&mut *store, "wassert_describe").map_err(typed)?,
            check: instance.get_typed_func(&mut *store, "wassert_check").map_err(typed)?,
        }))
    }
}

struct FlatInstance {
    memory: Memory,
    alloc: TypedFunc<i32, i32>,
    describe: TypedFunc<(), i64>,
    check: TypedFunc<(i32, i32), i64>,
}

impl FlatInstance {
    /// The bytes of `pointer << 32 | length`.
    fn returned(&self, store: &Store<State>, packed: i64, what: &str) -> Result<Arc<[u8]>, Stop> {
        let (pointer, length) = ((packed as u64 >> 32) as u32, packed as u32);
        let most = store.data().call_bytes;
        flat_memory::slice(self.memory.data(store), pointer, length, most, what).map(Arc::from)
    }
}

impl Instance for FlatInstance {
    fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<Vec<Description>> {
        let packed = self.describe.call(&mut *store, ())?;
        let text = self.returned(store, packed, "what `wassert_describe` returned")?;
        let depth = store.data().json_depth;
        Ok(description::read(&text, "what `wassert_describe` returned", depth)?)
    }

    fn check(
        &self,
        store: &mut Store<State>,
        name: &str,
        parameters: &str,
    ) -> wasmtime::Result<Result<(), String>> {
        // Names are words and parameters canonical JSON: nothing needs escaping.
        let input = format!(r#"{{"assertion":"{name}","parameters":{parameters}}}"#);
        let length = i32::try_from(input.len()).unwrap_or(i32::MAX);
        let pointer = self.alloc.call(&mut *store, length)?;
        let place = flat_memory::slice_mut(
            self.memory.data_mut(&mut *store),
            pointer as u32,
            input.len() as u32,
            "the place that `wassert_alloc` gave",
        )?;
        place.copy_from_slice(input.as_bytes());
        let packed = self.check.call(&mut *store, (pointer, length))?;
        if packed == 0 {
            return Ok(Ok(()));
        }
        let text = self.returned(store, packed, "the reason that `wassert_check` returned")?;
        match std::str::from_utf8(&text) {
            Ok(text) => Ok(Err(text.to_owned())),
            Err(_) => {
                Err(Stop::guest("output", "the reason that `wassert_check` returned is not UTF-8").into())
            }
        }
    }
}
