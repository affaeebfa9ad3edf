//! A name server that knows no name: what is asked for is told, and answered at once with "no such name".
//!
//! It reads the one question of a query (RFC 1035, section 4) and nothing else.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::attempts::Attempts;
use crate::document::EgressProtocol;

/// The longest query that is read.
const QUERY_LIMIT_BYTES: usize = 4096;

/// How long a query may take to arrive over a stream.
const PATIENCE: Duration = Duration::from_secs(5);

/// After an error that comes from the machine, not from a peer.
const PAUSE: Duration = Duration::from_millis(10);

/// Answers datagrams for ever.
pub(super) async fn answer_datagrams(socket: Arc<UdpSocket>, attempts: Arc<Attempts>) {
    while socket.readable().await.is_ok() {
        answer_all(&socket, &attempts);
    }
}

/// Answers the datagrams that have arrived so far. An answer that can't be sent at once is lost, as datagrams are.
pub(super) fn answer_all(socket: &UdpSocket, attempts: &Attempts) {
    let mut query = [0; QUERY_LIMIT_BYTES];
    loop {
        match socket.try_recv_from(&mut query) {
            Ok((length, peer)) => {
                if let Some(answer) = answer(&query[..length], attempts) {
                    let _ = socket.try_send_to(&answer, peer);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
            // What a peer that is gone makes of an answer is told here, once.
            Err(_) => {}
        }
    }
}

/// Answers queries over streams for ever, one stream at a time.
pub(super) async fn answer_streams(listener: TcpListener, attempts: Arc<Attempts>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = timeout(PATIENCE, answer_stream(stream, &attempts)).await;
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn answer_stream(mut stream: TcpStream, attempts: &Attempts) -> std::io::Result<()> {
    loop {
        let length = usize::from(stream.read_u16().await?);
        let mut query = vec![0; length.min(QUERY_LIMIT_BYTES)];
        stream.read_exact(&mut query).await?;
        let Some(answer) = answer(&query, attempts) else { return Ok(()) };
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()).await?;
    }
}

/// The answer to a query, its question noted; none to what is no query.
fn answer(query: &[u8], attempts: &Attempts) -> Option<Vec<u8>> {
    const NO_SUCH_NAME: u8 = 3;
    let (name, end) = question(query)?;
    attempts.note(EgressProtocol::Dns, format!("{name}:53"));
    let mut answer = query[..end].to_vec();
    // A response, recursion wanted as it was and available; one question, and nothing else.
    answer[2] = 0x80 | (query[2] & 0x79);
    answer[3] = 0x80 | NO_SUCH_NAME;
    answer[6..12].fill(0);
    Some(answer)
}

/// The name that a query asks for, in lower case, and where its question ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let is_query = query.get(2)? & 0x80 == 0;
    if !is_query || query.get(4..6)? != [0, 1] {
        return None;
    }
    let mut name = String::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        // A question holds no pointer, and the kernel's limit on names keeps this short.
        let label = query.get(at..at + length).filter(|_| length < 64)?;
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|byte| match byte.to_ascii_lowercase() {
            plain @ (b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') => char::from(plain),
            _ => '?',
        }));
        at += length;
        if name.len() > 253 {
            return None;
        }
    }
    query.get(at..at + 4)?;
    Some((name, at + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_noted_and_not_known() {
        let attempts = Attempts::default();
        attempts.begin_turn(1);
        let query = b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01\x07Example\x03com\0\0\x01\0\x01\0\0\x29";
        let answer = answer(query, &attempts).unwrap();
        assert_eq!(answer, b"\x12\x34\x81\x83\0\x01\0\0\0\0\0\0\x07Example\x03com\0\0\x01\0\x01");
        let noted = attempts.list();
        assert_eq!(
            (noted[0].protocol, noted[0].destination.as_str()),
            (EgressProtocol::Dns, "example.com:53")
        );
    }

    #[test]
    fn what_is_no_query_is_not_answered() {
        let attempts = Attempts::default();
        for bytes in [
            &b""[..],
            b"\x12\x34\x81\x20\0\x01\0\0\0\0\0\0\0\0\x01\0\x01",
            b"\x12\x34\x01\x20\0\x02\0\0\0\0\0\0\0\0\x01\0\x01",
            b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\0\x07Exam",
            b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01",
        ] {
            assert_eq!(answer(bytes, &attempts), None, "{bytes:?}");
        }
        assert_eq!(attempts.list(), []);
    }
}
