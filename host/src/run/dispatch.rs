//! Runs jobs side by side. The dispatcher owns the truth: every job ends with a result, in the order the jobs were
//! given, whatever happened to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Semaphore, mpsc};

use super::assertions::Resolved;
use super::budget::Ledger;
use super::execute::execute;
use super::judge::judge_document;
use super::notices::Notices;
use super::unreached::UNREACHABLE;
use crate::agent::{Launching, Overrides, Stop, Wanted};
use crate::document::Exceeded;
use crate::profile::peak_memory_mebibytes;
use crate::report::{Problem, ScenarioResult, notes};
use crate::sandbox::Judge;
use crate::scenario::{AgentChoice, Scenario};

/// The identifier of a problem that is none of ours: a command said by its exit code that it can't run here.
pub(super) const SKIPPED: &str = "skipped-itself";

/// One scenario on one agent.
#[derive(Clone, Debug)]
pub struct Job {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The column of its matrix.
    pub agent: AgentChoice,
    /// Its assertions.
    pub assertions: Arc<[Resolved]>,
}

/// What all jobs share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Programs the user named.
    pub programs: Overrides,
    /// The project's root: pinned agents are looked for below it.
    pub project: PathBuf,
    /// Where what is slow to learn is remembered; absent: nowhere.
    pub cache: Option<PathBuf>,
    /// The run's folder, for one recording a job.
    pub runs: PathBuf,
    /// The repository that the user works in, which no agent has any business with.
    pub launching: Arc<Launching>,
    /// Mebibytes that all running agents together may be expected to hold; absent: as much as they like.
    pub memory_budget_mebibytes: Option<u32>,
    /// How far agents are kept apart from the machine.
    pub isolation: Arc<Wanted>,
    /// What everything together may use.
    pub ledger: Arc<Ledger>,
    /// Set to true when the user interrupts.
    pub stop: Stop,
}

/// What a dispatcher tells while it works.
#[derive(Clone, Debug)]
pub enum Dispatch {
    /// A job was started.
    Started {
        /// The scenario's name.
        name: String,
        /// The agent's name.
        agent: String,
    },
    /// Something about a job that runs is worth saying, and changes no verdict.
    Noticed {
        /// The scenario's name; absent where it is about the agent in every scenario.
        name: Option<String>,
        /// The agent's name.
        agent: String,
        /// A sentence.
        notice: String,
    },
    /// A job ended.
    Ended(Box<ScenarioResult>),
}

/// Runs every job, at most `parallel` at a time; results come back in the order of the jobs.
pub async fn dispatch(
    jobs: Vec<Job>,
    judge: Arc<Judge>,
    settings: Arc<Settings>,
    parallel: usize,
    tell: mpsc::UnboundedSender<Dispatch>,
) -> Vec<ScenarioResult> {
    let places = Arc::new(Semaphore::new(parallel.max(1)));
    let budget = settings.memory_budget_mebibytes.unwrap_or(u32::MAX / 8);
    let memory = Arc::new(Semaphore::new(budget as usize));
    let mut running = Vec::new();
    for job in jobs {
        let (judge, settings, tell) = (Arc::clone(&judge), Arc::clone(&settings), tell.clone());
        let (name, agent) = (job.scenario.name.clone(), job.agent.name.clone());
        // Never closed, so there is always a place in the end; taken here, so that jobs start in their order.
        let place = Arc::clone(&places).acquire_owned().await;
        // One that needs more than all of the budget runs alone.
        let share = peak_memory_mebibytes(&job.agent.profile).min(budget);
        let share = Arc::clone(&memory).acquire_many_owned(share).await;
        let task = tokio::spawn(async move {
            let _place = (place, share);
            if *settings.stop.borrow() {
                return result(&job, Instant::now(), None, Vec::new(), Some(interrupted()));
            }
            if let Some(passed) = settings.ledger.passed() {
                return result(&job, Instant::now(), None, Vec::new(), Some(used_up(passed)));
            }
            if !job.agent.lacks.is_empty() {
                let ended = not_applicable(&job);
                let _ = tell.send(Dispatch::Ended(Box::new(ended.clone())));
                return ended;
            }
            let _ = tell
                .send(Dispatch::Started { name: job.scenario.name.clone(), agent: job.agent.name.clone() });
            let notices = Notices::of(&job, tell.clone());
            let mut ended = one(&job, judge, &settings, &notices).await;
            ended.notices = notices.said();
            let _ = tell.send(Dispatch::Ended(Box::new(ended.clone())));
            ended
        });
        running.push((name, agent, task));
    }
    let mut results = Vec::new();
    for (name, agent, task) in running {
        results.push(task.await.unwrap_or_else(|error| ScenarioResult {
            notes: Vec::new(),
            name,
            agent,
            outcome: crate::value::Outcome::Error,
            recording: None,
            duration_ms: 0,
            verdicts: Vec::new(),
            notices: Vec::new(),
            problem: Some(Problem {
                id: "internal",
                message: format!("wassert itself failed here: {error}"),
                help: None,
            }),
        }));
    }
    results
}

