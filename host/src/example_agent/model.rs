//! The model as the agent sees it: items in, a reply out, over whichever transport works.

use serde_json::Value;
use std::time::Duration;

use super::arguments::{Protocol, Transport};
use super::endpoint::Endpoint;
use super::reply::{Reply, StepError};
use super::websocket::Connection;
use super::{http, tools};

/// What stays the same in all requests of a process.
pub(super) struct ModelSettings {
    pub endpoint: Endpoint,
    pub model: String,
    pub protocol: Protocol,
    pub transport: Transport,
    pub session_id: String,
    /// The longest silence of the server.
    pub idle_timeout: Duration,
}

impl ModelSettings {
    /// Headers of every request, upgrades included.
    pub(super) fn headers(&self) -> [(&'static str, String); 4] {
        [
            ("session-id", self.session_id.clone()),
            ("thread-id", self.session_id.clone()),
            ("originator", "example_agent".to_owned()),
            ("user-agent", concat!("example_agent/", env!("CARGO_PKG_VERSION")).to_owned()),
        ]
    }

    /// Path and query of the endpoint.
    pub(super) fn path(&self) -> String {
        self.protocol.path(&self.endpoint.base_path, &self.model)
    }

    fn body(&self, items: &[Value]) -> Value {
        self.protocol.body(&self.model, &tools::definitions(), items)
    }
}

/// The connection to the model.
pub(super) struct Model {
    settings: ModelSettings,
    transport: Transport,
    connection: Option<Connection>,
    may_prewarm: bool,
}

impl Model {
    pub(super) fn new(settings: ModelSettings) -> Self {
        let transport = settings.transport;
        Self { settings, transport, connection: None, may_prewarm: true }
    }

    /// One attempt of one step. `items` is the whole conversation; what the reply adds must be appended to it unchanged.
    pub(super) async fn step(&mut self, items: &[Value]) -> Result<Reply, StepError> {
        if self.transport == Transport::Websocket {
            match self.websocket_step(items) {
                // For good: a server that says so has no WebSocket at all.
                Err(StepError::UpgradeRefused) => self.transport = Transport::Http,
                outcome => return outcome,
            }
        }
        http::step(&self.settings, &self.settings.body(items)).await
    }

    /// Ends the connection in good order.
    pub(super) fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }

    /// A connection on which anything went wrong is not used again, so the next attempt is a full request.
    fn websocket_step(&mut self, items: &[Value]) -> Result<Reply, StepError> {
        let body = self.settings.body(&[]);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect(&body, items)?,
        };
        let reply = connection.step(&body, items)?;
        self.connection = Some(connection);
        Ok(reply)
    }

    /// Only the first connection is prewarmed, and a prewarm that fails is no failure of the turn.
    fn connect(&mut self, body: &Value, items: &[Value]) -> Result<Connection, StepError> {
        let mut connection = Connection::open(&self.settings)?;
        if std::mem::take(&mut self.may_prewarm) && connection.prewarm(body, items).is_err() {
            connection = Connection::open(&self.settings)?;
        }
        Ok(connection)
    }
}
