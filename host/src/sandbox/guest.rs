//! One instance: set up, asked what it offers, or let judge one assertion.

use std::collections::BTreeSet;

use wasmtime::Store;
use wasmtime::component::ResourceTable;

use super::case::Case;
use super::door::{Declared, Door, Instance};
use super::imports::State;
use super::limits::Limits;
use super::message::Description;
use super::stop::{self, Phase, Stop};
use super::ticker::{self, Ticker};
use crate::value::Unjudged;

/// Descriptions of one module, and what one of them may hold.
const DESCRIPTIONS_LIMIT: usize = 1_000;
const NAME_LIMIT_BYTES: usize = 128;
const SUMMARY_LIMIT_BYTES: usize = 4 * 1024;
const SCHEMA_LIMIT_BYTES: usize = 64 * 1024;
const READS_LIMIT: usize = 64;

/// How a check ended: what stopped it, what it said, and the fuel it used.
pub(super) struct Ended {
    pub stopped: Option<Unjudged>,
    pub case: Option<Case>,
    pub fuel: u64,
}

/// What a module offers, nothing where it can't say; nothing of the evidence may be asked for meanwhile.
pub(super) fn describe(
    door: &dyn Door,
    ticker: &Ticker,
    limits: &Limits,
) -> Result<Vec<Description>, Unjudged> {
    if let Some(declared) = door.declared() {
        return match declared {
            Declared::Section(descriptions) => bounded(descriptions).map_err(|stop| stop.0),
            Declared::Nothing => Ok(Vec::new()),
        };
    }
    let _running = ticker.run(door.engine());
    let mut store = store(door, None, limits);
    let instance = instantiate(door, &mut store, limits)
        .map_err(|error| stop::of_error(&error, Phase::Setup, limits))?;
    store.data_mut().phase = Phase::Describe;
    let descriptions =
        instance.describe(&mut store).map_err(|error| stop::of_error(&error, Phase::Describe, limits))?;
    bounded(descriptions).map_err(|stop| stop.0)
}

/// Judges one assertion in an instance of its own.
pub(super) fn check(door: &dyn Door, ticker: &Ticker, case: Case, name: &str, parameters: &str) -> Ended {
    let limits = case.limits.clone();
    let _running = ticker.run(door.engine());
    let mut store = store(door, Some(case), &limits);
    let instance = match instantiate(door, &mut store, &limits) {
        Ok(instance) => instance,
        Err(error) => {
            let stopped = Some(stop::of_error(&error, Phase::Setup, &limits));
            return Ended { stopped, case: store.into_data().case, fuel: 0 };
        }
    };
    store.data_mut().begin_check(name);
    let result =
        store.set_fuel(limits.check_fuel).and_then(|()| instance.check(&mut store, name, parameters));
    let fuel = limits.check_fuel - store.get_fuel().unwrap_or_default().min(limits.check_fuel);
    let case = store.into_data().case;
    let so_far = |unjudged: Unjudged| match &case {
        Some(case) => case.stopped(unjudged),
        None => unjudged,
    };
    let stopped = match result {
        Ok(Ok(())) => None,
        Ok(Err(message)) => {
            let cut: String = message.chars().take(limits.message_bytes).collect();
            Some(Stop::guest("refused-by-guest", cut).0)
        }
        Err(error) => Some(so_far(stop::of_error(&error, Phase::Check, &limits))),
    };
    Ended { stopped, case, fuel }
}

fn store(door: &dyn Door, case: Option<Case>, limits: &Limits) -> Store<State> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits.handles);
    let mut store = Store::new(door.engine(), State::new(limits, case, table));
    store.limiter(|state| &mut state.cap);
    store.set_hostcall_fuel(limits.call_bytes);
    store.set_max_component_handles(limits.handles);
    store.epoch_deadline_trap();
    store.set_epoch_deadline(ticker::ticks(limits.wall_clock_ms));
    store
}

fn instantiate(
    door: &dyn Door,
    store: &mut Store<State>,
    limits: &Limits,
) -> wasmtime::Result<Box<dyn Instance>> {
    store.set_fuel(limits.setup_fuel)?;
    door.instantiate(store)
}

fn bounded(descriptions: Vec<Description>) -> Result<Vec<Description>, Stop> {
    let refuse = |what: &str| Err(Stop::guest("output", format!("`describe` gave {what}")));
    if descriptions.is_empty() || descriptions.len() > DESCRIPTIONS_LIMIT {
        return refuse("no assertion, or more than 1,000");
    }
    let mut names = BTreeSet::new();
    for description in &descriptions {
        let name = &description.name;
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > NAME_LIMIT_BYTES || !name.chars().all(word) {
            return refuse("a name that is not 1 to 128 ASCII letters, digits, `-`, `_` or `.`");
        }
        if !names.insert(name) {
            return refuse("one name twice");
        }
        if description.summary.len() > SUMMARY_LIMIT_BYTES
            || description.parameters_schema.len() > SCHEMA_LIMIT_BYTES
            || description.reads.len() > READS_LIMIT
            || description.reads.iter().any(|read| read.len() > NAME_LIMIT_BYTES)
        {
            return refuse("a summary, schema or list of reads that is too long");
        }
    }
    Ok(descriptions)
}
