//! `run --twice`: every job runs two times, on another port, in another temporary folder and in reversed order, and both
//! runs must give equal documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::dispatch::{Dispatch, Job, Settings, dispatch};
use crate::hostcheck::repeatable;
use crate::recording::read;
use crate::report::{Judged, Problem, ScenarioResult};
use crate::sandbox::Judge;
use crate::value::Outcome;

/// What the folder of the second round's recordings ends with.
const AGAIN: &str = "-again";

/// Runs every job twice; results come back in the order of the jobs, each told as soon as its second run ended.
pub async fn dispatch_twice(
    jobs: Vec<Job>,
    judge: Arc<Judge>,
    settings: Arc<Settings>,
    parallel: usize,
    tell: mpsc::UnboundedSender<Dispatch>,
) -> Vec<ScenarioResult> {
    let (started, mut silent) = mpsc::unbounded_channel();
    let first = dispatch(jobs.clone(), Arc::clone(&judge), Arc::clone(&settings), parallel, started);
    let first = tell_starts(first, &mut silent, &tell).await;
    let mut by_job: BTreeMap<(String, String), ScenarioResult> =
        first.iter().map(|result| (key(result), result.clone())).collect();

    let mut folder = settings.runs.clone().into_os_string();
    folder.push(AGAIN);
    let again = Arc::new(Settings { runs: folder.into(), ..(*settings).clone() });
    let (ended, mut results) = mpsc::unbounded_channel();
    let reversed = jobs.into_iter().rev().collect();
    let mut second = std::pin::pin!(dispatch(reversed, judge, again, parallel, ended));
    let mut compared = BTreeMap::new();
    let told = loop {
        tokio::select! {
            told = &mut second => break told,
            Some(event) = results.recv() => match event {
                Dispatch::Started { .. } | Dispatch::Noticed { .. } => { let _ = tell.send(event); }
                Dispatch::Ended(result) => {
                    let key = key(&result);
                    if let Some(first) = by_job.remove(&key) {
                        let both = compare(first, *result).await;
                        let _ = tell.send(Dispatch::Ended(Box::new(both.clone())));
                        compared.insert(key, both);
                    }
                }
            },
        }
    };
    // What ended while the loop did, or was never started.
    for result in told {
        let key = key(&result);
        if let Some(first) = by_job.remove(&key) {
            compared.insert(key, compare(first, result).await);
        }
    }
    first.into_iter().map(|result| compared.remove(&key(&result)).unwrap_or(result)).collect()
}

/// Drives the first round; of what it tells all but the ends is passed on.
async fn tell_starts(
    running: impl Future<Output = Vec<ScenarioResult>>,
    told: &mut mpsc::UnboundedReceiver<Dispatch>,
    tell: &mpsc::UnboundedSender<Dispatch>,
) -> Vec<ScenarioResult> {
    let mut running = std::pin::pin!(running);
    loop {
        tokio::select! {
            results = &mut running => return results,
            Some(event) = told.recv() => if !matches!(event, Dispatch::Ended(_)) {
                let _ = tell.send(event);
            },
        }
    }
}

fn key(result: &ScenarioResult) -> (String, String) {
    (result.name.clone(), result.agent.clone())
}

/// The first run's result, with the verdict on both.
async fn compare(first: ScenarioResult, second: ScenarioResult) -> ScenarioResult {
    if first.is_not_applicable() && second.is_not_applicable() {
        return first;
    }
    let mut notices = first.notices;
    notices.extend(second.notices);
    notices.dedup();
    let duration_ms = first.duration_ms.saturating_add(second.duration_ms);
    let (mut verdicts, mut problem) = (first.verdicts, first.problem);
    if let (Some(left), Some(right)) = (first.recording.clone(), second.recording.clone()) {
        let judged = tokio::task::spawn_blocking(move || {
            let (left, right) = (read(&left)?, read(&right)?);
            Ok::<_, crate::recording::ReadError>(repeatable(&left.document, &right.document))
        });
        match judged.await {
            Ok(Ok(verdict)) => verdicts.push(Judged { verdict, asked_at: None }),
            Ok(Err(error)) => problem = problem.or(Some(unreadable(&error.to_string()))),
            Err(error) => problem = problem.or(Some(unreadable(&error.to_string()))),
        }
    }
    if problem.is_none() {
        problem = match second.problem {
            Some(problem) => {
                Some(Problem { message: format!("in the second run: {}", problem.message), ..problem })
            }
            // Equal documents are judged equally, but for the host's own errors.
            None if second.outcome == Outcome::Error => Some(Problem {
                id: "second-run",
                message: "the second run could not be judged".to_owned(),
                help: second.recording.map(|path| format!("look at `{}`", path.display())),
            }),
            None => None,
        };
    }
    let parts = [ScenarioResult::outcome_of(&verdicts, problem.as_ref()), second.outcome];
    ScenarioResult {
        notes: Vec::new(),
        outcome: Outcome::of_all(parts).unwrap_or(Outcome::Error),
        name: first.name,
        agent: first.agent,
        recording: first.recording,
        duration_ms,
        verdicts,
        notices,
        problem,
    }
}

fn unreadable(reason: &str) -> Problem {
    Problem { id: "second-run", message: format!("two runs can't be compared: {reason}"), help: None }
}
