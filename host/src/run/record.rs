//! Traffic that is passed through to a real endpoint and becomes a script. Nothing is judged and no recording is made:
//! what is left is the script.

use std::net::TcpListener;
use std::time::Duration;

use super::execute::CAPTURE_LIMIT_BYTES;
use super::scaffold::{Made, Scaffold, scaffold};
use super::unreached::unreached;
use crate::agent::Stop;
use crate::profile::Known;
use crate::recording::Secrets;
use crate::report::Problem;
use crate::scenario::{Endpoint, Reception};
use crate::server::{Server, ServerSettings, reach};

/// How long replies may take that are on their way when the proxy is to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is recorded.
#[derive(Debug)]
pub struct Record {
    /// Who answers.
    pub upstream: Endpoint,
    /// The agent's name in the script.
    pub agent: String,
    /// Whose tools and lanes are spoken of.
    pub known: Known,
    /// A socket that listens.
    pub listener: TcpListener,
    /// Values that must not stand in the script.
    pub secrets: Vec<String>,
}

/// A proxy that records.
pub struct Recorder {
    server: Server,
    agent: String,
    known: Known,
    upstream: String,
    secrets: Vec<String>,
}

impl Recorder {
    /// Looks whether somebody is there to answer, and serves on tasks of the current tokio runtime.
    ///
    /// # Errors
    /// When the endpoint can't be reached, or nothing can be served.
    pub async fn begin(record: Record) -> Result<Self, Problem> {
        let Record { upstream, agent, known, listener, secrets } = record;
        reach(&upstream).await.map_err(|error| unreached(&upstream.to_string(), &error))?;
        let told = upstream.to_string();
        let settings = ServerSettings {
            steps: Vec::new(),
            profile: known.0,
            // Over HTTP a request holds all that it brings, and a reply ends.
            accept_websocket: false,
            capture_limit_bytes: CAPTURE_LIMIT_BYTES,
            workspace: None,
            free: true,
            reception: Reception::passing_all(upstream),
            key: None,
        };
        let server = Server::start_on(settings, listener).map_err(|error| Problem {
            id: "server",
            message: format!("the proxy can't listen: {error}"),
            help: None,
        })?;
        Ok(Self { server, agent, known, upstream: told, secrets })
    }

    /// `http://ADDRESS:PORT/v1`.
    pub fn base_url(&self) -> &str {
        self.server.base_url()
    }

    /// Passes requests on until `stop` turns true, and makes the script.
    pub async fn end(self, mut stop: Stop) -> Scaffold {
        if stop.wait_for(|is_stopped| *is_stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
        let traffic = self.server.drain(PATIENCE).await;
        let mut secrets = Secrets::new(&self.secrets);
        secrets.learn(&traffic.requests);
        let made = Made { agent: &self.agent, profile: self.known.0, upstream: &self.upstream };
        scaffold(&traffic, &made, &mut secrets)
    }
}
