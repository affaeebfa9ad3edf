//! Answers questions about modules and evidence in this process: what a worker does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use super::cache::Cache;
use super::case::{Case, unreadable};
use super::digested::Digested;
use super::evidence::{Evidence, EvidenceSource};
use super::guest::{self, Ended};
use super::message::{Description, JudgeRequest, ModuleSource};
use super::module::{Handed, Modules, on_big_stack};
use super::roots::Roots;
use super::stop::Stop;
use super::supervisor::WorkerSettings;
use super::ticker::Ticker;
use super::{ENGINE_ID, Limits, conclude};
use crate::recording::{BLOBS, DOCUMENT, MANIFEST};
use crate::value::{
    Digest, ErrorClass, Finding, Outcome, Receipt, ReceiptInputs, ReceiptResult, Unjudged, Verdict,
    canonical, to_canonical_string,
};

/// Compiled modules kept between two processes; the oldest go first.
const KEPT_MODULES: usize = 256;

/// Evidence kept between two judgings, besides what was judged last.
const KEPT_EVIDENCE: usize = 4;

/// And how large that may be together, as files.
const KEPT_EVIDENCE_BYTES: u64 = 8 << 20;

/// What a judge needs to know.
#[derive(Clone, Debug, Default)]
pub struct JudgeSettings {
    /// Where compiled modules are kept between two processes; private to this user. Nowhere when absent.
    pub cache_directory: Option<PathBuf>,
    /// What makes a file in the cache count on more than one machine; without it, each machine has a key of its own.
    pub cache_key: Option<String>,
    /// Where verdicts are kept between two processes; private to this user. Nowhere when absent, and only where
    /// workers judge.
    pub verdict_directory: Option<PathBuf>,
    /// The processes that judge. Without them everything happens in this process, kept in by WebAssembly alone: for
    /// tests.
    pub workers: Option<WorkerSettings>,
    /// Modules inside this program.
    pub embedded: BTreeMap<String, &'static [u8]>,
    /// What runs the modules; verdicts and receipts are the same either way.
    pub back_end: BackEnd,
    /// What modules may use, where a request says nothing else.
    pub limits: Limits,
}

impl JudgeSettings {
    /// Where compiled code is kept, if anywhere.
    pub(super) fn code_cache(&self) -> Option<Cache> {
        let folder = self.cache_directory.as_deref()?;
        match &self.cache_key {
            Some(secret) => Cache::open_with_key(folder, secret, KEPT_MODULES),
            None => Cache::open(folder, KEPT_MODULES),
        }
    }
}

/// What runs modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackEnd {
    /// Machine code.
    #[default]
    Native,
    /// An interpreter: slower, and a second opinion.
    Interpreter,
}

/// There can be no judge here.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine could not be set up: {0}")]
pub struct JudgeError(String);

