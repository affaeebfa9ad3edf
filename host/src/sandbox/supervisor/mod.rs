//! Judges in worker processes: what callers ask, and what they are told when a worker dies.
//!
//! The supervisor reads modules, has them compiled in forges and keeps what was made; workers judge. It never runs a
//! module itself. For tests there is a judge without any of this, in the process that asks.

mod cross;
mod known;
mod pool;
mod shelf;
mod side;

use std::path::{Path, PathBuf, absolute};

use tempfile::TempDir;

use super::judge::{BackEnd, JudgeError, JudgeSettings, LocalJudge, unheard};
use super::limits::Limits;
use super::message::{Answer, Description, JudgeRequest, ModuleSource, Request};
use super::stop::Stop;
use crate::value::{Unjudged, Verdict};

use cross::compare;
use side::Side;

/// Changes what the second engine said: how a test plants a difference.
pub type SecondOpinion = fn(&mut Verdict);

/// The processes that judge.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// This program: it is a worker when it is called with `judge-worker`, a forge when called with `forge`.
    pub program: PathBuf,
    /// At most so many at a time; each is started when it is needed first.
    pub most: usize,
    /// Where evidence may be: folders and files. Everything else can't be read.
    pub roots: Vec<PathBuf>,
    /// Judge everything a second time, with the interpreter, and demand the same.
    pub cross_check: bool,
    /// For tests: what becomes of the second opinion before it is compared.
    pub second_opinion: Option<SecondOpinion>,
}

/// Answers questions about modules and evidence, from any number of threads.
#[derive(Debug)]
pub struct Judge {
    limits: Limits,
    scratch: TempDir,
    kind: Kind,
}

enum Kind {
    Workers(Box<Workers>),
    Here(Box<LocalJudge>),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Workers(_) => "Workers",
            Self::Here(_) => "Here",
        })
    }
}

struct Workers {
    first: Side,
    second: Option<(Side, Option<SecondOpinion>)>,
}

impl Judge {
    /// A judge with processes of its own, or in this process.
    ///
    /// # Errors
    /// When the machine can't run the engine.
    pub fn new(mut settings: JudgeSettings) -> Result<Self, JudgeError> {
        let limits = settings.limits.clone();
        let scratch = tempfile::tempdir().map_err(|error| JudgeError::new(&error))?;
        if let Some(workers) = &mut settings.workers {
            workers.roots.push(scratch.path().to_owned());
            for root in &mut workers.roots {
                *root = absolute(&*root).map_err(|error| JudgeError::new(&error))?;
            }
        }
        let kind = match settings.workers.clone() {
            None => Kind::Here(Box::new(LocalJudge::new(settings)?)),
            Some(workers) => {
                let second = match workers.cross_check {
                    true => {
                        let side = Side::new(&settings, &workers, BackEnd::Interpreter)?;
                        Some((side, workers.second_opinion))
                    }
                    false => None,
                };
                let first = Side::new(&settings, &workers, settings.back_end)?;
                Kind::Workers(Box::new(Workers { first, second }))
            }
        };
        Ok(Self { limits, scratch, kind })
    }

    /// What modules may use, where a request says nothing else.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A folder of the judge's own that it may read: for evidence that lies nowhere else. It goes with the judge.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Answers a line with a line, both without their line ends.
    pub fn answer(&self, line: &str) -> String {
        let answer = match Request::parse(line) {
            Ok(Request::Describe { module }) => match self.describe(&module) {
                Ok(descriptions) => Answer::Descriptions { descriptions },
                Err(unjudged) => Answer::Unjudged(unjudged),
            },
            Ok(Request::Judge(request)) => Answer::Verdict(Box::new(self.judge(&request))),
            Err(message) => Answer::Invalid { message },
        };
        answer.line()
    }

    /// What a module offers.
    ///
    /// # Errors
    /// Why that could not be found out.
    pub fn describe(&self, module: &ModuleSource) -> Result<Vec<Description>, Unjudged> {
        match &self.kind {
            Kind::Here(judge) => judge.described(module),
            Kind::Workers(workers) => workers.first.describe(module, &self.limits),
        }
    }

    /// The verdict on one assertion.
    pub fn judge(&self, request: &JudgeRequest) -> Verdict {
        let verdict = self.judge_all(std::slice::from_ref(request)).pop();
        verdict.unwrap_or_else(|| unheard(request, Stop::host("judge", "the judge gave no verdict").0))
    }

    /// The verdicts on several, in their order. Those on one recording go to a worker together, which costs less.
    pub fn judge_all(&self, requests: &[JudgeRequest]) -> Vec<Verdict> {
        match &self.kind {
            Kind::Here(judge) => requests.iter().map(|request| judge.judged(request)).collect(),
            Kind::Workers(workers) => workers.judge(requests),
        }
    }
}

impl Workers {
    fn judge(&self, requests: &[JudgeRequest]) -> Vec<Verdict> {
        let Some((second, change)) = &self.second else { return self.first.judge(requests) };
        std::thread::scope(|scope| {
            let other = scope.spawn(|| second.judge(requests));
            let native = self.first.judge(requests);
            let Ok(interpreted) = other.join() else {
                let panicked = || Stop::host("judge", "the judge panicked").0;
                return requests.iter().map(|request| unheard(request, panicked())).collect();
            };
            let both = native.into_iter().zip(interpreted);
            both.map(|(native, mut interpreted)| {
                if let Some(change) = change {
                    change(&mut interpreted);
                }
                compare(native, &interpreted)
            })
            .collect()
        })
    }
}
