//! `wassert judge`.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use super::arguments::{Format, Judge as Arguments, Selection};
use super::given::Given;
use super::judges::{WorkerArguments, judge_within};
use super::load::load_selection;
use super::output::Output;
use super::run::status;
use super::verify;
use crate::pack;
use crate::recording::{Recording, Secrets, is_archive};
use crate::report::{Problem, ScenarioResult, notes, results, scenario_line, summary};
use crate::run::{ResolveError, check_asked, judge_document, judge_recording, resolve};
use crate::sandbox::{Judge, ModuleSource};
use crate::scenario::Uses;
use crate::value::{ExitStatus, Outcome};

/// Each `--use` with the `--with` after it.
pub(super) fn pairs(matches: Option<&clap::ArgMatches>) -> Vec<(String, Option<String>)> {
    let placed = |id: &str| -> Vec<(usize, String)> {
        let Some(matches) = matches else { return Vec::new() };
        let indices = matches.indices_of(id).into_iter().flatten();
        indices.zip(matches.get_many::<String>(id).into_iter().flatten().cloned()).collect()
    };
    let (uses, with) = (placed("uses"), placed("with"));
    uses.iter()
        .enumerate()
        .map(|(number, (place, uses_text))| {
            let next = uses.get(number + 1).map_or(usize::MAX, |(next, _)| *next);
            let own = with.iter().find(|(at, _)| place < at && *at < next);
            (uses_text.clone(), own.map(|(_, text)| text.clone()))
        })
        .collect()
}

/// Judges recordings.
pub(super) fn judge(
    arguments: &Arguments,
    pairs: &[(String, Option<String>)],
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    if let (true, Some(root)) = (arguments.stream, &arguments.root) {
        return super::judge_stream::stream(arguments, root);
    }
    let started = Instant::now();
    let claims = match &arguments.verify_receipt {
        Some(file) => verify::read_claims(file)?,
        None => Vec::new(),
    };
    let recordings = match &arguments.verify_receipt {
        Some(file) if arguments.recordings.is_empty() => verify::recordings(file, &claims)?,
        _ => arguments.recordings.clone(),
    };
    anyhow::ensure!(
        pairs.iter().filter(|(_, with)| with.is_some()).count() == arguments.with.len(),
        "each `--with` belongs after the `--use` it is for, and only one"
    );
    let asked =
        pairs.iter().map(|(uses, with)| asked(uses, with.as_deref())).collect::<anyhow::Result<Vec<_>>>()?;
    let roots = recordings.iter().filter(|path| !is_archive(path)).cloned().collect();
    let workers = WorkerArguments {
        // What was concluded before is what is in question.
        no_cache: arguments.workers.no_cache || arguments.verify_receipt.is_some(),
        ..arguments.workers.clone()
    };
    let judge = judge_within(&arguments.limits, &workers, roots)?;
    for (uses, module, parameters) in &asked {
        check_asked(uses, module, parameters, &judge).map_err(|wrong| anyhow!(wrong))?;
    }
    let another = match &arguments.scenario {
        Some(file) => match another_scenario(file, &judge, output)? {
            Ok(scenario) => Some(scenario),
            Err(status) => return Ok(status),
        },
        None => None,
    };

    let mut all = Vec::new();
    let mut statuses = Vec::new();
    for path in &recordings {
        let began = Instant::now();
        let given = Given::new_below(path, judge.scratch());
        let read = given.as_ref().map_err(unpacked).and_then(Given::read_checked);
        let result = match read {
            Ok(recording) => {
                let judged = match &another {
                    Some((scenario, resolved)) => {
                        let symbols = &recording.document.scenario.secrets;
                        let mut secrets = Secrets::as_recorded(&scenario.secrets, symbols);
                        let source = secrets.redact_text(&scenario.source);
                        if recording.scenario.as_deref() != Some(&*source) {
                            let name = &scenario.file.display();
                            output
                                .note(&format!("note: `{name}` differs from the scenario that was recorded"));
                        }
                        let mut resolved = resolved.clone();
                        for asked in &mut resolved {
                            secrets.redact_value(&mut asked.assertion.with);
                        }
                        judge_document(&judge, &recording.path, &recording.document, &resolved)
                    }
                    None => judge_recording(&judge, &recording, &asked),
                };
                let problem = (!recording.document.scenario.served
                    && asked.is_empty()
                    && another.is_none()
                    && recording.document.scenario.assertions.is_empty())
                .then(|| Problem {
                    id: "nothing-asserted",
                    message: "the recording names no assertion".to_owned(),
                    help: Some("name one with `--use`".to_owned()),
                });
                told(path, &recording, judged, problem, began)
            }
            Err(problem) => {
                statuses.push(ExitStatus::Usage);
                ScenarioResult {
                    notes: Vec::new(),
                    name: path.display().to_string(),
                    agent: String::new(),
                    outcome: Outcome::Error,
                    recording: None,
                    duration_ms: 0,
                    verdicts: Vec::new(),
                    notices: Vec::new(),
                    problem: Some(problem),
                }
            }
        };
        if arguments.format == Format::Human && claims.is_empty() {
            output.line(&scenario_line(&result, output.style()));
        }
        statuses.push(status(&result));
        all.push(result);
    }
    if !claims.is_empty() {
        let judged: Vec<_> =
            all.iter().flat_map(|result| &result.verdicts).map(|judged| judged.verdict.clone()).collect();
        return Ok(verify::told(&claims, &judged, arguments.format, output));
    }
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match arguments.format {
        Format::Human => output.result(&summary(&all, duration_ms, output.style())),
        Format::Json => output.line(&format!("{:#}", results(&all, &[], duration_ms))),
    }
    Ok(ExitStatus::strongest(statuses))
}

