//! One back end: its modules, its workers, and what is known of earlier verdicts.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::WorkerSettings;
use super::known::Known;
use super::pool::{Pool, Worker};
use super::shelf::{Shelf, Shelved};
use crate::sandbox::ENGINE_ID;
use crate::sandbox::digested::Digested;
use crate::sandbox::judge::{BackEnd, JudgeError, JudgeSettings, parameters, unheard};
use crate::sandbox::limits::Limits;
use crate::sandbox::message::{Description, JudgeRequest, ModuleSource};
use crate::sandbox::stop::Stop;
use crate::sandbox::worker::lines::{Asked, Begin, FromWorker, Questions, ToWorker};
use crate::value::{Digest, ReceiptInputs, Unjudged, Verdict};

/// Loading evidence and setting up take time besides the check, which has a clock of its own.
const PATIENCE: Duration = Duration::from_secs(120);

/// The most questions that a worker is asked together.
const TOGETHER: usize = 64;

/// A question, and its module.
type Question<'r> = (&'r JudgeRequest, Arc<Shelved>);

/// What is known of an answer before it is given.
#[derive(Default)]
struct Expected {
    /// What goes into it; absent where nobody asked, and where it is an error already.
    inputs: Option<ReceiptInputs>,
    /// It was given before.
    kept: Option<Verdict>,
}

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
        self.pool.warm();
        let shelved = self.shelf.find(module, limits)?;
        let mut worker = self.pool.take(None).map_err(|error| not_started(&error))?;
        let line = ToWorker::Describe { module: ModuleSource::Handed(shelved.digest), name: module.stem() };
        let answered = worker
            .hand_over(&shelved)
            .and_then(|()| worker.tell(&line))
            .and_then(|()| worker.hear(time(limits, 1)));
        match answered {
            Ok(FromWorker::Descriptions(descriptions)) => {
                self.pool.give_back(worker);
                Ok(descriptions)
            }
            Ok(FromWorker::Unjudged(unjudged)) => {
                self.pool.give_back(worker);
                Err(unjudged)
            }
            Ok(_) => Err(self.died(worker, &io::Error::other("it answered another question"))),
            Err(error) => Err(self.died(worker, &error)),
        }
    }

    /// The verdicts, in the order of the questions. A worker that dies takes one of them with it.
    pub fn judge(&self, requests: &[JudgeRequest]) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(requests.len());
        if !requests.is_empty() {
            self.pool.warm();
        }
        while let Some(first) = requests.get(verdicts.len()) {
            let mut together = Vec::new();
            for request in requests[verdicts.len()..].iter().take(TOGETHER) {
                if request.evidence != first.evidence || request.limits != first.limits {
                    break;
                }
                match self.shelf.find(&request.module, &request.limits) {
                    Ok(shelved) => together.push((request, shelved)),
                    Err(unjudged) if together.is_empty() => {
                        verdicts.push(unheard(request, unjudged));
                        break;
                    }
                    Err(_) => break,
                }
            }
            if !together.is_empty() {
                self.judge_together(&together, &mut verdicts);
            }
        }
        verdicts
    }

    /// Adds at least one verdict.
    fn judge_together(&self, together: &[Question<'_>], verdicts: &mut Vec<Verdict>) {
        let Some(((first, _), rest)) = together.split_first() else { return };
        let mut worker = match self.pool.take(Some(&first.evidence)) {
            Ok(worker) => worker,
            Err(error) => return verdicts.push(unheard(first, not_started(&error))),
        };
        worker.evidence = Some(first.evidence.clone());
        let before = verdicts.len();
        let expected = match self.ask(&mut worker, together) {
            Ok(expected) => expected,
            Err(error) => {
                let unjudged = self.died(worker, &error);
                return match rest {
                    [] => verdicts.push(unheard(first, unjudged)),
                    // Whichever of them it was: the next worker is asked one thing.
                    _ => self.judge_together(&together[..1], verdicts),
                };
            }
        };
        match self.hear(&mut worker, together, expected, verdicts) {
            Ok(()) => self.pool.give_back(worker),
            Err(error) => {
                let (asked, _) = &together[verdicts.len() - before];
                verdicts.push(unheard(asked, self.died(worker, &error)));
            }
        }
    }

    /// Asks a worker, and finds what is known of the answers.
    fn ask(&self, worker: &mut Worker, together: &[Question<'_>]) -> io::Result<Vec<Expected>> {
        let (first, _) = &together[0];
        for (_, shelved) in together {
            worker.hand_over(shelved)?;
        }
        let asked = together.iter().map(|(request, shelved)| Asked {
            module: shelved.digest,
            name: request.name.clone(),
            assertion: request.assertion.clone(),
            parameters: request.parameters.clone(),
            grant: request.grant.clone(),
            may_skip: request.may_skip,
        });
        let questions = Questions {
            evidence: first.evidence.clone().absolute(),
            limits: first.limits.clone(),
            asked: asked.collect(),
        };
        worker.tell(&ToWorker::Judge { questions, ask_first: self.known.is_some() })?;
        let Some(known) = &self.known else {
            return Ok(together.iter().map(|_| Expected::default()).collect());
        };
        let FromWorker::Inputs(inputs) = worker.hear(time(&first.limits, together.len()))? else {
            return Err(nonsense("another question"));
        };
        // A worker that a guest took over must not speak for other modules.
        let limits = self.digested.of(&first.limits);
        let is_about = |((request, shelved), inputs): (&Question<'_>, &Option<ReceiptInputs>)| {
            inputs.as_ref().is_none_or(|inputs| is_about(inputs, request, shelved.digest, limits))
        };
        if inputs.len() != together.len() || !together.iter().zip(&inputs).all(is_about) {
            return Err(nonsense("for other inputs"));
        }
        let expected: Vec<_> = together
            .iter()
            .zip(inputs)
            .map(|((request, _), inputs)| {
                let kept = inputs.as_ref().and_then(|inputs| known.get(inputs, &request.name));
                Expected { inputs, kept }
            })
            .collect();
        let are_known = expected.iter().map(|expected| expected.kept.is_some()).collect();
        worker.tell(&ToWorker::GoOn { are_known })?;
        Ok(expected)
    }

    /// Adds the verdicts, from the worker or from an earlier time.
    fn hear(
        &self,
        worker: &mut Worker,
        together: &[Question<'_>],
        expected: Vec<Expected>,
        verdicts: &mut Vec<Verdict>,
    ) -> io::Result<()> {
        for ((request, _), Expected { inputs, kept }) in together.iter().zip(expected) {
            if let Some(verdict) = kept {
                verdicts.push(verdict);
                continue;
            }
            let FromWorker::Verdict(verdict) = worker.hear(time(&request.limits, 1))? else {
                return Err(nonsense("another question"));
            };
            if let (Some(known), Some(inputs)) = (&self.known, inputs)
                && verdict.receipt.as_ref().is_some_and(|receipt| receipt.inputs == inputs)
            {
                known.put(&verdict);
            }
            verdicts.push(*verdict);
        }
        Ok(())
    }

    fn died(&self, worker: Worker, error: &io::Error) -> Unjudged {
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

fn nonsense(what: &str) -> io::Error {
    io::Error::other(format!("it answered {what}"))
}

fn not_started(error: &io::Error) -> Unjudged {
    Stop::host("worker", format!("no judge could be started: {error}")).0
}

/// How long a worker may take for so many modules.
fn time(limits: &Limits, modules: usize) -> Duration {
    Duration::from_millis(limits.wall_clock_ms).saturating_mul(2 * modules as u32).saturating_add(PATIENCE)
}
