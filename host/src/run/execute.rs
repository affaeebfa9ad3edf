//! Drives one scenario on one agent and records what happens: workspace, server, turn by turn, what is left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::assertions::Resolved;
use super::dispatch::{Job, Settings};
use crate::agent::{
    Baseline, Command, Ended, Identity, OUTPUT_KEPT_BYTES, Root, Snapshot, compare, environment, identify,
    locate, populate, read_transcript, run, snapshot,
};
use crate::document::{
    Agent, Asserted, Document, EndCause, FileChange, Isolation, IsolationLevel, Scenario as ScenarioSection,
    ScriptedStep, Stream, TEXT_INLINE_LIMIT_BYTES, Terminal, Turn,
};
use crate::profile::{Profile, TurnLaunch, by_name};
use crate::recording::Writer;
use crate::report::Problem;
use crate::server::{Server, ServerSettings};

/// Bytes of requests kept in one run.
const CAPTURE_LIMIT_BYTES: u64 = 256 * 1024 * 1024;

/// What was recorded.
pub(super) struct Recorded {
    /// The recording's folder.
    pub(super) path: PathBuf,
    /// The run document.
    pub(super) document: Document,
    /// The open recording, for the verdicts.
    pub(super) writer: Writer,
}

/// Runs and records. Whatever the agent does is recorded; a problem is what kept it from being started at all.
pub(super) async fn execute(
    job: &Job,
    assertions: &[Resolved],
    settings: &Settings,
) -> Result<Recorded, Problem> {
    let started = Instant::now();
    let scenario = &*job.scenario;
    let profile =
        by_name(&job.agent.profile).ok_or_else(|| problem("agent-unknown", "its profile does not exist"))?;
    let path_variable = std::env::var_os("PATH").unwrap_or_default();
    let (program, first_arguments) = locate(
        &job.agent.name,
        profile,
        &settings.programs,
        &settings.project,
        &path_variable.to_string_lossy(),
    )
    .map_err(|error| Problem { id: "agent-missing", message: error.to_string(), help: error.help() })?;

    let root = Root::create()
        .map_err(|error| problem("no-room", &format!("the run's folder can't be made: {error}")))?;
    let recording = settings.runs.join(format!("{}@{}", scenario.name, job.agent.name));
    let mut writer = Writer::create(&recording).map_err(|error| problem("recording", &error.to_string()))?;
    let lay = |error: &dyn std::error::Error| problem("workspace", &error.to_string());
    populate(&root.workspace, &scenario.workspace, &scenario.directory()).map_err(|error| lay(&error))?;
    let before = snapshot(&root.workspace, &mut |digest, bytes| writer.keep(*digest, bytes))
        .map_err(|error| lay(&error))?;
    let baseline = if scenario.workspace.git {
        Some(Baseline::commit(root.path("git"), root.path("ws")).await.map_err(|error| lay(&error))?)
    } else {
        None
    };
    let server = Server::start(ServerSettings {
        steps: scenario.steps.clone(),
        profile,
        accept_websocket: job.agent.transport == crate::profile::Transport::Websocket,
        capture_limit_bytes: CAPTURE_LIMIT_BYTES,
    })
    .await
    .map_err(|error| problem("server", &format!("the model server can't listen: {error}")))?;

    let identity = identify(&program, profile.version_arguments(), settings.cache.as_deref());
    let driver = Driver {
        job,
        profile,
        settings,
        program: &program,
        first_arguments: &first_arguments,
        root: &root,
        server: &server,
    };
    let (driven, identity) = tokio::join!(driver.turns(&mut writer), identity);
    let mut driven = driven?;
    let identity = identity.ok();

    let traffic = server.finish().await;
    let after = snapshot(&root.workspace, &mut |digest, bytes| writer.keep(*digest, bytes))
        .map_err(|error| lay(&error))?;
    let files = name_files(&before, &after, &mut writer);
    let git = match &baseline {
        Some(baseline) => Some(baseline.compare().await.map_err(|error| lay(&error))?),
        None => None,
    };
    let written = |error: crate::recording::WriteError| problem("recording", &error.to_string());
    for (index, body) in traffic.bodies.iter().enumerate() {
        writer.blob(format!("requests/{index}/body"), &body.to_vec()).map_err(written)?;
    }
    writer.scenario(&scenario.source).map_err(written)?;
    for resolved in assertions {
        if let (Some(bytes), Some(digest)) = (&resolved.brought, resolved.digest) {
            writer.module(digest, bytes).map_err(written)?;
        }
    }

    driven.schema = crate::document::SCHEMA.to_owned();
    driven.scenario = scenario_section(job, assertions);
    driven.agent = agent_section(job, profile, &program, identity, scenario.turns.len());
    driven.isolation = Isolation {
        level: IsolationLevel::Group,
        own_home: true,
        own_environment: true,
        own_process_group: true,
        no_network: false,
    };
    driven.requests = traffic.requests;
    driven.script = traffic.script;
    driven.files = files;
    driven.git = git;
    driven.timing.arrival = traffic.arrival;
    driven.timing.duration_ms = millis(started.elapsed());
    writer.document(&driven).map_err(written)?;
    Ok(Recorded { path: recording, document: driven, writer })
}

