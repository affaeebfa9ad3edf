//! Starting an agent inside its group without a namespace: this program is started once more, goes into the group, and
//! becomes the agent (execve(2)), so that not even its first process is outside.
//!
//! Whether it became the agent is told over a socket that is closed by exactly that; a refusal is a line on it.

use std::io::Write as _;
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
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    };
    let _ = gate.write_all(refusal.to_string().as_bytes());
    1
}
