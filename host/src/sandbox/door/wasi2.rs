//! Door D, the newer: WASI preview 2 for components. What it has is [`super::wasi`]'s; whatever else a component imports
//! of it is there, and ends the judging with its name when it is called.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Engine, Store};

use super::{Declared, Door, Instance, ModuleError, command, contract, wasi2_imports};
use crate::sandbox::imports::State;
use crate::sandbox::message::Description;
use crate::value::excerpt;

/// The packages there are, in the versions that one minor release covers.
const PACKAGES: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// Whether a component may import that.
pub(super) fn offers(name: &str) -> bool {
    PACKAGES.iter().any(|package| name.starts_with(package))
        && name.split_once('@').is_some_and(|(_, version)| version.starts_with("0.2."))
}

/// Links what a component imports of it, which may be nothing.
pub(super) fn link(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    for (name, item) in component.component_type().imports(engine) {
        if let (true, ComponentItem::ComponentInstance(interface)) = (offers(name), item.ty) {
            let items: Vec<_> = interface.exports(engine).collect();
            let mut instance = linker.instance(name)?;
            let plain = name.split('@').next().unwrap_or(name);
            for (item_name, item) in items {
                match item.ty {
                    ComponentItem::ComponentFunc(_) => {
                        wasi2_imports::function(&mut instance, plain, item_name)?;
                    }
                    ComponentItem::Resource(_) => wasi2_imports::resource(&mut instance, item_name)?,
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// A component with `wasi:cli/run`.
pub(super) struct CommandDoor {
    pre: InstancePre<State>,
    run: ComponentExportIndex,
    declared: Declared,
}

impl CommandDoor {
    pub fn new(component: &Component, declared: Declared) -> Result<Self, ModuleError> {
        let engine = component.engine();
        let exports = component.component_type();
        let name =
            exports.exports(engine).map(|(name, _)| name).find(|name| name.starts_with(contract::COMMAND));
        let run = name
            .and_then(|name| component.get_export_index(None, name))
            .and_then(|interface| component.get_export_index(Some(&interface), "run"))
            .ok_or_else(|| ModuleError::Contract("its `wasi:cli/run` has no `run`".to_owned()))?;
        let mut linker = Linker::new(engine);
        link(&mut linker, component)
            .and_then(|()| linker.instantiate_pre(component))
            .map(|pre| Self { pre, run, declared })
            .map_err(|error| contract::misfit(&error))
    }
}

impl Door for CommandDoor {
    fn engine(&self) -> &Engine {
        self.pre.engine()
    }

    fn declared(&self) -> Option<Declared> {
        Some(self.declared.clone())
    }

    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn Instance>> {
        Ok(Box::new(Command { instance: self.pre.instantiate(store)?, run: self.run }))
    }
}

struct Command {
    instance: wasmtime::component::Instance,
    run: ComponentExportIndex,
}

impl Instance for Command {
    fn describe(&self, _: &mut Store<State>) -> wasmtime::Result<Vec<Description>> {
        Err(command::cannot_describe())
    }

    fn check(
        &self,
        store: &mut Store<State>,
        name: &str,
        parameters: &str,
    ) -> wasmtime::Result<Result<(), String>> {
        let run = self.instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, self.run).map_err(
            |error| {
                let error = excerpt(&format!("{error:#}"), 200);
                crate::sandbox::stop::Stop::guest(
                    "contract",
                    format!("`run` of a command gives a result: {error}"),
                )
            },
        )?;
        store.data_mut().begin_command(name, parameters)?;
        let result = match run.call(&mut *store, ()) {
            Ok((Ok(()),)) => Ok(()),
            Ok((Err(()),)) => Err(wasmtime::Error::new(command::Exit(1))),
            Err(error) => Err(error),
        };
        command::ended(store.data_mut(), result)
    }
}
