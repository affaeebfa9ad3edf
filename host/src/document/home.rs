//! Section `home`: what became of everything around the workspace.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Change, FileKind};

/// Names told one by one; the rest is counted.
pub const NAMES_LIMIT: usize = 2000;

/// What differs outside the workspace between the start of the first turn and the end of the last.
///
/// Names begin with the place: `~/` the agent's home, `tmp/` its temporary folder, `../` beside the workspace, and
/// `repository/` the git repository that the host was started in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Home {
    /// Names that are not the agent's own. An empty folder has a name too; a folder with something in it has not.
    pub changes: BTreeMap<String, HomeChange>,
    /// Changes beyond the limit of 2000 names.
    pub more: u32,
    /// The profile's patterns of what is the agent's own under which something changed: how many files and what
    /// they are called differs from run to run.
    pub own: BTreeSet<String>,
    /// Whether the launching repository was watched.
    pub repository: RepositoryWatch,
}

/// What became of a name outside the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HomeChange {
    /// Added, modified or removed.
    pub change: Change,
    /// What it is, or was.
    pub kind: FileKind,
    /// Other scenarios ran at the same time, so that it may be theirs; only in the launching repository.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

/// Whether the git repository that the host was started in was compared before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryWatch {
    /// Every file that git does not ignore was compared by size, mode and time of change.
    Compared,
    /// The host was started outside a git repository: nothing to compare.
    NoRepository,
    /// It has more than 5000 files: comparing would cost more than the run.
    TooLarge,
    /// Git could not list its files.
    #[default]
    NotListed,
}
