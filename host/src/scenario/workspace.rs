//! `[workspace]`: what the agent finds in its working directory.

use std::collections::BTreeMap;
use std::ops::Range;

use super::findings::Findings;
use super::load::{LoadContext, belongs_to_the_scenario};
use super::table::{Table, as_text, quote};
use super::{Workspace, path};
use crate::diagnostic::Diagnostic;

/// Reads `[workspace]`.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings, environment: &LoadContext<'_>) -> Workspace {
    let Some(mut table) = root.table("workspace", "`[workspace]`") else { return Workspace::default() };
    let git = table.boolean("git").is_some_and(|git| *git.get_ref());
    let files = table.table("files", "`files`").map(|table| files(&table, findings)).unwrap_or_default();
    let from = table.text("from").and_then(|from| {
        let folder = from.get_ref().strip_suffix('/').unwrap_or(from.get_ref());
        if !check(findings, "from", folder, from.span()) {
            return None;
        }
        if !(environment.folder_exists)(folder) {
            let message = format!("there is no folder {} beside the scenario", quote(folder));
            findings.error("missing-folder", message, from.span(), "no such folder");
        }
        Some(folder.to_owned())
    });
    table.finish(belongs_to_the_scenario);
    Workspace { git, files, from }
}

fn files(table: &Table<'_>, findings: &Findings) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut places: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for (name, value) in table.entries() {
        let right_path = check(findings, "files", name.get_ref(), name.span());
        if let Some(text) = as_text(findings, name.get_ref(), value)
            && right_path
        {
            files.insert((*name.get_ref()).to_owned(), (*text.get_ref()).to_owned());
            places.insert(name.get_ref(), name.span());
        }
    }
    for (inner, range) in &places {
        let parents = inner.match_indices('/').map(|(at, _)| &inner[..at]);
        for (parent, place) in parents.filter_map(|parent| places.get_key_value(parent)) {
            let message = format!("{} is a file and a folder at once", quote(parent));
            findings.add(
                Diagnostic::error("file-and-folder", message)
                    .at(findings.span(range.clone(), "needs it to be a folder"))
                    .at(findings.span(place.clone(), "makes it a file")),
            );
        }
    }
    files
}

/// Reports a path that may not be used.
pub(super) fn check(findings: &Findings, key: &str, written: &str, range: Range<usize>) -> bool {
    match path::check(written) {
        Ok(()) => true,
        Err(bad) => {
            let message = format!("`{key}`: {} can't be used", quote(written));
            findings.error_with_help("bad-path", message, range, bad.to_string(), bad.help());
            false
        }
    }
}
