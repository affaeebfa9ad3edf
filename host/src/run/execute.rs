//! Drives one scenario on one agent and records what happens: workspace, server, turn by turn, what is left.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::assertions::Resolved;
use super::dispatch::{Job, Settings};
use super::key::RunKey;
use super::notices::Notices;
use super::repositories::Repositories;
use super::sections::{agent_section, scenario_section};
use super::stage::Stage;
use super::symbols::{settle_files, symbolise};
use super::tool_facts::read_tool_facts;
use super::turns::Driver;
use super::unreached::unreached;
use crate::agent::{
    Around, Root, compare, identify, lay_shims, locate, look_outside, populate, shim_calls, snapshot,
    snapshot_and_pass,
};
use crate::document::Document;
use crate::profile::doubts;
use crate::recording::Writer;
use crate::report::Problem;
use crate::server::{Server, ServerSettings, reach};

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
    notices: &Notices,
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

    for (lane, endpoint) in &scenario.reception.upstream {
        let who = || format!("lane `{lane}` is to be answered by {endpoint}, which");
        reach(endpoint).await.map_err(|error| unreached(&who(), &error))?;
    }
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
    // Each is processes of its own, and takes about as long.
    let (around, repositories) =
        tokio::join!(settings.isolation.around(&root, &program), Repositories::lay(&root, scenario));
    let repositories = repositories?;
    let around = around.map_err(|reason| Problem {
        id: "isolation",
        message: format!("this system does not give isolation at level full: {reason}"),
        help: Some("`wassert doctor` says why; `--isolation group` runs without it".to_owned()),
    })?;
    let Around { mut surroundings, egress, listener, network, program: seen_program, seen, isolation } =
        around;
    root.is_seen_at(seen);
    Repositories::link(&root, scenario)?;
    let before =
        block_in_place(|| snapshot(&root.workspace, None, &mut |digest, bytes| stage.keep(*digest, bytes)))
            .map_err(|error| lay(&error))?;
    let shims = lay_shims(&root, &scenario.shims, &path_variable).map_err(|error| lay(&error))?;
    let key = RunKey::of(job, &root, &isolation);
    let server = Server::start_on(
        ServerSettings {
            steps: scenario.steps.clone(),
            profile,
            accept_websocket: job.agent.transport == crate::profile::Transport::Websocket,
            capture_limit_bytes: CAPTURE_LIMIT_BYTES,
            workspace: root.workspace.try_clone().ok(),
            free: false,
            reception: scenario.reception.clone(),
            key: key.as_ref().map(|key| key.text().to_owned()),
        },
        listener,
    )
    .map_err(|error| problem("server", &format!("the model server can't listen: {error}")))?;
    if let Some(network) = network {
        server.clients_are_in(network);
    }
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
        notices,
        key: key.as_ref(),
    };
    let (driven, identity) = tokio::join!(driver.turns(&mut writer, &mut surroundings), identity);
    let (mut driven, mut texts, stalls) = driven?;
    let identity = identity.ok();
    let version = identity.as_ref().and_then(|identity| identity.version.as_deref());
    for doubt in doubts(profile, version) {
        notices.tell_of_agent(doubt);
    }

    // Nothing runs in there any more; taking it down goes beside the rest.
    let ending = tokio::spawn(surroundings.end());
    let base_url = server.base_url().to_owned();
    let traffic = server.finish().await;
    let written = |error: crate::recording::WriteError| problem("recording", &error.to_string());
    writer.learn(&traffic.requests).map_err(written)?;
    let launching = tokio::spawn(launching.after());
    let git = async {
        match &repositories {
            Some(repositories) => Some(repositories.compare(&root).await),
            None => None,
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
    let after = after.map_err(|error| lay(&error))?;
    if let Some(reason) = git.as_ref().and_then(|git| git.unread.as_ref()) {
        notices.tell(format!("what git says of the workspace is not known: {reason}"));
    }
    writer.passed(passing);
    let launching = launching.await.unwrap_or_default();
    ending.await.map_err(|error| problem("internal", &error.to_string()))?;
    let home = block_in_place(|| look_outside(&root, profile.own_paths(), &shims, launching));
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
    if !scenario.shims.is_empty() {
        let (calls, unread) = block_in_place(|| shim_calls(&root, &scenario.shims));
        (driven.calls, driven.script.calls_unread) = (Some(calls), unread);
    }
    for position in 0..driven.turns.len() {
        let mut outcome = crate::hostcheck::outcome(&driven, position);
        outcome.connected = stalls.get(position).copied().flatten();
        driven.turns[position].outcome = Some(outcome);
    }
    driven.files = compare(&before, &after);
    driven.git = git;
    driven.timing.arrival = traffic.arrival;
    driven.timing.arrived_ms = traffic.arrived_ms;
    driven.timing.duration_ms = millis(started.elapsed());
    let (mut document, mut symbols) =
        symbolise(driven, &mut texts, scenario, profile, &root, &base_url, key.as_ref().map(RunKey::text))?;
    read_tool_facts(&mut document, profile);
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

/// The assertions as they are judged: a parameter that names a secret finds the symbol that stands for it.
fn without_secrets(assertions: &[Resolved], writer: &mut Writer) -> Vec<Resolved> {
    let mut assertions = assertions.to_vec();
    for resolved in &mut assertions {
        writer.secrets().redact_value(&mut resolved.assertion.with);
    }
    assertions
}

pub(super) fn problem(id: &'static str, message: &str) -> Problem {
    Problem { id, message: message.to_owned(), help: None }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
