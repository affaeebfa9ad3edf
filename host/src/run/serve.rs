//! A script that is served without an agent: whoever asks gets its replies, and everything is recorded. Nothing is
//! known of who asks, so the sections of the document that tell of an agent stay empty.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::dispatch::Job;
use super::execute::CAPTURE_LIMIT_BYTES;
use super::sections::scenario_section;
use super::symbols::symbolise_served;
use crate::agent::Stop;
use crate::document::{Agent, Document, SCHEMA, Scenario as ScenarioSection};
use crate::profile::Transport;
use crate::recording::{Texts, WriteError, Writer};
use crate::report::Problem;
use crate::scenario::{AgentChoice, Scenario};
use crate::server::{Server, ServerSettings};
use crate::value::Verdict;

/// How long connections may take for the reply they are at, once the server is to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is served, and where it is recorded.
#[derive(Debug)]
pub struct Serve {
    /// The script.
    pub scenario: Arc<Scenario>,
    /// Whose tools and lanes are spoken of.
    pub agent: AgentChoice,
    /// A socket that listens.
    pub listener: TcpListener,
    /// The recording's folder, which must not exist.
    pub recording: PathBuf,
}

/// A script that is being served.
pub struct Serving {
    started: Instant,
    job: Job,
    server: Server,
    writer: Writer,
}

/// What became of it.
#[derive(Debug)]
pub struct Served {
    /// The recording's folder.
    pub recording: PathBuf,
    /// How many requests there were.
    pub requests: usize,
    /// Whether script and traffic agreed: `run/script-followed`.
    pub verdict: Verdict,
}

impl Serving {
    /// Makes the recording's folder and serves on tasks of the current tokio runtime.
    ///
    /// # Errors
    /// When the recording can't be made, or the agent's profile can't translate a scripted call.
    pub fn begin(serve: Serve) -> Result<Self, Problem> {
        let Serve { scenario, agent, listener, recording } = serve;
        let mut writer = Writer::create(&recording).map_err(|error| unwritten(&error))?;
        writer.hide(&scenario.secrets);
        let profile = agent.known.0;
        let settings = ServerSettings {
            steps: scenario.steps.clone(),
            profile,
            accept_websocket: profile.transports().contains(&Transport::Websocket),
            capture_limit_bytes: CAPTURE_LIMIT_BYTES,
            workspace: Dir::open_ambient_dir(".", ambient_authority()).ok(),
            free: true,
            reception: scenario.reception.clone(),
            key: None,
        };
        let server = Server::start_on(settings, listener)
            .map_err(|error| problem("server", format!("the model server can't listen: {error}")))?;
        let job = Job { scenario, agent, assertions: Arc::new([]) };
        Ok(Self { started: Instant::now(), job, server, writer })
    }

    /// `http://ADDRESS:PORT/v1`.
    pub fn base_url(&self) -> &str {
        self.server.base_url()
    }

    /// Serves until the script is used up or `stop` turns true, and completes the recording.
    ///
    /// # Errors
    /// When the recording can't be written.
    pub async fn end(self, mut stop: Stop) -> Result<Served, Problem> {
        let Self { started, job, server, mut writer } = self;
        let stopped = async {
            if stop.wait_for(|is_stopped| *is_stopped).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = server.used_up() => {}
            () = stopped => {}
        }
        let base_url = server.base_url().to_owned();
        let traffic = server.drain(PATIENCE).await;
        let written = |error: WriteError| unwritten(&error);
        writer.learn(&traffic.requests).map_err(written)?;
        writer.scenario(&job.scenario.source).map_err(written)?;
        let mut texts = Texts::new();
        for (index, body) in traffic.bodies.into_iter().enumerate() {
            texts.insert(format!("requests/{index}/body"), body);
        }
        let mut document = Document {
            schema: SCHEMA.to_owned(),
            scenario: ScenarioSection { served: true, ..scenario_section(&job, &[]) },
            agent: Agent {
                name: job.agent.name.clone(),
                profile: job.agent.profile.clone(),
                ..Agent::default()
            },
            requests: traffic.requests,
            script: traffic.script,
            ..Document::default()
        };
        document.timing.arrival = traffic.arrival;
        document.timing.arrived_ms = traffic.arrived_ms;
        document.timing.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut document =
            symbolise_served(document, &mut texts, &job.scenario, job.agent.known.0, &base_url)?;
        for (name, bytes) in texts {
            writer.blob(name, &bytes.whole()).map_err(written)?;
        }
        writer.redact(&mut document).map_err(written)?;
        writer.document(&document).map_err(written)?;
        let verdicts = crate::hostcheck::judge(&document);
        writer.verdicts(&verdicts).map_err(written)?;
        let verdict = verdicts
            .into_iter()
            .next()
            .ok_or_else(|| problem("internal", String::from("there is no verdict on what was served")))?;
        Ok(Served { recording: writer.path().to_owned(), requests: document.requests.len(), verdict })
    }
}

fn unwritten(error: &WriteError) -> Problem {
    problem("recording", error.to_string())
}

fn problem(id: &'static str, message: String) -> Problem {
    Problem { id, message, help: None }
}
