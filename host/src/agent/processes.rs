//! All processes of the machine at one moment, as the kernel lists them, and which of them belong to one run.
//!
//! Shell tools run in groups and sessions of their own, and some clear the environment, so no single clue is enough:
//! a process belongs to a run when it carries the run's marker, is in the agent's process group or session, works
//! below the run's folder, or descends from one that does. Where there is no `/proc`, none are seen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use rustix::process::Pid;

use super::root::MARKER_VARIABLE;
use crate::document::COMMAND_LINE_LIMIT;

/// Kernel clock ticks are 10 ms on every architecture this runs on.
const TICK_MS: u64 = 10;

/// Bytes of an environment or command line that are read.
const READ_LIMIT_BYTES: u64 = 1024 * 1024;

/// One process, as one line of `/proc/<pid>/stat` tells it (proc_pid_stat(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// When it was started, in ticks since the machine was. With the number, it names a process for ever.
    pub(super) started: u64,
    /// Whether it has ended and only waits to be reaped.
    pub(super) is_over: bool,
    /// What the kernel calls it: at most 15 bytes.
    pub(super) name: String,
    /// User and system time of its own and of all it waited for.
    pub(super) cpu_ms: u64,
    pub(super) memory_bytes: u64,
}

/// What is known of one run's processes.
#[derive(Clone, Debug, Default)]
pub(super) struct Family {
    /// The run's marker.
    pub(super) marker: String,
    /// The run's folder.
    pub(super) folder: PathBuf,
    /// The agent, and when it was started.
    pub(super) agent: (i32, u64),
    /// Those seen before, by number and start.
    pub(super) known: BTreeSet<(i32, u64)>,
    /// Whether `agent` is not the agent but stands above a namespace: it and its one child are the host's own.
    pub(super) is_below: bool,
}

/// Every process, by number.
pub(super) fn all() -> BTreeMap<i32, Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeMap::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, process(pid)?)))
        .collect()
}

/// One process.
pub(super) fn process(pid: i32) -> Option<Process> {
    // One read: the kernel gives the whole line at once, and a machine may have thousands of processes.
    let mut line = [0; 1024];
    let read = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
    parse(&String::from_utf8_lossy(&line[..read]))
}

/// The name stands in brackets and may hold anything, brackets too.
fn parse(text: &str) -> Option<Process> {
    let (pid, rest) = text.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    // The manual counts from 1 and the third field is the first after the name.
    let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
    let unsigned = |field: usize| Some(number(field)?.max(0) as u64);
    let ticks = unsigned(14)? + unsigned(15)? + unsigned(16)? + unsigned(17)?;
    Some(Process {
        pid: pid.trim().parse().ok()?,
        parent: i32::try_from(number(4)?).ok()?,
        group: i32::try_from(number(5)?).ok()?,
        session: i32::try_from(number(6)?).ok()?,
        started: unsigned(22)?,
        is_over: matches!(*fields.first()?, "Z" | "X"),
        name: name.to_owned(),
        cpu_ms: ticks * TICK_MS,
        memory_bytes: unsigned(24)? * page_bytes(),
    })
}

/// The kernel's page size: entry 6 of the auxiliary vector (getauxval(3), AT_PAGESZ).
fn page_bytes() -> u64 {
    static BYTES: OnceLock<u64> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let vector = std::fs::read("/proc/self/auxv").unwrap_or_default();
        let words: Vec<u64> = vector
            .chunks_exact(8)
            .filter_map(|word| Some(u64::from_ne_bytes(word.try_into().ok()?)))
            .collect();
        words.chunks_exact(2).find(|pair| pair[0] == 6).map_or(4096, |pair| pair[1])
    })
}

impl Family {
    /// The live processes of this run, without the agent itself. `all` is a fresh list.
    ///
    /// `is_alone` says that no other agent ran meanwhile: then a child of this very program that carries no marker at
    /// all, and is not in this program's own group, is an orphan of this run too.
    pub(super) fn members(&self, all: &BTreeMap<i32, Process>, is_alone: bool) -> Vec<Process> {
        let this = rustix::process::getpid().as_raw_nonzero().get();
        let own_group = rustix::process::getpgrp().as_raw_nonzero().get();
        let mut found: BTreeSet<i32> = BTreeSet::new();
        let young = all.values().filter(|process| {
            process.started >= self.agent.1
                && !process.is_over
                && process.pid != this
                && process.pid != self.agent.0
        });
        for process in young {
            let is_seen = self.known.contains(&(process.pid, process.started))
                || process.group == self.agent.0
                || process.session == self.agent.0;
            if is_seen
                || self
                    .is_marked(process.pid, process.parent == this && process.group != own_group && is_alone)
                || self.works_here(process.pid)
            {
                found.insert(process.pid);
            }
        }
        descendants(all, &mut found);
        found.remove(&this);
        found.remove(&self.agent.0);
        found
            .into_iter()
            .filter_map(|pid| all.get(&pid))
            .filter(|process| !process.is_over)
            .cloned()
            .collect()
    }

