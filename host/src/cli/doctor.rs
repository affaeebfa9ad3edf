//! `wassert doctor`: what this machine gives, a line a probe. Nothing here is a failure: what is missing is said, and
//! what follows from it.

use serde_json::{Map, Value, json};

use super::arguments::Format;
use super::doctor_agents;
use super::output::Output;
use crate::sandbox::{Fence, confinement};
use crate::value::{ExitStatus, excerpt};

/// What a probe found.
pub(super) struct Line {
    /// A word or two.
    pub(super) what: String,
    /// Whether it is there.
    pub(super) there: Level,
    /// One sentence.
    pub(super) text: String,
}

/// Whether something is there.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Yes,
    Partly,
    No,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly => "partly",
            Self::No => "no",
        }
    }
}

/// Gives the lines of one probe.
type Probe = fn() -> Vec<Line>;

/// Every probe, in the order of the report: a title, and what gives its lines.
const PROBES: [(&str, Probe); 3] = [
    ("agents", doctor_agents::agents),
    ("isolation of agents", doctor_agents::isolation),
    ("judge workers", judge_workers),
];

/// Runs every probe and prints what it found.
pub(super) fn doctor(format: Format, output: &Output) -> ExitStatus {
    let found = PROBES.map(|(title, probe)| (title, probe()));
    match format {
        Format::Json => output.line(&format!("{:#}", as_json(&found))),
        Format::Human => {
            for (title, lines) in &found {
                output.line(&output.style().strong(title));
                for Line { what, there, text } in lines {
                    output.line(&format!("  {what:<14}{:<8}{}", there.word(), excerpt(text, 400)));
                }
            }
        }
    }
    ExitStatus::Passed
}

/// Title to what was asked to what was found.
fn as_json(found: &[(&str, Vec<Line>)]) -> Value {
    let lines = |lines: &[Line]| -> Map<String, Value> {
        let told = |line: &Line| json!({ "there": line.there.word(), "text": excerpt(&line.text, 400) });
        lines.iter().map(|line| (line.what.clone(), told(line))).collect()
    };
    let probes: Map<String, Value> =
        found.iter().map(|(title, found)| ((*title).to_owned(), lines(found).into())).collect();
    json!({ "schema": "wassert.doctor/1", "probes": probes })
}

fn judge_workers() -> Vec<Line> {
    let found = confinement();
    let line = |what: &str, fence, kept: &str, missing: &str| {
        let (there, text) = match fence {
            Fence::Whole(by) => (Level::Yes, format!("{kept} ({by})")),
            Fence::Partial(by) => (Level::Partly, format!("{kept} ({by})")),
            Fence::Missing(why) => (Level::No, format!("{missing}: {why}")),
        };
        Line { what: what.to_owned(), there, text }
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
