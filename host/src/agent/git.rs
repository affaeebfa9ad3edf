//! The workspace as git sees it, through a git directory of the host's own: nothing the workspace says about git
//! (configuration, hooks, filters, file-system monitors) is ever read, before or after the agent had its hands on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::document::{Git, GitChange};
use crate::value::excerpt;

/// How long one git command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The diff kept in the document.
const DIFF_LIMIT_BYTES: usize = 1024 * 1024;

/// The baseline's date: commit hashes reach prompts, so they must not differ between runs.
const DATE: &str = "2020-01-01T00:00:00Z";

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
pub struct Baseline {
    directory: PathBuf,
    workspace: PathBuf,
}

impl Baseline {
    /// Commits everything in `workspace` to a new repository in `directory`, and gives the workspace a copy of it to
    /// use as its own, unless it brought one.
    ///
    /// # Errors
    /// When git is missing or refuses.
    pub async fn commit(directory: PathBuf, workspace: PathBuf) -> Result<Self, GitError> {
        let baseline = Self { directory, workspace };
        init(&baseline.directory).map_err(GitError::Lay)?;
        baseline.git(&["add", "--all", "--force", "."]).await?;
        baseline.git(&["commit", "--quiet", "--allow-empty", "--no-gpg-sign", "--message=baseline"]).await?;
        let own = baseline.workspace.join(".git");
        if own.symlink_metadata().is_err() {
            copy(&baseline.directory, &own).map_err(GitError::Lay)?;
        }
        Ok(baseline)
    }

    /// What differs from the baseline now.
    ///
    /// # Errors
    /// When git refuses.
    pub async fn compare(&self) -> Result<Git, GitError> {
        let status = [
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            "--ignore-submodules=all",
        ];
        let diff = [
            "diff",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--no-renames",
            "--ignore-submodules=all",
            "HEAD",
        ];
        let (status, diff) = tokio::join!(self.git(&status), self.git(&diff));
        let mut changes: Vec<GitChange> = status?
            .split('\0')
            .filter_map(|line| {
                Some(GitChange { code: line.get(..2)?.to_owned(), path: line.get(3..)?.to_owned() })
            })
            .collect();
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        let mut diff = diff?;
        if diff.len() > DIFF_LIMIT_BYTES {
            let end = (0..=DIFF_LIMIT_BYTES).rev().find(|at| diff.is_char_boundary(*at)).unwrap_or(0);
            diff.truncate(end);
            diff.push_str("\n[cut at 1 MiB]\n");
        }
        Ok(Git { status: changes, diff })
    }

    async fn git(&self, arguments: &[&str]) -> Result<String, GitError> {
        let nowhere = "/dev/null";
        let variables = BTreeMap::from([
            ("GIT_DIR", self.directory.as_os_str()),
            ("GIT_WORK_TREE", self.workspace.as_os_str()),
            ("GIT_CONFIG_NOSYSTEM", "1".as_ref()),
            ("GIT_CONFIG_GLOBAL", nowhere.as_ref()),
            ("GIT_ATTR_NOSYSTEM", "1".as_ref()),
            ("GIT_TERMINAL_PROMPT", "0".as_ref()),
            ("GIT_OPTIONAL_LOCKS", "0".as_ref()),
            ("GIT_AUTHOR_NAME", "wassert".as_ref()),
            ("GIT_AUTHOR_EMAIL", "wassert@localhost".as_ref()),
            ("GIT_COMMITTER_NAME", "wassert".as_ref()),
            ("GIT_COMMITTER_EMAIL", "wassert@localhost".as_ref()),
            ("GIT_AUTHOR_DATE", DATE.as_ref()),
            ("GIT_COMMITTER_DATE", DATE.as_ref()),
            ("HOME", nowhere.as_ref()),
            ("LC_ALL", "C".as_ref()),
        ]);
        let mut command = tokio::process::Command::new("git");
        command
            .args([
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "core.fsmonitor=false",
                "-c",
                "core.untrackedCache=false",
            ])
            .args(["-c", "core.autocrlf=false", "-c", "maintenance.auto=false", "-c", "gc.auto=0"])
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(variables)
            .current_dir(&self.workspace)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let failed = |message: String| GitError::Failed { command: arguments[0].to_owned(), message };
        let output = tokio::time::timeout(LIMIT, command.output())
            .await
            .map_err(|_| failed(format!("took longer than {} s", LIMIT.as_secs())))?
            .map_err(GitError::Start)?;
        if !output.status.success() {
            return Err(failed(excerpt(&String::from_utf8_lossy(&output.stderr), 300)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
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
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_are_told_against_the_baseline() {
        let root = tempfile::tempdir().unwrap();
        let workspace = root.path().join("ws");
        std::fs::create_dir(&workspace).unwrap();
        std::fs::write(workspace.join("a"), "one\n").unwrap();
        let baseline = Baseline::commit(root.path().join("git"), workspace.clone()).await.unwrap();
        assert_eq!(baseline.compare().await.unwrap(), Git::default());
        std::fs::write(workspace.join("a"), "two\n").unwrap();
        std::fs::write(workspace.join("new file"), "").unwrap();
        let git = baseline.compare().await.unwrap();
        let told: Vec<_> =
            git.status.iter().map(|change| (change.code.as_str(), change.path.as_str())).collect();
        assert_eq!(told, [(" M", "a"), ("??", "new file")]);
        assert!(git.diff.contains("-one\n+two\n"), "{}", git.diff);
    }

    #[tokio::test]
    async fn the_agent_gets_a_repository_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let workspace = root.path().join("ws");
        std::fs::create_dir(&workspace).unwrap();
        let baseline = Baseline::commit(root.path().join("git"), workspace.clone()).await.unwrap();
        let log = std::process::Command::new("git")
            .args(["log", "--format=%H %s"])
            .current_dir(&workspace)
            .output()
            .unwrap();
        assert!(String::from_utf8_lossy(&log.stdout).trim().ends_with(" baseline"));
        // What the agent does to its repository does not move the baseline.
        std::fs::write(workspace.join("b"), "b").unwrap();
        let commit = "git add b && git -c user.name=x -c user.email=x commit -qm b";
        assert!(
            std::process::Command::new("sh")
                .args(["-c", commit])
                .current_dir(&workspace)
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(baseline.compare().await.unwrap().status[0].path, "b");
    }

    #[tokio::test]
    async fn nothing_the_workspace_says_about_git_is_executed() {
        let root = tempfile::tempdir().unwrap();
        let workspace = root.path().join("ws");
        let proof = root.path().join("executed");
        let touch = format!("touch {}", proof.display());
        let lay = || {
            std::fs::create_dir_all(workspace.join(".git/hooks")).unwrap();
            let config = format!(
                "[core]\n\tfsmonitor = \"{touch}\"\n\thooksPath = .git/hooks\n[filter \"f\"]\n\tclean = \"{touch}\"\n[diff \"d\"]\n\tcommand = \"{touch}\"\n"
            );
            std::fs::write(workspace.join(".git/config"), config).unwrap();
            std::fs::write(workspace.join(".gitattributes"), "* filter=f diff=d\n").unwrap();
        };
        lay();
        let baseline = Baseline::commit(root.path().join("git"), workspace.clone()).await.unwrap();
        std::fs::write(workspace.join("a"), "a\n").unwrap();
        lay();
        assert_eq!(baseline.compare().await.unwrap().status.len(), 1);
        assert!(!proof.exists());
    }
}
