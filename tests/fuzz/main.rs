//! Generated modules and mutated run documents, every case from its seed alone. Ends with 1 when the judge panicked, took
//! too long, or judged one case in two ways; when it dies or hangs, the case is told by the process that watches.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a command of the developers'"
)]

mod cases;
mod modules;
mod rebuild;
mod watched;

use std::process::ExitCode;

/// Of the modules of a door, so many in a hundred must have come through it, or little is tested by them.
const OPENED_PERCENT: u64 = 50;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    let number = |name: &str, otherwise: u64| {
        let after = arguments.iter().position(|argument| argument == name).map(|at| at + 1);
        after.map_or(otherwise, |at| arguments[at].parse().unwrap())
    };
    let (seed, first, count) = (number("--seed", 7), number("--first", 0), number("--cases", 20_000));
    let threads = number("--threads", 2);
    let Some(told) = watched::is_child() else { return watched::watch(&arguments) };
    let started = std::time::Instant::now();
    let mut tally = cases::run(seed, first..first + count, threads, modules::generate, told);
    for door in cases::guests::DOORS {
        let of_door = tally.rows.iter().filter(|(kind, _)| kind.starts_with(&format!("{},", door.kind)));
        let (judged, opened) =
            of_door.fold((0, 0), |(judged, opened), (_, row)| (judged + row.judged, opened + row.opened));
        println!("{opened} of {judged} came through the door: {}", door.kind);
        if judged >= 200 && opened * 100 < judged * OPENED_PERCENT {
            tally.mistakes.push(format!("too few came through the door: {}", door.kind));
        }
    }
    println!("{tally}");
    println!("{count} cases from seed {seed} in {:.0} s", started.elapsed().as_secs_f64());
    if tally.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
