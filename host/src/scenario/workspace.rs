//! `[workspace]`: what the agent finds in its working directory.

use std::collections::BTreeMap;

use super::files::{self, FileText, Reader};
use super::findings::Findings;
use super::history::{self, Commit};
use super::load::{LoadContext, belongs_to_the_scenario};
use super::table::{Table, quote};
use super::worktrees::{self, Worktree};

/// What the agent finds in its working directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Whether it is a git repository, whose last commit holds all that is there.
    pub git: bool,
    /// Commits before that one, oldest first.
    pub commits: Vec<Commit>,
    /// More working trees of that repository.
    pub worktrees: Vec<Worktree>,
    /// Relative path to content. Checked: no absolute path, no `..`.
    pub files: BTreeMap<String, FileText>,
    /// A folder beside the scenario whose contents are copied before `files` are written. Checked like a path of
    /// `files`.
    pub from: Option<String>,
}

/// Reads `[workspace]`.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings, environment: &LoadContext<'_>) -> Workspace {
    let Some(mut table) = root.table("workspace", "`[workspace]`") else { return Workspace::default() };
    let git = table.boolean("git");
    let reader = Reader::new(findings);
    let (commits, mut state) = history::read(&mut table, findings, &reader);
    let files = reader.files(&mut table);
    state.extend(&files);
    state.check(findings);
    let worktrees = worktrees::read(&mut table, findings, &reader, &state, commits.len());
    let from = table.text("from").and_then(|from| {
        let folder = from.get_ref().strip_suffix('/').unwrap_or(from.get_ref());
        if !files::check(findings, "from", folder, from.span()) {
            return None;
        }
        if !(environment.folder_exists)(folder) {
            let message = format!("there is no folder {} beside the scenario", quote(folder));
            findings.error("missing-folder", message, from.span(), "no such folder");
        }
        Some(folder.to_owned())
    });
    table.finish(belongs_to_the_scenario);
    let has_history = !commits.is_empty() || !worktrees.is_empty();
    if let Some(git) = git.as_ref().filter(|git| !git.get_ref() && has_history) {
        let message = "a workspace with commits or worktrees is a git repository";
        findings.error("bad-commit", message, git.span(), "leave it out, or say `true`");
    }
    let git = git.is_some_and(|git| *git.get_ref()) || has_history;
    Workspace { git, commits, worktrees, files: files.texts, from }
}
