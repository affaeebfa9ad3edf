//! Drives one scenario on one agent and records what happens: workspace, server, turn by turn, what is left.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::assertions::Resolved;
use super::conduct;
use super::dispatch::{Job, Settings};
use super::stage::Stage;
use super::symbols::{settle_files, symbolise};
use crate::agent::{
    Around, Baseline, Command, Egress, Ended, Identity, OUTPUT_KEPT_BYTES, Root, Surroundings, compare,
    environment, identify, locate, look_outside, populate, read_transcript, run, snapshot, snapshot_and_pass,
    usage_since,
};
use crate::document::{
    Agent, Asserted, Document, EndCause, LeftProcess, Scenario as ScenarioSection, ScriptedStep, Stream,
    TEXT_INLINE_LIMIT_BYTES, Terminal, Turn, Usage,
};
use crate::profile::{Profile, TurnLaunch};
use crate::recording::{Texts, Writer};
use crate::report::Problem;
use crate::server::{Server, ServerSettings};

/// Bytes of requests kept in one run.
pub(super) const CAPTURE_LIMIT_BYTES: u64 = 256 * 1024 * 1024;

/// What was recorded.
pub(super) struct Recorded {
    /// The recording's folder.
    pub(super) path: PathBuf,
    /// The run document.
    pub(super) document: Document,
    /// The assertions, with the symbols of the recording in place of secrets in their parameters.
    pub(super) assertions: Vec<Resolved>,
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
    let profile = job.agent.known.0;
    let path_variable = std::env::var_os("PATH").unwrap_or_default();
    let (program, first_arguments) = locate(
        &job.agent.name,
        profile,
        &settings.programs,
        &settings.project,
        &path_variable.to_string_lossy(),
    )
    .map_err(|error| Problem { id: "agent-missing", message: error.to_string(), help: error.help() })?;

    let mut root = Root::create()
        .map_err(|error| problem("no-room", &format!("the run's folder can't be made: {error}")))?;
    let recording = settings.runs.join(format!("{}@{}", scenario.name, job.agent.name));
    let mut writer = Writer::create(&recording).map_err(|error| problem("recording", &error.to_string()))?;
    writer.hide(&scenario.secrets);
    let lay = |error: &dyn std::error::Error| problem("workspace", &error.to_string());
    populate(&root.workspace, &scenario.workspace, &scenario.directory()).map_err(|error| lay(&error))?;
    let launching = tokio::spawn({
        let launching = Arc::clone(&settings.launching);
        async move { launching.before().await }
    });
    let mut stage = Stage::create(&root.host().join("kept")).map_err(|error| lay(&error))?;
    let before =
        block_in_place(|| snapshot(&root.workspace, None, &mut |digest, bytes| stage.keep(*digest, bytes)))
            .map_err(|error| lay(&error))?;
    // Each is processes of its own, and takes about as long.
    let (around, baseline) = tokio::join!(settings.isolation.around(&root, &program), async {
        if scenario.workspace.git {
            Baseline::commit(root.host().join("git"), root.path("workspace")).await.map(Some)
        } else {
            Ok(None)
        }
    });
    let baseline = baseline.map_err(|error| lay(&error))?;
    let around = around.map_err(|reason| Problem {
        id: "isolation",
        message: format!("this system does not give isolation at level full: {reason}"),
        help: Some("`wassert doctor` says why; `--isolation group` runs without it".to_owned()),
    })?;
    let Around { mut surroundings, egress, listener, program: seen_program, seen, isolation } = around;
    root.is_seen_at(seen);
    let server = Server::start_on(
        ServerSettings {
            steps: scenario.steps.clone(),
            profile,
            accept_websocket: job.agent.transport == crate::profile::Transport::Websocket,
            capture_limit_bytes: CAPTURE_LIMIT_BYTES,
            workspace: root.workspace.try_clone().ok(),
            free: false,
        },
        listener,
    )
    .map_err(|error| problem("server", &format!("the model server can't listen: {error}")))?;
    let launching = launching.await.map_err(|error| problem("internal", &error.to_string()))?;

    let identity = identify(&program, profile.version_arguments(), settings.cache.as_deref());
    let driver = Driver {
        job,
        profile,
        settings,
        program: &seen_program,
        first_arguments: &first_arguments,
        root: &root,
        server: &server,
        egress: &egress,
    };
    let (driven, identity) = tokio::join!(driver.turns(&mut writer, &mut surroundings), identity);
    let (mut driven, mut texts, stalls) = driven?;
    let identity = identity.ok();

