//! The Responses protocol over a WebSocket: one `response.create` a text message in, one event a text message out.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::Instant;

use super::framing::{self, Message, Reader, offers_deflate};
use crate::server::exchange::Exchange;
use crate::server::listen::closes;
use crate::server::protocol::http::CUT_PAUSE;
use crate::server::protocol::{Answer, StreamEnd};
use crate::server::request::Incoming;
use crate::server::takeover::take_over;
use crate::server::wire::Socket;

/// How many bytes are read at a time.
const PORTION_BYTES: usize = 64 * 1024;
/// The close code of a server that ends (RFC 6455, 7.4.1).
const GOING_AWAY: u16 = 1001;
/// The close code for a peer that breaks a rule of the server's own (RFC 6455, 7.4.1).
const POLICY: u16 = 1008;

/// Answers messages until the peer leaves or a fault drops the connection. `upgrade` is the request that opened it.
pub(in crate::server) async fn serve(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    upgrade: Incoming,
    exchange: &Exchange,
    raw_socket: Socket,
    mut closing: watch::Receiver<bool>,
) {
    let deflates = accepts_deflate(&upgrade);
    let mut reader = Reader::new(exchange.reception().request_bytes, deflates);
    let patience = Duration::from_millis(exchange.reception().request_ms);
    let mut begun: Option<Instant> = None;
    let mut portion = vec![0; PORTION_BYTES];
    loop {
        let message = match reader.message() {
            Ok(Some(message)) => {
                begun = None;
                message
            }
            Ok(None) => {
                let read = tokio::select! {
                    read = socket.read(&mut portion) => read,
                    () = until(begun.map(|begun| begun + patience)) => {
                        let message = format!("a WebSocket message took longer than {} ms to come", patience.as_millis());
                        exchange.refused_connection("slow-client", message);
                        let _ = write(&mut socket, &framing::close(Some(POLICY))).await;
                        return;
                    }
                    () = closes(&mut closing) => {
                        let _ = write(&mut socket, &framing::close(Some(GOING_AWAY))).await;
                        return;
                    }
                };
                match read {
                    Ok(count @ 1..) => {
                        reader.push(&portion[..count]);
                        begun = begun.or_else(|| Some(Instant::now()));
                        continue;
                    }
                    Ok(0) | Err(_) => return,
                }
            }
            Err(error) => {
                let message = format!("a WebSocket was closed with {}: {error:?}", error.code());
                exchange.refused_connection("bad-websocket-message", message);
                let _ = write(&mut socket, &framing::close(Some(error.code()))).await;
                return;
            }
        };
        let raw = match message {
            Message::Text(bytes) | Message::Binary(bytes) => bytes,
            Message::Pong => continue,
            Message::Ping(payload) => match write(&mut socket, &framing::pong(&payload)).await {
                Ok(()) => continue,
                Err(_) => return,
            },
            Message::Close(code) => {
                let _ = write(&mut socket, &framing::close(code)).await;
                return;
            }
        };
        let outgoing = exchange.answer(Incoming { raw: Ok(raw), ..upgrade.clone() });
        if let Some(plan) = outgoing.plan {
            // All that was sent before has been flushed.
            if !take_over(raw_socket.clone(), plan, outgoing.number, exchange).await {
                return;
            }
            continue;
        }
        let answer = outgoing.answer;
        if send(&mut socket, &answer, deflates).await.is_err() {
            return;
        }
        if answer.end == StreamEnd::Cut {
            tokio::time::sleep(CUT_PAUSE).await;
            return;
        }
    }
}

/// Waits for a moment; for ever where there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Whether messages of this connection may be compressed: the server accepts what it can follow.
fn accepts_deflate(upgrade: &Incoming) -> bool {
    let offers = upgrade.headers.get("sec-websocket-extensions");
    offers_deflate(offers.into_iter().flatten().map(String::as_str))
}

async fn send(
    socket: &mut (impl AsyncWrite + Unpin),
    answer: &Answer,
    deflates: bool,
) -> std::io::Result<()> {
    for frame in &answer.frames {
        socket.write_all(&framing::text(&frame.payload(), deflates)).await?;
    }
    socket.flush().await
}

async fn write(socket: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    socket.write_all(bytes).await?;
    socket.flush().await
}