/// What stays the same from turn to turn.
struct Driver<'a> {
    job: &'a Job,
    profile: &'static dyn Profile,
    settings: &'a Settings,
    program: &'a std::path::Path,
    first_arguments: &'a [String],
    root: &'a Root,
    server: &'a Server,
}

impl Driver<'_> {
    /// Every turn until one does not complete; fills in turns, events, streams, raw output and their timing.
    async fn turns(&self, writer: &mut Writer) -> Result<Document, Problem> {
        let deadline = Instant::now() + Duration::from_millis(self.job.scenario.timeout_ms);
        let mut document = Document::default();
        let mut session: Option<String> = None;
        for (number, planned) in (1..).zip(&self.job.scenario.turns) {
            let mut turn = Turn {
                turn: number,
                prompt: planned.prompt.clone(),
                resumes: planned.resumes,
                ..Turn::default()
            };
            if planned.resumes && session.is_none() {
                turn.end = EndCause::NotStarted;
                document.turns.push(turn);
                break;
            }
            self.server.begin_turn(number, &planned.prompt, planned.resumes);
            let command =
                self.command(&planned.prompt, session.as_deref().filter(|_| planned.resumes), deadline)?;
            let ended = run(&command, self.settings.stop.clone()).await;
            if let Some(reason) = ended.not_started {
                return Err(problem("agent-not-started", &reason));
            }
            let read = read_transcript(self.profile, number, &ended.stdout.0);
            session = read.session.clone().or(session);
            turn.exit = ended.exit;
            turn.signal = ended.signal.map(signal_name);
            turn.end = ended.cause;
            turn.terminal = read.terminal;
            turn.session = read.session;
            turn.final_message = read.final_message;
            turn.usage = read.usage;
            let goes_on = turn.end == EndCause::Exited && turn.terminal == Some(Terminal::Completed);
            document.turns.push(turn);
            document.events.extend(read.events);
            document.timing.turns_ms.push(millis(ended.duration));
            keep_output(&mut document, writer, number, &ended)
                .map_err(|error| problem("recording", &error.to_string()))?;
            if !goes_on {
                break;
            }
        }
        Ok(document)
    }

    fn command(&self, prompt: &str, session: Option<&str>, deadline: Instant) -> Result<Command, Problem> {
        let launch = self.profile.launch(&TurnLaunch {
            base_url: self.server.base_url(),
            workspace: &self.root.text("ws"),
            home: &self.root.text("home"),
            prompt,
            session,
            transport: self.job.agent.transport,
            arguments: &self.job.agent.arguments,
        });
        for (path, text) in &launch.home_files {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            self.root.home.create_dir_all(folder).and_then(|()| self.root.home.write(path, text)).map_err(
                |error| problem("home", &format!("the agent's `{path}` can't be written: {error}")),
            )?;
        }
        let path_variable = std::env::var_os("PATH").unwrap_or_default();
        let mut variables = environment(self.root, &path_variable);
        let additions = launch.environment.iter().chain(&self.job.agent.environment);
        variables.extend(additions.map(|(name, value)| (name.into(), value.into())));
        Ok(Command {
            program: self.program.to_owned(),
            arguments: self.first_arguments.iter().chain(&launch.arguments).cloned().collect(),
            environment: variables,
            directory: self.root.path("ws"),
            marker: self.root.marker.clone(),
            deadline,
        })
    }
}

