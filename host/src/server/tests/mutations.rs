//! What nobody would send: requests and messages with bytes changed, in any portions. Seeded, so that what is found
//! once is found again; the seed of a failure is in its message.

use serde_json::Value;

use super::odd::{Random, rich, twisted};
use super::*;
use crate::profile::Protocol;
use crate::server::invariant::{lost, transcript_violations};
use crate::server::protocol::{Asked, format_of};

const ROUNDS: u64 = 400;

#[test]
fn no_request_makes_a_decoder_stumble() {
    for protocol in Protocol::ALL {
        let body = rich(protocol);
        let read = |body: &Value| {
            let asked = Asked {
                transport: Transport::Http,
                target: "/v1beta/models/:streamGenerateContent?alt=sse",
                body,
                earlier: &|_| None,
            };
            format_of(protocol).decode(&asked)
        };
        let whole = read(&body);
        assert!(whole.transcript.len() > 3, "{protocol:?}");
        for seed in 0..ROUNDS {
            let body = twisted(&body, &mut Random::new(seed));
            let decoded = read(&body);
            let again = read(&body);
            assert_eq!(decoded.transcript, again.transcript, "{protocol:?}, seed {seed}");
            // Whatever came, the checks come to an end and say something that can be printed.
            let found =
                [transcript_violations(&decoded.transcript), lost(&whole.transcript, &decoded.transcript)];
            assert!(
                found.concat().iter().all(|found| found.message.len() < 1000),
                "{protocol:?}, seed {seed}"
            );
            // What is written out as events in a script is read by the same code.
            format_of(protocol).said(&[body]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_whatever_its_bytes() {
    let server = start(vec![]).await;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let protocol = Protocol::ALL[random.below(4)];
        let mut bytes = rich(protocol).to_string().into_bytes();
        for _ in 0..=random.below(6) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = random.below(256) as u8,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, b"{}[]\",:\\\xff0"[random.below(10)]),
            }
            if bytes.is_empty() {
                bytes.push(b'{');
            }
        }
        let target = protocols::target(protocol, true);
        let received = http::send(&server, http::build("POST", target, &[], bytes)).await;
        assert_eq!(received.status, 400, "seed {seed}");
        assert!(received.json()["error"]["message"].is_string(), "seed {seed}");
    }
    assert_eq!(server.finish().await.requests.len(), 60);
}

#[test]
fn messages_do_not_depend_on_their_portions_even_when_they_are_broken() {
    let mut session = Vec::new();
    for (first, text) in
        [(0x81, "{\"type\":\"response.create\"}"), (0x01, "in "), (0x80, "fragments"), (0x89, "ping")]
    {
        session.extend([first, 0x80 | text.len() as u8, 0, 0, 0, 0]);
        session.extend_from_slice(text.as_bytes());
    }
    for seed in 0..ROUNDS {
        let mut random = Random::new(seed);
        let mut bytes = session.clone();
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }
        let read = |sizes: &mut dyn FnMut() -> usize| messages_in(4096, &bytes, seed % 2 == 0, sizes);
        let whole = read(&mut || usize::MAX);
        assert_eq!(read(&mut || 1), whole, "seed {seed}");
        let mut portions = Random::new(seed + ROUNDS);
        assert_eq!(read(&mut || 1 + portions.below(9)), whole, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_100_megabytes_is_kept_byte_for_byte() {
    let settings = ServerSettings {
        accept_websocket: false,
        capture_limit_bytes: 256 * 1024 * 1024,
        ..settings(vec![step(1, vec![], Some("done"), &[])])
    };
    let server = Server::start(settings).await.unwrap();
    server.begin_turn(1, "go", false);
    let mut random = Random::new(100);
    let noise: String = (0..100_000_000).map(|_| char::from(b' ' + 3 + random.below(56) as u8)).collect();
    let body = request(&[user(&noise), user("go")]).to_string().into_bytes();
    let digest = crate::value::Digest::of(&body);
    let received = http::send(&server, http::build("POST", "/v1/responses", &[], body)).await;
    assert_eq!(received.status, 200);
    let traffic = server.finish().await;
    assert!(traffic.bodies[0].len() > 100_000_000);
    assert_eq!(crate::value::Digest::of(traffic.bodies[0].to_vec()), digest);
    assert!(traffic.script.unmatched.is_empty());
}
