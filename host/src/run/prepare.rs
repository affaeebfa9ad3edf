//! `run --dry-run`: lays the workspace, reads the script, finds the program and works out how each turn would be
//! started. Nothing is started, nothing is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::dispatch::Job;
use crate::agent::{Overrides, Root, locate, populate, populate_worktrees, snapshot};
use crate::profile::TurnLaunch;
use crate::report::Problem;
use crate::scenario::Shim;

/// How a scenario would be run on an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The agent's program.
    pub program: PathBuf,
    /// What is started, turn by turn. What is not known before is in braces: `{base_url}`, `{session}`, `{home}`, ….
    pub turns: Vec<PreparedTurn>,
    /// Variables beside those that every agent gets.
    pub environment: BTreeMap<String, String>,
    /// Files in the home: path to text.
    pub home_files: BTreeMap<String, String>,
    /// Files in the workspace, sorted.
    pub workspace: Vec<String>,
    /// Commands that stand in for real ones.
    pub shims: Vec<Shim>,
}

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedTurn {
    /// Arguments after the program.
    pub arguments: Vec<String>,
    /// Standard input.
    pub stdin: Option<String>,
}

/// Works out how a job would be run, with the programs that the user named.
///
/// # Errors
/// What would keep it from being run.
pub fn prepare(job: &Job, programs: &Overrides, project: &Path) -> Result<Prepared, Problem> {
    let profile = job.agent.known.0;
    if !job.agent.lacks.is_empty() {
        return Err(Problem::not_applicable(&job.agent.name, &job.agent.lacks));
    }
    let path_variable = std::env::var_os("PATH").unwrap_or_default();
    let path_variable = path_variable.to_string_lossy();
    let (program, first) = locate(&job.agent.name, profile, programs, project, &path_variable)
        .map_err(|error| Problem { id: "agent-missing", message: error.to_string(), help: error.help() })?;
    let wrong =
        |error: &dyn std::error::Error| Problem { id: "workspace", message: error.to_string(), help: None };
    let root = Root::create().map_err(|error| wrong(&error))?;
    populate(&root.workspace, &job.scenario.workspace, &job.scenario.directory())
        .map_err(|error| wrong(&error))?;
    populate_worktrees(&root.workspace, &job.scenario.workspace, &job.scenario.directory())
        .map_err(|error| wrong(&error))?;
    let laid = snapshot(&root.workspace, None, &mut |_, _| Ok(())).map_err(|error| wrong(&error))?;

    let launch = |prompt: &str, resumes: bool| {
        profile.launch(&TurnLaunch {
            key: crate::profile::FAKE_KEY,
            base_url: "{base_url}",
            workspace: "{workspace}",
            home: "{home}",
            prompt,
            session: resumes.then_some("{session}"),
            transport: job.agent.transport,
            protocol: job.agent.protocol,
            model: job.agent.model.as_deref(),
            arguments: &job.agent.arguments,
        })
    };
    let mut prepared = Prepared {
        program,
        turns: Vec::new(),
        environment: BTreeMap::new(),
        home_files: BTreeMap::new(),
        workspace: laid.keys().cloned().collect(),
        shims: job.scenario.shims.clone(),
    };
    for turn in &job.scenario.turns {
        let launch = launch(&turn.prompt, turn.resumes);
        let arguments = first.iter().cloned().chain(launch.arguments).collect();
        prepared.turns.push(PreparedTurn { arguments, stdin: launch.stdin });
        prepared.environment = launch.environment;
        prepared.environment.extend(job.agent.environment.clone());
        prepared.home_files = launch.home_files;
    }
    Ok(prepared)
}
