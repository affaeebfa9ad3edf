//! One back end: its modules, its workers, and what is known of earlier verdicts.

use std::time::Duration;

use super::WorkerSettings;
use super::known::Known;
use super::pool::{Pool, Worker};
use super::shelf::Shelf;
use crate::sandbox::ENGINE_ID;
use crate::sandbox::digested::Digested;
use crate::sandbox::judge::{BackEnd, JudgeError, JudgeSettings, parameters, unheard};
use crate::sandbox::limits::Limits;
use crate::sandbox::message::{Description, JudgeRequest, ModuleSource};
use crate::sandbox::stop::Stop;
use crate::sandbox::worker::lines::{Begin, FromWorker, ToWorker};
use crate::value::{Digest, ReceiptInputs, Unjudged, Verdict};

/// Loading evidence and setting up take time besides the check, which has a clock of its own.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) struct Side {
    shelf: Shelf,
    pool: Pool,
    known: Option<Known>,
    digested: Digested,
}

impl Side {
    pub fn new(
        settings: &JudgeSettings,
        workers: &WorkerSettings,
        back_end: BackEnd,
    ) -> Result<Self, JudgeError> {
        let program = workers.program.clone();
        let is_interpreter = back_end == BackEnd::Interpreter;
        // A second opinion that was kept is none.
        let known = settings.verdict_directory.as_deref().filter(|_| !workers.cross_check);
        let known =
            known.and_then(|folder| Known::open(folder, settings.cache_key.as_deref(), &workers.program));
        let begin = Begin { roots: workers.roots.clone(), is_interpreter, limits: settings.limits.clone() };
        let pool = Pool::new(program.clone(), begin, workers.most);
        let shelf = Shelf::new(settings, program, back_end)?;
        Ok(Self { shelf, pool, known, digested: Digested::default() })
    }

    pub fn describe(&self, module: &ModuleSource, limits: &Limits) -> Result<Vec<Description>, Unjudged> {
        let shelved = self.shelf.find(module, limits)?;
        let mut worker = self.pool.take(None).map_err(|error| not_started(&error))?;
        let line = ToWorker::Describe { module: ModuleSource::Handed(shelved.digest), name: module.stem() };
        let answered = worker
            .hand_over(&shelved)
            .and_then(|()| worker.tell(&line))
            .and_then(|()| worker.hear(time(limits)));
        match answered {
            Ok(FromWorker::Descriptions(descriptions)) => {
                self.pool.give_back(worker);
                Ok(descriptions)
            }
            Ok(FromWorker::Unjudged(unjudged)) => {
                self.pool.give_back(worker);
                Err(unjudged)
            }
            Ok(_) => Err(self.died(worker, &std::io::Error::other("it answered another question"))),
            Err(error) => Err(self.died(worker, &error)),
        }
    }

    pub fn judge(&self, request: &JudgeRequest) -> Verdict {
        let shelved = match self.shelf.find(&request.module, &request.limits) {
            Ok(shelved) => shelved,
            Err(unjudged) => return unheard(request, unjudged),
        };
        let mut worker = match self.pool.take(Some(&request.evidence)) {
            Ok(worker) => worker,
            Err(error) => return unheard(request, not_started(&error)),
        };
        worker.evidence = Some(request.evidence.clone());
        let asked = JudgeRequest {
            evidence: request.evidence.clone().absolute(),
            module: ModuleSource::Handed(shelved.digest),
            ..request.clone()
        };
        let asked = ToWorker::Judge { request: Box::new(asked), ask_first: self.known.is_some() };
        let told = worker.hand_over(&shelved).and_then(|()| worker.tell(&asked));
        match told.and_then(|()| self.hear(&mut worker, request, shelved.digest)) {
            Ok(verdict) => {
                self.pool.give_back(worker);
                verdict
            }
            Err(error) => unheard(request, self.died(worker, &error)),
        }
    }

    /// The verdict, from the worker or from an earlier time.
    fn hear(&self, worker: &mut Worker, request: &JudgeRequest, pack: Digest) -> std::io::Result<Verdict> {
        let time = time(&request.limits);
        let nonsense = |what: &str| std::io::Error::other(format!("it answered {what}"));
        let (known, inputs) = match (worker.hear(time)?, &self.known) {
            (FromWorker::Verdict(verdict), _) => return Ok(*verdict),
            (FromWorker::Inputs(inputs), Some(known)) => (known, inputs),
            _ => return Err(nonsense("another question")),
        };
        // A worker that a guest took over must not speak for other modules.
        if !is_about(&inputs, request, pack, self.digested.of(&request.limits)) {
            return Err(nonsense("for other inputs"));
        }
        let kept = known.get(&inputs, &request.name);
        worker.tell(&ToWorker::GoOn { is_known: kept.is_some() })?;
        if let Some(verdict) = kept {
            return Ok(verdict);
        }
        let FromWorker::Verdict(verdict) = worker.hear(time)? else {
            return Err(nonsense("another question"));
        };
        if verdict.receipt.as_ref().is_some_and(|receipt| receipt.inputs == inputs) {
            known.put(&verdict);
        }
        Ok(*verdict)
    }

    fn died(&self, worker: Worker, error: &std::io::Error) -> Unjudged {
        let message = format!("{}; no verdict", worker.epitaph(error));
        self.pool.lost();
        Stop::host("worker", message).0
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        if let Some(known) = &self.known {
            known.prune();
        }
    }
}

/// Whether these inputs are those of a request, as far as the supervisor knows them.
fn is_about(inputs: &ReceiptInputs, request: &JudgeRequest, pack: Digest, limits: Digest) -> bool {
    inputs.pack == pack
        && inputs.engine == ENGINE_ID
        && inputs.may_skip == request.may_skip
        && inputs.parameters == Digest::of(parameters(request))
        && inputs.limits == limits
        && request.assertion.as_ref().is_none_or(|assertion| inputs.assertion == *assertion)
}

fn not_started(error: &std::io::Error) -> Unjudged {
    Stop::host("worker", format!("no judge could be started: {error}")).0
}

fn time(limits: &Limits) -> Duration {
    Duration::from_millis(limits.wall_clock_ms).saturating_mul(2).saturating_add(PATIENCE)
}
