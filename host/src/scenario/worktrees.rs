//! `[[workspace.worktree]]`: more working trees of the workspace's repository, each on a branch of its own, in folders
//! below the workspace.

use std::collections::BTreeMap;

use toml::Spanned;

use super::FileText;
use super::files::{self, Files, Reader};
use super::findings::Findings;
use super::table::{Table, quote};

/// Most worktrees of a scenario.
const MOST: usize = 10;

/// One worktree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worktree {
    /// Its folder, relative to the workspace. Checked, of letters, digits and `-_./` alone.
    pub path: String,
    /// The branch that is checked out there. Checked.
    pub branch: String,
    /// How many of the scenario's commits it has; absent: all that the workspace has.
    pub commits: Option<usize>,
    /// Files that lie in it and are not committed.
    pub files: BTreeMap<String, FileText>,
}

/// Reads `worktree` of `[workspace]`, whose own files are `taken` and which has so many commits.
pub(super) fn read(
    workspace: &mut Table<'_>,
    findings: &Findings,
    reader: &Reader<'_>,
    taken: &Files,
    commits: usize,
) -> Vec<Worktree> {
    let mut worktrees: Vec<Worktree> = Vec::new();
    for mut table in workspace.tables("worktree", "`[[workspace.worktree]]`") {
        let range = table.range();
        let path = table.required_text("path");
        let branch = table.required_text("branch");
        let commit = table.has("commit").then(|| table.integer("commit", 1..=commits.max(1) as i64));
        let mut own = reader.files(&mut table);
        own.check(findings);
        table.finish(super::load::belongs_to_the_scenario);
        if commits == 0 && commit.is_some() {
            let message = "there is no `[[workspace.commit]]` that a worktree could have";
            findings.error("bad-worktree", message, range.clone(), "has a `commit`");
        }
        if worktrees.len() == MOST {
            findings.error(
                "bad-worktree",
                format!("there are more than {MOST} worktrees"),
                range,
                "too many",
            );
        }
        let (Some(path), Some(branch)) = (path, branch) else { continue };
        let right_path = is_free(&path, taken, &worktrees, findings);
        let right_branch = is_branch(&branch, &worktrees, findings);
        if right_path && right_branch {
            worktrees.push(Worktree {
                path: (*path.get_ref()).to_owned(),
                branch: (*branch.get_ref()).to_owned(),
                commits: commit.flatten().and_then(|commit| usize::try_from(commit).ok()),
                files: own.texts,
            });
        }
    }
    worktrees
}

fn is_plain(text: &str, more: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

fn is_free(path: &Spanned<&str>, taken: &Files, others: &[Worktree], findings: &Findings) -> bool {
    let text = *path.get_ref();
    if !files::check(findings, "path", text, path.span()) {
        return false;
    }
    if !is_plain(text, "-_./") {
        let message = format!("{} can't be a worktree's folder", quote(text));
        findings.error("bad-worktree", message, path.span(), "letters, digits, `-`, `_`, `.` and `/`");
        return false;
    }
    let touches = |other: &str| {
        let below =
            |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
        other == text || below(other, text) || below(text, other)
    };
    let files = taken.texts.keys().map(String::as_str);
    if let Some(other) = files.chain(others.iter().map(|other| &*other.path)).find(|other| touches(other)) {
        let message = format!("{} is not free: there is {}", quote(text), quote(other));
        findings.error("bad-worktree", message, path.span(), "a worktree has a folder of its own");
        return false;
    }
    true
}

/// Git's own rules allow more; these names are branches everywhere.
fn is_branch(branch: &Spanned<&str>, others: &[Worktree], findings: &Findings) -> bool {
    let text = *branch.get_ref();
    let is_part = |part: &str| !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(".lock");
    let is_name = is_plain(text, "-_./")
        && text.len() <= 100
        && text.split('/').all(is_part)
        && !text.contains("..")
        && !text.ends_with('.')
        && text != "HEAD";
    let label = if !is_name {
        "letters, digits, `-`, `_`, `.` and `/`, such as `feature/login`"
    } else if text == "main" {
        "the workspace itself is on `main`"
    } else if others.iter().any(|other| other.branch == text) {
        "another worktree is on it"
    } else if others.iter().any(|other| other.branch.starts_with(&format!("{text}/")))
        || text.starts_with("main/")
        || others.iter().any(|other| text.starts_with(&format!("{}/", other.branch)))
    {
        "it begins like another branch, which git can't keep"
    } else {
        return true;
    };
    findings.error(
        "bad-worktree",
        format!("a worktree can't be on branch {}", quote(text)),
        branch.span(),
        label,
    );
    false
}
