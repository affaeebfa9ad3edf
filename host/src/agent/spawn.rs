//! One agent process from start to end: bounded output, bounded time. Where it runs is in `running`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::capture::{Captured, capture};
use super::cgroup::TurnGroup;
use super::interruption::{self, Action, Interrupted, Interruption};
use super::limits::Limits;
use super::running::{Running, Surroundings, Used};
use super::silence::{self, Connections, Patience, Silence, TellSlow};
use super::strays::Stray;
use crate::document::EndCause;

/// Bytes kept of each stream; the rest is counted.
pub const OUTPUT_KEPT_BYTES: usize = 8 * 1024 * 1024;

/// An agent that writes more than this to one stream is ended: it is stuck, and would fill the disk.
pub const OUTPUT_END_BYTES: u64 = 64 * 1024 * 1024;

/// After the agent's end, how long its output may take to close before strays are ended. Whatever the agent itself
/// wrote is in the pipe by then; only a stray can still hold it open.
const DRAIN: Duration = Duration::from_millis(100);

/// What to start.
#[derive(Clone, Debug)]
pub struct Command {
    /// Absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// Its working directory.
    pub directory: PathBuf,
    /// The run's marker, which is in the environment too.
    pub marker: String,
    /// The run's folder: a process that works below it is of the run.
    pub folder: PathBuf,
    /// When it is ended.
    pub deadline: Instant,
    /// What stands in its standard input; empty: nothing, it is at its end at once.
    pub stdin: Vec<u8>,
    /// Whether its standard input stays open until it is closed by an interrupt.
    pub keeps_stdin_open: bool,
    /// What it may use at most.
    pub limits: Limits,
    /// Where all of its processes are counted and limited together; absent: nowhere.
    pub cgroup: Option<Arc<TurnGroup>>,
}

/// What is watched for while it runs.
#[derive(Default)]
pub struct Watching {
    /// How long it may be silent.
    pub patience: Patience,
    /// Who is told that it has been silent for a while.
    pub slow: Option<TellSlow>,
    /// How many connections to the server are open.
    pub connections: Option<Connections>,
    /// An interrupt that is planned.
    pub interruption: Option<Interruption>,
    /// Is ready when it has passed a budget.
    pub exhausted: Option<Exhausted>,
    /// Who is told what it writes to its standard output, as it comes.
    pub printed: Option<Printed>,
}

/// Waits until something is used up.
pub type Exhausted = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes output as it comes.
pub type Printed = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Set to true to end every agent.
pub type Stop = watch::Receiver<bool>;

/// How it ended and what it wrote.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// Why.
    pub cause: EndCause,
    /// Exit code.
    pub exit: Option<i32>,
    /// Signal number.
    pub signal: Option<i32>,
    /// Kept part of standard output, and bytes in all.
    pub stdout: (Vec<u8>, u64),
    /// Kept part of standard error, and bytes in all.
    pub stderr: (Vec<u8>, u64),
    /// From start to end.
    pub duration: Duration,
    /// What was left behind, and was ended then.
    pub left: Vec<Stray>,
    /// What its processes used.
    pub used: Used,
    /// How long it was silent.
    pub silence: Silence,
    /// What became of the interrupt that was planned.
    pub interrupted: Interrupted,
    /// Why it could not be started.
    pub not_started: Option<String>,
}

