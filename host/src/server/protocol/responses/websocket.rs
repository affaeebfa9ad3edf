//! The Responses protocol over a WebSocket: one `response.create` a text frame in, one event a text frame out.
//!
//! No permessage-deflate: agents offer it and do not need it.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::server::exchange::Exchange;
use crate::server::protocol::http::CUT_PAUSE;
use crate::server::protocol::{Answer, StreamEnd};
use crate::server::request::{BODY_LIMIT_BYTES, Incoming};

/// Answers frames until the peer leaves or a fault drops the connection. `upgrade` is the request that opened it.
pub(in crate::server) async fn serve(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    upgrade: Incoming,
    exchange: &Exchange,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(BODY_LIMIT_BYTES))
        .max_frame_size(Some(BODY_LIMIT_BYTES));
    let mut stream = WebSocketStream::from_raw_socket(socket, Role::Server, Some(config)).await;
    while let Some(Ok(message)) = stream.next().await {
        let raw = match message {
            Message::Text(text) => text.as_bytes().to_vec(),
            Message::Binary(bytes) => bytes.into(),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => continue,
        };
        let answer = exchange.answer(Incoming { raw: Some(raw), ..upgrade.clone() });
        match send(&mut stream, answer).await {
            Ok(StreamEnd::Complete | StreamEnd::Close) => {}
            Ok(StreamEnd::Cut) => {
                tokio::time::sleep(CUT_PAUSE).await;
                return;
            }
            Err(_) => return,
        }
    }
}

async fn send<S>(stream: &mut WebSocketStream<S>, answer: Answer) -> Result<StreamEnd, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for frame in &answer.frames {
        let text = String::from_utf8_lossy(&frame.payload()).into_owned();
        stream.feed(Message::text(text)).await?;
    }
    stream.flush().await?;
    Ok(answer.end)
}
