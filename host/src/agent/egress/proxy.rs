//! A proxy that refuses: the agent's proxy variables lead here, so that what it tries to reach is told instead of
//! being lost. It reads the first line and the end of a request's head, answers 403 and closes; nothing is forwarded
//! and no name is looked up.
//!
//! Whatever does not honour the variables is not seen here.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::attempts::Attempts;
use crate::document::EgressProtocol;

/// The largest head that is read; what is longer is answered all the same.
const HEAD_LIMIT_BYTES: usize = 16 * 1024;

/// Characters of a destination: the longest host name, a colon and a port.
const DESTINATION_LIMIT: usize = 262;

/// Connections at a time; more wait in the listener's queue.
const CONNECTION_LIMIT: usize = 64;

/// How long a head may take to arrive, and the peer to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait when the machine has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

const REFUSAL: &str = "this run reaches nothing but its model server\n";

/// The refusing proxy of one run; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct DenyProxy {
    address: String,
    accepting: JoinHandle<()>,
}

impl DenyProxy {
    /// Serves a socket that listens.
    pub(super) fn start(listener: std::net::TcpListener, attempts: Arc<Attempts>) -> std::io::Result<Self> {
        let address = format!("http://{}", listener.local_addr()?);
        listener.set_nonblocking(true)?;
        let accepting = tokio::spawn(accept(TcpListener::from_std(listener)?, attempts));
        Ok(Self { address, accepting })
    }

    /// `http://127.0.0.1:PORT`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for DenyProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, attempts: Arc<Attempts>) {
    let places = Arc::new(Semaphore::new(CONNECTION_LIMIT));
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let attempts = Arc::clone(&attempts);
                connections.spawn(async move {
                    let _place = place;
                    let _ = timeout(2 * PATIENCE, refuse(stream, &attempts)).await;
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One connection: one request, one refusal. A peer that says nothing tried nothing.
async fn refuse(mut stream: TcpStream, attempts: &Attempts) {
    let mut head = Vec::new();
    let _ = timeout(PATIENCE, read_head(&mut stream, &mut head)).await;
    if head.is_empty() {
        return;
    }
    let (protocol, destination) = asked_for(&head);
    attempts.note(protocol, destination);
    let length = REFUSAL.len();
    let answer = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{REFUSAL}"
    );
    if stream.write_all(answer.as_bytes()).await.is_ok() && stream.shutdown().await.is_ok() {
        // Closing with bytes unread would reset the connection, and the peer might lose the answer.
        let mut rest = [0; 4096];
        while let Ok(1..) = stream.read(&mut rest).await {}
    }
}

/// Reads until the empty line, the limit, the end, or a first byte that begins no HTTP method.
async fn read_head(stream: &mut TcpStream, head: &mut Vec<u8>) {
    let mut block = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut block).await {
        head.extend_from_slice(&block[..read]);
        let is_http = head[0].is_ascii_uppercase();
        if !is_http || head.len() > HEAD_LIMIT_BYTES || head.windows(4).any(|four| four == b"\r\n\r\n") {
            return;
        }
    }
}

/// Protocol and destination that the first line of a head names.
fn asked_for(head: &[u8]) -> (EgressProtocol, String) {
    let other = (EgressProtocol::Other, String::new());
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else { return other };
    let mut words = line.trim_end_matches('\r').split(' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
        return other;
    };
    if !version.starts_with("HTTP/") {
        return other;
    }
    let (protocol, authority, default_port) = match target.split_once("://") {
        _ if method == "CONNECT" => (EgressProtocol::Connect, target, 443),
        Some((scheme, rest)) => {
            let port = if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss") {
                443
            } else {
                80
            };
            (EgressProtocol::Http, rest.split(['/', '?', '#']).next().unwrap_or_default(), port)
        }
        None => return other,
    };
    // What stands before an `@` is credentials.
    let authority = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let destination = if has_port { authority } else { format!("{authority}:{default_port}") };
    if destination.starts_with(':') {
        return (protocol, String::new());
    }
    (protocol, destination.chars().take(DESTINATION_LIMIT).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_destination_is_read_and_nothing_else_is_kept() {
        use EgressProtocol::{Connect, Http, Other};
        for (head, protocol, destination) in [
            ("CONNECT Example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n", Connect, "example.com:443"),
            ("CONNECT [::1]:8443 HTTP/1.1\r\n\r\n", Connect, "[::1]:8443"),
            ("CONNECT example.com HTTP/1.1\r\n\r\n", Connect, "example.com:443"),
            ("GET http://example.com/secret?token=1 HTTP/1.1\r\n\r\n", Http, "example.com:80"),
            ("POST http://me:secret@example.com:8080/ HTTP/1.0\n", Http, "example.com:8080"),
            ("GET https://example.com HTTP/1.1", Http, "example.com:443"),
            ("GET http:// HTTP/1.1", Http, ""),
            ("GET /path HTTP/1.1\r\n\r\n", Other, ""),
            ("GET", Other, ""),
            ("\u{16}\u{3}\u{1}", Other, ""),
            ("A B C", Other, ""),
        ] {
            assert_eq!(asked_for(head.as_bytes()), (protocol, destination.to_owned()), "{head}");
        }
        assert_eq!(asked_for(b"\xff\xfe HTTP/1.1").0, Other);
        let long = format!("CONNECT {}:443 HTTP/1.1", "a".repeat(5000));
        assert_eq!(asked_for(long.as_bytes()).1.len(), DESTINATION_LIMIT);
    }

    async fn ask(proxy: &DenyProxy, bytes: &[u8]) -> String {
        let address = proxy.address().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn what_is_tried_is_refused_and_told_by_turn() {
        let attempts = Arc::new(Attempts::default());
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = DenyProxy::start(listener, Arc::clone(&attempts)).unwrap();
        attempts.begin_turn(1);
        for _ in 0..2 {
            let answer = ask(&proxy, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with(REFUSAL), "{answer}");
        }
        attempts.begin_turn(2);
        ask(&proxy, b"\x16\x03\x01\x02").await;
        let told: Vec<_> = attempts
            .list()
            .into_iter()
            .map(|attempt| (attempt.turn, attempt.protocol, attempt.destination, attempt.count))
            .collect();
        assert_eq!(
            told,
            [
                (1, EgressProtocol::Connect, "example.com:443".to_owned(), 2),
                (2, EgressProtocol::Other, String::new(), 1),
            ]
        );
    }
}
