//! The first process of a namespace: makes the place, starts agents there one after the other, passes signals on,
//! reaps, and takes everything with it when it ends.
//!
//! It ends when the supervisor's end of the socket is closed, for whatever reason, and with it the kernel ends every
//! process of the namespace. It trusts no agent: it has neither capabilities nor open files that one could take over.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, kill_process_group,
    set_dumpable_behavior, set_parent_process_death_signal, setsid, waitid, waitpid,
};
use rustix::thread::{CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities};

use super::message::{Order, Plan, Refusal, Report, Start, Swept, receive, send};
use super::{mounts, network};
use crate::agent::cgroup::TurnGroup;
use crate::agent::processes::{self, Process};
use crate::agent::strays::end_strays_of;

/// What the threads share.
struct Shared {
    socket: Mutex<UnixStream>,
    turn: Mutex<Turn>,
    started: Condvar,
}

/// The agent that runs, and what was reaped so far.
#[derive(Default)]
struct Turn {
    agent: Option<i32>,
    /// Whether anything was ever started that may have to be reaped.
    is_begun: bool,
    cpu_ms: u64,
    bytes_written: u64,
    first_number: u64,
    over: Option<Instant>,
}

pub(super) fn main(socket: UnixStream) -> u8 {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // Without a session of its own it would have the supervisor's terminal, and so would the agent.
    let _ = setsid();
    let Ok(Some((Order::Prepare(plan), _))) = receive(&socket) else { return 1 };
    match prepare(&plan) {
        Ok(sockets) => {
            let beside: Vec<BorrowedFd<'_>> = sockets.iter().map(|socket| socket.as_fd()).collect();
            if send(&socket, &Report::Ready, &beside).is_err() {
                return 1;
            }
        }
        Err(refusal) => {
            let _ = send(&socket, &Report::Refused(refusal), &[]);
            return 1;
        }
    }
    serve(socket)
}

fn prepare(plan: &Plan) -> Result<Vec<OwnedFd>, Refusal> {
    use super::enter::at;
    let sockets = if plan.own_network { network::prepare()? } else { Vec::new() };
    mounts::enter_root(plan)?;
    rustix::system::sethostname(b"wassert").map_err(at("name the machine"))?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    clear_ambient_capability_set().map_err(at("give up capabilities"))?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(at("give up capabilities"))?;
    // Agents run as the same user and must neither trace this process nor read its memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(at("close the first process"))?;
    Ok(sockets)
}

fn serve(socket: UnixStream) -> u8 {
    let Ok(writer) = socket.try_clone() else { return 1 };
    let shared = Arc::new(Shared {
        socket: Mutex::new(writer),
        turn: Mutex::new(Turn::default()),
        started: Condvar::new(),
    });
    let reaping = Arc::clone(&shared);
    if std::thread::Builder::new().name("reaper".to_owned()).spawn(move || reap_for_ever(&reaping)).is_err() {
        return 1;
    }
    // The end of the socket, whatever its reason, is the end of everything here.
    while let Ok(Some((order, beside))) = receive::<Order>(&socket) {
        let report = match order {
            Order::Prepare(_) => None,
            Order::Start(start) => {
                start_agent(&shared, &start, beside).err().map(|error| Report::NotStarted(error.to_string()))
            }
            Order::Signal { number, alone } => {
                signal_agent(&shared, number, alone);
                None
            }
            Order::Sweep => Some(Report::Swept(sweep(&shared))),
        };
        if let Some(report) = report
            && tell(&shared, &report).is_err()
        {
            return 1;
        }
    }
    0
}

fn tell(shared: &Shared, report: &Report) -> std::io::Result<()> {
    send(&locked(&shared.socket), report, &[])
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the agent, and tells that. Nothing is reaped meanwhile: the standard library waits for a child that could not
/// be executed, and the end of an agent must not be told before its start.
fn start_agent(shared: &Shared, start: &Start, beside: Vec<OwnedFd>) -> std::io::Result<()> {
    let mut beside = beside.into_iter();
    let (Some(stdin), Some(stdout), Some(stderr)) = (beside.next(), beside.next(), beside.next()) else {
        return Err(std::io::Error::other("standard input, output and error are missing"));
    };
    let doors = beside.next().zip(beside.next());
    let mut turn = locked(&shared.turn);
    let first_number = last_number();
    // What it starts is where it is; so it goes in itself, and comes back.
    if let Some((into, _)) = &doors {
        TurnGroup::go(into)?;
    }
    let child = Command::new(&start.program)
        .args(&start.arguments)
        .env_clear()
        .envs(start.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&start.directory)
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr))
        .process_group(0)
        .spawn();
    if let Some((_, back)) = &doors {
        TurnGroup::go(back)?;
    }
    let child = child?;
    let agent = i32::try_from(child.id()).unwrap_or(i32::MAX);
    start.limits.put_on(agent);
    *turn = Turn { agent: Some(agent), is_begun: true, first_number, ..Turn::default() };
    let told = tell(shared, &Report::Started);
    drop(turn);
    shared.started.notify_one();
    told
}

fn signal_agent(shared: &Shared, number: i32, alone: bool) {
    let agent = locked(&shared.turn).agent.and_then(Pid::from_raw);
    let (Some(agent), Some(signal)) = (agent, Signal::from_named_raw(number)) else { return };
    let _ = if alone { kill_process(agent, signal) } else { kill_process_group(agent, signal) };
}

/// Reaps everything, the agent and orphans alike, and tells when the agent has ended.
fn reap_for_ever(shared: &Shared) {
    loop {
        match waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(rustix::io::Errno::CHILD) => {
                let turn = locked(&shared.turn);
                let mut turn = shared
                    .started
                    .wait_while(turn, |turn| !turn.is_begun)
                    .unwrap_or_else(PoisonError::into_inner);
                // Told again by the next start.
                turn.is_begun = false;
            }
            Err(_) => {}
            Ok(_) => reap(shared),
        }
    }
}

fn reap(shared: &Shared) {
    let mut turn = locked(&shared.turn);
    for process in processes::all().values().filter(|process| process.is_over && process.parent == 1) {
        turn.cpu_ms += process.cpu_ms;
        turn.bytes_written += processes::bytes_written(process.pid);
        let Ok(Some((_, status))) = waitpid(processes::as_pid(process), WaitOptions::NOHANG) else {
            continue;
        };
        if turn.agent == Some(process.pid) {
            turn.over = Some(Instant::now());
            let report = Report::Ended { exit: status.exit_status(), signal: status.terminating_signal() };
            let _ = tell(shared, &report);
        }
    }
}

fn sweep(shared: &Shared) -> Swept {
    let over = locked(&shared.turn).over.unwrap_or_else(Instant::now);
    let left = end_strays_of(living, over);
    let turn = locked(&shared.turn);
    Swept {
        left,
        cpu_ms: turn.cpu_ms,
        bytes_written: turn.bytes_written,
        tasks_started: last_number().saturating_sub(turn.first_number),
    }
}

/// Every process but this one.
fn living() -> Vec<Process> {
    processes::all().into_values().filter(|process| process.pid != 1 && !process.is_over).collect()
}

/// The last number the kernel gave to a process or thread of this namespace (proc_loadavg(5)).
fn last_number() -> u64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next_back().and_then(|word| word.parse().ok()).unwrap_or(0)
}