impl JudgeError {
    pub(super) fn new(reason: &impl std::fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

/// Judges in this process, from any number of threads.
pub(super) struct LocalJudge {
    modules: Modules,
    limits: Limits,
    digested: Digested,
    ticker: Ticker,
    evidence: Mutex<Vec<Kept>>,
    /// Where evidence may be; anywhere when absent.
    roots: Option<Roots>,
}

struct Kept {
    source: EvidenceSource,
    stamp: Stamp,
    evidence: Arc<Evidence>,
}

/// Size and time of last change of each file that evidence starts from.
type Stamp = Vec<Option<(u64, SystemTime)>>;

impl LocalJudge {
    /// A judge with an engine of its own.
    ///
    /// # Errors
    /// When the machine can't run the engine.
    pub fn new(settings: JudgeSettings) -> Result<Self, JudgeError> {
        let limits = settings.limits.clone();
        let modules = Modules::new(settings).map_err(|error| JudgeError(error.to_string()))?;
        Ok(Self {
            modules,
            limits,
            digested: Digested::default(),
            ticker: Ticker::default(),
            evidence: Mutex::default(),
            roots: None,
        })
    }

    /// One that finds evidence only below these roots.
    pub fn within(mut self, roots: Roots) -> Self {
        self.roots = Some(roots);
        self
    }

    /// Takes the compiled code of a module, or why there is none.
    pub fn hand_over(&self, module: Digest, made: Result<Handed, Unjudged>) {
        self.modules.hand_over(module, made);
    }

    /// What a module offers; one that can't say is called after its file.
    pub fn described(&self, module: &ModuleSource) -> Result<Vec<Description>, Unjudged> {
        self.described_as(module, &module.stem())
    }

    /// The same; one that can't say is called `name`.
    pub fn described_as(&self, module: &ModuleSource, name: &str) -> Result<Vec<Description>, Unjudged> {
        let (bytes, digest) = self.modules.read(module, &self.limits)?;
        Result::clone(&self.modules.load(&bytes, digest, &self.limits)?.descriptions(
            &self.ticker,
            &self.limits,
            name,
        ))
    }

    /// The verdict on one assertion.
    pub fn judged(&self, request: &JudgeRequest) -> Verdict {
        self.judged_unless(request, |_| false)
            .unwrap_or_else(|| unheard(request, Stop::host("judge", "the judge was told not to judge").0))
    }

    /// The same, unless it is known already: `is_known` is asked when everything that goes in is known and before the
    /// module is run.
    pub fn judged_unless(
        &self,
        request: &JudgeRequest,
        is_known: impl FnOnce(&ReceiptInputs) -> bool,
    ) -> Option<Verdict> {
        let evidence = match self.evidence(&request.evidence) {
            Ok(evidence) => evidence,
            Err(stop) => return Some(unheard(request, stop.0)),
        };
        let (bytes, digest) = match self.modules.read(&request.module, &request.limits) {
            Ok(read) => read,
            Err(unjudged) => return Some(unheard(request, unjudged)),
        };
        let mut inputs = ReceiptInputs {
            evidence: BTreeMap::new(),
            pack: digest,
            assertion: request.assertion.clone().unwrap_or_default(),
            parameters: Digest::of(parameters(request)),
            limits: self.digested.of(&request.limits),
            may_skip: request.may_skip,
            engine: ENGINE_ID.to_owned(),
        };
        let ended = self.run(request, &evidence, &bytes, &mut inputs, is_known)?;
        Some(verdict(request, ended, inputs))
    }

    fn run(
        &self,
        request: &JudgeRequest,
        evidence: &Arc<Evidence>,
        bytes: &[u8],
        inputs: &mut ReceiptInputs,
        is_known: impl FnOnce(&ReceiptInputs) -> bool,
    ) -> Option<Ended> {
        let stopped = |unjudged| Ended { stopped: Some(unjudged), case: None, fuel: 0 };
        if let Some(grant) = &request.grant {
            inputs.evidence = evidence.granted(grant).digests.clone();
        }
        let module = match self.modules.load(bytes, inputs.pack, &request.limits) {
            Ok(module) => module,
            Err(unjudged) => return Some(stopped(unjudged)),
        };
        let described = module.descriptions(&self.ticker, &request.limits, file_stem(request));
        let chosen = described.as_ref().as_ref().map_err(Unjudged::clone).and_then(|descriptions| {
            choose(descriptions, request.assertion.as_deref()).map_err(|stop| stop.0)
        });
        let description = match chosen {
            Ok(description) => description,
            Err(unjudged) => return Some(stopped(unjudged)),
        };
        inputs.assertion.clone_from(&description.name);
        let granted = evidence.granted(request.grant.as_ref().unwrap_or(&description.reads));
        inputs.evidence = granted.digests.clone();
        if is_known(inputs) {
            return None;
        }
        let case = Case::new(Arc::clone(evidence), granted, request.limits.clone());
        let parameters = parameters(request);
        Some(
            on_big_stack(|| guest::check(&*module.door, &self.ticker, case, &description.name, &parameters))
                .unwrap_or_else(stopped),
        )
    }

    fn evidence(&self, source: &EvidenceSource) -> Result<Arc<Evidence>, Stop> {
        let within = match &self.roots {
            Some(roots) => Some(roots.find(source.path())?),
            None => None,
        };
        let stamp = stamp(source);
        let mut kept = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = kept.iter().position(|kept| kept.source == *source && kept.stamp == stamp) {
            let last_used = kept.remove(position);
            let evidence = Arc::clone(&last_used.evidence);
            kept.push(last_used);
            return Ok(evidence);
        }
        kept.retain(|kept| kept.source != *source);
        // Room is made first, so that two large documents are not held at a time.
        while kept.len() >= KEPT_EVIDENCE
            || kept.iter().map(|kept| size(&kept.stamp)).sum::<u64>() > KEPT_EVIDENCE_BYTES
        {
            kept.remove(0);
        }
        let loaded = match &within {
            Some((root, below)) => Evidence::load_below(root, below, source),
            None => Evidence::load(source),
        };
        let evidence = Arc::new(loaded.map_err(|error| unreadable(&error))?);
        kept.push(Kept { source: source.clone(), stamp, evidence: Arc::clone(&evidence) });
        Ok(evidence)
    }
}

/// Of a recording, the document's size is what its evidence takes; blobs are kept within a bound of their own.
fn size(stamp: &Stamp) -> u64 {
    stamp.first().copied().flatten().map_or(0, |(bytes, _)| bytes)
}

fn stamp(source: &EvidenceSource) -> Stamp {
    let of = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    };
    match source {
        EvidenceSource::Recording(folder) => {
            [DOCUMENT, BLOBS, MANIFEST].iter().map(|name| of(&folder.join(name))).collect()
        }
        EvidenceSource::Document(path) => vec![of(path)],
    }
}

fn choose<'d>(descriptions: &'d [Description], name: Option<&str>) -> Result<&'d Description, Stop> {
    let names = || descriptions.iter().map(|d| d.name.as_str()).take(20).collect::<Vec<_>>().join(", ");
    match (name, descriptions) {
        (None, [only]) => Ok(only),
        (None, _) => {
            let message = format!("the module has several assertions, and none was named: {}", names());
            Err(Stop::guest("unknown-assertion", message))
        }
        (Some(name), _) => {
            descriptions.iter().find(|description| description.name == name).ok_or_else(|| {
                let message = format!("the module has no assertion `{name}`; it has: {}", names());
                Stop::guest("unknown-assertion", message)
            })
        }
    }
}