    // Nothing runs in there any more; taking it down goes beside the rest.
    let ending = tokio::spawn(surroundings.end());
    let base_url = server.base_url().to_owned();
    let traffic = server.finish().await;
    let written = |error: crate::recording::WriteError| problem("recording", &error.to_string());
    writer.learn(&traffic.requests).map_err(written)?;
    let launching = tokio::spawn(launching.after());
    let git = async {
        match &baseline {
            Some(baseline) => baseline.compare().await.map(Some),
            None => Ok(None),
        }
    };
    let mut passing = writer.secrets().passing();
    let after = async {
        block_in_place(|| {
            snapshot_and_pass(
                &root.workspace,
                Some(&before),
                &mut |digest, bytes| stage.keep(*digest, bytes),
                &mut |path, bytes| passing.piece(path, bytes),
            )
        })
    };
    let (git, after) = tokio::join!(git, after);
    let (git, after) = (git.map_err(|error| lay(&error))?, after.map_err(|error| lay(&error))?);
    writer.passed(passing);
    let launching = launching.await.unwrap_or_default();
    ending.await.map_err(|error| problem("internal", &error.to_string()))?;
    let home = block_in_place(|| look_outside(&root, profile.own_paths(), launching));
    for (index, body) in traffic.bodies.into_iter().enumerate() {
        texts.insert(format!("requests/{index}/body"), body);
    }
    writer.scenario(&scenario.source).map_err(written)?;
    for resolved in assertions {
        if let (Some(bytes), Some(digest)) = (&resolved.brought, resolved.digest) {
            writer.module(&resolved.assertion.uses.to_string(), digest, bytes).map_err(written)?;
        }
    }

    driven.schema = crate::document::SCHEMA.to_owned();
    driven.scenario = scenario_section(job, assertions);
    driven.agent = agent_section(job, profile, &program, identity, scenario.turns.len());
    driven.isolation = isolation;
    driven.egress = Some(egress.attempts());
    driven.home = Some(home);
    driven.requests = traffic.requests;
    driven.script = traffic.script;
    for position in 0..driven.turns.len() {
        let mut outcome = crate::hostcheck::outcome(&driven, position);
        outcome.connected = stalls.get(position).copied().flatten();
        driven.turns[position].outcome = Some(outcome);
    }
    driven.files = compare(&before, &after);
    driven.git = git;
    driven.timing.arrival = traffic.arrival;
    driven.timing.duration_ms = millis(started.elapsed());
    let (mut document, mut symbols) = symbolise(driven, &mut texts, scenario, profile, &root, &base_url)?;
    settle_files(&mut document, &stage, &mut symbols, &mut writer).map_err(written)?;
    for (name, bytes) in texts {
        writer.blob(name, &bytes.whole()).map_err(written)?;
    }
    // Secrets last: what replaces them is no literal bracket that symbols would escape.
    writer.redact(&mut document).map_err(written)?;
    let assertions = without_secrets(assertions, &mut writer);
    writer.document(&document).map_err(written)?;
    Ok(Recorded { path: recording, document, assertions, writer })
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
    egress: &'a Egress,
}

