//! How a turn's process is treated, from what its scenario says to what `agent/` does.

use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::Dir;
use rustix::process::Signal;

use crate::agent::{
    Action, Due, Ended, GroupUsed, Interruption, Limits, Patience, Slow, TotalLimits, Watching,
};
use crate::document::{Sampled, SampledTogether, TurnInterrupt};
use crate::profile::Profile;
use crate::scenario::{After, CLOSE_STDIN, Conduct};

/// Bytes of a mebibyte.
const MEBIBYTE: u64 = 1024 * 1024;

/// What the agent may use.
pub(super) fn limits(conduct: &Conduct) -> Limits {
    Limits {
        cpu_seconds: conduct.cpu_seconds,
        memory_bytes: conduct.memory_mebibytes.map(|mebibytes| mebibytes * MEBIBYTE),
        file_bytes: conduct.file_mebibytes.map(|mebibytes| mebibytes * MEBIBYTE),
        open_files: conduct.open_files,
        processes: conduct.processes,
    }
}

/// What all processes of the agent together may use.
pub(super) fn total_limits(conduct: &Conduct) -> TotalLimits {
    TotalLimits {
        memory_bytes: conduct.total_memory_mebibytes.map(|mebibytes| mebibytes * MEBIBYTE),
        tasks: conduct.total_processes,
        cpu_percent: conduct.total_cpu_percent,
    }
}

/// The sentence about a turn whose processes together reached a limit.
pub(super) fn reached(turn: u32, used: &GroupUsed) -> Option<String> {
    let told: Vec<&str> = [
        (used.out_of_memory, "`total_memory_mebibytes`, and the kernel ended them"),
        (used.starts_refused, "`total_processes`, and the kernel let them start no more"),
    ]
    .into_iter()
    .filter_map(|(count, told)| (count > 0).then_some(told))
    .collect();
    let told = told.join("; they reached ");
    (!told.is_empty()).then(|| format!("turn {turn}: its processes together reached {told}"))
}

/// Whether standard input stays open for an interrupt to close it.
pub(super) fn keeps_stdin_open(conduct: &Conduct) -> bool {
    conduct.interrupt.as_ref().is_some_and(|interrupt| interrupt.action == CLOSE_STDIN)
}

/// What is watched for while the agent runs. `connections` tells how many are open, `requests` how many there were.
pub(super) fn watching(
    conduct: &Conduct,
    profile: &'static dyn Profile,
    workspace: &Dir,
    connections: impl Fn() -> usize + Send + Sync + 'static,
    requests: impl Fn() -> usize + Send + Sync + 'static,
) -> std::io::Result<Watching> {
    let interruption = match &conduct.interrupt {
        None => None,
        Some(interrupt) => Some(Interruption {
            due: due(&interrupt.after, profile, workspace.try_clone()?, requests),
            action: match (signal(&interrupt.action), interrupt.to_group) {
                (Some(signal), true) => Action::SignalGroup(signal),
                (Some(signal), false) => Action::Signal(signal),
                (None, _) => Action::CloseStdin,
            },
            within: Duration::from_millis(interrupt.within_ms),
        }),
    };
    Ok(Watching {
        patience: Patience {
            alone: conduct.stall_ms.map(Duration::from_millis),
            connected: conduct.stall_connected_ms.map(Duration::from_millis),
            slow: conduct.slow_ms.map(Duration::from_millis),
        },
        connections: Some(Arc::new(connections)),
        interruption,
        ..Watching::default()
    })
}

fn due(
    after: &After,
    profile: &'static dyn Profile,
    workspace: Dir,
    requests: impl Fn() -> usize + Send + Sync + 'static,
) -> Due {
    match after.clone() {
        After::Event(kind, phase) => Box::new(move |lines| {
            lines.lines().any(|line| {
                let event = profile.read_line(line).event;
                event.kind == kind && phase.is_none_or(|phase| event.phase == phase)
            })
        }),
        After::File(path) => Box::new(move |_| workspace.symlink_metadata(&path).is_ok()),
        After::Requests(count) => Box::new(move |_| requests() >= count as usize),
    }
}

fn signal(action: &str) -> Option<Signal> {
    Some(match action {
        "INT" => Signal::INT,
        "TERM" => Signal::TERM,
        "HUP" => Signal::HUP,
        "QUIT" => Signal::QUIT,
        "USR1" => Signal::USR1,
        "KILL" => Signal::KILL,
        _ => return None,
    })
}

/// The sentence about a turn that is slow.
pub(super) fn slowing(turn: u32, slow: &Slow) -> String {
    let some = if slow.is_connected { "a" } else { "no" };
    format!(
        "turn {turn} is slow: silent for {:.1} s with {some} connection to the server open; it has {:.1} s",
        slow.silent.as_secs_f64(),
        slow.limit.as_secs_f64()
    )
}

/// What the document says of the interrupt that was planned.
pub(super) fn told(conduct: &Conduct, ended: &Ended) -> Option<TurnInterrupt> {
    let planned = conduct.interrupt.as_ref()?;
    Some(TurnInterrupt {
        action: planned.action.clone(),
        sent: ended.interrupted.sent,
        ended: ended.interrupted.ended,
    })
}

/// What the document says of what a turn used.
pub(super) fn sampled(turn: u32, ended: &Ended) -> Sampled {
    Sampled {
        turn,
        cpu_ms: ended.used.cpu_ms,
        peak_memory_bytes: ended.used.peak_memory_bytes,
        looks: ended.used.looks,
        bytes_written: ended.used.bytes_written,
        tasks_started: ended.used.tasks_started,
        processes_seen: ended.used.processes_seen,
        together: ended.used.cgroup.map(|used| SampledTogether {
            cpu_ms: used.cpu_ms,
            peak_memory_bytes: used.peak_memory_bytes,
            peak_tasks: used.peak_tasks,
            out_of_memory: used.out_of_memory,
            starts_refused: used.starts_refused,
        }),
        longest_silence_ms: u64::try_from(ended.silence.longest.as_millis()).unwrap_or(u64::MAX),
        slow: ended.silence.slow.is_some(),
        slow_connected: ended.silence.slow,
    }
}
