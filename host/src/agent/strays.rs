//! Processes that outlive their agent: found, told, ended politely, then not.
//!
//! A process that goes by itself within a moment was not left behind: agents end while the last `git` they started is
//! on its way out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, kill_process, waitpid};
use serde::{Deserialize, Serialize};

use super::processes::{self, Family, Process};
use crate::document::{PROCESSES_LIMIT, ProcessEnd};

/// A process that is still there this long after the agent's end was left behind.
const SETTLE: Duration = Duration::from_millis(100);

/// After a polite signal, how long a process may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);

/// After that, how long processes are looked for that others start while being ended.
const INSIST: Duration = Duration::from_secs(2);

/// Between two looks, while there is something to look for.
const PAUSE: Duration = Duration::from_millis(5);

/// A process that was left behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stray {
    /// File name of its command.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// What ended it.
    pub end: ProcessEnd,
}

/// Makes orphans children of this process, so that they are seen and reaped. Only Linux can; elsewhere nothing
/// happens.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Ends whatever is left of a run, whose agent ended at `over`, and tells what it was, sorted, and the processor time
/// it had used. Blocks; where nothing is left, for one look only.
pub(super) fn end_strays(family: &Family, is_alone: bool, over: Instant) -> (Vec<Stray>, u64) {
    // What each had used when it was seen last.
    let mut cpu_ms = BTreeMap::new();
    let left = || {
        let all = processes::all();
        reap(family, &all);
        let members = family.members(&all, is_alone);
        cpu_ms.extend(members.iter().map(|member| ((member.pid, member.started), member.cpu_ms)));
        members
    };
    let told = end_strays_of(left, over);
    // What went by itself was waited for by its parent.
    let cpu_ms = if told.is_empty() { 0 } else { cpu_ms.into_values().sum() };
    (told, cpu_ms)
}

/// The same for whatever `left` lists each time it is asked.
pub(super) fn end_strays_of(mut left: impl FnMut() -> Vec<Process>, over: Instant) -> Vec<Stray> {
    let mut strays = left();
    while !strays.is_empty() && over.elapsed() < SETTLE {
        std::thread::sleep(PAUSE);
        strays = left();
    }
    if strays.is_empty() {
        return Vec::new();
    }

    let mut told: Vec<_> = strays
        .iter()
        .take(PROCESSES_LIMIT)
        .map(|stray| {
            let (name, command) = processes::command_line(stray);
            ((stray.pid, stray.started), Stray { name, command, end: ProcessEnd::Terminated })
        })
        .collect();
    let signalled = Instant::now();
    signal(&strays, Signal::TERM);
    let mut now = left();
    while !now.is_empty() && signalled.elapsed() < GRACE {
        std::thread::sleep(PAUSE);
        now = left();
    }
    mark(&mut told, &now, ProcessEnd::Killed);
    let killed = Instant::now();
    while !now.is_empty() && killed.elapsed() < INSIST {
        signal(&now, Signal::KILL);
        std::thread::sleep(PAUSE);
        now = left();
    }
    mark(&mut told, &now, ProcessEnd::Remains);
    let mut told: Vec<Stray> = told.into_iter().map(|(_, stray)| stray).collect();
    told.sort();
    told
}

fn signal(strays: &[Process], signal: Signal) {
    for pid in strays.iter().filter_map(processes::as_pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Notes how those ended that are still there.
fn mark(told: &mut [((i32, u64), Stray)], there: &[Process], end: ProcessEnd) {
    for (identity, stray) in told {
        if there.iter().any(|process| (process.pid, process.started) == *identity) {
            stray.end = end;
        }
    }
}

/// Reaps those of the run that have become children of this program. The agent itself is reaped by who started it.
fn reap(family: &Family, all: &BTreeMap<i32, Process>) {
    let this = rustix::process::getpid().as_raw_nonzero().get();
    let (agent, _) = family.agent;
    let over = all.values().filter(|process| {
        process.is_over
            && process.parent == this
            && process.pid != agent
            && (process.group == agent
                || process.session == agent
                || family.known.contains(&(process.pid, process.started)))
    });
    for pid in over.filter_map(processes::as_pid) {
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::super::root::MARKER_VARIABLE;
    use super::*;

    /// Starts a shell in a session of its own, and waits until it said that it is ready.
    fn start(script: &str, marker: &str) -> (Child, Family) {
        let mut child = Command::new("setsid")
            .args(["sh", "-c", &format!("{script}; echo ready; sleep 1000")])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env(MARKER_VARIABLE, marker)
            .stdout(Stdio::piped())
            .spawn()
            .expect("setsid comes with every Linux");
        let mut byte = [0];
        let output = child.stdout.as_mut().expect("it is piped");
        std::io::Read::read_exact(output, &mut byte).expect("it says that it is ready");
        // An agent that is over, and was started before.
        let family = Family { marker: marker.to_owned(), agent: (i32::MAX, 0), ..Family::default() };
        (child, family)
    }

    #[test]
    fn what_is_left_is_told_and_ended() {
        let (mut child, family) = start("true", &format!("wassert-told-{}", std::process::id()));
        let over = Instant::now() - SETTLE;
        let (strays, _) = end_strays(&family, false, over);
        assert!(
            strays.iter().any(|stray| stray.name == "sh" && stray.command.ends_with("; sleep 1000")),
            "{strays:?}"
        );
        assert!(strays.iter().all(|stray| stray.end == ProcessEnd::Terminated), "{strays:?}");
        assert!(!child.wait().unwrap().success());
        assert_eq!(end_strays(&family, false, over), (Vec::new(), 0));
    }

    #[test]
    fn what_does_not_listen_is_killed() {
        let (mut child, family) = start("trap '' TERM", &format!("wassert-deaf-{}", std::process::id()));
        let (strays, _) = end_strays(&family, false, Instant::now() - SETTLE);
        assert!(strays.iter().any(|stray| stray.end == ProcessEnd::Killed), "{strays:?}");
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn what_goes_by_itself_was_not_left_behind() {
        let marker = format!("wassert-goes-{}", std::process::id());
        let mut child = Command::new("sleep").arg("0.02").env(MARKER_VARIABLE, &marker).spawn().unwrap();
        let waits = std::thread::spawn(move || child.wait());
        let family = Family { marker, agent: (i32::MAX, 0), ..Family::default() };
        assert_eq!(end_strays(&family, false, Instant::now()).0, []);
        waits.join().unwrap().unwrap();
    }
}
