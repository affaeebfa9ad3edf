//! Answers questions about modules and evidence, each a line of JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use super::evidence::{Evidence, EvidenceSource};
use super::guest::{self, Ended};
use super::imports::{Case, Said, unreadable};
use super::message::{Answer, Description, JudgeRequest, ModuleSource, Request};
use super::module::{Modules, on_big_stack};
use super::stop::Stop;
use super::ticker::Ticker;
use super::{ENGINE_ID, Limits, conclude};
use crate::query::Budget;
use crate::recording::{BLOBS, DOCUMENT, MANIFEST};
use crate::value::{
    Digest, ErrorClass, Finding, Outcome, Receipt, ReceiptInputs, ReceiptResult, Unjudged, Verdict,
    canonical, to_canonical_string,
};

/// Evidence kept between two judgings.
const KEPT_EVIDENCE: usize = 4;

/// What a judge needs to know.
#[derive(Clone, Debug, Default)]
pub struct JudgeSettings {
    /// Where compiled modules are kept between two processes; private to this user. Nowhere when absent.
    pub cache_directory: Option<PathBuf>,
    /// Modules inside this program.
    pub embedded: BTreeMap<String, &'static [u8]>,
    /// What runs the modules; verdicts and receipts are the same either way.
    pub back_end: BackEnd,
    /// What modules may use, where a request says nothing else.
    pub limits: Limits,
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

/// Judges in this process, from any number of threads.
pub struct Judge {
    modules: Modules,
    limits: Limits,
    ticker: Ticker,
    evidence: Mutex<Vec<Kept>>,
}

struct Kept {
    source: EvidenceSource,
    stamp: Stamp,
    evidence: Arc<Evidence>,
}

/// Size and time of last change of each file that evidence starts from.
type Stamp = Vec<Option<(u64, SystemTime)>>;

impl Judge {
    /// A judge with an engine of its own.
    ///
    /// # Errors
    /// When the machine can't run the engine.
    pub fn new(settings: JudgeSettings) -> Result<Self, JudgeError> {
        let limits = settings.limits.clone();
        let modules = Modules::new(settings).map_err(|error| JudgeError(error.to_string()))?;
        Ok(Self { modules, limits, ticker: Ticker::default(), evidence: Mutex::default() })
    }

    /// What modules may use, where a request says nothing else.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers a line with a line, both without their line ends.
    pub fn answer(&self, line: &str) -> String {
        let answer = match Request::parse(line) {
            Ok(Request::Describe { module }) => match self.described(&module) {
                Ok(descriptions) => Answer::Descriptions { descriptions },
                Err(unjudged) => Answer::Unjudged(unjudged),
            },
            Ok(Request::Judge(request)) => Answer::Verdict(Box::new(self.judged(&request))),
            Err(message) => Answer::Invalid { message },
        };
        answer.line()
    }

    /// What a module offers.
    ///
    /// # Errors
    /// Why that could not be found out.
    pub fn describe(&self, module: &ModuleSource) -> Result<Vec<Description>, Unjudged> {
        let request = Request::Describe { module: module.clone() };
        match Answer::parse(&self.answer(&request.line())) {
            Ok(Answer::Descriptions { descriptions }) => Ok(descriptions),
            Ok(Answer::Unjudged(unjudged)) => Err(unjudged),
            other => Err(unanswered(&other)),
        }
    }

    /// The verdict on one assertion.
    pub fn judge(&self, request: &JudgeRequest) -> Verdict {
        match Answer::parse(&self.answer(&Request::Judge(Box::new(request.clone())).line())) {
            Ok(Answer::Verdict(verdict)) => *verdict,
            Ok(Answer::Unjudged(unjudged)) => unheard(request, unjudged),
            other => unheard(request, unanswered(&other)),
        }
    }

