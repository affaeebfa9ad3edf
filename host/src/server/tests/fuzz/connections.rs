//! Bytes on real connections: heads, bodies and upgrades, damaged. The server closes or answers, and serves the next one.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::odd::{Random, damaged, rich};
use super::super::protocols::target;
use super::super::{address, http, start};
use crate::profile::Protocol;

/// Most bytes that are read of one answer.
const ANSWER_LIMIT_BYTES: u64 = 1024 * 1024;

/// Runs one case.
pub(super) fn run(case: u64, random: &mut Random) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(connection(case, random))
}

async fn connection(case: u64, random: &mut Random) -> String {
    let server = start(vec![]).await;
    let bytes = damaged(written(random), random);
    let mut stream = TcpStream::connect(address(&server)).await.unwrap();
    // A server that has seen enough may have closed already.
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let ended = stream.take(ANSWER_LIMIT_BYTES).read_to_end(&mut answer).await;
    assert!((answer.len() as u64) < ANSWER_LIMIT_BYTES, "case {case}");
    let models = http::get(&server, "/v1/models").await;
    assert_eq!(models.status, 200, "case {case}");
    let traffic = server.finish().await;
    let recorded = (traffic.requests.len() - 1).min(2);
    let refused = traffic.script.refused_connections.first().map_or("", |refused| refused.code.as_str());
    let status = String::from_utf8_lossy(&answer).chars().skip(9).take(3).collect::<String>();
    // Who was told something is recorded; a request that ends early is refused and no more, a peer may just have died.
    let is_told = !matches!(status.as_str(), "" | "101" | "400");
    assert!(
        !is_told || recorded + refused.len() > 0,
        "case {case}: {status}: {:?}",
        String::from_utf8_lossy(&bytes)
    );
    let how = match status.as_str() {
        "" if ended.is_err() => "reset",
        "" => "closed",
        status => status,
    };
    format!("connection: {how}, {recorded} recorded {refused}")
}

fn written(random: &mut Random) -> Vec<u8> {
    let protocol = Protocol::ALL[random.below(4)];
    let body = rich(protocol).to_string();
    if random.below(3) == 0 {
        let upgrade = "GET /v1/responses HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                       sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       sec-websocket-extensions: permessage-deflate\r\n\r\n";
        let mut bytes = upgrade.as_bytes().to_vec();
        bytes.extend([0x81, 0xfe]);
        bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend_from_slice(body.as_bytes());
        return bytes;
    }
    let length = body.len();
    let target = target(protocol, true);
    format!("POST {target} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
