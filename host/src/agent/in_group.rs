//! An agent in a process group of the machine, without a namespace: its start and its end.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::process::Child;

use super::cgroup::Gate;
use super::processes;
use super::running::{Status, Used};
use super::sampler::Watch;
use super::spawn::Command;

/// Starts it; gives also its group and who looks at its processes.
pub(super) async fn start(
    command: &Command,
    [stdin, stdout, stderr]: [OwnedFd; 3],
) -> std::io::Result<(Child, Option<Pid>, Watch)> {
    let gate = command.cgroup.as_deref().map(|cgroup| Ok::<_, std::io::Error>((Gate::open()?, cgroup)));
    let gate = gate.transpose()?;
    let mut process = match &gate {
        Some((gate, cgroup)) => gate.command(cgroup, &command.program),
        None => tokio::process::Command::new(&command.program),
    };
    let child = process
        .args(&command.arguments)
        .env_clear()
        .envs(&command.environment)
        .current_dir(&command.directory)
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr))
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let number = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some((gate, _)) = gate {
        gate.passed().await?;
    }
    if let Some(number) = number {
        command.limits.put_on(number);
    }
    // Without a number, one that no process has.
    let watch = Watch::start(number.unwrap_or(i32::MAX), &command.marker, &command.folder);
    let group = number.and_then(Pid::from_raw);
    Ok((child, group, watch))
}

/// Waits for its end, and notes what it and all it waited for had used: the kernel still says so between the end of a
/// process and its reaping.
pub(super) async fn wait(child: &mut Child, group: Option<Pid>, used: &mut Used) -> Status {
    if let Some(pid) = group {
        let at_end = tokio::task::spawn_blocking(move || used_at_end(pid)).await.unwrap_or_default();
        (used.cpu_ms, used.bytes_written) = at_end;
    }
    let status = child.wait().await.ok();
    Status {
        exit: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
    }
}

/// Blocks until a child has ended, and leaves it to be reaped.
fn used_at_end(pid: Pid) -> (u64, u64) {
    while let Err(rustix::io::Errno::INTR) =
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
    {}
    let number = pid.as_raw_nonzero().get();
    let cpu_ms = processes::process(number).map_or(0, |process| process.cpu_ms);
    (cpu_ms, processes::bytes_written(number))
}