/// What a module that can't describe itself is called: as it was asked for, else after its file.
fn file_stem(request: &JudgeRequest) -> &str {
    let file = request.name.rsplit('/').next().unwrap_or_default();
    request.assertion.as_deref().unwrap_or_else(|| file.rsplit_once('.').map_or(file, |(stem, _)| stem))
}

/// Canonical JSON for the assertion.
pub(super) fn parameters(request: &JudgeRequest) -> String {
    if request.parameters.is_null() { "{}".to_owned() } else { canonical(&request.parameters) }
}

fn verdict(request: &JudgeRequest, ended: Ended, inputs: ReceiptInputs) -> Verdict {
    let (said, reads) = ended.case.map(|case| (case.said, case.reads)).unwrap_or_default();
    let (outcome, error) = conclude::outcome(ended.stopped, &said, reads, request.may_skip);
    let host_error = error.as_ref().is_some_and(|error| error.class == ErrorClass::Host);
    let receipt = (!host_error).then(|| {
        let findings = digest_of_result(&said.findings, said.dropped, error.as_ref());
        Receipt { inputs, result: ReceiptResult { verdict: outcome, findings, fuel: ended.fuel } }
    });
    Verdict {
        assertion: request.name.clone(),
        outcome,
        error,
        findings: said.findings,
        findings_dropped: said.dropped,
        log: said.log,
        attempts: said.attempts.into_told(),
        receipt,
    }
}

pub(super) fn digest_of_result(findings: &[Finding], dropped: u32, error: Option<&Unjudged>) -> Digest {
    #[derive(Serialize)]
    struct Result<'a> {
        findings: &'a [Finding],
        dropped: u32,
        error: Option<&'a Unjudged>,
    }
    let error = error.map(|error| Unjudged { place: None, ..error.clone() });
    let error = error.as_ref();
    Digest::of(to_canonical_string(&Result { findings, dropped, error }).unwrap_or_default())
}

/// Nothing was judged, for a reason outside the module.
pub(super) fn unheard(request: &JudgeRequest, unjudged: Unjudged) -> Verdict {
    Verdict {
        assertion: request.name.clone(),
        outcome: Outcome::Error,
        error: Some(unjudged),
        findings: Vec::new(),
        findings_dropped: 0,
        log: Vec::new(),
        attempts: Vec::new(),
        receipt: None,
    }
}
