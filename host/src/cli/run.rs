//! `wassert run`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use anyhow::Context as _;
use tokio::sync::mpsc;

use super::arguments::{Format, IsolationArgument, NetworkArgument, Run};
use super::budget::budgets;
use super::chaos;
use super::dry_run::dry_run;
use super::interrupt::watch_interrupts;
use super::load::load_selection;
use super::output::Output;
use super::progress::Progress;
use super::retention::{Going, retain};
use super::{judges::judge_within, project};
use crate::agent::{Launching, Level, Wanted, adopt_orphans};
use crate::profile::all_hidden_paths;
use crate::report::{Problem, ScenarioResult, matrix, render_json, results, summary};
use crate::run::{
    Dispatch, Job, Ledger, ResolveError, Settings, dispatch, dispatch_twice, resolve, run_name,
};
use crate::scenario::Scenario;
use crate::value::{ExitStatus, Outcome};

/// Runs what was selected.
pub(super) fn run(arguments: &Run, output: &Output) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let (loaded, filter) = match load_selection(&arguments.selection, output)? {
        Ok(found) => found,
        Err(nothing) => {
            output.note(&format!("error: {nothing}"));
            return Ok(ExitStatus::Nothing);
        }
    };
    let recordings = match arguments.dry_run {
        true => None,
        false => Some(recordings(arguments)?),
    };
    let judge = judge_within(&arguments.limits, &arguments.workers, recordings.iter().cloned().collect())?;
    let judge = Arc::new(judge);
    let mut diagnostics: Vec<_> = loaded.diagnostics.iter().map(render_json).collect();
    let mut unusable: Vec<ScenarioResult> = loaded.broken.iter().map(|name| broken(name)).collect();

    let selected = match filter.runs(&loaded.scenarios) {
        Ok(selected) => selected,
        Err(_) if !unusable.is_empty() => Vec::new(),
        Err(nothing) => {
            output.note(&format!("error: {nothing}"));
            return Ok(ExitStatus::Nothing);
        }
    };
    let mut jobs: Vec<Job> = Vec::new();
    let mut disturbed: BTreeMap<String, Scenario> = BTreeMap::new();
    if let Some(seed) = arguments.chaos {
        let mut chosen: Vec<&Scenario> = selected.iter().map(|(scenario, _)| *scenario).collect();
        chosen.dedup_by_key(|scenario| &scenario.name);
        for scenario in chosen {
            match chaos::disturbed(scenario, chaos::Kind::Scenario, seed, output)? {
                Some(other) => drop(disturbed.insert(scenario.name.clone(), other)),
                None => unusable.push(broken(&scenario.name)),
            }
        }
    }
    for (scenario, agent) in selected {
        let scenario = disturbed.get(&scenario.name).unwrap_or(scenario);
        let known = jobs.iter().find(|job| job.scenario.name == scenario.name);
        let (scenario, assertions) = match known {
            Some(job) => (Arc::clone(&job.scenario), Arc::clone(&job.assertions)),
            None if unusable.iter().any(|result| result.name == scenario.name) => continue,
            None => match resolve(scenario, &judge) {
                Ok(resolved) => (Arc::new(scenario.clone()), resolved.into()),
                Err(ResolveError::Wrong(wrong)) => {
                    for diagnostic in &wrong {
                        output.diagnostic(diagnostic);
                        diagnostics.push(render_json(diagnostic));
                    }
                    unusable.push(broken(&scenario.name));
                    continue;
                }
                Err(ResolveError::Unusable(problem)) => {
                    unusable.push(ScenarioResult { problem: Some(problem), ..broken(&scenario.name) });
                    continue;
                }
            },
        };
        jobs.push(Job { scenario, agent: agent.clone(), assertions });
    }

    let Some(recordings) = recordings else {
        let status = dry_run(&jobs, arguments, output)?;
        return Ok(if unusable.is_empty() {
            status
        } else {
            ExitStatus::strongest([status, ExitStatus::Usage])
        });
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (ran, interrupted) = runtime.block_on(async {
        let stop = watch_interrupts()?;
        let ran = drive(jobs, judge, arguments, recordings, stop.clone(), output).await?;
        anyhow::Ok((ran, *stop.borrow()))
    })?;

    let mut all = ran;
    all.extend(unusable);
    all.sort_by(|a, b| (&a.name, &a.agent).cmp(&(&b.name, &b.agent)));
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match arguments.format {
        Format::Human => {
            let table = matrix(&all, output.style());
            if !table.is_empty() {
                output.result(&table);
            }
            output.result(&summary(&all, duration_ms, output.style()));
        }
        Format::Json => output.line(&format!("{:#}", results(&all, &diagnostics, duration_ms))),
    }
    let nothing_applied = !all.is_empty() && all.iter().all(ScenarioResult::is_not_applicable);
    let statuses = all.iter().map(status).chain(interrupted.then_some(ExitStatus::Interrupted));
    Ok(ExitStatus::strongest(statuses.chain(nothing_applied.then_some(ExitStatus::Nothing))))
}