    fn described(&self, module: &ModuleSource) -> Result<Vec<Description>, Unjudged> {
        let (bytes, digest) = self.modules.read(module, &self.limits)?;
        let name = match module {
            ModuleSource::Path(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            ModuleSource::Embedded(name) => name.clone(),
        };
        Result::clone(&self.modules.load(&bytes, digest, &self.limits)?.descriptions(
            &self.ticker,
            &self.limits,
            &name,
        ))
    }

    fn judged(&self, request: &JudgeRequest) -> Verdict {
        let evidence = match self.evidence(&request.evidence) {
            Ok(evidence) => evidence,
            Err(stop) => return unheard(request, stop.0),
        };
        let (bytes, digest) = match self.modules.read(&request.module, &request.limits) {
            Ok(read) => read,
            Err(unjudged) => return unheard(request, unjudged),
        };
        let mut inputs = ReceiptInputs {
            evidence: BTreeMap::new(),
            pack: digest,
            assertion: request.assertion.clone().unwrap_or_default(),
            parameters: Digest::of(parameters(request)),
            limits: Digest::of(to_canonical_string(&request.limits).unwrap_or_default()),
            engine: ENGINE_ID.to_owned(),
        };
        let ended = self.run(request, &evidence, &bytes, &mut inputs);
        verdict(request, ended, inputs)
    }

    fn run(
        &self,
        request: &JudgeRequest,
        evidence: &Arc<Evidence>,
        bytes: &[u8],
        inputs: &mut ReceiptInputs,
    ) -> Ended {
        let stopped = |unjudged| Ended { stopped: Some(unjudged), case: None, fuel: 0 };
        if let Some(grant) = &request.grant {
            inputs.evidence = evidence.granted(grant).digests.clone();
        }
        let module = match self.modules.load(bytes, inputs.pack, &request.limits) {
            Ok(module) => module,
            Err(unjudged) => return stopped(unjudged),
        };
        let described = module.descriptions(&self.ticker, &request.limits, file_stem(request));
        let chosen = described.as_ref().as_ref().map_err(Unjudged::clone).and_then(|descriptions| {
            choose(descriptions, request.assertion.as_deref()).map_err(|stop| stop.0)
        });
        let description = match chosen {
            Ok(description) => description,
            Err(unjudged) => return stopped(unjudged),
        };
        inputs.assertion.clone_from(&description.name);
        let granted = evidence.granted(request.grant.as_ref().unwrap_or(&description.reads));
        inputs.evidence = granted.digests.clone();
        let case = Case {
            evidence: Arc::clone(evidence),
            granted,
            limits: request.limits.clone(),
            work: Budget::new(request.limits.host_work),
            reads: 0,
            said: Said::default(),
        };
        let parameters = parameters(request);
        on_big_stack(|| guest::check(&*module.door, &self.ticker, case, &description.name, &parameters))
            .unwrap_or_else(stopped)
    }

    fn evidence(&self, source: &EvidenceSource) -> Result<Arc<Evidence>, Stop> {
        let stamp = stamp(source);
        let mut kept = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = kept.iter().position(|kept| kept.source == *source && kept.stamp == stamp) {
            let last_used = kept.remove(position);
            let evidence = Arc::clone(&last_used.evidence);
            kept.push(last_used);
            return Ok(evidence);
        }
        kept.retain(|kept| kept.source != *source);
        let evidence = Arc::new(Evidence::load(source).map_err(|error| unreadable(&error))?);
        if kept.len() == KEPT_EVIDENCE {
            kept.remove(0);
        }
        kept.push(Kept { source: source.clone(), stamp, evidence: Arc::clone(&evidence) });
        Ok(evidence)
    }
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

fn parameters(request: &JudgeRequest) -> String {
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
fn unheard(request: &JudgeRequest, unjudged: Unjudged) -> Verdict {
    Verdict {
        assertion: request.name.clone(),
        outcome: Outcome::Error,
        error: Some(unjudged),
        findings: Vec::new(),
        findings_dropped: 0,
        log: Vec::new(),
        receipt: None,
    }
}

fn unanswered(answer: &Result<Answer, String>) -> Unjudged {
    let message = match answer {
        Ok(Answer::Invalid { message }) | Err(message) => message.clone(),
        Ok(_) => "it answered another question".to_owned(),
    };
    Stop::host("judge", format!("the judge gave no answer: {message}")).0
}
