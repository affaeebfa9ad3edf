//! Runs git with a git directory of the host's own, and nothing of anybody's configuration. What it is given and what it
//! says are bounded.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::GitError;
use crate::agent::root::{HOST_MARKER, MARKER_VARIABLE};
use crate::value::excerpt;

/// How long one git command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What is read of one git command's output: the names of 200 000 files, most of the time.
const OUTPUT_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// What is kept of its complaints.
const ERROR_LIMIT_BYTES: usize = 64 * 1024;

/// A git directory, and the folder that it looks at.
#[derive(Debug)]
pub(super) struct Repository {
    /// The git directory.
    pub(super) directory: PathBuf,
    /// The folder.
    pub(super) work_tree: PathBuf,
    /// What the next commit would be; absent: the git directory's own.
    pub(super) index: Option<PathBuf>,
    /// When commits are made: their identifiers reach prompts, so they must not differ between runs.
    pub(super) date: String,
}

impl Repository {
    /// The same git directory, looking at an empty folder.
    pub(super) fn with_nothing_in_it(&self) -> std::io::Result<Self> {
        let work_tree = self.directory.join("nothing");
        std::fs::create_dir_all(&work_tree)?;
        Ok(Self { directory: self.directory.clone(), work_tree, index: None, date: self.date.clone() })
    }

    /// What git prints.
    pub(super) async fn git(&self, arguments: &[&str]) -> Result<String, GitError> {
        self.git_with(arguments, None).await
    }

    /// The same, with something to read.
    pub(super) async fn git_with(
        &self,
        arguments: &[&str],
        input: Option<Vec<u8>>,
    ) -> Result<String, GitError> {
        self.git_or(arguments, input, 0).await
    }

    /// The same; a second exit code, beside 0, is no failure.
    pub(super) async fn git_or(
        &self,
        arguments: &[&str],
        input: Option<Vec<u8>>,
        fine: i32,
    ) -> Result<String, GitError> {
        let nowhere = "/dev/null";
        let variables = BTreeMap::from([
            ("GIT_DIR", self.directory.as_os_str()),
            ("GIT_WORK_TREE", self.work_tree.as_os_str()),
            ("GIT_CONFIG_NOSYSTEM", "1".as_ref()),
            ("GIT_CONFIG_GLOBAL", nowhere.as_ref()),
            ("GIT_ATTR_NOSYSTEM", "1".as_ref()),
            ("GIT_TERMINAL_PROMPT", "0".as_ref()),
            ("GIT_OPTIONAL_LOCKS", "0".as_ref()),
            ("GIT_AUTHOR_NAME", "wassert".as_ref()),
            ("GIT_AUTHOR_EMAIL", "wassert@localhost".as_ref()),
            ("GIT_COMMITTER_NAME", "wassert".as_ref()),
            ("GIT_COMMITTER_EMAIL", "wassert@localhost".as_ref()),
            ("GIT_AUTHOR_DATE", self.date.as_str().as_ref()),
            ("GIT_COMMITTER_DATE", self.date.as_str().as_ref()),
            ("HOME", nowhere.as_ref()),
            ("LC_ALL", "C".as_ref()),
            (MARKER_VARIABLE, HOST_MARKER.as_ref()),
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
            // Larger files are streamed and told as binary; compressing them would take longer than all the rest.
            .args(["-c", "core.bigFileThreshold=16m", "-c", "core.compression=0"])
            // How files are compared is not for the agent's `.gitattributes` to say (Git 2.43; unknown before).
            .args(["-c", "attr.tree=HEAD"])
            .args(["-c", "core.autocrlf=false", "-c", "maintenance.auto=false", "-c", "gc.auto=0"])
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(variables)
            .envs(self.index.iter().map(|index| ("GIT_INDEX_FILE", index)))
            .current_dir(&self.work_tree)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .kill_on_drop(true);
        let failed = |message: String| GitError::Failed { command: arguments[0].to_owned(), message };
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(GitError::Start)?;
        let ended = tokio::time::timeout(LIMIT, output(&mut child, input)).await;
        let (stdout, stderr, status) = ended
            .map_err(|_| failed(format!("took longer than {} s", LIMIT.as_secs())))?
            .map_err(|error| failed(error.to_string()))?;
        if status.is_some_and(|status| !status.success() && status.code() != Some(fine)) {
            return Err(failed(excerpt(&String::from_utf8_lossy(&stderr), 300)));
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }
}

/// What git writes, up to a limit, and how it ended; no ending when it had more to say and was cut short.
async fn output(
    child: &mut tokio::process::Child,
    input: Option<Vec<u8>>,
) -> std::io::Result<(Vec<u8>, Vec<u8>, Option<std::process::ExitStatus>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let given = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // One that stops reading says why.
            let _ = stdin.write_all(&input).await;
        }
        Ok(())
    };
    let (stdout, stderr, ()) = tokio::try_join!(
        bounded(stdout, OUTPUT_LIMIT_BYTES, Rest::Unread),
        bounded(stderr, ERROR_LIMIT_BYTES, Rest::Dropped),
        given
    )?;
    let status = if stdout.len() > OUTPUT_LIMIT_BYTES {
        child.kill().await?;
        None
    } else {
        Some(child.wait().await?)
    };
    Ok((stdout, stderr, status))
}

/// What becomes of what is beyond a limit.
#[derive(PartialEq)]
enum Rest {
    Unread,
    Dropped,
}

/// The first bytes of a stream: one more than the limit tells that there are more.
async fn bounded(
    stream: Option<impl tokio::io::AsyncRead + Unpin>,
    limit: usize,
    rest: Rest,
) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream).take(limit as u64 + 1).read_to_end(&mut bytes).await?;
        if rest == Rest::Dropped {
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        }
    }
    Ok(bytes)
}