/// Runs it to its end; always returns, with everything it started ended too.
pub async fn run(
    command: &Command,
    surroundings: &mut Surroundings,
    mut watching: Watching,
    mut stop: Stop,
) -> Ended {
    let started = Instant::now();
    let mut running = match Running::start(command, surroundings).await {
        Ok(running) => running,
        Err(reason) => {
            let not_started = Some(format!("`{}` could not be started: {reason}", command.program.display()));
            return Ended { cause: EndCause::NotStarted, not_started, ..Ended::default() };
        }
    };

    let (flooded, mut flood) = mpsc::channel(2);
    let out = Arc::new(Mutex::new(Captured::default()));
    let err = Arc::new(Mutex::new(Captured::default()));
    let mut readers = tokio::task::JoinSet::new();
    let printed = watching.printed.take();
    for (stream, captured, printed) in
        [(running.stdout.take(), &out, printed), (running.stderr.take(), &err, None)]
    {
        let (captured, flooded) = (Arc::clone(captured), flooded.clone());
        if let Some(stream) = stream {
            readers.spawn(async move {
                let limits = (OUTPUT_KEPT_BYTES, OUTPUT_END_BYTES);
                capture(stream, &captured, limits, flooded, printed).await;
            });
        }
    }

    let signals = running.signals();
    let mut stdin = running.stdin.take();
    let mut exhausted = watching.exhausted.take().unwrap_or_else(|| Box::pin(std::future::pending()));
    let silence = Mutex::new(Silence::default());
    let mut interrupted = Interrupted::default();
    let (action, within) = watching
        .interruption
        .as_ref()
        .map_or((None, Duration::MAX), |interruption| (Some(interruption.action), interruption.within));
    let (cause, waited) = {
        let mut ended = std::pin::pin!(running.wait());
        let streams = [Arc::clone(&out), Arc::clone(&err)];
        let (connections, slow) = (watching.connections.clone(), watching.slow.clone());
        let silent =
            silence::watch(streams, watching.patience, command.deadline, connections, slow, &silence);
        let mut silent = std::pin::pin!(silent);
        let mut due = std::pin::pin!(interruption::is_due(watching.interruption.as_mut(), &out));
        let mut window_ends = command.deadline;
        loop {
            tokio::select! {
                waited = &mut ended => break (EndCause::Exited, Some(waited)),
                () = tokio::time::sleep_until(window_ends.into()) => break (EndCause::Timeout, None),
                Some(()) = flood.recv() => break (EndCause::OutputLimit, None),
                () = stopped(&mut stop) => break (EndCause::Interrupted, None),
                () = &mut exhausted => break (EndCause::BudgetExhausted, None),
                () = &mut silent => break (EndCause::Stalled, None),
                () = &mut due, if !interrupted.sent => {
                    interrupted.sent = true;
                    match action {
                        Some(Action::Signal(signal)) => signals.send_alone(signal),
                        Some(Action::SignalGroup(signal)) => signals.send(signal),
                        Some(Action::CloseStdin) => drop(stdin.take()),
                        None => {}
                    }
                    window_ends = Instant::now().checked_add(within).unwrap_or(window_ends).min(window_ends);
                }
            }
        }
    };
    interrupted.ended = interrupted.sent && waited.is_some();
    drop(stdin);
    let is_ended_by_host = waited.is_none();
    let status = match waited {
        Some(waited) => waited,
        None => running.end().await,
    };
    let mut over = Instant::now();
    let duration = started.elapsed();

    let mut all_read = Box::pin(std::mem::take(&mut readers).join_all());
    let closed = timeout(DRAIN, &mut all_read).await.is_ok();
    // What is in the group of an agent that had to be ended is ended with it; what is elsewhere was left behind.
    if is_ended_by_host {
        signals.send(Signal::KILL);
        // What was killed just now may still be on its way out.
        over = Instant::now();
    }
    let (left, used) = running.sweep(over).await;
    if !closed {
        let _ = timeout(DRAIN, &mut all_read).await;
    }
    drop(all_read);

    Ended {
        cause: if cause == EndCause::Exited && status.signal.is_some() { EndCause::Signal } else { cause },
        exit: status.exit,
        signal: status.signal,
        stdout: taken(&out),
        stderr: taken(&err),
        duration,
        left,
        used,
        silence: silence.into_inner().unwrap_or_else(PoisonError::into_inner),
        interrupted,
        not_started: None,
    }
}

async fn stopped(stop: &mut Stop) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could stop it.
        std::future::pending::<()>().await;
    }
}

