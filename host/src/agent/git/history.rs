//! The commits that a scenario begins with, as a stream for `git fast-import`: one process makes them all, and nothing
//! of the machine (clock, user, attributes, filters) gets into them.

use super::{Baseline, GitError};
use crate::scenario::{Commit, FileText};

impl Baseline {
    /// Makes the commits, one upon the other.
    pub(super) async fn history(&self, commits: &[Commit]) -> Result<(), GitError> {
        if commits.is_empty() {
            return Ok(());
        }
        let arguments = ["fast-import", "--quiet", "--date-format=rfc2822"];
        self.0.git_with(&arguments, Some(stream(commits))).await.map(drop)
    }
}

/// git-fast-import(1). Its dates may be written as RFC 3339 has them.
fn stream(commits: &[Commit]) -> Vec<u8> {
    let mut stream = Vec::new();
    for commit in commits {
        let Commit { message, author, date, files, removed } = commit;
        // As `git commit` ends it.
        let message = format!("{}\n", message.trim_end());
        let head = format!(
            "commit refs/heads/main\nauthor {author} {date}\ncommitter {author} {date}\ndata {}\n{message}",
            message.len()
        );
        stream.extend_from_slice(head.as_bytes());
        for path in removed {
            stream.extend_from_slice(format!("D {}\n", quoted(path)).as_bytes());
        }
        for (path, text) in files {
            let head = format!("M 100644 inline {}\ndata {}\n", quoted(path), text.bytes());
            stream.extend_from_slice(head.as_bytes());
            write(&mut stream, text);
            stream.push(b'\n');
        }
        stream.push(b'\n');
    }
    stream
}

fn write(stream: &mut Vec<u8>, FileText { text, times }: &FileText) {
    for _ in 0..*times {
        stream.extend_from_slice(text.as_bytes());
    }
}

/// A path has neither control characters nor backslashes.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('"', "\\\""))
}
