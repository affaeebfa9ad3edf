//! What a module may call: the host's side of `evidence` and `report`, every call metered.

use std::sync::Arc;

use wasmtime::component::{Resource, ResourceTable};

use super::attempts::Attempts;
use super::cap::Cap;
use super::door::bindings::wassert::pack::{evidence, report};
use super::door::{Wasi, json_is_within};
use super::evidence::{Evidence, EvidenceError, Granted};
use super::excerpt;
use super::limits::{Limits, WORK_UNITS_PER_CALL, grouped, size};
use super::search;
use super::stop::{Phase, Stop};
use crate::query::{self, Budget, Query};
use crate::value::{Finding, Outcome, Place, excerpt as excerpt_of};

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

/// One judging: what may be read, what was used, what was said.
pub(super) struct Case {
    pub evidence: Arc<Evidence>,
    pub granted: Arc<Granted>,
    pub limits: Limits,
    pub work: Budget,
    pub reads: u64,
    pub said: Said,
}

/// What a module said so far.
#[derive(Default)]
pub(super) struct Said {
    pub findings: Vec<Finding>,
    pub dropped: u32,
    pub passes: u64,
    pub fails: u64,
    pub skips: u64,
    pub log: Vec<String>,
    pub attempts: Attempts,
    findings_bytes: usize,
    log_bytes: usize,
    log_full: bool,
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

    /// One call of an import, and so many units more.
    pub(super) fn charge(&mut self, units: u64) -> Result<(), Stop> {
        self.call()?.charge(units)
    }

    /// The judging, one call of an import charged.
    fn call(&mut self) -> Result<&mut Case, Stop> {
        if self.phase != Phase::Check {
            return Err(Stop::guest(
                "import-in-describe",
                "called an import before `check`; `describe` may call none",
            ));
        }
        let case = self.case.as_mut().ok_or_else(|| Stop::host("host", "no judging is going on"))?;
        case.charge(WORK_UNITS_PER_CALL)?;
        Ok(case)
    }
}

impl Case {
    fn charge(&mut self, units: u64) -> Result<(), Stop> {
        self.work.charge(units).map_err(|_| self.exhausted())
    }

    fn exhausted(&self) -> Stop {
        let message = format!(
            "asked the host for more than {} units of work: bytes read and searched, parts of the run document \
             visited (limits.host_work)",
            grouped(self.limits.host_work)
        );
        Stop::guest("host-work", message)
    }

    fn too_many(&self, matches: usize) -> Option<evidence::Refusal> {
        let most = self.limits.matches;
        (matches > most).then(|| {
            let most = grouped(most as u64);
            refused("too-large", format!("the query matches more than {most} times (limits.matches)"))
        })
    }

    /// Runs a query; the outer error ends the judging, the inner one is for the module.
    fn run<T>(
        &mut self,
        expression: &str,
        run: impl FnOnce(&Query, &mut Budget) -> Result<T, query::Refusal>,
    ) -> Result<Result<T, evidence::Refusal>, Stop> {
        self.charge(expression.len() as u64)?;
        if expression.len() > self.limits.expression_bytes {
            let most = size(self.limits.expression_bytes as u64);
            let detail = format!("the expression is larger than {most} (limits.expression_bytes)");
            return Ok(Err(refused("too-large", detail)));
        }
        let granted = &self.granted.grant;
        let parsed = Query::parse(expression);
        if let Ok(query) = &parsed {
            self.said.attempts.query(query, expression, granted);
        }
        match parsed.and_then(|query| run(&query, &mut self.work)) {
            Ok(found) => {
                self.reads += 1;
                Ok(Ok(found))
            }
            Err(query::Refusal::Exhausted) => Err(self.exhausted()),
            Err(refusal @ query::Refusal::Invalid { .. }) => Ok(Err(refused("invalid-expression", refusal))),
            Err(refusal @ query::Refusal::TooLarge { .. }) => Ok(Err(refused("too-large", refusal))),
        }
    }
}

