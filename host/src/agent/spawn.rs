//! One agent process from start to end: own process group, no standard input, bounded output, bounded time.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::capture::{Captured, capture};
use super::processes;
use super::sampler::Watch;
use super::strays::{Stray, end_strays};
use crate::document::EndCause;

/// Bytes kept of each stream; the rest is counted.
pub const OUTPUT_KEPT_BYTES: usize = 8 * 1024 * 1024;

/// An agent that writes more than this to one stream is ended: it is stuck, and would fill the disk.
pub const OUTPUT_END_BYTES: u64 = 64 * 1024 * 1024;

/// After a polite signal, how long an agent may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);

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
}

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
    /// Processor time of the agent, all it waited for, and what was left behind.
    pub cpu_ms: u64,
    /// The largest sum of resident memory of all its processes at one look.
    pub peak_memory_bytes: u64,
    /// How many looks there were.
    pub looks: u32,
    /// Why it could not be started.
    pub not_started: Option<String>,
}

/// Runs it to its end; always returns, with everything it started ended too.
pub async fn run(command: &Command, mut stop: Stop) -> Ended {
    let started = Instant::now();
    let mut process = tokio::process::Command::new(&command.program);
    process
        .args(&command.arguments)
        .env_clear()
        .envs(&command.environment)
        .current_dir(&command.directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let spawned = stdin(&command.stdin).and_then(|stdin| process.stdin(stdin).spawn());
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let not_started = Some(format!("`{}` could not be started: {error}", command.program.display()));
            return Ended { cause: EndCause::NotStarted, not_started, ..Ended::default() };
        }
    };
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    // Without a number, one that no process has.
    let number = group.map_or(i32::MAX, |group| group.as_raw_nonzero().get());
    let watch = Watch::start(number, &command.marker, &command.folder);

    let (flooded, mut flood) = mpsc::channel(2);
    let out = Arc::new(Mutex::new(Captured::default()));
    let err = Arc::new(Mutex::new(Captured::default()));
    let mut readers = tokio::task::JoinSet::new();
    for (stream, captured) in
        [(child.stdout.take().map(Stream::Out), &out), (child.stderr.take().map(Stream::Err), &err)]
    {
        let (captured, flooded) = (Arc::clone(captured), flooded.clone());
        if let Some(stream) = stream {
            readers.spawn(async move {
                match stream {
                    Stream::Out(pipe) => {
                        capture(pipe, &captured, OUTPUT_KEPT_BYTES, OUTPUT_END_BYTES, flooded).await
                    }
                    Stream::Err(pipe) => {
                        capture(pipe, &captured, OUTPUT_KEPT_BYTES, OUTPUT_END_BYTES, flooded).await
                    }
                }
            });
        }
    }

    let (cause, waited) = tokio::select! {
        waited = wait(&mut child, group) => (EndCause::Exited, Some(waited)),
        () = tokio::time::sleep_until(command.deadline.into()) => (EndCause::Timeout, None),
        Some(()) = flood.recv() => (EndCause::OutputLimit, None),
        () = stopped(&mut stop) => (EndCause::Interrupted, None),
    };
    let is_ended_by_host = waited.is_none();
    let (status, agent_cpu_ms) = match waited {
        Some(waited) => waited,
        None => end(&mut child, group).await,
    };
    let over = Instant::now();
    let duration = started.elapsed();

    let drained = |readers: &mut tokio::task::JoinSet<()>| {
        let readers = std::mem::take(readers);
        async move {
            readers.join_all().await;
        }
    };
    let mut all_read = Box::pin(drained(&mut readers));
    let closed = timeout(DRAIN, &mut all_read).await.is_ok();
    // What is in the group of an agent that had to be ended is ended with it; what is elsewhere was left behind.
    if is_ended_by_host && let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let seen = watch.seen();
    let family = seen.family;
    let ending = tokio::task::spawn_blocking(move || end_strays(&family, seen.is_alone, over));
    let (left, left_cpu_ms) = ending.await.unwrap_or_default();
    drop(watch);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    if !closed {
        let _ = timeout(DRAIN, &mut all_read).await;
    }
    drop(all_read);

    let signal = status.and_then(|status| std::os::unix::process::ExitStatusExt::signal(&status));
    Ended {
        cause: if cause == EndCause::Exited && signal.is_some() { EndCause::Signal } else { cause },
        exit: status.and_then(|status| status.code()),
        signal,
        stdout: taken(&out),
        stderr: taken(&err),
        duration,
        left,
        cpu_ms: agent_cpu_ms + left_cpu_ms,
        peak_memory_bytes: seen.peak_memory_bytes,
        looks: seen.looks,
        not_started: None,
    }
}

/// Standard input with these bytes: a file without a name, so that no agent waits for a pipe to be closed.
fn stdin(bytes: &[u8]) -> std::io::Result<Stdio> {
    use std::io::{Seek as _, Write as _};
    if bytes.is_empty() {
        return Ok(Stdio::null());
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

enum Stream {
    Out(tokio::process::ChildStdout),
    Err(tokio::process::ChildStderr),
}

/// Waits for its end, and tells how it ended and what processor time it and all it waited for had used: the kernel
/// still says so between the end of a process and its reaping.
async fn wait(
    child: &mut tokio::process::Child,
    group: Option<Pid>,
) -> (Option<std::process::ExitStatus>, u64) {
    let cpu_ms = match group {
        Some(pid) => tokio::task::spawn_blocking(move || cpu_ms_at_end(pid)).await.unwrap_or_default(),
        None => 0,
    };
    (child.wait().await.ok(), cpu_ms)
}

/// Blocks until a child has ended, and leaves it to be reaped.
fn cpu_ms_at_end(pid: Pid) -> u64 {
    while let Err(rustix::io::Errno::INTR) =
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
    {}
    processes::process(pid.as_raw_nonzero().get()).map_or(0, |process| process.cpu_ms)
}

/// Ends a process group: politely, then not.
async fn end(
    child: &mut tokio::process::Child,
    group: Option<Pid>,
) -> (Option<std::process::ExitStatus>, u64) {
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::TERM);
    }
    if let Ok(waited) = timeout(GRACE, wait(child, group)).await {
        return waited;
    }
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    wait(child, group).await
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
        }
    }

    async fn ended(script: &str, limit: Duration) -> Ended {
        let (_sender, stop) = watch::channel(false);
        run(&shell(script, limit), stop).await
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
        assert_eq!(run(&command, stop).await.stdout.0, b"say hi.\n");
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
        assert!(ended.cpu_ms >= 10, "{} ms", ended.cpu_ms);
        assert!(ended.looks >= 1 && ended.peak_memory_bytes > 100_000, "{} looks", ended.looks);
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
        let running = run(&command, stop);
        sender.send(true).unwrap();
        assert_eq!(running.await.cause, EndCause::Interrupted);
    }

    #[tokio::test]
    async fn a_program_that_is_no_program_was_not_started() {
        let (_sender, stop) = watch::channel(false);
        let mut command = shell("", LONG);
        command.program = "/etc/passwd".into();
        let ended = run(&command, stop).await;
        assert_eq!(ended.cause, EndCause::NotStarted);
        assert!(ended.not_started.unwrap().contains("/etc/passwd"));
    }
}
