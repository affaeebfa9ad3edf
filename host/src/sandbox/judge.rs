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
use super::earlier;
use super::evidence::{Evidence, EvidenceSource, Granted};
use super::guest::{self, Ended};
use super::message::{Description, JudgeRequest, ModuleSource};
use super::module::{Handed, Loaded, Modules, on_big_stack};
use super::roots::Roots;
use super::stop::Stop;
use super::supervisor::WorkerSettings;
use super::ticker::Ticker;
use super::{ENGINE_ID, Limits, conclude};
use crate::recording::{BLOBS, DOCUMENT, MANIFEST};
use crate::value::{
    Digest, ErrorClass, Finding, Receipt, ReceiptInputs, ReceiptResult, Unjudged, Verdict, canonical,
    to_canonical_string,
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
            Some(secret) => Cache::open_with_key(folder, secret, KEPT_MODULES * earlier::FILES),
            None => Cache::open(folder, KEPT_MODULES * earlier::FILES),
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

/// One assertion, and everything that goes into its verdict.
pub(super) struct Prepared {
    /// As they stand in the receipt.
    pub inputs: ReceiptInputs,
    evidence: Arc<Evidence>,
    granted: Arc<Granted>,
    module: Arc<Loaded>,
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
        self.prepared(request).map_or_else(|verdict| *verdict, |prepared| self.finished(request, prepared))
    }

    /// Finds everything that goes into a verdict, without letting the module judge.
    ///
    /// # Errors
    /// The verdict, where something is missing.
    pub fn prepared(&self, request: &JudgeRequest) -> Result<Prepared, Box<Verdict>> {
        let unheard = |unjudged| Box::new(unheard(request, unjudged));
        let evidence = self.evidence(&request.evidence).map_err(|stop| unheard(stop.0))?;
        let (bytes, digest) = self.modules.read(&request.module, &request.limits).map_err(unheard)?;
        let mut inputs = ReceiptInputs {
            evidence: BTreeMap::new(),
            pack: digest,
            assertion: request.assertion.clone().unwrap_or_default(),
            parameters: Digest::of(parameters(request)),
            limits: self.digested.of(&request.limits),
            may_skip: request.may_skip,
            engine: ENGINE_ID.to_owned(),
        };
        if let Some(grant) = &request.grant {
            inputs.evidence = evidence.granted(grant).digests.clone();
        }
        let (module, description) = match self.chosen(request, &bytes, digest) {
            Ok(chosen) => chosen,
            Err(unjudged) => {
                let ended = Ended { stopped: Some(unjudged), case: None, fuel: 0 };
                return Err(Box::new(verdict(request, ended, inputs)));
            }
        };
        inputs.assertion = description.name;
        let granted = evidence.granted(request.grant.as_ref().unwrap_or(&description.reads));
        inputs.evidence = granted.digests.clone();
        Ok(Prepared { evidence, granted, module, inputs })
    }

    /// Lets the module judge.
    pub fn finished(&self, request: &JudgeRequest, prepared: Prepared) -> Verdict {
        let Prepared { evidence, granted, module, inputs } = prepared;
        let case = Case::new(evidence, granted, request.limits.clone());
        let parameters = parameters(request);
        let ended =
            on_big_stack(|| guest::check(&*module.door, &self.ticker, case, &inputs.assertion, &parameters))
                .unwrap_or_else(|unjudged| Ended { stopped: Some(unjudged), case: None, fuel: 0 });
        verdict(request, ended, inputs)
    }

    /// The module, and what it says of the assertion that is asked for.
    fn chosen(
        &self,
        request: &JudgeRequest,
        bytes: &[u8],
        digest: Digest,
    ) -> Result<(Arc<Loaded>, Description), Unjudged> {
        let module = self.modules.load(bytes, digest, &request.limits)?;
        let described = module.descriptions(&self.ticker, &request.limits, file_stem(request));
        let descriptions = described.as_ref().as_ref().map_err(Unjudged::clone)?;
        let chosen = choose(descriptions, request.assertion.as_deref()).map_err(|stop| stop.0)?;
        Ok((module, chosen.clone()))
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
    Verdict::unjudged(&request.name, unjudged)
}
