//! A proxy that refuses: the agent's proxy variables lead here, so that what it tries to reach is told instead of
//! being lost. It reads the first line and the end of a request's head, answers 403 and closes; nothing is forwarded
//! and no name is looked up.
//!
//! Whatever does not honour the variables is not seen here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::document::{DESTINATIONS_LIMIT, EgressAttempt, EgressProtocol, MORE_DESTINATIONS};

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

/// What was tried: turn, protocol and destination to how often.
type Attempts = BTreeMap<(u32, EgressProtocol, String), u32>;

/// The refusing proxy of one run; it ends when this is dropped.
#[derive(Debug)]
pub struct DenyProxy {
    address: String,
    turn: Arc<AtomicU32>,
    attempts: Arc<Mutex<Attempts>>,
    accepting: JoinHandle<()>,
}

impl DenyProxy {
    /// Listens on a port of its own on the loopback interface.
    ///
    /// # Errors
    /// When it can't listen.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let turn = Arc::new(AtomicU32::new(0));
        let attempts = Arc::new(Mutex::new(Attempts::new()));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&turn), Arc::clone(&attempts)));
        Ok(Self { address, turn, attempts, accepting })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What comes from now on belongs to this turn.
    pub fn begin_turn(&self, turn: u32) {
        self.turn.store(turn, Ordering::SeqCst);
    }

    /// What was tried so far, in order of turn, protocol and destination.
    pub fn attempts(&self) -> Vec<EgressAttempt> {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts
            .iter()
            .map(|((turn, protocol, destination), count)| EgressAttempt {
                turn: *turn,
                protocol: *protocol,
                destination: destination.clone(),
                count: *count,
            })
            .collect()
    }
}

impl Drop for DenyProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, turn: Arc<AtomicU32>, attempts: Arc<Mutex<Attempts>>) {
    let places = Arc::new(Semaphore::new(CONNECTION_LIMIT));
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let (turn, attempts) = (Arc::clone(&turn), Arc::clone(&attempts));
                connections.spawn(async move {
                    let _place = place;
                    let _ = timeout(2 * PATIENCE, refuse(stream, &turn, &attempts)).await;
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One connection: one request, one refusal. A peer that says nothing tried nothing.
async fn refuse(mut stream: TcpStream, turn: &AtomicU32, attempts: &Mutex<Attempts>) {
    let mut head = Vec::new();
    let _ = timeout(PATIENCE, read_head(&mut stream, &mut head)).await;
    if head.is_empty() {
        return;
    }
    let (protocol, destination) = asked_for(&head);
    note(
        &mut attempts.lock().unwrap_or_else(PoisonError::into_inner),
        turn.load(Ordering::SeqCst),
        protocol,
        destination,
    );
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

fn note(attempts: &mut Attempts, turn: u32, protocol: EgressProtocol, destination: String) {
    let mut key = (turn, protocol, destination);
    if attempts.len() >= DESTINATIONS_LIMIT && !attempts.contains_key(&key) {
        key.2 = MORE_DESTINATIONS.to_owned();
    }
    let count = attempts.entry(key).or_default();
    *count = count.saturating_add(1);
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

    #[test]
    fn very_many_destinations_are_counted_under_one() {
        let mut attempts = Attempts::new();
        for index in 0..DESTINATIONS_LIMIT + 10 {
            note(&mut attempts, 1, EgressProtocol::Http, format!("{index}.example:80"));
        }
        assert_eq!(attempts.len(), DESTINATIONS_LIMIT + 1);
        assert_eq!(attempts[&(1, EgressProtocol::Http, MORE_DESTINATIONS.to_owned())], 10);
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
        let proxy = DenyProxy::start().await.unwrap();
        proxy.begin_turn(1);
        for _ in 0..2 {
            let answer = ask(&proxy, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with(REFUSAL), "{answer}");
        }
        proxy.begin_turn(2);
        ask(&proxy, b"\x16\x03\x01\x02").await;
        let told: Vec<_> = proxy
            .attempts()
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
