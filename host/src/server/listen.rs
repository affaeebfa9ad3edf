//! Connections: accepts them, reads requests within bounds, upgrades to WebSocket. Decides nothing about replies.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
use super::protocol::{Refusal, format_of};
use super::refused::refuse;
use super::request::{Incoming, too_large, violation};
use super::route::{Route, protocol_of, route};
use super::takeover::{Outgoing, take_over};
use super::upstream::pass;
use super::wire::Socket;
use crate::profile::Transport;

/// Refusals of connections at a time; beyond them a connection is just closed.
const REFUSALS: usize = 32;
/// The largest head of a request; codex puts a JSON object into a header.
const HEAD_LIMIT_BYTES: usize = 256 * 1024;
/// The largest number of header lines.
const HEADER_LIMIT: usize = 256;
/// How long to wait when the machine has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Codes of connections that are refused.
const TOO_MANY: &str = "too-many-connections";
const SLOW: &str = "slow-client";

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
    /// Does something beside the rest, for as long as the server lives.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
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
    let limit = shared.exchange.reception().connections;
    let slots = Arc::new(Semaphore::new(limit));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if let Ok(slot) = slots.clone().try_acquire_owned() {
            shared.spawn(connection(stream, shared.clone(), Arc::new(slot)));
            continue;
        }
        let message = format!("more than {limit} connections at a time");
        shared.exchange.refused_connection(TOO_MANY, message.clone());
        if let Ok(place) = refusals.clone().try_acquire_owned() {
            shared.spawn(async move {
                let _place = place;
                refuse(Socket::new(stream), TOO_MANY, &message).await;
            });
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
    let patience = Duration::from_millis(shared.exchange.reception().request_ms);
    loop {
        socket.pace().idle();
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
                ended = &mut served => {
                    if let Err(error) = ended && error.is_parse() {
                        shared.exchange.refused_connection("not-http", format!("what came is no HTTP request: {error}"));
                    }
                    return;
                }
                () = socket.pace().too_slow(patience) => {
                    let message = format!("the head of a request took longer than {} ms to come", patience.as_millis());
                    shared.exchange.refused_connection(SLOW, message.clone());
                    refuse(socket.clone(), SLOW, &message).await;
                    return;
                }
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
    socket.pace().has_head();
    let reception = shared.exchange.reception();
    let mut target =
        request.uri().path_and_query().map_or_else(|| request.uri().to_string(), ToString::to_string);
    let headers = headers(request.headers());
    let is_own = shared.exchange.is_own(&mut target, &headers);
    let method = request.method().to_string();
    let incoming =
        Incoming { transport: Transport::Http, method, target, headers, raw: Ok(Vec::new()), is_own };
    let is_upgrade = route(&incoming.method, &incoming.target, &incoming.headers) == Route::Upgrade;
    let upgrade = is_upgrade
        .then(|| (hyper::upgrade::on(&mut request), switching(request.headers()), incoming.clone()));
    if !(is_upgrade && is_own && shared.exchange.accepts_upgrades()) {
        let patience = Duration::from_millis(reception.request_ms);
        let body = Limited::new(request.into_body(), reception.request_bytes).collect();
        let raw = match tokio::time::timeout(patience, body).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes().into()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(reception.request_bytes)),
            Err(_) => {
                let message =
                    format!("the body of a request took longer than {} ms to come", patience.as_millis());
                Err(violation(SLOW, message))
            }
            // The peer was ended in the middle of its request, which is no fact about it and not recorded; one that
            // only stopped sending must not take what it gets for a reply.
            Ok(Err(_)) => {
                let format = format_of(protocol_of(&incoming.target, &incoming.headers));
                let refusal = Refusal::new(
                    400,
                    "incomplete_request",
                    String::from("the body of the request ends early"),
                );
                return http::response(format.refusal(Transport::Http, &refusal));
            }
        };
        let outgoing = shared.exchange.answer(Incoming { raw, ..incoming });
        // Requests that came together are all read before the first answer goes out: a client that is woken once finds
        // several answers, and waking it costs more than the answer.
        tokio::task::yield_now().await;
        if let Some(forward) = outgoing.forward {
            let response = pass(*forward, outgoing.answer, outgoing.number, shared).await;
            return response.map(|body| body.telling(socket.pace().answering()));
        }
        if outgoing.plan.is_some() {
            let _ = hand.send(outgoing).await;
            // The connection is taken from hyper while it waits for this.
            return std::future::pending().await;
        }
        if outgoing.answer.status != StatusCode::SWITCHING_PROTOCOLS.as_u16() {
            return http::response(outgoing.answer).map(|body| body.telling(socket.pace().answering()));
        }
    }
    let Some((upgraded, response, mut incoming)) = upgrade else {
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

/// Header names in lower case, each with its values in order.
pub(super) fn headers(map: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in map {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match headers.entry(name.as_str().to_owned()) {
            Entry::Occupied(mut values) => values.get_mut().push(value),
            // Most come once, and one vector grows by four at a time.
            Entry::Vacant(first) => drop(first.insert(vec![value])),
        }
    }
    headers
}
