//! Everything that touches the agent's processes and files: finding its program, giving it a home and a workspace of
//! its own, starting it, ending it with all it started, and reading what it left behind.
//!
//! What is known of a particular agent is not here but in `profile/`. Isolation has two levels: `full`, a namespace of
//! the run's own (`namespace/`), and `group`, an own process group and a marker in the environment by which strays are
//! found.

mod capture;
mod cgroup;
mod egress;
mod file_limit;
mod git;
mod identity;
mod in_group;
mod interruption;
mod isolation;
mod launching;
mod limits;
mod locate;
#[cfg(target_os = "linux")]
mod namespace;
mod outside;
mod plain_file;
mod processes;
mod root;
mod running;
mod sampler;
mod shims;
mod silence;
mod snapshot;
mod spawn;
mod strays;
mod transcript;
mod usage;
mod workspace;

#[cfg(test)]
mod start_tests;

pub use cgroup::{GroupUsed, TotalLimits, TurnGroup, probe_groups};
pub use egress::Egress;
pub use file_limit::report_file_limit;
pub use git::{Baseline, Compared, GitError, link_worktrees};
pub use identity::{Identity, identify};
pub use interruption::{Action, Due, Interrupted, Interruption};
pub use isolation::{Around, Level, Wanted};
pub use launching::{Launching, LaunchingChanges, LaunchingWatch};
pub use limits::Limits;
pub use locate::{LocateError, Overrides, locate};
#[cfg(target_os = "linux")]
pub use namespace::{Refusal, enter_main, probe};
pub use outside::look_outside;
pub use plain_file::replace as replace_file;
pub use root::{Root, environment};
pub use running::{Surroundings, Used};
pub use shims::{
    Laid as LaidShims, begin_turn as begin_shim_turn, bin as shims_on_path, calls as shim_calls,
    lay as lay_shims,
};
pub use silence::{Connections, Patience, Silence, Slow};
pub use snapshot::{Snapshot, compare, snapshot, snapshot_and_pass};
pub use spawn::{Command, Ended, OUTPUT_END_BYTES, OUTPUT_KEPT_BYTES, Stop, Watching, run};
pub use strays::{Stray, adopt_orphans};
pub use transcript::{Transcript, read_transcript};
pub use usage::UsageTally;
pub use workspace::{WorkspaceError, populate, populate_worktrees};