/// Keeps what a turn wrote: raw in `log/`, as blobs, and as text where it is short.
fn keep_output(
    document: &mut Document,
    writer: &mut Writer,
    turn: u32,
    ended: &Ended,
) -> Result<(), crate::recording::WriteError> {
    let index = turn - 1;
    for (name, (kept, bytes), streams) in
        [("stdout", &ended.stdout, &mut document.stdout), ("stderr", &ended.stderr, &mut document.stderr)]
    {
        let text =
            (kept.len() <= TEXT_INLINE_LIMIT_BYTES).then(|| String::from_utf8(kept.clone()).ok()).flatten();
        streams.push(Stream { turn, bytes: *bytes, truncated: *bytes > OUTPUT_KEPT_BYTES as u64, text });
        writer.blob(format!("{name}/{index}"), kept)?;
        document.raw.insert(format!("{name}-{turn}"), writer.log(&format!("{name}-{turn}"), kept)?);
    }
    Ok(())
}

/// Compares two snapshots, and names the blobs of what they hold.
fn name_files(before: &Snapshot, after: &Snapshot, writer: &mut Writer) -> BTreeMap<String, FileChange> {
    let files = compare(before, after);
    for (path, file) in &files {
        for (when, state) in [("before", &file.before), ("after", &file.after)] {
            if let Some(digest) = state.as_ref().and_then(|state| state.sha256) {
                writer.name(format!("files/{path}/{when}"), digest);
            }
        }
    }
    files
}

fn scenario_section(job: &Job, assertions: &[Resolved]) -> ScenarioSection {
    let scenario = &*job.scenario;
    ScenarioSection {
        name: scenario.name.clone(),
        summary: scenario.summary.clone(),
        sha256: Some(scenario.sha256),
        timeout_ms: scenario.timeout_ms,
        turns: u32::try_from(scenario.turns.len()).unwrap_or(u32::MAX),
        steps: scenario
            .steps
            .iter()
            .map(|step| ScriptedStep {
                lane: step.lane.clone(),
                step: step.number,
                attempts: step.attempts(),
                optional: step.optional,
            })
            .collect(),
        completed: scenario.completed_for(&job.agent.name),
        assertions: assertions
            .iter()
            .map(|resolved| Asserted {
                uses: resolved.assertion.uses.to_string(),
                with: resolved.assertion.with.clone(),
                module: resolved.digest,
            })
            .collect(),
    }
}

fn agent_section(
    job: &Job,
    profile: &dyn Profile,
    program: &std::path::Path,
    identity: Option<Identity>,
    turns: usize,
) -> Agent {
    let arguments = (0..turns)
        .map(|index| {
            let resumes = job.scenario.turns[index].resumes;
            profile
                .launch(&TurnLaunch {
                    base_url: "{base_url}",
                    workspace: "{workspace}",
                    home: "{home}",
                    prompt: "{prompt}",
                    session: resumes.then_some("{session}"),
                    transport: job.agent.transport,
                    arguments: &job.agent.arguments,
                })
                .arguments
        })
        .collect();
    Agent {
        name: job.agent.name.clone(),
        profile: job.agent.profile.clone(),
        version: identity.as_ref().and_then(|identity| identity.version.clone()),
        program: program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        sha256: identity.map(|identity| identity.sha256),
        arguments,
        transport: job.agent.transport.word().to_owned(),
    }
}

fn signal_name(number: i32) -> String {
    let known = [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (4, "ILL"),
        (6, "ABRT"),
        (8, "FPE"),
        (9, "KILL"),
        (11, "SEGV"),
        (13, "PIPE"),
        (14, "ALRM"),
        (15, "TERM"),
    ];
    known
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| format!("SIG{number}"), |(_, name)| format!("SIG{name}"))
}

fn problem(id: &'static str, message: &str) -> Problem {
    Problem { id, message: message.to_owned(), help: None }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
