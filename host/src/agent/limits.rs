//! What an agent may use at most, where a scenario says so: limits of the kernel, which every process it starts
//! inherits.
//!
//! They are put on the agent in the moment it has been started.

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde::{Deserialize, Serialize};

/// Limits of each process (setrlimit(2)); none where absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds of processor time; beyond them the kernel sends SIGXCPU.
    pub cpu_seconds: Option<u64>,
    /// Bytes of address space. Programs on V8 reserve far more than they use.
    pub memory_bytes: Option<u64>,
    /// Bytes of one file; beyond them the kernel sends SIGXFSZ.
    pub file_bytes: Option<u64>,
    /// Open files of a process.
    pub open_files: Option<u64>,
    /// Processes and threads of the user.
    pub processes: Option<u64>,
}

impl Limits {
    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Puts them on a process that has just been started. What the system does not allow stays as it was: a limit can
    /// always be lowered.
    pub(super) fn put_on(&self, pid: i32) {
        let Some(pid) = Pid::from_raw(pid) else { return };
        for (resource, limit) in [
            (Resource::Cpu, self.cpu_seconds),
            (Resource::As, self.memory_bytes),
            (Resource::Fsize, self.file_bytes),
            (Resource::Nofile, self.open_files),
            (Resource::Nproc, self.processes),
        ] {
            if limit.is_some() {
                let _ = prlimit(Some(pid), resource, Rlimit { current: limit, maximum: limit });
            }
        }
    }
}