fn refused(code: &str, detail: impl ToString) -> evidence::Refusal {
    evidence::Refusal { code: code.to_owned(), detail: detail.to_string() }
}

/// Evidence that can't be read is the machine's doing.
pub(super) fn unreadable(error: &EvidenceError) -> Stop {
    Stop::host("evidence", error.to_string())
}

impl evidence::Host for State {
    fn query(
        &mut self,
        expression: String,
        skip: u32,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<evidence::Node>, evidence::Refusal>> {
        let case = self.call()?;
        let (evidence, granted) = (Arc::clone(&case.evidence), Arc::clone(&case.granted));
        let (skip, max) = (skip as usize, max as usize);
        let page = case
            .run(&expression, |query, work| query::page(query, evidence.shown(&granted), skip, max, work))?;
        let found = match page {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(refusal) = case.too_many(found.len()) {
            return Ok(Err(refusal));
        }
        let mut answer = Vec::new();
        let mut bytes = 0;
        for node in found {
            let json = node.value.canonical();
            bytes += node.path.len() + json.len();
            case.charge((node.path.len() + json.len()) as u64)?;
            if bytes > case.limits.answer_bytes {
                let detail = format!(
                    "the matches are larger than {} (limits.answer_bytes); ask for fewer at a time or for less of each",
                    size(case.limits.answer_bytes as u64)
                );
                return Ok(Err(refused("too-large", detail)));
            }
            answer.push(evidence::Node { path: node.path, json });
        }
        Ok(Ok(answer))
    }

    fn count(&mut self, expression: String) -> wasmtime::Result<Result<u32, evidence::Refusal>> {
        let case = self.call()?;
        let (evidence, granted) = (Arc::clone(&case.evidence), Arc::clone(&case.granted));
        let count =
            case.run(&expression, |query, work| query::count(query, evidence.shown(&granted), work))?;
        if let Some(refusal) = count.as_ref().ok().and_then(|count| case.too_many(*count)) {
            return Ok(Err(refusal));
        }
        Ok(count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    }
}

impl evidence::HostBlob for State {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<Blob>, evidence::Refusal>> {
        let case = self.call()?;
        case.charge(name.len() as u64)?;
        let found = case.evidence.blob(&case.granted, &name).map_err(|error| unreadable(&error))?;
        let Some(bytes) = found else {
            case.said.attempts.name(&name, &case.granted.grant);
            let detail = format!("there are no bytes `{}` in the granted evidence", excerpt_of(&name, 100));
            return Ok(Err(refused("not-found", detail)));
        };
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
        self.call()?;
        Ok(self.table.get(&blob)?.bytes.len() as u64)
    }

    fn read(&mut self, blob: Resource<Blob>, offset: u64, max: u32) -> wasmtime::Result<Vec<u8>> {
        let bytes = Arc::clone(&self.table.get(&blob)?.bytes);
        let case = self.call()?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(max as usize).min(bytes.len());
        case.charge((end - start) as u64)?;
        Ok(bytes[start..end].to_vec())
    }

    fn find(&mut self, blob: Resource<Blob>, needle: Vec<u8>, start: u64) -> wasmtime::Result<Option<u64>> {
        let bytes = Arc::clone(&self.table.get(&blob)?.bytes);
        let case = self.call()?;
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
        let case = self.call()?;
        Ok(case.emit(finding)?)
    }

    fn log(&mut self, level: report::Level, message: String) -> wasmtime::Result<()> {
        let case = self.call()?;
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

impl Said {
    fn log(&mut self, line: String, most_bytes: usize) {
        if self.log_full {
            return;
        }
        self.log_bytes += line.len();
        if self.log_bytes > most_bytes {
            self.log_full = true;
            self.log.push(format!("… the rest of the log is beyond {most_bytes} bytes (limits.log_bytes)"));
        } else {
            self.log.push(line);
        }
    }
}

impl Case {
    fn emit(&mut self, finding: report::Finding) -> Result<(), Stop> {
        let text =
            finding.message.len() + finding.extra.len() + finding.expected.as_ref().map_or(0, String::len);
        self.charge(text as u64)?;
        let message = shortened(finding.message, self.limits.message_bytes);
        let expected = finding.expected.map(|expected| shortened(expected, self.limits.message_bytes));
        if finding.extra.len() > self.limits.extra_bytes {
            let most = size(self.limits.extra_bytes as u64);
            return Err(Stop::guest(
                "output",
                format!("the `extra` of a finding is larger than {most} (limits.extra_bytes)"),
            ));
        }
        if !finding.extra.is_empty() && serde_json::from_str::<serde::de::IgnoredAny>(&finding.extra).is_err()
        {
            return Err(Stop::guest("output", "the `extra` of a finding is neither empty nor JSON"));
        }
        if !json_is_within(&finding.extra, self.limits.json_depth) {
            let most = self.limits.json_depth;
            return Err(Stop::guest(
                "output",
                format!("the `extra` of a finding is nested deeper than {most} (limits.json_depth)"),
            ));
        }
        let named = excerpt_of(&message, 80);
        if finding.at.is_empty() {
            return Err(Stop::guest(
                "no-place",
                format!("the finding \"{named}\" points at nothing in the evidence"),
            ));
        }
        if finding.at.len() > self.limits.places {
            let most = self.limits.places;
            return Err(Stop::guest(
                "output",
                format!("the finding \"{named}\" points at more than {most} places (limits.places)"),
            ));
        }
        let at =
            finding.at.into_iter().map(|place| self.resolve(&named, place)).collect::<Result<Vec<_>, _>>()?;
        let outcome = match finding.outcome {
            report::Outcome::Pass => Outcome::Pass,
            report::Outcome::Fail => Outcome::Fail,
            report::Outcome::Skip => Outcome::Skip,
        };
        let said = &mut self.said;
        match outcome {
            Outcome::Fail => said.fails += 1,
            Outcome::Skip => said.skips += 1,
            Outcome::Pass | Outcome::Error => said.passes += 1,
        }
        said.findings_bytes += text + places_bytes(&at);
        let fits = said.findings.len() < self.limits.findings as usize
            && said.findings_bytes <= self.limits.findings_bytes;
        if fits {
            said.findings.push(Finding { outcome, message, at, expected, extra: finding.extra });
        } else {
            said.dropped = said.dropped.saturating_add(1);
        }
        Ok(())
    }

    fn resolve(&mut self, named: &str, place: report::Place) -> Result<Place, Stop> {
        self.charge(WORK_UNITS_PER_CALL + place.path.len() as u64)?;
        excerpt::resolve(&self.evidence, &self.granted, &place.path, place.start, place.end)
            .map_err(|error| unreadable(&error))?
            .ok_or_else(|| {
                self.said.attempts.name(&place.path, &self.granted.grant);
                let path = excerpt_of(&place.path, 200);
                let range = match (place.start, place.end) {
                    (None, None) => String::new(),
                    (start, end) => format!(
                        " from byte {} to {}",
                        start.unwrap_or(0),
                        end.map_or("the end".to_owned(), |end| end.to_string())
                    ),
                };
                let message = format!(
                    "the finding \"{named}\" points at `{path}`{range}, which is not in the granted evidence"
                );
                Stop::guest("unresolved-place", message)
            })
    }
}

fn places_bytes(places: &[Place]) -> usize {
    places.iter().map(|place| place.path.len() + place.actual.as_ref().map_or(0, String::len)).sum()
}

/// At most so many bytes; what is cut off is counted.
fn shortened(mut text: String, most_bytes: usize) -> String {
    if text.len() > most_bytes {
        let kept = (0..=most_bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let cut = text.len() - kept;
        text.truncate(kept);
        text.push_str(&format!("… ({cut} more bytes)"));
    }
    text
}
