//! Doors A and B: a component for the world `wassert:pack/pack`.

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, Store};

use super::bindings::{Pack, PackPre};
use super::{Door, Instance, ModuleError, contract, wasi2};
use crate::sandbox::imports::State;
use crate::sandbox::message::Description;

pub(super) struct ComponentDoor {
    pre: PackPre<State>,
}

impl ComponentDoor {
    /// WASI is linked only where it is imported.
    pub fn new(component: &Component) -> Result<Self, ModuleError> {
        let mut linker = Linker::new(component.engine());
        Pack::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)
            .and_then(|()| wasi2::link(&mut linker, component))
            .and_then(|()| linker.instantiate_pre(component))
            .and_then(PackPre::new)
            .map(|pre| Self { pre })
            .map_err(|error| contract::misfit(&error))
    }
}

impl Door for ComponentDoor {
    fn engine(&self) -> &Engine {
        self.pre.engine()
    }

    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn Instance>> {
        Ok(Box::new(self.pre.instantiate(store)?))
    }
}

impl Instance for Pack {
    fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<Vec<Description>> {
        let described = self.wassert_pack_assertions().call_describe(store)?;
        let description =
            |description: super::bindings::exports::wassert::pack::assertions::Description| Description {
                name: description.name,
                summary: description.summary,
                parameters_schema: description.parameters_schema,
                reads: description.reads,
            };
        Ok(described.into_iter().map(description).collect())
    }

    fn check(
        &self,
        store: &mut Store<State>,
        name: &str,
        parameters: &str,
    ) -> wasmtime::Result<Result<(), String>> {
        self.wassert_pack_assertions().call_check(store, name, parameters)
    }
}