    /// Whether the marker is in its environment; `or_any_orphan` takes one without any marker as well.
    fn is_marked(&self, pid: i32, or_any_orphan: bool) -> bool {
        let Some(environment) = read(pid, "environ") else { return false };
        let prefix = format!("{MARKER_VARIABLE}=");
        let mark = environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(prefix.as_bytes()));
        match mark {
            Some(mark) => mark == self.marker.as_bytes(),
            None => or_any_orphan && !is_this_program(pid),
        }
    }

    /// Whether its working directory is below the run's folder.
    fn works_here(&self, pid: i32) -> bool {
        !self.folder.as_os_str().is_empty()
            && std::fs::read_link(format!("/proc/{pid}/cwd"))
                .is_ok_and(|directory| directory.starts_with(&self.folder))
    }
}

/// A process this program is just starting still looks like it.
fn is_this_program(pid: i32) -> bool {
    let own = std::fs::read_link("/proc/self/exe");
    own.is_ok() && own.ok() == std::fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// Adds everything that descends from what was found.
pub(super) fn descendants(all: &BTreeMap<i32, Process>, found: &mut BTreeSet<i32>) {
    loop {
        let more: Vec<i32> = all
            .values()
            .filter(|process| found.contains(&process.parent) && !found.contains(&process.pid))
            .map(|process| process.pid)
            .collect();
        if more.is_empty() {
            return;
        }
        found.extend(more);
    }
}

/// Name and command line as the document has them.
pub(super) fn command_line(process: &Process) -> (String, String) {
    let line = read(process.pid, "cmdline").unwrap_or_default();
    let words: Vec<String> = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let first = words.first().map(|first| first.rsplit('/').next().unwrap_or(first).to_owned());
    let name = first.filter(|name| !name.is_empty()).unwrap_or_else(|| process.name.clone());
    let bounded = |text: &str| text.chars().take(COMMAND_LINE_LIMIT).collect::<String>();
    (bounded(&name), bounded(&words.join(" ")))
}

/// Bytes that a process, and all it waited for, gave to write calls: to files, pipes and sockets (proc_pid_io(5)). The
/// kernel still says so between the end of a process and its reaping; 0 where it does not.
pub(super) fn bytes_written(pid: i32) -> u64 {
    let text = read(pid, "io").unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .find_map(|line| line.strip_prefix("wchar: ")?.trim().parse().ok())
        .unwrap_or(0)
}

fn read(pid: i32, file: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(format!("/proc/{pid}/{file}"))
        .ok()?
        .take(READ_LIMIT_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}

/// Its number, as signals want it.
pub(super) fn as_pid(process: &Process) -> Option<Pid> {
    Pid::from_raw(process.pid)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_holds() {
        let line = "42 (a) b (c) S 1 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 900 1000 3 184 1 1";
        let process = parse(line).unwrap();
        assert_eq!((process.pid, process.parent, process.group, process.session), (42, 1, 40, 39));
        assert_eq!((process.name.as_str(), process.cpu_ms, process.started), ("a) b (c", 260, 900));
        assert_eq!(process.memory_bytes, 3 * page_bytes());
        assert!(page_bytes().is_power_of_two());
        for broken in ["", "1", "1 (a", "1 (a) S", "x (a) S 1 2 3"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn this_process_is_listed() {
        let this = std::process::id() as i32;
        assert!(all().contains_key(&this));
        assert_eq!(process(this).unwrap().pid, this);
    }

    #[test]
    fn a_child_that_cleared_its_environment_and_moved_away_is_found_by_its_ancestor() {
        let process = |pid, parent, started| Process {
            pid,
            parent,
            group: pid,
            session: pid,
            started,
            is_over: false,
            name: String::new(),
            cpu_ms: 0,
            memory_bytes: 0,
        };
        // Numbers beyond what the kernel gives, so that nothing is found in `/proc`.
        let base = i32::MAX - 100;
        let all: BTreeMap<_, _> = [(0, 1, 10), (1, base, 11), (2, base + 1, 12), (3, 1, 9), (4, 1, 13)]
            .map(|(pid, parent, started)| (base + pid, process(base + pid, parent, started)))
            .into();
        let mut family =
            Family { agent: (base + 50, 10), known: BTreeSet::from([(base, 10)]), ..Family::default() };
        let found = |family: &Family| -> Vec<_> {
            family.members(&all, false).iter().map(|process| process.pid - base).collect()
        };
        assert_eq!(found(&family), [0, 1, 2]);
        // The same number, started at another time, is another process.
        family.known = BTreeSet::from([(base, 11)]);
        assert_eq!(found(&family), [0; 0]);
    }
}
