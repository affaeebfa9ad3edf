//! One model step over HTTP: a request, answered by a stream of server-sent events. Each step has its own connection.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::model::ModelSettings;
use super::reply::{Reply, StepError};
use super::sse::SseParser;

const MAX_ERROR_BYTES: usize = 64 * 1024;
/// How long a finished reply's stream may take to close before the agent closes it from its side.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// Sends the body and reads the reply.
pub(super) async fn step(settings: &ModelSettings, body: &Value) -> Result<Reply, StepError> {
    let response = timeout(settings.idle_timeout, send(settings, body))
        .await
        .map_err(|_| StepError::retryable("timeout waiting for response headers"))??;
    if response.status() != StatusCode::OK {
        return Err(refusal(settings, response).await);
    }
    let mut stream = response.into_body();
    let mut parser = SseParser::default();
    let mut reader = settings.protocol.reader();
    loop {
        let Some(bytes) = next_bytes(settings, &mut stream).await? else {
            return reader.end();
        };
        let events = parser.push(&bytes).map_err(|error| StepError::Terminal(error.to_string()))?;
        for event in events {
            if let Some(reply) = reader.event(&event)? {
                // Reading to the end lets the server see a reader that did not break off; a server that never ends
                // the stream does not hold the turn up.
                let _ = timeout(CLOSE_TIMEOUT, async { while stream.frame().await.is_some() {} }).await;
                return Ok(reply);
            }
        }
    }
}

async fn send(settings: &ModelSettings, body: &Value) -> Result<Response<Incoming>, StepError> {
    let unreachable =
        |error: &dyn std::error::Error| StepError::retryable(format!("error sending request: {error}"));
    let endpoint = &settings.endpoint;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(settings.path())
        .header("host", endpoint.authority.as_str())
        .header("content-type", "application/json")
        .header("accept", "text/event-stream");
    for (name, value) in settings.headers() {
        request = request.header(name, value);
    }
    for (name, value) in settings.protocol.headers() {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|error| StepError::Terminal(format!("cannot form a request: {error}")))?;
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(|error| unreachable(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(&error))?;
    // Its errors reach the request and the body as well.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| unreachable(&error))
}

async fn next_bytes(settings: &ModelSettings, stream: &mut Incoming) -> Result<Option<Bytes>, StepError> {
    loop {
        let frame = timeout(settings.idle_timeout, stream.frame())
            .await
            .map_err(|_| StepError::retryable("idle timeout waiting for an event"))?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(StepError::retryable(format!("stream disconnected: {error}"))),
            Some(Ok(frame)) => {
                // Trailers say nothing here.
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

async fn refusal(settings: &ModelSettings, response: Response<Incoming>) -> StepError {
    let (parts, body) = response.into_parts();
    let retry_after = parts.headers.get("retry-after").and_then(|value| value.to_str().ok());
    let body = timeout(settings.idle_timeout, Limited::new(body, MAX_ERROR_BYTES).collect()).await;
    let bytes = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
    let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let error = match json.get("error") {
        Some(error) => error.clone(),
        None => serde_json::json!({"message": String::from_utf8_lossy(&bytes)}),
    };
    StepError::from_status(parts.status.as_u16(), retry_after, &error)
}
