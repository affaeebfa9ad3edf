//! Worktrees (git-worktree(1)) of the workspace's repository. They are laid as `git worktree add` lays them, but for the
//! two files that say where each is: the agent may see the workspace at another path than the host.

use std::path::Path;

use super::command::Repository;
use super::{Baseline, GitError, has_more_than_its_commits};
use crate::scenario::Workspace;

impl Baseline {
    /// Adds the branches of the worktrees, and what git keeps of each.
    pub(super) async fn branch_off(&self, wanted: &Workspace) -> Result<(), GitError> {
        if wanted.worktrees.is_empty() {
            return Ok(());
        }
        let all = wanted.commits.len() + usize::from(has_more_than_its_commits(wanted));
        let mut excluded = String::new();
        for (number, worktree) in (1..).zip(&wanted.worktrees) {
            let start = format!("HEAD~{}", worktree.commits.map_or(0, |commits| all - commits));
            let branch = format!("refs/heads/{}", worktree.branch);
            self.0.git(&["update-ref", &branch, &start]).await?;
            let place = self.0.directory.join(kept_in(number));
            std::fs::create_dir_all(&place)
                .and_then(|()| std::fs::write(place.join("HEAD"), format!("ref: {branch}\n")))
                .and_then(|()| std::fs::write(place.join("commondir"), "../..\n"))
                .map_err(GitError::Lay)?;
            let repository = Repository {
                directory: self.0.directory.clone(),
                work_tree: self.0.work_tree.clone(),
                index: Some(place.join("index")),
                date: self.0.date.clone(),
            };
            repository.git(&["read-tree", &start]).await?;
            excluded.push_str(&format!("/{}/\n", worktree.path));
        }
        // They are no part of the workspace's own tree, neither for the agent nor for the host.
        let info = self.0.directory.join("info");
        std::fs::create_dir_all(&info)
            .and_then(|()| std::fs::write(info.join("exclude"), excluded))
            .map_err(GitError::Lay)
    }
}

/// Tells the worktrees in `workspace` where they belong, once it is known where the agent sees it.
///
/// # Errors
/// When that can't be written.
pub fn link_worktrees(workspace: &Path, seen: &str, wanted: &Workspace) -> Result<(), GitError> {
    for (number, worktree) in (1..).zip(&wanted.worktrees) {
        let (kept, path) = (kept_in(number), &worktree.path);
        std::fs::write(workspace.join(path).join(".git"), format!("gitdir: {seen}/.git/{kept}\n"))
            .and_then(|()| {
                let to = workspace.join(".git").join(&kept).join("gitdir");
                std::fs::write(to, format!("{seen}/{path}/.git\n"))
            })
            .map_err(GitError::Lay)?;
    }
    Ok(())
}

/// Where git keeps what it knows of a worktree, in the git directory.
fn kept_in(number: u32) -> String {
    format!("worktrees/{number}")
}
