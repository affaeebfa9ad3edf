//! What the server takes from a client, over raw sockets: how large, how slow, how many.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http::{build, send};
use super::*;

async fn limited(reception: Reception) -> Server {
    let server = Server::start(ServerSettings { reception, ..settings(vec![]) }).await.unwrap();
    server.begin_turn(1, "go", false);
    server
}

/// Sends these bytes and no more, and reads until the server closes.
async fn answer(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address(server)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn codes(traffic: &Traffic) -> Vec<&str> {
    traffic.script.refused_connections.iter().map(|refused| refused.code.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_end_are_recorded_up_to_the_limit() {
    let settings = ServerSettings { capture_limit_bytes: 8_000, ..settings(vec![]) };
    let server = Server::start(settings).await.unwrap();
    let large = "x".repeat(2_000);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let models = build("GET", "/v1/models", &[("x-large", &large)], vec![]);
        statuses.push(send(&server, models).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 400, 400], "the fourth finds less room than it takes");
    let traffic = server.finish().await;
    assert_eq!(traffic.requests.len(), 4);
    let codes: Vec<_> = traffic.script.refused_connections.iter().map(|told| told.code.as_str()).collect();
    assert_eq!(codes, ["capture-limit", "capture-limit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_is_refused_and_noted() {
    let server = limited(Reception { request_ms: 50, ..Reception::default() }).await;
    let said = answer(&server, b"POST /v1/responses HTTP/1.1\r\nhost: x\r\n").await;
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    assert!(said.contains("slow-client") && said.contains("longer than 50 ms"), "{said}");
    let traffic = server.finish().await;
    assert_eq!(codes(&traffic), ["slow-client"]);
    assert!(traffic.requests.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_refused_and_its_request_recorded() {
    let server = limited(Reception { request_ms: 50, ..Reception::default() }).await;
    let said = answer(&server, b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await;
    assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("longer than 50 ms"), "{said}");
    let traffic = server.finish().await;
    assert_eq!(traffic.requests[0].violations[0].code, "slow-client");
    assert_eq!(traffic.script.unmatched.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_message_that_does_not_end_is_refused_and_noted() {
    let server = limited(Reception { request_ms: 50, ..Reception::default() }).await;
    let mut stream = TcpStream::connect(address(&server)).await.unwrap();
    let upgrade = "GET /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    // The first byte of a text message.
    stream.write_all(b"\x81").await.unwrap();
    let mut closed = Vec::new();
    stream.read_to_end(&mut closed).await.unwrap();
    assert_eq!(closed, [0x88, 2, 0x03, 0xf0], "closed with 1008");
    assert_eq!(codes(&server.finish().await), ["slow-client"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_not_slow() {
    let server = limited(Reception { request_ms: 50, ..Reception::default() }).await;
    let mut stream = TcpStream::connect(address(&server)).await.unwrap();
    // Another client runs into the limit in the meantime.
    answer(&server, b"GET / HTTP/1.1\r\n").await;
    for _ in 0..2 {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 200 "));
        answer(&server, b"GET / HTTP/1.1\r\n").await;
    }
    assert_eq!(server.finish().await.requests.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so_and_noted() {
    let server = limited(Reception { connections: 1, ..Reception::default() }).await;
    let mut first = TcpStream::connect(address(&server)).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(first.read_u8().await.unwrap(), b'H', "it is served");
    let said = answer(&server, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    assert!(said.contains("more than 1 connections at a time"), "{said}");
    let traffic = server.finish().await;
    assert_eq!(codes(&traffic), ["too-many-connections"]);
    assert_eq!(traffic.requests.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_beyond_its_size_is_refused_and_recorded() {
    let server = limited(Reception { request_bytes: 1000, ..Reception::default() }).await;
    let body = vec![b' '; 1001];
    let received = send(&server, build("POST", "/v1/responses", &[], body)).await;
    assert_eq!(received.status, 400);
    let traffic = server.finish().await;
    assert_eq!(traffic.requests[0].violations[0].message, "the body is larger than 1000 bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_noted() {
    let server = limited(Reception::default()).await;
    // The beginning of TLS.
    answer(&server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await;
    assert_eq!(codes(&server.finish().await), ["not-http"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_refusals_are_not_told_one_by_one() {
    let server = limited(Reception { connections: 1, ..Reception::default() }).await;
    let mut first = TcpStream::connect(address(&server)).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(first.read_u8().await.unwrap(), b'H', "it is served");
    for _ in 0..110 {
        answer(&server, b"").await;
    }
    assert_eq!(codes(&server.finish().await).len(), 101);
}
