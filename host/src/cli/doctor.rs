//! `wassert doctor`: what this machine gives, a line a probe. Nothing here is a failure: what is missing is said, and
//! what follows from it.

use super::output::Output;
use crate::sandbox::{Fence, confinement};
use crate::value::{ExitStatus, excerpt};

/// What a probe found.
struct Line {
    what: &'static str,
    there: Level,
    /// One sentence.
    text: String,
}

#[derive(Clone, Copy)]
enum Level {
    Yes,
    Partly,
    No,
}

/// Every probe, in the order of the report: a title, and what gives its lines.
const PROBES: [(&str, fn() -> Vec<Line>); 1] = [("judge workers", judge_workers)];

/// Runs every probe and prints what it found.
pub(super) fn doctor(output: &Output) -> ExitStatus {
    for (title, probe) in PROBES {
        output.line(&output.style().strong(title));
        for Line { what, there, text } in probe() {
            let word = match there {
                Level::Yes => "yes",
                Level::Partly => "partly",
                Level::No => "no",
            };
            output.line(&format!("  {what:<14}{word:<8}{}", excerpt(&text, 400)));
        }
    }
    ExitStatus::Passed
}

fn judge_workers() -> Vec<Line> {
    let found = confinement();
    let line = |what, fence, kept: &str, missing: &str| {
        let (there, text) = match fence {
            Fence::Whole(by) => (Level::Yes, format!("{kept} ({by})")),
            Fence::Partial(by) => (Level::Partly, format!("{kept} ({by})")),
            Fence::Missing(why) => (Level::No, format!("{missing}: {why}")),
        };
        Line { what, there, text }
    };
    vec![
        line(
            "files",
            found.files,
            "a judge worker reads only below its roots, and writes nothing",
            "only WebAssembly itself keeps an assertion from files",
        ),
        line(
            "system calls",
            found.calls,
            "a judge worker can't connect, start a program or trace another process",
            "only WebAssembly itself keeps an assertion from the network and from other programs",
        ),
    ]
}