fn taken(captured: &Mutex<Captured>) -> (Vec<u8>, u64) {
    let captured = std::mem::take(&mut *captured.lock().unwrap_or_else(PoisonError::into_inner));
    (captured.kept, captured.bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn shell(script: &str, limit: Duration) -> Command {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let marker = format!("wassert-spawn-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Command {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: BTreeMap::from([
                ("PATH".into(), "/usr/bin:/bin".into()),
                (super::super::root::MARKER_VARIABLE.into(), marker.clone().into()),
            ]),
            directory: "/".into(),
            marker,
            folder: PathBuf::new(),
            deadline: Instant::now() + limit,
            stdin: Vec::new(),
            keeps_stdin_open: false,
            limits: Limits::default(),
            cgroup: None,
        }
    }

    async fn ended(script: &str, limit: Duration) -> Ended {
        let (_sender, stop) = watch::channel(false);
        run(&shell(script, limit), &mut Surroundings::Group, Watching::default(), stop).await
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn both_streams_and_the_exit_code_are_kept() {
        let ended = ended("echo out; echo err >&2; exit 3", LONG).await;
        assert_eq!((ended.cause, ended.exit), (EndCause::Exited, Some(3)));
        assert_eq!((ended.stdout, ended.stderr), ((b"out\n".to_vec(), 4), (b"err\n".to_vec(), 4)));
    }

    #[tokio::test]
    async fn standard_input_is_at_its_end() {
        assert_eq!(ended("cat; echo end", LONG).await.stdout.0, b"end\n");
    }

    #[tokio::test]
    async fn a_piped_prompt_is_read_to_its_end() {
        let (_sender, stop) = watch::channel(false);
        let command = Command { stdin: b"say hi".to_vec(), ..shell("cat; echo .", LONG) };
        assert_eq!(
            run(&command, &mut Surroundings::Group, Watching::default(), stop).await.stdout.0,
            b"say hi.\n"
        );
    }

    #[tokio::test]
    async fn a_grandchild_that_holds_the_output_open_does_not_hold_the_run() {
        let ended = ended("setsid sleep 1000 & echo done", LONG).await;
        assert_eq!((ended.cause, ended.stdout.0), (EndCause::Exited, b"done\n".to_vec()));
        assert_eq!(ended.left.iter().map(|left| left.command.as_str()).collect::<Vec<_>>(), ["sleep 1000"]);
    }

    #[tokio::test]
    async fn what_starts_others_for_ever_is_ended_too() {
        let ended = ended("(while :; do sleep 0.01; done) >/dev/null 2>&1 & echo done", LONG).await;
        // What it has just started may still look like itself.
        assert!(ended.left.iter().any(|left| left.name == "sh"), "{:?}", ended.left);
        assert!(ended.left.iter().all(|left| left.end != crate::document::ProcessEnd::Remains));
    }

    #[tokio::test]
    async fn what_cleared_its_environment_is_left_behind_too() {
        let ended = ended("env -i PATH=$PATH sleep 1001 >/dev/null 2>&1 & echo done", LONG).await;
        assert_eq!(ended.left.iter().map(|left| left.command.as_str()).collect::<Vec<_>>(), ["sleep 1001"]);
        assert!(ended.stdout.0 == b"done\n");
    }

    #[tokio::test]
    async fn processor_time_is_told_with_that_of_children() {
        let busy = "n=0; while [ $n -lt 200000 ]; do n=$((n+1)); done";
        let ended = ended(&format!("sh -c '{busy}'; sleep 0.1"), LONG).await;
        let used = ended.used;
        assert!(used.cpu_ms >= 10 && used.bytes_written == 0, "{used:?}");
        assert!(used.looks >= 1 && used.peak_memory_bytes > 100_000 && used.processes_seen >= 1, "{used:?}");
    }

    #[tokio::test]
    async fn the_time_limit_ends_the_whole_group() {
        let ended =
            ended("trap '' TERM; sleep 1000 & while :; do sleep 1000; done", Duration::from_millis(50)).await;
        assert_eq!((ended.cause, ended.signal), (EndCause::Timeout, Some(9)));
    }

    #[tokio::test]
    async fn a_flood_ends_the_agent_and_only_its_beginning_is_kept() {
        let ended = ended("yes flood", LONG).await;
        assert_eq!(ended.cause, EndCause::OutputLimit);
        assert_eq!(ended.stdout.0.len(), OUTPUT_KEPT_BYTES);
        assert!(ended.stdout.1 > OUTPUT_END_BYTES);
    }

    #[tokio::test]
    async fn a_signal_from_elsewhere_is_told_from_an_exit() {
        let ended = ended("kill -9 $$", LONG).await;
        assert_eq!((ended.cause, ended.exit, ended.signal), (EndCause::Signal, None, Some(9)));
    }

    #[tokio::test]
    async fn an_interrupt_ends_it() {
        let (sender, stop) = watch::channel(false);
        let command = shell("sleep 1000", LONG);
        let mut surroundings = Surroundings::Group;
        let running = run(&command, &mut surroundings, Watching::default(), stop);
        sender.send(true).unwrap();
        assert_eq!(running.await.cause, EndCause::Interrupted);
    }

    #[tokio::test]
    async fn a_program_that_is_no_program_was_not_started() {
        let (_sender, stop) = watch::channel(false);
        let mut command = shell("", LONG);
        command.program = "/etc/passwd".into();
        let ended = run(&command, &mut Surroundings::Group, Watching::default(), stop).await;
        assert_eq!(ended.cause, EndCause::NotStarted);
        assert!(ended.not_started.unwrap().contains("/etc/passwd"));
    }
}
