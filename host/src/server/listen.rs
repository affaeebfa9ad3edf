//! Connections: accepts them, reads requests within bounds, upgrades to WebSocket. Decides nothing about replies.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, UPGRADE};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode, body};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::exchange::Exchange;
use super::protocol::http::{self, ReplyBody};
use super::protocol::responses::framing::{DEFLATE_ACCEPTED, offers_deflate};
use super::protocol::responses::websocket;
use super::request::{BODY_LIMIT_BYTES, Incoming};
use super::route::{Route, route};
use super::takeover::{Outgoing, take_over};
use super::wire::Socket;
use crate::profile::Transport;

/// Connections served at a time; more wait in the listener's queue.
const CONNECTION_LIMIT: usize = 256;
/// The largest head of a request; codex puts a JSON object into a header.
const HEAD_LIMIT_BYTES: usize = 256 * 1024;
/// The largest number of header lines.
const HEADER_LIMIT: usize = 256;
/// How long to wait when the machine has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Shared {
    /// Answers requests.
    pub(super) exchange: Arc<Exchange>,
    /// Connections, so that they can be ended.
    pub(super) tasks: Arc<Mutex<JoinSet<()>>>,
    /// Turns true when connections are to end after the reply they are at.
    pub(super) closing: watch::Sender<bool>,
}

impl Shared {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Waits until every connection has ended by itself.
    pub(super) async fn ended(&self) {
        loop {
            let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            if tasks.is_empty() {
                return;
            }
            while tasks.join_next().await.is_some() {}
        }
    }

    /// Ends every connection.
    pub(super) async fn end(&self) {
        loop {
            let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            if tasks.is_empty() {
                return;
            }
            tasks.shutdown().await;
        }
    }
}

/// Accepts connections for ever.
pub(super) async fn accept(listener: TcpListener, shared: Shared) {
    let slots = Arc::new(Semaphore::new(CONNECTION_LIMIT));
    while let Ok(slot) = slots.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => shared.spawn(connection(stream, shared.clone(), Arc::new(slot))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves one connection; what goes wrong on it is the peer's to notice. A disturbed reply is taken over from hyper
/// and written to the socket itself.
async fn connection(stream: TcpStream, shared: Shared, slot: Arc<OwnedSemaphorePermit>) {
    // Without it, a small frame waits for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let socket = Socket::new(stream);
    let mut closing = shared.closing.subscribe();
    loop {
        let (hand, mut taken) = mpsc::channel(1);
        let service = service_fn(|request| {
            let (shared, slot, hand, socket) = (shared.clone(), slot.clone(), hand.clone(), socket.clone());
            async move { Ok::<_, Infallible>(handle(request, &shared, slot, hand, socket).await) }
        });
        let served = hyper::server::conn::http1::Builder::new()
            .max_buf_size(HEAD_LIMIT_BYTES)
            .max_headers(HEADER_LIMIT)
            .serve_connection(TokioIo::new(socket.clone()), service)
            .with_upgrades();
        let mut served = std::pin::pin!(served);
        let mut is_closing = false;
        let outgoing: Outgoing = loop {
            tokio::select! {
                biased;
                Some(outgoing) = taken.recv() => break outgoing,
                _ = &mut served => return,
                () = closes(&mut closing), if !is_closing => {
                    is_closing = true;
                    served.as_mut().graceful_shutdown();
                }
            }
        };
        let Some(plan) = outgoing.plan else { return };
        if !take_over(socket.clone(), plan, outgoing.number, &shared.exchange).await {
            return;
        }
    }
}

/// Waits until connections are to end.
pub(super) async fn closes(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|is_closing| *is_closing).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn handle(
    mut request: Request<body::Incoming>,
    shared: &Shared,
    slot: Arc<OwnedSemaphorePermit>,
    hand: mpsc::Sender<Outgoing>,
    socket: Socket,
) -> Response<ReplyBody> {
    let mut incoming = Incoming {
        transport: Transport::Http,
        method: request.method().to_string(),
        target: request.uri().path_and_query().map_or_else(|| request.uri().to_string(), ToString::to_string),
        headers: headers(request.headers()),
        raw: None,
    };
    let is_upgrade = route(&incoming.method, &incoming.target, &incoming.headers) == Route::Upgrade;
    let upgrade = is_upgrade.then(|| (hyper::upgrade::on(&mut request), switching(request.headers())));
    if !(is_upgrade && shared.exchange.accepts_upgrades()) {
        let raw = match Limited::new(request.into_body(), BODY_LIMIT_BYTES).collect().await {
            Ok(collected) => Some(collected.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => None,
            // The peer left in the middle of its request: there is nobody to answer, and nothing to tell.
            Err(_) => return Response::new(ReplyBody::whole(body::Bytes::new())),
        };
        let outgoing = shared.exchange.answer(Incoming { raw, ..incoming.clone() });
        if outgoing.plan.is_some() {
            let _ = hand.send(outgoing).await;
            // The connection is taken from hyper while it waits for this.
            return std::future::pending().await;
        }
        if outgoing.answer.status != StatusCode::SWITCHING_PROTOCOLS.as_u16() {
            return http::response(outgoing.answer);
        }
    }
    let Some((upgraded, response)) = upgrade else {
        return Response::new(ReplyBody::whole(body::Bytes::new()));
    };
    let exchange = shared.exchange.clone();
    let closing = shared.closing.subscribe();
    incoming.transport = Transport::Websocket;
    shared.spawn(async move {
        let _slot = slot;
        if let Ok(upgraded) = upgraded.await {
            websocket::serve(TokioIo::new(upgraded), incoming, &exchange, socket, closing).await;
        }
    });
    response
}

fn switching(request: &HeaderMap) -> Response<ReplyBody> {
    let key = request.get("sec-websocket-key").map(HeaderValue::as_bytes).unwrap_or_default();
    let mut response = Response::new(ReplyBody::whole(body::Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key)) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    let offers = request.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|offer| offer.to_str().ok());
    if offers_deflate(offers) {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(DEFLATE_ACCEPTED));
    }
    response
}

fn headers(map: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in map {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(name.as_str().to_owned()).or_default().push(value);
    }
    headers
}