/// An archive that can't be unpacked.
fn unpacked(error: &anyhow::Error) -> Problem {
    Problem { id: "recording", message: format!("{error:#}"), help: None }
}

fn told(
    path: &Path,
    recording: &Recording,
    verdicts: Vec<crate::report::Judged>,
    problem: Option<Problem>,
    began: Instant,
) -> ScenarioResult {
    let name = &recording.document.scenario.name;
    ScenarioResult {
        name: if name.is_empty() { path.display().to_string() } else { name.clone() },
        agent: recording.document.agent.name.clone(),
        outcome: ScenarioResult::outcome_of(&verdicts, problem.as_ref()),
        recording: Some(path.to_owned()),
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        verdicts,
        notices: Vec::new(),
        problem,
        notes: notes(&recording.document),
    }
}

/// What a `--use` and its `--with` ask for.
fn asked(uses: &str, with: Option<&str>) -> anyhow::Result<(Uses, ModuleSource, Value)> {
    let parsed: Uses = uses.parse().map_err(|error| anyhow!("`--use {uses}`: {error}"))?;
    let module = match &parsed {
        Uses::Pack { pack, .. } => {
            anyhow::ensure!(pack::embedded(pack).is_some(), "`--use {uses}`: there is no pack `{pack}`");
            ModuleSource::Embedded(pack.clone())
        }
        Uses::Module { path, .. } => {
            anyhow::ensure!(Path::new(path).is_file(), "`--use {uses}`: there is no file `{path}`");
            ModuleSource::Path(path.into())
        }
    };
    let with = with.unwrap_or("{}");
    let parameters: Value =
        serde_json::from_str(with).with_context(|| format!("`--with {with}` is not JSON"))?;
    anyhow::ensure!(parameters.is_object(), "`--with {with}` is not a JSON object");
    Ok((parsed, module, parameters))
}

type Another = (crate::scenario::Scenario, Vec<crate::run::Resolved>);

/// The scenario of `--scenario`, with its assertions.
fn another_scenario(
    file: &Path,
    judge: &Judge,
    output: &Output,
) -> anyhow::Result<Result<Another, ExitStatus>> {
    anyhow::ensure!(file.is_file(), "there is no file `{}`", file.display());
    let selection =
        Selection { what: vec![file.display().to_string()], agents: Vec::new(), tags: Vec::new() };
    let Ok((mut loaded, _)) = load_selection(&selection, output)? else {
        return Ok(Err(ExitStatus::Nothing));
    };
    let Some(scenario) = loaded.scenarios.pop() else { return Ok(Err(ExitStatus::Usage)) };
    Ok(match resolve(&scenario, judge) {
        Ok(resolved) => Ok((scenario, resolved)),
        Err(ResolveError::Wrong(wrong)) => {
            for diagnostic in &wrong {
                output.diagnostic(diagnostic);
            }
            Err(ExitStatus::Usage)
        }
        Err(ResolveError::Unusable(problem)) => {
            output.note(&format!("error: {}", problem.message));
            Err(ExitStatus::NotJudged)
        }
    })
}
