//! Looks at the processes of every running agent from time to time: one thread for all of them, which reads the
//! kernel's list once a look. It measures memory, and remembers who descends from whom, so that a process is still
//! known when its parent is gone and it has cleared its environment.
//!
//! Nothing waits for it: what is over before the first look is not seen.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::processes::{self, Family, Process};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(50);

/// Before the first look at an agent: most are at work by then, and the shortest are not over.
const FIRST: Duration = Duration::from_millis(5);

/// Processes remembered of one agent.
const KNOWN_LIMIT: usize = 20_000;

/// What was seen of one agent's processes.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Who belongs to it.
    pub(super) family: Family,
    /// Whether no other agent ran at any time meanwhile.
    pub(super) is_alone: bool,
    /// The largest sum of resident memory at one look.
    pub(super) peak_memory_bytes: u64,
    /// How many looks there were.
    pub(super) looks: u32,
}

/// A running agent that is looked at until this is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Watched {
    list: Mutex<Vec<Arc<Mutex<Seen>>>>,
    changed: Condvar,
}

impl Watch {
    /// Begins to look at the agent with this number.
    pub(super) fn start(agent: i32, marker: &str, folder: &Path) -> Self {
        let started = processes::process(agent).map_or(0, |process| process.started);
        let family = Family {
            marker: marker.to_owned(),
            folder: folder.to_owned(),
            agent: (agent, started),
            known: BTreeSet::new(),
            is_below: false,
        };
        Self::of(family)
    }

    /// Begins to look at what descends from the first process of a namespace, whose parent has this number.
    pub(super) fn below(outer: i32, marker: &str) -> Self {
        let started = processes::process(outer).map_or(0, |process| process.started);
        Self::of(Family {
            marker: marker.to_owned(),
            agent: (outer, started),
            is_below: true,
            ..Family::default()
        })
    }

    fn of(family: Family) -> Self {
        let watched = watched();
        let mut list = locked(&watched.list);
        for other in list.iter() {
            locked(other).is_alone = false;
        }
        let seen = Arc::new(Mutex::new(Seen { family, is_alone: list.is_empty(), ..Seen::default() }));
        list.push(Arc::clone(&seen));
        watched.changed.notify_one();
        Self { seen }
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> Seen {
        locked(&self.seen).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        locked(&watched().list).retain(|other| !Arc::ptr_eq(other, &self.seen));
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All running agents; the thread starts with the first of them.
fn watched() -> &'static Watched {
    static WATCHED: OnceLock<&'static Watched> = OnceLock::new();
    WATCHED.get_or_init(|| {
        let watched: &'static Watched = Box::leak(Box::default());
        // Without the thread nothing is measured; that is said by the number of looks.
        let _ = std::thread::Builder::new().name("sampler".to_owned()).spawn(|| look_for_ever(watched));
        watched
    })
}

fn look_for_ever(watched: &Watched) {
    let mut list = locked(&watched.list);
    loop {
        if list.is_empty() {
            list = watched.changed.wait(list).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let is_new = list.iter().any(|seen| locked(seen).looks == 0);
        let pause = if is_new { FIRST } else { INTERVAL };
        let (after, waited) =
            watched.changed.wait_timeout(list, pause).unwrap_or_else(PoisonError::into_inner);
        list = after;
        if !waited.timed_out() {
            continue;
        }
        let now: Vec<_> = list.clone();
        drop(list);
        if !now.is_empty() {
            let all = processes::all();
            for seen in now {
                look(&mut locked(&seen), &all);
            }
        }
        list = locked(&watched.list);
    }
}

/// One look at one agent. Environments are not read: that would cost more than all the rest.
fn look(seen: &mut Seen, all: &std::collections::BTreeMap<i32, Process>) {
    let (agent, started) = seen.family.agent;
    let mut found: BTreeSet<i32> = all
        .values()
        .filter(|process| process.started >= started)
        .filter(|process| {
            process.group == agent
                || process.session == agent
                || seen.family.known.contains(&(process.pid, process.started))
        })
        .map(|process| process.pid)
        .collect();
    processes::descendants(all, &mut found);
    let is_hosts =
        |process: &Process| seen.family.is_below && (process.pid == agent || process.parent == agent);
    let members: Vec<&Process> = found
        .iter()
        .filter_map(|pid| all.get(pid))
        .filter(|process| !process.is_over && !is_hosts(process))
        .collect();
    let memory_bytes = members.iter().map(|process| process.memory_bytes).sum();
    seen.peak_memory_bytes = seen.peak_memory_bytes.max(memory_bytes);
    seen.looks += 1;
    if seen.family.known.len() < KNOWN_LIMIT {
        seen.family.known.extend(members.iter().map(|process| (process.pid, process.started)));
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_when_its_parent_is_gone() {
        let process = |pid, parent, is_over| Process {
            pid,
            parent,
            group: pid,
            session: pid,
            started: 5,
            is_over,
            name: String::new(),
            cpu_ms: 0,
            memory_bytes: 10,
        };
        let mut seen = Seen { family: Family { agent: (1, 5), ..Family::default() }, ..Seen::default() };
        let list = |processes: &[Process]| processes.iter().map(|one| (one.pid, one.clone())).collect();
        look(&mut seen, &list(&[process(1, 9, false), process(2, 1, false), process(7, 9, false)]));
        assert_eq!((seen.peak_memory_bytes, seen.looks), (20, 1));
        // The parent is over, the child was adopted by somebody, and has a child of its own.
        look(&mut seen, &list(&[process(1, 9, true), process(2, 8, false), process(3, 2, false)]));
        let known: Vec<_> = seen.family.known.iter().map(|(pid, _)| *pid).collect();
        assert_eq!(known, [1, 2, 3]);
    }
}
