//! Requests that a real endpoint answers: sent on as they came, and answered as it answers, with everything recorded.
//! Over HTTP/1.1, plain or with TLS; nothing is retried, and what the endpoint says is not judged.

mod tls;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::listen::Shared;
use super::protocol::http::{self, ReplyBody};
use super::protocol::{Answer, events_in, format_of};
use crate::document::Item;
use crate::profile::Protocol;
use crate::scenario::Endpoint;

pub use tls::TlsError;

/// How long connecting may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How much of a reply is kept.
const REPLY_LIMIT_BYTES: usize = 64 * 1024 * 1024;
/// Pieces of a reply that may wait for the client.
const PIECES_WAITING: usize = 16;
/// Headers that belong to one connection (RFC 9110 section 7.6.1), or that this program says itself. Without
/// `accept-encoding` a reply comes as what it says.
const OF_ONE_CONNECTION: [&str; 11] = [
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request on its way to a real endpoint.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    /// Where it goes.
    pub(super) endpoint: Endpoint,
    /// Its method.
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// Its headers.
    pub(super) headers: BTreeMap<String, Vec<String>>,
    /// Its body as it came.
    pub(super) body: Vec<u8>,
}

/// What a real endpoint answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Its HTTP status; 0 when there was no answer.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Its body.
    pub body: Vec<u8>,
    /// Why it did not come to its end, for people.
    pub broken: Option<String>,
}

/// Why there is no connection to an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// Nobody is there, or nobody answers.
    #[error(transparent)]
    Absent(#[from] io::Error),
    /// Somebody is there, and is no endpoint to send a request to.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Unreached {
    /// What can be done about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Absent(_) => "start what listens there, or correct the address",
            Self::Tls(error) => error.help(),
        }
    }
}

/// Bytes in both directions.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Whether somebody listens there who can be trusted as far as the endpoint's URL asks for.
///
/// # Errors
/// When nobody answers, or somebody who is not to be trusted.
pub async fn reach(endpoint: &Endpoint) -> Result<(), Unreached> {
    connect(endpoint).await.map(drop)
}

async fn connect(endpoint: &Endpoint) -> Result<Box<dyn Duplex>, Unreached> {
    let connecting = async {
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
        let _ = stream.set_nodelay(true);
        let stream: Box<dyn Duplex> = match endpoint.is_https {
            true => Box::new(tls::secured(stream, &endpoint.host).await?),
            false => Box::new(stream),
        };
        Ok(stream)
    };
    let late = || format!("nobody answered within {} seconds", CONNECT_TIME.as_secs());
    timeout(CONNECT_TIME, connecting).await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, late()))?
}

/// Sends a request on. `failed` is what the client is told when there is no answer.
pub(super) async fn pass(
    forward: Forward,
    failed: Answer,
    number: usize,
    shared: &Shared,
) -> Response<ReplyBody> {
    let endpoint = forward.endpoint.clone();
    let response = match send(forward).await {
        Ok(response) => response,
        Err(error) => {
            let broken = Some(format!("{endpoint} gave no answer: {error}"));
            shared.exchange.passed_on(number, Passed { broken, ..Passed::default() });
            return http::response(failed);
        }
    };
    let (head, mut body) = response.into_parts();
    let mut passed =
        Passed { status: head.status.as_u16(), headers: all(&head.headers), ..Passed::default() };
    let (to_client, pieces) = mpsc::channel::<io::Result<Bytes>>(PIECES_WAITING);
    let exchange = shared.exchange.clone();
    shared.spawn(async move {
        loop {
            let piece = match body.frame().await {
                None => break,
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => piece,
                    Err(_) => continue,
                },
                Some(Err(error)) => {
                    passed.broken = Some(format!("{endpoint} broke off: {error}"));
                    let _ = to_client
                        .send(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "broken off")))
                        .await;
                    break;
                }
            };
            if passed.body.len() + piece.len() > REPLY_LIMIT_BYTES {
                passed.broken = Some(format!("the reply is larger than {REPLY_LIMIT_BYTES} bytes"));
                let too_large = io::Error::new(io::ErrorKind::FileTooLarge, "too large");
                let _ = to_client.send(Err(too_large)).await;
                break;
            }
            passed.body.extend_from_slice(&piece);
            if to_client.send(Ok(piece)).await.is_err() {
                passed.broken = Some(String::from("the client left before the end of the reply"));
                break;
            }
        }
        // Noted before the client sees the end: who has the reply may end the server.
        exchange.passed_on(number, passed);
        drop(to_client);
    });
    let mut response = Response::new(ReplyBody::passing(pieces));
    *response.status_mut() = head.status;
    for (name, value) in &head.headers {
        if !OF_ONE_CONNECTION.contains(&name.as_str()) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

async fn send(
    forward: Forward,
) -> Result<Response<hyper::body::Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let Forward { endpoint, method, target, headers, body } = forward;
    let stream = connect(&endpoint).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Its errors reach the request and the body as well.
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method.as_str())
        .uri(format!("{}{target}", endpoint.prefix))
        .header(HOST, endpoint.authority());
    for (name, values) in headers.iter().filter(|(name, _)| !OF_ONE_CONNECTION.contains(&name.as_str())) {
        for value in values {
            request = request.header(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
    }
    Ok(sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?)
}

/// What an agent understands of an answer; nothing of one that is not in the protocol's form.
pub(super) fn understood(protocol: &str, passed: &Passed) -> Vec<Item> {
    let Some(protocol) = Protocol::ALL.into_iter().find(|known| known.word() == protocol) else {
        return Vec::new();
    };
    format_of(protocol).said(&passed.events())
}

impl Passed {
    /// The JSON of its events, or its whole body where that is JSON.
    pub fn events(&self) -> Vec<Value> {
        events_in(&self.body)
    }
}

fn all(map: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    super::listen::headers(map)
}
