//! What a module may call: the host's side of `evidence` and `report`, every call metered.

use std::sync::Arc;

use wasmtime::component::{Resource, ResourceTable};

use super::cap::Cap;
use super::case::{Case, refused, unreadable};
use super::door::Wasi;
use super::door::bindings::wassert::pack::{evidence, report};
use super::limits::{Limits, WORK_UNITS_PER_CALL, grouped};
use super::search;
use super::stop::{Phase, Stop};
use crate::value::excerpt as excerpt_of;

/// The bytes behind a module's handle.
pub struct Blob {
    bytes: Arc<[u8]>,
}

/// Everything of one instance.
pub struct State {
    pub(super) phase: Phase,
    pub(super) cap: Cap,
    /// Absent for `describe`.
    pub(super) case: Option<Case>,
    pub(super) table: ResourceTable,
    pub(super) wasi: Wasi,
    pub(super) call_bytes: usize,
    pub(super) json_depth: usize,
}

impl State {
    pub(super) fn new(limits: &Limits, case: Option<Case>, table: ResourceTable) -> Self {
        Self {
            phase: Phase::Setup,
            cap: Cap::new(limits),
            case,
            table,
            wasi: Wasi::new(limits),
            call_bytes: limits.call_bytes,
            json_depth: limits.json_depth,
        }
    }

    /// From now on imports are answered.
    pub(super) fn begin_check(&mut self, assertion: &str) {
        self.phase = Phase::Check;
        self.wasi.begin(assertion);
    }

    /// So many units of work for a judging that goes on.
    pub(super) fn charge(&mut self, units: u64) -> Result<(), Stop> {
        let case = self.case.as_mut().ok_or_else(|| Stop::host("host", "no judging is going on"))?;
        case.charge(WORK_UNITS_PER_CALL + units)
    }

    /// The judging, one call of an import charged; the call is remembered with a text that came with it.
    pub(super) fn call(&mut self, name: &'static str, argument: &str) -> Result<&mut Case, Stop> {
        if self.phase != Phase::Check {
            return Err(Stop::guest(
                "import-in-describe",
                "called an import before `check`; `describe` may call none",
            ));
        }
        let case = self.case.as_mut().ok_or_else(|| Stop::host("host", "no judging is going on"))?;
        case.last_call.set(name, argument);
        case.charge(WORK_UNITS_PER_CALL)?;
        Ok(case)
    }
}

impl evidence::Host for State {
    fn query(
        &mut self,
        expression: String,
        skip: u32,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<evidence::Node>, evidence::Refusal>> {
        let case = self.call("query", &expression)?;
        Ok(case.query(&expression, skip, max)?)
    }

    fn count(&mut self, expression: String) -> wasmtime::Result<Result<u32, evidence::Refusal>> {
        let case = self.call("count", &expression)?;
        Ok(case.count(&expression)?)
    }
}

impl evidence::HostBlob for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<Blob>, evidence::Refusal>> {
        let case = self.call("open", &name)?;
        case.charge(name.len() as u64)?;
        let found = case.evidence.blob(&case.granted, &name).map_err(|error| unreadable(&error))?;
        let Some(bytes) = found else {
            case.said.attempts.name(&name, &case.granted.grant);
            let detail = format!("there are no bytes `{}` in the granted evidence", excerpt_of(&name, 100));
            return Ok(Err(refused("not-found", detail)));
        };
        // They are read and compared with their digest.
        case.charge(bytes.len() as u64)?;
        case.reads += 1;
        let most = grouped(case.limits.handles as u64);
        self.table.push(Blob { bytes }).map(Ok).map_err(|_| {
            Stop::guest(
                "output",
                format!("has more than {most} open blobs (limits.handles); drop them after use"),
            )
            .into()
        })
    }

    fn size(&mut self, blob: Resource<Blob>) -> wasmtime::Result<u64> {
        self.call("size", "")?;
        Ok(self.table.get(&blob)?.bytes.len() as u64)
    }

    fn read(&mut self, blob: Resource<Blob>, offset: u64, max: u32) -> wasmtime::Result<Vec<u8>> {
        let bytes = Arc::clone(&self.table.get(&blob)?.bytes);
        let case = self.call("read", "")?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(max as usize).min(bytes.len());
        case.charge((end - start) as u64)?;
        Ok(bytes[start..end].to_vec())
    }

    fn find(&mut self, blob: Resource<Blob>, needle: Vec<u8>, start: u64) -> wasmtime::Result<Option<u64>> {
        let bytes = Arc::clone(&self.table.get(&blob)?.bytes);
        let case = self.call("find", "")?;
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        case.charge((bytes.len().saturating_sub(start) + needle.len()) as u64)?;
        Ok(search::find(&bytes, &needle, start).map(|position| position as u64))
    }

    fn drop(&mut self, blob: Resource<Blob>) -> wasmtime::Result<()> {
        self.table.delete(blob)?;
        Ok(())
    }
}

impl report::Host for State {
    fn emit(&mut self, finding: report::Finding) -> wasmtime::Result<()> {
        let case = self.call("emit", &finding.message)?;
        Ok(case.emit(finding)?)
    }

    fn log(&mut self, level: report::Level, message: String) -> wasmtime::Result<()> {
        let case = self.call("log", &message)?;
        case.charge(message.len() as u64)?;
        let word = match level {
            report::Level::Debug => "debug",
            report::Level::Info => "info",
            report::Level::Warn => "warn",
        };
        case.said.log(format!("{word}: {message}"), case.limits.log_bytes);
        Ok(())
    }
}
