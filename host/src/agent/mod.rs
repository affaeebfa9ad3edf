//! Everything that touches the agent's processes and files: finding its program, giving it a home and a workspace of
//! its own, starting it, ending it with all it started, and reading what it left behind.
//!
//! What is known of a particular agent is not here but in `profile/`. Isolation is at level `group`: an own process
//! group, a marker in the environment by which strays are found, no namespaces.

mod capture;
mod egress;
mod git;
mod identity;
mod launching;
mod locate;
mod outside;
mod processes;
mod root;
mod sampler;
mod snapshot;
mod spawn;
mod strays;
mod transcript;
mod workspace;

#[cfg(test)]
mod start_tests;

pub use egress::DenyProxy;
pub use git::{Baseline, GitError};
pub use identity::{Identity, identify};
pub use launching::{Launching, LaunchingChanges, LaunchingWatch};
pub use locate::{LocateError, Overrides, locate};
pub use outside::look_outside;
pub use root::{Root, environment};
pub use snapshot::{Snapshot, compare, snapshot};
pub use spawn::{Command, Ended, OUTPUT_END_BYTES, OUTPUT_KEPT_BYTES, Stop, run};
pub use strays::{Stray, adopt_orphans};
pub use transcript::{Transcript, read_transcript, usage_since};
pub use workspace::{WorkspaceError, populate};
