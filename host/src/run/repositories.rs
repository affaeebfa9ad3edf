//! The git repositories of a run: the workspace's, and the host's own look at each of its worktrees.

use super::execute::problem;
use crate::agent::{Baseline, Compared, GitError, Root, link_worktrees, populate_worktrees};
use crate::document::{Git, GitChange, GitWorktree};
use crate::report::Problem;
use crate::scenario::Scenario;

/// What was there before the first turn.
pub(super) struct Repositories {
    workspace: Baseline,
    /// By the worktree's folder.
    worktrees: Vec<(String, Baseline)>,
}

impl Repositories {
    /// Lays them, where the scenario asks for git. The workspace has been filled.
    pub(super) async fn lay(root: &Root, scenario: &Scenario) -> Result<Option<Self>, Problem> {
        let wanted = &scenario.workspace;
        if !wanted.git {
            return Ok(None);
        }
        let (host, folder) = (root.host(), root.path("workspace"));
        let workspace =
            Baseline::commit(host.join("git"), folder.clone(), wanted).await.map_err(|e| lay(&e))?;
        populate_worktrees(&root.workspace, wanted, &scenario.directory()).map_err(|e| lay(&e))?;
        let mut worktrees = Vec::new();
        for (number, worktree) in (1..).zip(&wanted.worktrees) {
            let directory = host.join(format!("git-worktree-{number}"));
            let baseline =
                Baseline::look_at(directory, folder.join(&worktree.path)).await.map_err(|e| lay(&e))?;
            worktrees.push((worktree.path.clone(), baseline));
        }
        Ok(Some(Self { workspace, worktrees }))
    }

    /// Makes the worktrees usable, once it is known where the agent sees the run's folder.
    pub(super) fn link(root: &Root, scenario: &Scenario) -> Result<(), Problem> {
        link_worktrees(&root.path("workspace"), &root.seen("workspace"), &scenario.workspace)
            .map_err(|error| lay(&error))
    }

    /// What differs now; where git can't say, why.
    pub(super) async fn compare(&self, root: &Root) -> Git {
        let (status, diff, unread) = told(self.workspace.compare(is_folder(root, "workspace")).await);
        let mut git = Git { status, diff, unread, ..Git::default() };
        for (path, baseline) in &self.worktrees {
            let is_there = is_folder(root, &format!("workspace/{path}"));
            let (status, diff, unread) = told(baseline.compare(is_there).await);
            git.worktrees.insert(path.clone(), GitWorktree { status, diff, unread });
        }
        git
    }
}

type Told = (Option<Vec<GitChange>>, Option<String>, Option<String>);

fn told(compared: Result<Compared, GitError>) -> Told {
    match compared {
        Ok(Compared { status, diff }) => (Some(status), Some(diff), None),
        Err(error) => (None, None, Some(error.to_string())),
    }
}

/// Whether an agent left a folder of the run where it was: a link in its place could lead git to any file of the machine.
fn is_folder(root: &Root, path: &str) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter()
        .all(|end| root.whole.symlink_metadata(&path[..end]).is_ok_and(|metadata| metadata.is_dir()))
}

fn lay(error: &dyn std::error::Error) -> Problem {
    problem("workspace", &error.to_string())
}