impl Driver<'_> {
    /// Every turn until one does not complete; fills in turns, events, streams, raw output and their timing.
    async fn turns(
        &self,
        writer: &mut Writer,
        surroundings: &mut Surroundings,
    ) -> Result<(Document, Texts, Vec<Option<bool>>), Problem> {
        let deadline = Instant::now() + Duration::from_millis(self.job.scenario.timeout_ms);
        let mut document = Document { processes: Some(Vec::new()), ..Document::default() };
        let mut texts = Texts::new();
        let mut session: Option<String> = None;
        let mut used_by_session = Usage::default();
        let mut stalls = Vec::new();
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
            self.egress.begin_turn(number);
            self.server.begin_turn(number, &planned.prompt, planned.resumes);
            let mut command =
                self.command(&planned.prompt, session.as_deref().filter(|_| planned.resumes), deadline)?;
            command.limits = conduct::limits(&planned.conduct);
            command.keeps_stdin_open = conduct::keeps_stdin_open(&planned.conduct);
            let (connections, requests) = (self.server.connections(), self.server.requests());
            let mut watching = conduct::watching(
                &planned.conduct,
                self.profile,
                &self.root.workspace,
                connections,
                requests,
            )
            .map_err(|error| problem("workspace", &error.to_string()))?;
            let tap = self.server.tap();
            watching.printed = Some(Arc::new(move |bytes| tap.printed(bytes)));
            let mut ended = run(&command, surroundings, watching, self.settings.stop.clone()).await;
            if let Some(reason) = ended.not_started {
                return Err(problem("agent-not-started", &reason));
            }
            drop_begun_secrets(&mut ended, writer);
            let read = read_transcript(self.profile, number, &ended.stdout.0);
            session = read.session.clone().or(session);
            turn.exit = ended.exit;
            turn.signal = ended.signal.map(signal_name);
            turn.end = ended.cause;
            turn.terminal = read.terminal;
            if self.profile.ends_by_exit() && turn.end == EndCause::Exited && read.terminal.is_none() {
                if turn.exit.is_some() && turn.exit == self.profile.skip_exit() {
                    return Err(skipped(&self.job.agent.name, &ended));
                }
                turn.terminal =
                    Some(if turn.exit == Some(0) { Terminal::Completed } else { Terminal::Failed });
            }
            turn.session = read.session;
            turn.final_message = read.final_message.or_else(|| {
                let said = String::from_utf8_lossy(&ended.stdout.0);
                let said = said.trim();
                let fits =
                    self.profile.ends_by_exit() && !said.is_empty() && said.len() <= TEXT_INLINE_LIMIT_BYTES;
                fits.then(|| said.to_owned())
            });
            turn.usage = match read.is_usage_of_session {
                true if planned.resumes => usage_since(&read.usage, &used_by_session),
                _ => read.usage.clone(),
            };
            used_by_session = read.usage;
            turn.interrupt = conduct::told(&planned.conduct, &ended);
            let goes_on = turn.interrupt.as_ref().is_some_and(|interrupt| interrupt.ended)
                || turn.end == EndCause::Exited && turn.terminal == Some(Terminal::Completed);
            stalls.push(ended.silence.stalled);
            document.turns.push(turn);
            document.events.extend(read.events);
            document.timing.turns_ms.push(millis(ended.duration));
            keep_processes(&mut document, number, &ended);
            keep_output(&mut document, &mut texts, writer, number, ended, read.settled)
                .map_err(|error| problem("recording", &error.to_string()))?;
            if let Some(stdout) = document.stdout.last_mut() {
                stdout.lines_dropped = read.lines_dropped;
            }
            if !goes_on {
                break;
            }
        }
        Ok((document, texts, stalls))
    }

    fn command(&self, prompt: &str, session: Option<&str>, deadline: Instant) -> Result<Command, Problem> {
        let launch = self.profile.launch(&TurnLaunch {
            base_url: self.server.base_url(),
            workspace: &self.root.seen("workspace"),
            home: &self.root.seen("home"),
            prompt,
            session,
            transport: self.job.agent.transport,
            protocol: self.job.agent.protocol,
            model: self.job.agent.model.as_deref(),
            arguments: &self.job.agent.arguments,
        });
        if session.is_some() {
            self.clear_stale();
        }
        for (path, text) in &launch.home_files {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            self.root.home.create_dir_all(folder).and_then(|()| self.root.home.write(path, text)).map_err(
                |error| problem("home", &format!("the agent's `{path}` can't be written: {error}")),
            )?;
        }
        let path_variable = std::env::var_os("PATH").unwrap_or_default();
        let mut variables = environment(self.root, self.egress.proxy_address(), &path_variable);
        let additions = launch.environment.iter().chain(&self.job.agent.environment);
        variables.extend(additions.map(|(name, value)| (name.into(), value.into())));
        Ok(Command {
            program: self.program.to_owned(),
            arguments: self.first_arguments.iter().chain(&launch.arguments).cloned().collect(),
            environment: variables,
            directory: self.root.seen("workspace").into(),
            marker: self.root.marker.clone(),
            folder: self.root.folder().to_owned(),
            deadline,
            stdin: launch.stdin.unwrap_or_default().into_bytes(),
            keeps_stdin_open: false,
            limits: crate::agent::Limits::default(),
        })
    }
}

impl Driver<'_> {
    /// Removes what an earlier turn left in the home and the next one would trip over. What can't be removed is the
    /// agent's to deal with.
    fn clear_stale(&self) {
        for path in self.profile.stale_paths().iter().filter_map(|path| path.strip_prefix("~/")) {
            let _ = self.root.home.remove_dir_all(path).or_else(|_| self.root.home.remove_file(path));
        }
    }
}

