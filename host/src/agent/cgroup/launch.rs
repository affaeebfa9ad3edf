//! Starting an agent inside its group without a namespace: this program is started once more, goes into the group, and
//! becomes the agent (execve(2)), so that not even its first process is outside.
//!
//! Whether it became the agent is told over a socket that is closed by exactly that; a refusal is a line on it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixListener;
use tokio::time::timeout;

use super::{TurnGroup, put};

/// The argument of `enter` for this.
pub const INTO_GROUP: &str = "into-group";

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of a refusal that are read.
const REFUSAL_LIMIT_BYTES: u64 = 4096;

/// Where a starting agent says what became of it.
#[derive(Debug)]
pub struct Gate {
    folder: tempfile::TempDir,
    listener: UnixListener,
}

impl Gate {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn open() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("wassert-gate-").tempdir()?;
        let listener = UnixListener::bind(folder.path().join("gate"))?;
        Ok(Self { folder, listener })
    }

    /// What starts a program in a group; arguments follow.
    pub fn command(&self, group: &TurnGroup, program: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new("/proc/self/exe");
        command.args(["enter", INTO_GROUP]);
        command.arg(self.folder.path().join("gate")).arg(group.folder()).arg(program);
        command
    }

    /// Waits until it is the agent.
    ///
    /// # Errors
    /// Why it could not become that.
    pub async fn passed(self) -> std::io::Result<()> {
        let told = timeout(PATIENCE, async {
            let (stream, _) = self.listener.accept().await?;
            let mut refusal = String::new();
            stream.take(REFUSAL_LIMIT_BYTES).read_to_string(&mut refusal).await?;
            Ok::<_, std::io::Error>(refusal)
        });
        match told.await {
            Ok(Ok(refusal)) if refusal.is_empty() => Ok(()),
            Ok(Ok(refusal)) => Err(std::io::Error::other(refusal)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(std::io::Error::other("it did not get into its group in time")),
        }
    }
}

/// `enter into-group GATE GROUP PROGRAM ARGUMENTS…`; returns only when it did not become the program.
pub fn main(arguments: &[String]) -> u8 {
    let [gate, group, program, arguments @ ..] = arguments else { return 1 };
    let Ok(mut gate) = UnixStream::connect(gate) else { return 1 };
    let refusal = match put(Path::new(group), "cgroup.procs", "0") {
        Ok(()) if is_for_another_machine(Path::new(program)) => {
            std::io::Error::from(rustix::io::Errno::NOEXEC)
        }
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    };
    let _ = gate.write_all(refusal.to_string().as_bytes());
    1
}

/// Whether the kernel does not know how to execute a file: neither a script that names its interpreter nor a program of
/// this machine. The C library would hand such a file to a shell (execvp(3)), which at other times nobody does.
fn is_for_another_machine(program: &Path) -> bool {
    const I386: &[u8] = &3_u16.to_le_bytes();
    let own = head(Path::new("/proc/self/exe"));
    // One that can't be read can be executed all the same.
    let Some(head) = head(program) else { return false };
    let machine = head.get(MACHINE).filter(|_| head.starts_with(b"\x7fELF"));
    let is_known = machine.is_some() && machine == own.as_deref().and_then(|own| own.get(MACHINE))
        || cfg!(target_arch = "x86_64") && machine == Some(I386);
    !is_known && !head.starts_with(b"#!")
}

/// Where the head of a program says which machine it is for (elf(5)).
const MACHINE: std::ops::Range<usize> = 18..20;

/// The first bytes of a file, up to that.
fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(MACHINE.end as u64).read_to_end(&mut head).ok()?;
    Some(head)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_does_not_execute_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut other = std::fs::read("/proc/self/exe").unwrap()[..64].to_vec();
        // No machine has this number.
        other[18..20].copy_from_slice(&[0xee, 0xee]);
        for (name, bytes, is_refused) in [
            ("words", b"these are words, and many of them\n".to_vec(), true),
            ("word", b"word\n".to_vec(), true),
            ("nothing", Vec::new(), true),
            ("script", b"#!/bin/sh\n".to_vec(), false),
            ("long-script", b"#!/usr/bin/env node\nconsole.log(1)\n".to_vec(), false),
            ("other", other, true),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(is_for_another_machine(&path), is_refused, "{name}");
        }
        assert!(!is_for_another_machine(Path::new("/bin/sh")));
        assert!(!is_for_another_machine(&folder.path().join("gone")), "the system says that better");
    }
}
