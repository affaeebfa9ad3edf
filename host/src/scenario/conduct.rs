//! What a `[[turn]]` says beside its prompt of how its process is treated: how long it may be silent, what it may use,
//! and when it is interrupted.

use super::findings::Findings;
use super::load::{belongs_to_the_scenario, known_word};
use super::table::Table;
use crate::document::{EventKind, Phase};

/// How one turn's process is treated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conduct {
    /// How long it may be silent while no connection to the server is open; absent: to the time limit.
    pub stall_ms: Option<u64>,
    /// The same while one is open.
    pub stall_connected_ms: Option<u64>,
    /// After how long a silence it is said that it is slow; absent: after 60 percent of what it may be silent.
    pub slow_ms: Option<u64>,
    /// Seconds of processor time of each process.
    pub cpu_seconds: Option<u64>,
    /// Mebibytes of address space of each process.
    pub memory_mebibytes: Option<u64>,
    /// Mebibytes of one file.
    pub file_mebibytes: Option<u64>,
    /// Open files of each process.
    pub open_files: Option<u64>,
    /// Processes and threads of its user.
    pub processes: Option<u64>,
    /// Mebibytes of memory of all of its processes together.
    pub total_memory_mebibytes: Option<u64>,
    /// Processes and threads of the turn.
    pub total_processes: Option<u64>,
    /// Processor time of all of its processes together, in percent of one processor.
    pub total_cpu_percent: Option<u64>,
    /// What it may use in this turn.
    pub budget: super::Budget,
    /// When it is interrupted.
    pub interrupt: Option<Interrupt>,
}

/// An interrupt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// What it waits for.
    pub after: After,
    /// One of [`ACTIONS`].
    pub action: String,
    /// Whether the whole process group gets the signal, as from a terminal.
    pub to_group: bool,
    /// How long the process may take to end then.
    pub within_ms: u64,
}

/// What an interrupt waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// An event of this kind, and of this phase where one is named.
    Event(EventKind, Option<Phase>),
    /// A file or folder of the workspace is there.
    File(String),
    /// So many requests have been answered or are being answered, in all turns.
    Requests(u32),
}

/// The smallest limit of processes and threads of a turn.
const LEAST_PROCESSES: i64 = 8;

/// Signals, and the end of standard input.
pub const ACTIONS: [&str; 7] = ["INT", "TERM", "HUP", "QUIT", "USR1", "KILL", CLOSE_STDIN];

/// The action that is no signal.
pub const CLOSE_STDIN: &str = "close-stdin";

const KINDS: [(&str, EventKind); 8] = [
    ("session", EventKind::Session),
    ("turn", EventKind::Turn),
    ("message", EventKind::Message),
    ("reasoning", EventKind::Reasoning),
    ("command", EventKind::Command),
    ("file-change", EventKind::FileChange),
    ("tool", EventKind::Tool),
    ("error", EventKind::Error),
];

const PHASES: [(&str, Phase); 4] = [
    ("started", Phase::Started),
    ("updated", Phase::Updated),
    ("completed", Phase::Completed),
    ("failed", Phase::Failed),
];

/// Reads the keys of one `[[turn]]`.
pub(super) fn read(turn: &mut Table<'_>, findings: &Findings) -> Conduct {
    let mut conduct = Conduct {
        stall_ms: turn.seconds_as_ms("stall_seconds", 0..=3600),
        stall_connected_ms: turn.seconds_as_ms("stall_connected_seconds", 0..=3600),
        slow_ms: turn.seconds_as_ms("slow_seconds", 0..=3600),
        budget: super::budget::read(turn),
        ..Conduct::default()
    };
    if let Some(mut limits) = turn.table("limits", "`limits`") {
        let mut limit =
            |key, most| limits.integer(key, 1..=most).and_then(|number| u64::try_from(number).ok());
        conduct.cpu_seconds = limit("cpu_seconds", 3600);
        conduct.memory_mebibytes = limit("memory_mebibytes", 1 << 30);
        conduct.file_mebibytes = limit("file_mebibytes", 1 << 30);
        conduct.open_files = limit("open_files", 1 << 20);
        conduct.processes = limit("processes", 1 << 20);
        conduct.total_memory_mebibytes = limit("total_memory_mebibytes", 1 << 30);
        conduct.total_cpu_percent = limit("total_cpu_percent", 100_000);
        // Fewer would not even start one: what starts it counts too, in that moment.
        let processes = limits.integer("total_processes", LEAST_PROCESSES..=1 << 20);
        conduct.total_processes = processes.and_then(|number| u64::try_from(number).ok());
        limits.finish(belongs_to_the_scenario);
    }
    if let Some(table) = turn.table("interrupt", "`interrupt`") {
        conduct.interrupt = interrupt(table, findings);
    }
    conduct
}

fn interrupt(mut table: Table<'_>, findings: &Findings) -> Option<Interrupt> {
    let written = table.required_text("action");
    let action = written.and_then(|written| {
        known_word(findings, "unknown-action", "action of an interrupt", &written, &ACTIONS)
    });
    let to_group = table.boolean("to_group").is_some_and(|truth| *truth.get_ref());
    let within_ms = table.seconds_as_ms("within_seconds", 0..=3600).unwrap_or(5_000);
    let range = table.range();
    let after = match table.table("after", "`after`") {
        Some(after) => self::after(after, findings),
        None => {
            table.missing("after");
            None
        }
    };
    table.finish(belongs_to_the_scenario);
    if to_group && action == Some(CLOSE_STDIN) {
        findings.error("bad-interrupt", "a group has no standard input", range, "close-stdin to a group");
        return None;
    }
    Some(Interrupt { after: after?, action: action?.to_owned(), to_group, within_ms })
}

fn after(mut table: Table<'_>, findings: &Findings) -> Option<After> {
    let word = |table: &mut Table<'_>, key, what, known: &[&'static str]| {
        let written = table.text(key)?;
        known_word(findings, "unknown-event", what, &written, known)
    };
    let kind = word(&mut table, "event", "kind of event", &KINDS.map(|(word, _)| word));
    let phase = word(&mut table, "phase", "phase of an event", &PHASES.map(|(word, _)| word));
    let file = table.text("file").map(|file| (*file.get_ref()).to_owned());
    let requests = table.integer("requests", 1..=1000).and_then(|count| u32::try_from(count).ok());
    let range = table.range();
    table.finish(belongs_to_the_scenario);
    let of =
        |word: Option<&str>| PHASES.iter().find(|(known, _)| Some(*known) == word).map(|(_, phase)| *phase);
    let kind = KINDS.iter().find(|(known, _)| Some(*known) == kind).map(|(_, kind)| *kind);
    let all = [
        kind.map(|kind| After::Event(kind, of(phase))),
        file.map(After::File),
        requests.map(After::Requests),
    ];
    let mut named = all.into_iter().flatten();
    match (named.next(), named.next()) {
        (Some(one), None) => Some(one),
        _ => {
            findings.error_with_help(
                "bad-interrupt",
                "an interrupt waits for one thing",
                range,
                "not one thing",
                "name one of `event`, `file` and `requests`",
            );
            None
        }
    }
}