/// The assertions as they are judged: a parameter that names a secret finds the symbol that stands for it.
fn without_secrets(assertions: &[Resolved], writer: &mut Writer) -> Vec<Resolved> {
    let mut assertions = assertions.to_vec();
    for resolved in &mut assertions {
        writer.secrets().redact_value(&mut resolved.assertion.with);
    }
    assertions
}

/// Output that was cut off may end in the middle of a secret, which would not be found any more.
fn drop_begun_secrets(ended: &mut Ended, writer: &mut Writer) {
    for (kept, bytes) in [&mut ended.stdout, &mut ended.stderr] {
        if *bytes > kept.len() as u64 {
            kept.truncate(writer.secrets().before_begun(kept));
        }
    }
}

/// Keeps what a turn's processes used, and what was left behind.
fn keep_processes(document: &mut Document, turn: u32, ended: &Ended) {
    document.timing.sampled.push(conduct::sampled(turn, ended));
    let processes = document.processes.get_or_insert_default();
    processes.extend(ended.left.iter().map(|stray| LeftProcess {
        turn,
        name: stray.name.clone(),
        command: stray.command.clone(),
        end: stray.end,
    }));
}

/// Keeps what a turn wrote: raw in `log/`, as blobs, and as text where it is short.
fn keep_output(
    document: &mut Document,
    texts: &mut Texts,
    writer: &mut Writer,
    turn: u32,
    mut ended: Ended,
    settled: Option<String>,
) -> Result<(), crate::recording::WriteError> {
    let index = turn - 1;
    document.raw.insert(format!("stdout-{turn}"), writer.log(&format!("stdout-{turn}"), &ended.stdout.0)?);
    document.raw.insert(format!("stderr-{turn}"), writer.log(&format!("stderr-{turn}"), &ended.stderr.0)?);
    if let Some(settled) = settled {
        let left_out = ended.stdout.0.len().saturating_sub(settled.len()) as u64;
        ended.stdout = (settled.into_bytes(), ended.stdout.1.saturating_sub(left_out));
    }
    for (name, (kept, bytes), streams) in
        [("stdout", ended.stdout, &mut document.stdout), ("stderr", ended.stderr, &mut document.stderr)]
    {
        let text =
            (kept.len() <= TEXT_INLINE_LIMIT_BYTES).then(|| String::from_utf8(kept.clone()).ok()).flatten();
        let truncated = bytes > OUTPUT_KEPT_BYTES as u64;
        streams.push(Stream { turn, bytes, truncated, text, ..Stream::default() });
        texts.insert(format!("{name}/{index}"), kept.into());
    }
    Ok(())
}

pub(super) fn scenario_section(job: &Job, assertions: &[Resolved]) -> ScenarioSection {
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
        exit: scenario.exits.get(&job.agent.name).copied(),
        attempts: scenario.attempts.get(&job.agent.name).cloned().unwrap_or_default(),
        not_offered: scenario.effects.not_offered.of(&job.agent.name).to_vec(),
        survivors: scenario.effects.survivors.of(&job.agent.name).to_vec(),
        egress: scenario.effects.egress.of(&job.agent.name).to_vec(),
        outside: scenario.effects.outside.of(&job.agent.name).to_vec(),
        assertions: assertions
            .iter()
            .map(|resolved| Asserted {
                uses: resolved.assertion.uses.to_string(),
                with: resolved.assertion.with.clone(),
                module: resolved.digest,
                grant: resolved.assertion.grant.clone(),
            })
            .collect(),
        // Known when everything has been searched for them.
        secrets: Vec::new(),
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
                    protocol: job.agent.protocol,
                    model: job.agent.model.as_deref(),
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

/// What a command says by its own exit code: it can't run here. Its last words are the reason.
fn skipped(agent: &str, ended: &Ended) -> Problem {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .map(|line| crate::value::excerpt(line, 200))
    };
    let reason = last(&ended.stderr.0)
        .or_else(|| last(&ended.stdout.0))
        .unwrap_or_else(|| "no reason given".to_owned());
    Problem {
        id: super::dispatch::SKIPPED,
        message: format!("`{agent}` skipped itself: {reason}"),
        help: None,
    }
}

fn problem(id: &'static str, message: &str) -> Problem {
    Problem { id, message: message.to_owned(), help: None }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
