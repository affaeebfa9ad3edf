//! The fuzz target of the server: request decoders of every protocol behind every content coding, events and their
//! schedules, the framing of WebSockets, and bytes on real connections. Every case comes from its number alone.
//!
//! `WASSERT_FUZZ_CASES=20000 cargo test -p wassert --lib server::tests::fuzz -- --nocapture` runs so many cases and prints a
//! tally; an ordinary `cargo test` runs a sample. A mistake is told with the number of its case:
//! `WASSERT_FUZZ_FROM=NUMBER WASSERT_FUZZ_CASES=1` runs that one again.

mod connections;
mod events;
mod messages;
mod requests;

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use super::odd::Random;

/// Cases of an ordinary `cargo test`.
const SAMPLE: u64 = 400;
/// A case that takes longer does not end.
const ENDS_WITHIN: Duration = Duration::from_secs(300);
/// One case in so many goes over a real connection, where each costs a hundred times as much.
const CONNECTION_EVERY: u64 = 25;

/// What happened, and how often.
type Tally = BTreeMap<String, u64>;

#[test]
fn nothing_that_arrives_makes_the_server_stumble() {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is a number")))
    };
    let (from, count) =
        (number("WASSERT_FUZZ_FROM").unwrap_or(0), number("WASSERT_FUZZ_CASES").unwrap_or(SAMPLE));
    let (begun, cases) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let mut tally = Tally::new();
        for case in from..from + count {
            // Nobody listens any more when the test has failed.
            let _ = begun.send(case);
            *tally.entry(run(case)).or_default() += 1;
        }
        tally
    });
    let mut last = from;
    loop {
        match cases.recv_timeout(ENDS_WITHIN) {
            Ok(case) => last = case,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("case {last} does not end"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    let tally = worker.join().unwrap_or_else(|_| panic!("case {last} stumbles; its message is above"));
    for (what, count) in &tally {
        eprintln!("{count:>7}  {what}");
    }
    if count >= SAMPLE {
        // The cases don't all end in the same way.
        for word in ["answered", "refused: body-not-json", "refused: body-not-decodable", "close 1002"] {
            assert!(tally.keys().any(|what| what.contains(word)), "{word}: {tally:?}");
        }
    }
}

/// Runs one case and says what came of it.
fn run(case: u64) -> String {
    let mut random = Random::new(case);
    if case % CONNECTION_EVERY == CONNECTION_EVERY - 1 {
        return connections::run(case, &mut random);
    }
    match case % 8 {
        0..5 => requests::run(case, &mut random),
        5 | 6 => messages::run(case, &mut random),
        _ => events::run(case, &mut random),
    }
}