/// Where recordings of all runs are kept. The folder is made: workers can read only what is there when they start.
fn recordings(arguments: &Run) -> anyhow::Result<std::path::PathBuf> {
    let recordings = match &arguments.recordings {
        Some(named) => named.clone(),
        None => project::recordings(&project::root()?)?,
    };
    let named = || format!("`{}`", recordings.display());
    std::fs::create_dir_all(&recordings).with_context(named)?;
    std::path::absolute(&recordings).with_context(named)
}

async fn drive(
    jobs: Vec<Job>,
    judge: Arc<crate::sandbox::Judge>,
    arguments: &Run,
    recordings: std::path::PathBuf,
    stop: crate::agent::Stop,
    output: &Output,
) -> anyhow::Result<Vec<ScenarioResult>> {
    adopt_orphans();
    let root = project::root()?;
    let described = project::settings(&root)?;
    let keep = described.recordings.keep();
    let name = run_name(SystemTime::now());
    let going =
        Going::begin(recordings.join(&name)).with_context(|| format!("`{}`", recordings.display()))?;
    let isolation = Arc::new(wanted(arguments, &recordings)?);
    let settings = Settings {
        programs: arguments.agent_bin.iter().cloned().collect(),
        memory_budget_mebibytes: arguments.memory_budget.or_else(available_memory),
        isolation: Arc::clone(&isolation),
        ledger: Ledger::new(budgets(&described.budget, &arguments.budgets)?),
        launching: Launching::new(&std::env::current_dir()?, recordings.clone()),
        runs: recordings.join(&name),
        project: root,
        cache: project::cache(),
        stop,
    };
    let parallel = arguments.jobs.map_or_else(default_jobs, usize::from);
    let order = jobs.iter().map(|job| (job.scenario.name.clone(), job.agent.name.clone())).collect();
    let mut progress = Progress::new(output, order, arguments.format == Format::Json);
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut running = std::pin::pin!(async {
        if arguments.twice {
            dispatch_twice(jobs, judge, Arc::new(settings), parallel, tell).await
        } else {
            dispatch(jobs, judge, Arc::new(settings), parallel, tell).await
        }
    });
    let results = loop {
        tokio::select! {
            results = &mut running => break results,
            Some(told) = told.recv() => match told {
                Dispatch::Started { name, agent } => progress.started(&name, &agent),
                Dispatch::Noticed { name, agent, notice } => progress.noticed(name.as_deref(), &agent, &notice),
                Dispatch::Ended(result) => progress.ended(*result),
            },
        }
    };
    progress.finish(&results);
    if let Some(weaker) = isolation.weaker() {
        output.note(&weaker);
    }
    drop(going);
    // A folder the user named is the user's to clean.
    if arguments.recordings.is_none() {
        retain(&recordings, &name, keep, SystemTime::now());
    }
    Ok(results)
}

/// How far agents are kept apart, as the arguments say.
fn wanted(arguments: &Run, recordings: &std::path::Path) -> anyhow::Result<Wanted> {
    let level = match arguments.isolation {
        None => Level::Best,
        Some(IsolationArgument::Full) => Level::Full,
        Some(IsolationArgument::Group) => Level::Group,
    };
    let readable = arguments
        .readable
        .iter()
        .map(|path| path.canonicalize().with_context(|| format!("`--readable {}`", path.display())))
        .collect::<Result<_, _>>()?;
    let host_network = arguments.network == NetworkArgument::Host;
    let mut hidden = vec![recordings.to_owned()];
    // What is exposed may hold them, such as a home that `--readable` names.
    if let Some(home) = std::env::var_os("HOME").filter(|home| !home.is_empty()) {
        hidden.extend(all_hidden_paths().into_iter().map(|name| std::path::Path::new(&home).join(name)));
    }
    Ok(Wanted::new(level, host_network, readable, hidden))
}

/// Mebibytes that the system says programs may still have; absent where it does not say (proc_meminfo(5)).
fn available_memory() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    u32::try_from(kibibytes / 1024).ok()
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// The result of a scenario that could not be used; what is wrong with it was told before.
fn broken(name: &str) -> ScenarioResult {
    ScenarioResult {
        notes: Vec::new(),
        name: name.to_owned(),
        agent: String::new(),
        outcome: Outcome::Error,
        recording: None,
        duration_ms: 0,
        verdicts: Vec::new(),
        notices: Vec::new(),
        problem: Some(Problem {
            id: BROKEN,
            message: "the scenario can't be used, see above".to_owned(),
            help: None,
        }),
    }
}

const BROKEN: &str = "broken-scenario";

/// The exit code of one result.
pub(super) fn status(result: &ScenarioResult) -> ExitStatus {
    match result.outcome {
        Outcome::Error if result.problem.as_ref().is_some_and(|problem| problem.id == BROKEN) => {
            ExitStatus::Usage
        }
        Outcome::Error => ExitStatus::NotJudged,
        Outcome::Fail => ExitStatus::Failed,
        // It was never asked; the summary lists and counts it.
        Outcome::Skip if result.is_not_applicable() => ExitStatus::Passed,
        Outcome::Skip => ExitStatus::Nothing,
        Outcome::Pass => ExitStatus::Passed,
    }
}
