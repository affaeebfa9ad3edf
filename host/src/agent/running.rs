//! An agent's process in its surroundings: a process group of the machine, or a namespace of the run's own. Both are
//! started, waited for, signalled and swept clean in the same way.

use std::io::{PipeReader, PipeWriter, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

use super::cgroup::{GroupUsed, TurnGroup};
use super::in_group;
#[cfg(target_os = "linux")]
use super::namespace::Namespace;
use super::processes;
use super::sampler::Watch;
use super::spawn::Command;
use super::strays::{Stray, end_strays};

/// After a polite signal, how long an agent may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);

/// What a pipe takes at once, whoever reads it.
const PIPE_BYTES: usize = 60 * 1024;

/// Where agents run.
#[derive(Debug)]
pub enum Surroundings {
    /// A process group of the machine.
    Group,
    /// A namespace of the run's own.
    #[cfg(target_os = "linux")]
    Full(Box<Namespace>),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) exit: Option<i32>,
    pub(super) signal: Option<i32>,
}

/// What the processes of one turn used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Processor time of the agent, all it waited for, and what was left behind.
    pub cpu_ms: u64,
    /// Bytes given to write calls, by the agent and all it waited for.
    pub bytes_written: u64,
    /// Processes and threads started, where that is known.
    pub tasks_started: Option<u64>,
    /// Different processes seen, the agent among them.
    pub processes_seen: u64,
    /// The largest sum of resident memory of all its processes at one look.
    pub peak_memory_bytes: u64,
    /// How many looks there were.
    pub looks: u32,
    /// What the kernel counted of all of them together, where they had a group.
    pub cgroup: Option<GroupUsed>,
}

/// A running agent.
pub(super) struct Running<'a> {
    pub(super) stdout: Option<Receiver>,
    pub(super) stderr: Option<Receiver>,
    /// The other end of its standard input, where that stays open.
    pub(super) stdin: Option<PipeWriter>,
    watch: Option<Watch>,
    cgroup: Option<Arc<TurnGroup>>,
    place: Where<'a>,
}

/// Signals a running agent.
#[derive(Clone, Debug)]
pub(super) enum Signals {
    Group(Option<Pid>),
    #[cfg(target_os = "linux")]
    Full(super::namespace::Signals),
}

impl Signals {
    /// To its process group.
    pub(super) fn send(&self, signal: Signal) {
        match self {
            Self::Group(group) => {
                let _ = group.map(|group| kill_process_group(group, signal));
            }
            #[cfg(target_os = "linux")]
            Self::Full(signals) => signals.send(signal, false),
        }
    }

    /// To the agent alone, not to what it started.
    pub(super) fn send_alone(&self, signal: Signal) {
        match self {
            Self::Group(group) => {
                let _ = group.map(|agent| kill_process(agent, signal));
            }
            #[cfg(target_os = "linux")]
            Self::Full(signals) => signals.send(signal, true),
        }
    }
}