async fn one(job: &Job, judge: Arc<Judge>, settings: &Settings, notices: &Notices) -> ScenarioResult {
    let started = Instant::now();
    let recorded = match execute(job, &job.assertions, settings, notices).await {
        Ok(recorded) => recorded,
        Err(problem) if [SKIPPED, UNREACHABLE].contains(&problem.id) => {
            let skipped = result(job, started, None, Vec::new(), Some(problem));
            return ScenarioResult { outcome: crate::value::Outcome::Skip, ..skipped };
        }
        Err(problem) => return result(job, started, None, Vec::new(), Some(problem)),
    };
    let path = recorded.path.clone();
    let notes = notes(&recorded.document);
    let judged = tokio::task::spawn_blocking(move || {
        let judged = judge_document(&judge, &recorded.path, &recorded.document, &recorded.assertions);
        let verdicts: Vec<_> = judged.iter().map(|judged| judged.verdict.clone()).collect();
        let written = recorded.writer.verdicts(&verdicts);
        (judged, written)
    })
    .await;
    let problem = |message: String| Some(Problem { id: "judge", message, help: None });
    match judged {
        Ok((judged, Ok(()))) => {
            let stopped = (*settings.stop.borrow()).then(interrupted);
            ScenarioResult { notes, ..result(job, started, Some(path), judged, stopped) }
        }
        Ok((judged, Err(error))) => result(job, started, Some(path), judged, problem(error.to_string())),
        Err(error) => result(
            job,
            started,
            Some(path),
            Vec::new(),
            problem(format!("the judge ended unexpectedly: {error}")),
        ),
    }
}

fn result(
    job: &Job,
    started: Instant,
    recording: Option<PathBuf>,
    verdicts: Vec<crate::report::Judged>,
    problem: Option<Problem>,
) -> ScenarioResult {
    ScenarioResult {
        notes: Vec::new(),
        name: job.scenario.name.clone(),
        agent: job.agent.name.clone(),
        outcome: ScenarioResult::outcome_of(&verdicts, problem.as_ref()),
        recording,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        verdicts,
        notices: Vec::new(),
        problem,
    }
}

fn not_applicable(job: &Job) -> ScenarioResult {
    let problem = Problem::not_applicable(&job.agent.name, &job.agent.lacks);
    ScenarioResult {
        outcome: crate::value::Outcome::Skip,
        ..result(job, Instant::now(), None, Vec::new(), Some(problem))
    }
}

fn used_up(passed: Exceeded) -> Problem {
    Problem {
        id: "budget-exhausted",
        message: format!("it was not started: {passed} is used up"),
        help: None,
    }
}

fn interrupted() -> Problem {
    Problem { id: "interrupted", message: "the run was interrupted".to_owned(), help: None }
}
