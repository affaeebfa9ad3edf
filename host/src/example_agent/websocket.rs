//! Model steps over one WebSocket: the first frame prepares the connection, later ones send only what is new.
//!
//! It blocks: the agent has nothing else to do while the model answers.

use std::io::ErrorKind;
use std::net::TcpStream;

use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::{IntoClientRequest, client};
use tokio_tungstenite::tungstenite::handshake::HandshakeError;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use super::model::ModelSettings;
use super::reply::{Reply, ReplyReader, StepError};

/// What the server remembers under an identifier, on this connection only.
struct Known {
    response_id: String,
    /// How many of the session's items that response includes.
    items: usize,
}

/// An open connection.
pub(super) struct Connection {
    socket: WebSocket<TcpStream>,
    known: Option<Known>,
}

impl Connection {
    /// Connects and upgrades.
    pub(super) fn open(settings: &ModelSettings) -> Result<Self, StepError> {
        let unreachable =
            |error: std::io::Error| StepError::retryable(format!("error opening websocket: {error}"));
        let endpoint = &settings.endpoint;
        let mut request = format!("ws://{}{}", endpoint.authority, settings.path())
            .into_client_request()
            .map_err(|error| StepError::Terminal(format!("cannot form an upgrade request: {error}")))?;
        for (name, value) in settings.headers() {
            let value = HeaderValue::from_str(&value)
                .map_err(|error| StepError::Terminal(format!("cannot form header {name}: {error}")))?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        // The protocol version codex 0.169.0 asks for.
        request
            .headers_mut()
            .insert("openai-beta", HeaderValue::from_static("responses_websockets=2026-02-06"));
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        stream.set_read_timeout(Some(settings.idle_timeout)).map_err(unreachable)?;
        match client(request, stream) {
            Ok((socket, _)) => Ok(Self { socket, known: None }),
            Err(HandshakeError::Failure(error)) => Err(step_error(error)),
            Err(HandshakeError::Interrupted(_)) => {
                Err(StepError::retryable("timeout waiting for the websocket upgrade"))
            }
        }
    }

    /// Sends the first item ahead of the turn, so that the server can prepare; nothing is generated.
    pub(super) fn prewarm(&mut self, body: &Value, items: &[Value]) -> Result<(), StepError> {
        let first = items.get(..1).unwrap_or_default();
        let mut frame = body.clone();
        frame["type"] = json!("response.create");
        frame["generate"] = json!(false);
        frame["input"] = json!(first);
        let reply = self.exchange(&frame)?;
        self.remember(&reply, first.len());
        Ok(())
    }

    /// One model step: only the items the server does not know, where it knows some.
    pub(super) fn step(&mut self, body: &Value, items: &[Value]) -> Result<Reply, StepError> {
        let mut frame = body.clone();
        frame["type"] = json!("response.create");
        let known = self.known.take();
        let unknown_items = known.as_ref().and_then(|known| items.get(known.items..)).unwrap_or(items);
        frame["input"] = json!(unknown_items);
        if let Some(known) = &known {
            frame["previous_response_id"] = json!(known.response_id);
        }
        let reply = self.exchange(&frame)?;
        self.remember(&reply, items.len() + reply.items.len());
        Ok(reply)
    }

    /// Says goodbye, so that the server sees an orderly end; a server that is gone already is no error.
    pub(super) fn close(mut self) {
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
    }

    fn remember(&mut self, reply: &Reply, items: usize) {
        self.known = reply.response_id.clone().map(|response_id| Known { response_id, items });
    }

    fn exchange(&mut self, frame: &Value) -> Result<Reply, StepError> {
        self.socket.send(Message::text(frame.to_string())).map_err(step_error)?;
        let mut reader = ReplyReader::default();
        loop {
            match self.socket.read().map_err(step_error)? {
                Message::Text(text) => {
                    if let Some(reply) = reader.event(text.as_str())? {
                        return Ok(reply);
                    }
                }
                Message::Binary(_) => return Err(StepError::retryable("unexpected binary websocket frame")),
                Message::Close(_) => {
                    return Err(StepError::retryable("websocket closed before response.completed"));
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }
}

fn step_error(error: Error) -> StepError {
    match error {
        Error::Http(response) if response.status() == 426 => StepError::UpgradeRefused,
        Error::Http(response) => {
            let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let body = response.body().as_deref().unwrap_or_default();
            let json: Value = serde_json::from_slice(body).unwrap_or_default();
            let error = json.get("error").cloned().unwrap_or_default();
            StepError::from_status(response.status().as_u16(), retry_after, &error)
        }
        Error::Io(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            StepError::retryable("idle timeout waiting for an event")
        }
        other => StepError::retryable(format!("websocket: {other}")),
    }
}
