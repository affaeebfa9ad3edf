//! Requests over HTTP, whole and damaged, coded and damaged again: each is answered or refused in its protocol's own
//! way, and recorded.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;

use super::super::odd::{Random, damaged, rich, twisted};
use super::super::protocols::target;
use super::super::{settings, step};
use crate::profile::{Protocol, Transport};
use crate::server::ServerSettings;
use crate::server::exchange::Exchange;
use crate::server::protocol::Answer;
use crate::server::request::Incoming;

/// A server that answers whoever asks anything, however often.
pub(super) fn answering() -> Exchange {
    let mut repeated = step(1, vec![], Some("hello"), &["a"]);
    repeated.repeat = true;
    Exchange::new(ServerSettings { free: true, ..settings(vec![repeated]) }).unwrap()
}

/// A request as it comes from a connection.
pub(super) fn incoming(transport: Transport, target: &str, coding: &str, raw: Vec<u8>) -> Incoming {
    let mut headers = BTreeMap::new();
    if !coding.is_empty() {
        headers.insert("content-encoding".to_owned(), vec![coding.to_owned()]);
    }
    Incoming {
        transport,
        method: "POST".into(),
        target: target.to_owned(),
        headers,
        raw: Ok(raw),
        is_own: true,
    }
}

/// Runs one case.
pub(super) fn run(case: u64, random: &mut Random) -> String {
    let protocol = Protocol::ALL[random.below(4)];
    let mut body = rich(protocol);
    if random.below(2) == 0 {
        body = twisted(&body, random);
    }
    let mut bytes = body.to_string().into_bytes();
    if random.below(3) == 0 {
        bytes = damaged(bytes, random);
    }
    let (coding, mut raw) = coded(&bytes, random);
    if random.below(3) == 0 {
        raw = damaged(raw, random);
    }
    let target = match random.below(8) {
        0 => "/v1/messages/count_tokens",
        1 => "/v1/responses/compact",
        _ => target(protocol, random.below(2) == 0),
    };
    let exchange = answering();
    let answer = exchange.answer(incoming(Transport::Http, target, coding, raw)).answer;
    let traffic = exchange.finish();
    let [request] = &traffic.requests[..] else { panic!("case {case} is recorded once") };
    assert_eq!(request.reply.status, answer.status, "case {case}");
    let word = protocol.word();
    if answer.status == 200 {
        return format!("{word}: answered");
    }
    assert_eq!(answer.status, 400, "case {case}");
    assert!(is_shaped(&request.protocol, &answer), "case {case}: {answer:?}");
    let told =
        traffic.script.unmatched.len() + usize::from(request.reply.detail == "previous_response_not_found");
    assert_eq!(told, 1, "case {case}: {request:?}");
    let code = request.violations.first().map_or("no step", |violation| violation.code.as_str());
    format!("{word}: refused: {code}")
}

/// Whether a refusal is what the protocol's clients read.
pub(super) fn is_shaped(protocol: &str, answer: &Answer) -> bool {
    let Some(frame) = answer.frames.last() else { return false };
    let Ok(body) = serde_json::from_slice::<Value>(&frame.payload()) else { return false };
    let error = &body["error"];
    let says = error["message"].as_str().is_some_and(|message| !message.is_empty() && message.len() < 2000);
    says && match protocol {
        "messages" => body["type"] == "error" && error["type"].is_string(),
        "gemini" => error["code"] == answer.status && error["status"].is_string(),
        _ => error["type"].is_string() && error.get("code").is_some(),
    }
}

/// The bytes in a coding, and its name, which need not be the right one.
fn coded(bytes: &[u8], random: &mut Random) -> (&'static str, Vec<u8>) {
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    match random.below(10) {
        0 => ("gzip", gzip(bytes)),
        1 => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            ("deflate", encoder.finish().unwrap())
        }
        2 => ("zstd", compress_to_vec(bytes, CompressionLevel::Fastest)),
        3 => ("gzip, zstd", compress_to_vec(&gzip(bytes)[..], CompressionLevel::Fastest)),
        4 => ("zstd", gzip(bytes)),
        // Small on its way, and four megabytes when it is there.
        5 if random.below(40) == 0 => {
            let mut spaces = Vec::new();
            std::io::repeat(b' ').take(4 * 1024 * 1024).read_to_end(&mut spaces).unwrap();
            ("gzip", gzip(&spaces))
        }
        6 => ("br", bytes.to_vec()),
        _ => ("", bytes.to_vec()),
    }
}
