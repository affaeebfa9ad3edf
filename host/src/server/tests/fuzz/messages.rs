//! The framing of WebSockets: frames in any portions, whole and damaged, read the same however they arrive, held within
//! the limit, and what is a message is answered.

use flate2::{Compress, Compression, FlushCompress};

use super::super::messages_in as read;
use super::super::odd::{Random, damaged, rich, twisted};
use super::requests::{answering, incoming, is_shaped};
use crate::profile::{Protocol, Transport};
use crate::server::protocol::responses::framing::Message;

/// The largest message here.
const LIMIT_BYTES: usize = 16 * 1024;

/// Runs one case.
pub(super) fn run(case: u64, random: &mut Random) -> String {
    let deflates = random.below(2) == 0;
    let mut bytes = Vec::new();
    for _ in 0..=random.below(4) {
        bytes.extend(message(random, deflates));
    }
    if random.below(2) == 0 {
        bytes = damaged(bytes, random);
    }
    let whole = read(LIMIT_BYTES, &bytes, deflates, &mut || usize::MAX);
    assert_eq!(read(LIMIT_BYTES, &bytes, deflates, &mut || 1 + random.below(9)), whole, "case {case}");

    let exchange = answering();
    let mut answered = 0;
    let mut close = None;
    for message in whole {
        match message {
            Ok(Message::Text(raw) | Message::Binary(raw)) => {
                assert!(raw.len() <= LIMIT_BYTES, "case {case}");
                let answer = exchange.answer(incoming(Transport::Websocket, "/v1/responses", "", raw)).answer;
                assert!(answer.status == 200 || is_shaped("responses", &answer), "case {case}: {answer:?}");
                answered += 1;
            }
            Ok(Message::Ping(payload)) => assert!(payload.len() <= 125, "case {case}"),
            Ok(Message::Pong | Message::Close(_)) => {}
            Err(error) => close = Some(error.code()),
        }
    }
    assert_eq!(exchange.finish().requests.len(), answered, "case {case}");
    match close {
        Some(code) => format!("websocket: close {code}"),
        None => format!("websocket: {} messages", answered.min(5)),
    }
}

/// A message of a client: some are requests, in fragments or compressed, some are too large, some say nothing.
fn message(random: &mut Random, deflates: bool) -> Vec<u8> {
    let (opcode, payload) = match random.below(6) {
        0 => (9, b"ping".to_vec()),
        1 => (2, vec![random.below(256) as u8; random.below(300)]),
        2 => (1, vec![b'x'; random.below(2 * LIMIT_BYTES)]),
        _ => {
            let mut body = twisted(&rich(Protocol::Responses), random);
            if body.is_object() {
                body["type"] = "response.create".into();
            }
            (1, body.to_string().into_bytes())
        }
    };
    if opcode != 9 && deflates && random.below(2) == 0 {
        return frame(0xc0 | opcode, &deflated(&payload), random);
    }
    if opcode == 9 || random.below(2) == 0 {
        return frame(0x80 | opcode, &payload, random);
    }
    let (first, last) = payload.split_at(random.below(payload.len().max(1)));
    [frame(opcode, first, random), frame(0x80, last, random)].concat()
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 256);
    Compress::new(Compression::fast(), false).compress_vec(payload, &mut bytes, FlushCompress::Sync).unwrap();
    bytes.truncate(bytes.len().saturating_sub(4));
    bytes
}

/// A frame as clients write it: masked.
fn frame(first: u8, payload: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let key = [(); 4].map(|()| random.below(256) as u8);
    bytes.extend_from_slice(&key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}
