//! The workspace as git sees it, through a git directory of the host's own: nothing the workspace says about git
//! (configuration, hooks, filters, file-system monitors) is ever read, before or after the agent had its hands on it. What
//! its baseline says (what is ignored, and what files are like) holds, whatever the agent makes of it.

mod command;
mod comparison;
mod history;
mod worktrees;

use std::path::{Path, PathBuf};

use command::Repository;
pub use comparison::Compared;
pub use worktrees::link_worktrees;

use crate::scenario::{DATE, Workspace};

/// The diff kept in the document.
const DIFF_LIMIT_BYTES: usize = 1024 * 1024;

/// Git could not do it.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No git, or none that could be started.
    #[error("git could not be started: {0}")]
    Start(#[source] std::io::Error),
    /// It said no.
    #[error("git {command}: {message}")]
    Failed {
        /// Its first word.
        command: String,
        /// What it said, shortened.
        message: String,
    },
    /// The agent's own repository could not be laid.
    #[error("the workspace's repository could not be laid: {0}")]
    Lay(#[source] std::io::Error),
}

/// The workspace as it was before the first turn.
#[derive(Debug)]
pub struct Baseline(Repository);

impl Baseline {
    /// Makes the commits of a scenario in a new repository in `directory`, then one of everything in `workspace`, and
    /// gives the workspace a copy of it to use as its own, unless it brought one.
    ///
    /// # Errors
    /// When git is missing or refuses.
    pub async fn commit(
        directory: PathBuf,
        workspace: PathBuf,
        wanted: &Workspace,
    ) -> Result<Self, GitError> {
        let date = wanted.commits.last().map_or(DATE, |last| &last.date).to_owned();
        let baseline = Self(Repository { directory, work_tree: workspace, index: None, date });
        init(&baseline.0.directory).map_err(GitError::Lay)?;
        baseline.history(&wanted.commits).await?;
        if has_more_than_its_commits(wanted) {
            baseline.all("baseline").await?;
        } else {
            baseline.0.git(&["add", "--all", "--force", "."]).await?;
        }
        baseline.branch_off(wanted).await?;
        let own = baseline.0.work_tree.join(".git");
        if own.symlink_metadata().is_err() {
            copy(&baseline.0.directory, &own).map_err(GitError::Lay)?;
        }
        Ok(baseline)
    }

    /// Commits everything in a worktree's folder to a new repository in `directory` that nobody but the host knows.
    ///
    /// # Errors
    /// As [`Baseline::commit`].
    pub async fn look_at(directory: PathBuf, folder: PathBuf) -> Result<Self, GitError> {
        let baseline = Self(Repository { directory, work_tree: folder, index: None, date: DATE.to_owned() });
        init(&baseline.0.directory).map_err(GitError::Lay)?;
        baseline.all("baseline").await?;
        Ok(baseline)
    }

    /// Commits everything that is there.
    async fn all(&self, message: &str) -> Result<(), GitError> {
        self.0.git(&["add", "--all", "--force", "."]).await?;
        let message = format!("--message={message}");
        self.0.git(&["commit", "--quiet", "--allow-empty", "--no-gpg-sign", &message]).await.map(drop)
    }
}

/// Whether a last commit is made of what the scenario's commits do not have.
fn has_more_than_its_commits(wanted: &Workspace) -> bool {
    wanted.commits.is_empty() || wanted.from.is_some() || !wanted.files.is_empty()
}

/// An empty repository, as `git init` lays it (gitrepository-layout(5)); a process of git's would take 5 ms for it.
fn init(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory.join("objects"))?;
    std::fs::create_dir_all(directory.join("refs/heads"))?;
    std::fs::write(directory.join("HEAD"), "ref: refs/heads/main\n")?;
    std::fs::write(directory.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
}

/// Copies a repository that git has just made: files and folders only.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
