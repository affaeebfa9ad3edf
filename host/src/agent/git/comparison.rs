//! What differs from a baseline. Nothing the agent wrote says what is told: rules of what is ignored are those of the
//! baseline, so that no `.gitignore` of the agent's own hides what it added.

use std::collections::BTreeSet;

use super::command::Repository;
use super::{Baseline, DIFF_LIMIT_BYTES, GitError};
use crate::document::GitChange;

/// Untracked files, as `git status` marks them.
const UNTRACKED: &str = "??";

/// Which of the baseline's files say what is ignored.
const RULES: &str = ":(glob)**/.gitignore";

/// What git says of a folder.
#[derive(Debug, Default, PartialEq)]
pub struct Compared {
    /// Paths that differ, sorted.
    pub status: Vec<GitChange>,
    /// The unified diff of tracked files.
    pub diff: String,
}

impl Baseline {
    /// What differs from the baseline now. Where the folder is gone, or is none any more and may lead anywhere, all
    /// that was in it differs.
    ///
    /// # Errors
    /// When git refuses, or does not come to an end.
    pub async fn compare(&self, is_there: bool) -> Result<Compared, GitError> {
        let repository =
            if is_there { &self.0 } else { &self.0.with_nothing_in_it().map_err(GitError::Lay)? };
        let status = [
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=no",
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
        let (tracked, untracked, diff) =
            tokio::join!(repository.git(&status), untracked(repository), repository.git(&diff));
        let tracked = tracked?;
        let tracked = tracked
            .split('\0')
            .filter_map(|line| Some((line.get(..2)?.to_owned(), line.get(3..)?.to_owned())));
        let untracked = untracked?.into_iter().map(|path| (UNTRACKED.to_owned(), path));
        let mut status: Vec<GitChange> =
            tracked.chain(untracked).map(|(code, path)| GitChange { code, path }).collect();
        status.sort_by(|a, b| a.path.cmp(&b.path));
        let mut diff = diff?;
        if diff.len() > DIFF_LIMIT_BYTES {
            let end = (0..=DIFF_LIMIT_BYTES).rev().find(|at| diff.is_char_boundary(*at)).unwrap_or(0);
            diff.truncate(end);
            diff.push_str("\n[cut at 1 MiB]\n");
        }
        Ok(Compared { status, diff })
    }
}

/// Files that are not the baseline's, and that it does not ignore.
async fn untracked(repository: &Repository) -> Result<Vec<String>, GitError> {
    let others = repository.git(&["ls-files", "--others", "-z"]).await?;
    let others: Vec<&str> = others.split_terminator('\0').collect();
    let every_one = || others.iter().map(|path| (*path).to_owned()).collect();
    if others.is_empty() {
        return Ok(every_one());
    }
    let rules = repository.git(&["ls-files", "-z", "--", RULES]).await?;
    if rules.is_empty() && !repository.directory.join("info/exclude").exists() {
        return Ok(every_one());
    }
    // A folder with the baseline's rules and nothing of the agent's: no file need be there to be asked about.
    let folder = repository.directory.join("rules");
    std::fs::create_dir_all(&folder).map_err(GitError::Lay)?;
    let asked = Repository {
        directory: repository.directory.clone(),
        work_tree: folder,
        index: repository.index.clone(),
        date: repository.date.clone(),
    };
    if !rules.is_empty() {
        asked.git_with(&["checkout-index", "--force", "-z", "--stdin"], Some(rules.into_bytes())).await?;
    }
    for nested in others.iter().filter(|path| path.ends_with('/')) {
        // That a repository of its own is a folder can be seen by nothing else. One that is in the way of a rule is
        // not ignored.
        let _ = std::fs::create_dir_all(asked.work_tree.join(nested));
    }
    let input: Vec<u8> = others.iter().flat_map(|path| path.bytes().chain([0])).collect();
    let ignored = asked.git_or(&["check-ignore", "--no-index", "-z", "--stdin"], Some(input), 1).await?;
    let ignored: BTreeSet<&str> = ignored.split_terminator('\0').collect();
    Ok(others.into_iter().filter(|path| !ignored.contains(path)).map(str::to_owned).collect())
}