enum Where<'a> {
    Group {
        child: Box<tokio::process::Child>,
        group: Option<Pid>,
        used: Used,
    },
    #[cfg(target_os = "linux")]
    Full(&'a mut Namespace),
    #[cfg(not(target_os = "linux"))]
    Never(&'a std::convert::Infallible),
}

impl<'a> Running<'a> {
    /// Starts it; an error says why it can't be.
    pub(super) async fn start(command: &Command, surroundings: &'a mut Surroundings) -> Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        let (stdout, stdout_end) = std::io::pipe().map_err(text)?;
        let (stderr, stderr_end) = std::io::pipe().map_err(text)?;
        let (stdin_end, stdin) = match command.keeps_stdin_open {
            false => (stdin(&command.stdin).map_err(text)?, None),
            true => {
                let (reader, mut writer) = std::io::pipe().map_err(text)?;
                let bytes = command.stdin.get(..PIPE_BYTES).unwrap_or(&command.stdin);
                writer.write_all(bytes).map_err(text)?;
                (reader.into(), Some(writer))
            }
        };
        let ends = [stdin_end, stdout_end.into(), stderr_end.into()];
        let receiver = |pipe: PipeReader| Receiver::from_owned_fd(pipe.into()).map_err(text);
        let (stdout, stderr) = (Some(receiver(stdout)?), Some(receiver(stderr)?));
        let (place, watch) = match surroundings {
            Surroundings::Group => {
                let (child, group, watch) = in_group::start(command, ends).await.map_err(text)?;
                (Where::Group { child: Box::new(child), group, used: Used::default() }, Some(watch))
            }
            #[cfg(target_os = "linux")]
            Surroundings::Full(namespace) => {
                let watch = namespace.outer().map(|outer| Watch::below(outer, &command.marker));
                namespace.start_agent(command, ends).await?;
                (Where::Full(namespace), watch)
            }
        };
        Ok(Self { stdout, stderr, stdin, watch, cgroup: command.cgroup.clone(), place })
    }

    /// Waits for its end.
    pub(super) async fn wait(&mut self) -> Status {
        match &mut self.place {
            Where::Group { child, group, used } => in_group::wait(child, *group, used).await,
            #[cfg(target_os = "linux")]
            Where::Full(namespace) => match namespace.ended().await {
                Some((exit, signal)) => Status { exit, signal },
                // Whatever ended the whole place ended the agent.
                None => Status { exit: None, signal: Some(Signal::KILL.as_raw()) },
            },
            #[cfg(not(target_os = "linux"))]
            Where::Never(never) => match **never {},
        }
    }

    /// A way to signal it while somebody waits for its end.
    pub(super) fn signals(&self) -> Signals {
        match &self.place {
            Where::Group { group, .. } => Signals::Group(*group),
            #[cfg(target_os = "linux")]
            Where::Full(namespace) => Signals::Full(namespace.signals()),
            #[cfg(not(target_os = "linux"))]
            Where::Never(never) => match **never {},
        }
    }

    /// Ends its group: politely, then not.
    pub(super) async fn end(&mut self) -> Status {
        self.signals().send(Signal::TERM);
        if let Ok(status) = timeout(GRACE, self.wait()).await {
            return status;
        }
        self.signals().send(Signal::KILL);
        self.wait().await
    }

    /// Ends what it left behind; tells what that was, and what everything used. The agent ended at `over`.
    pub(super) async fn sweep(mut self, over: Instant) -> (Vec<Stray>, Used) {
        let cgroup = self.cgroup.take();
        let members = cgroup.as_ref().map(|cgroup| cgroup.members()).unwrap_or_default();
        let (left, used) = self.sweep_processes(&members, over).await;
        let ending = tokio::task::spawn_blocking(move || {
            let cgroup = cgroup?;
            let used = cgroup.used();
            // Whoever is still in it was told as one that remains, or is on its way out.
            cgroup.end();
            Some(used)
        });
        (left, Used { cgroup: ending.await.unwrap_or_default(), ..used })
    }

    /// `members` are those of its group, where it has one.
    async fn sweep_processes(self, members: &[i32], over: Instant) -> (Vec<Stray>, Used) {
        let mut seen = self.watch.as_ref().map(Watch::seen).unwrap_or_default();
        let known = members.iter().filter_map(|pid| Some((*pid, processes::process(*pid)?.started)));
        seen.family.known.extend(known);
        let sampled = Used {
            peak_memory_bytes: seen.peak_memory_bytes,
            looks: seen.looks,
            processes_seen: seen.family.known.len() as u64,
            ..Used::default()
        };
        match self.place {
            Where::Group { group, used, .. } => {
                let family = seen.family;
                let ending = tokio::task::spawn_blocking(move || end_strays(&family, seen.is_alone, over));
                let (left, left_cpu_ms) = ending.await.unwrap_or_default();
                drop(self.watch);
                if let Some(group) = group {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                let cpu_ms = used.cpu_ms + left_cpu_ms;
                (left, Used { cpu_ms, bytes_written: used.bytes_written, ..sampled })
            }
            #[cfg(target_os = "linux")]
            Where::Full(namespace) => {
                let swept = namespace.sweep().await;
                let used = Used {
                    cpu_ms: swept.cpu_ms,
                    bytes_written: swept.bytes_written,
                    tasks_started: Some(swept.tasks_started),
                    ..sampled
                };
                (swept.left, used)
            }
            #[cfg(not(target_os = "linux"))]
            Where::Never(never) => match *never {},
        }
    }
}

/// Standard input with these bytes: a file without a name, so that no agent waits for a pipe to be closed.
fn stdin(bytes: &[u8]) -> std::io::Result<OwnedFd> {
    use std::io::{Seek as _, Write as _};
    if bytes.is_empty() {
        return Ok(std::fs::File::open("/dev/null")?.into());
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}
