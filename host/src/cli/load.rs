//! From arguments to scenarios: walks folders, reads files, loads and selects.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::arguments::Selection;
use super::output::Output;
use super::project;
use crate::diagnostic::Diagnostic;
use crate::scenario::{Filter, LoadContext, NothingSelected, Scenario, find, load};

/// Folders in folders that are walked.
const DEPTH_LIMIT: usize = 16;

/// Files looked at below one argument.
const FILES_LIMIT: usize = 20_000;

/// What was found for a selection.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Scenarios without mistakes, sorted by name.
    pub(super) scenarios: Vec<Scenario>,
    /// Names of those that can't be used.
    pub(super) broken: Vec<String>,
    /// What is wrong, warnings included, in the order of the files.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Loads everything a selection names, and tells what is wrong on standard error.
///
/// The inner error: nothing was selected.
pub(super) fn load_selection(
    selection: &Selection,
    output: &Output,
) -> anyhow::Result<Result<(Loaded, Filter), NothingSelected>> {
    let (mut paths, names): (Vec<&String>, Vec<&String>) =
        selection.what.iter().partition(|word| Path::new(word).exists());
    let default = "scenarios".to_owned();
    if paths.is_empty() {
        if let Some(missing) =
            names.iter().find(|word| word.contains(std::path::MAIN_SEPARATOR) && word.ends_with(".toml"))
        {
            anyhow::bail!("there is no file `{missing}`");
        }
        anyhow::ensure!(
            Path::new(&default).exists(),
            "there is no folder `scenarios` here; name a file or folder with scenarios{}",
            names.first().map(|name| format!(" (`{name}` is neither)")).unwrap_or_default(),
        );
        paths.push(&default);
    }
    let filter = Filter {
        names: names.into_iter().cloned().collect(),
        tags: selection.tags.clone(),
        // `all` is for those who want to say it.
        agents: selection.agents.iter().filter(|agent| *agent != "all").cloned().collect(),
    };

    let mut walked = Vec::new();
    for path in &paths {
        let mut files = Vec::new();
        walk(Path::new(path), 0, &mut files).with_context(|| format!("`{path}` can't be walked"))?;
        walked.push((Path::new(path.as_str()), files));
    }
    let found = find(walked.iter().map(|(path, files)| (*path, files.as_slice())));
    let arguments: Vec<_> = walked.iter().map(|(path, _)| *path).collect();
    let files = match filter.files(found.files, &arguments) {
        Ok(files) => files,
        Err(nothing) => return Ok(Err(nothing)),
    };

    let agents = project::agents(&project::root()?)?;
    let mut loaded = Loaded { diagnostics: found.diagnostics, ..Loaded::default() };
    for file in files {
        let bytes = match std::fs::read(&file.file) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("`{}` can't be read: {error}", file.file.display());
                loaded.diagnostics.push(Diagnostic::error("unreadable", message));
                loaded.broken.push(file.name);
                continue;
            }
        };
        let directory = file.file.parent().map(Path::to_owned).unwrap_or_default();
        let context = LoadContext {
            file_exists: &|path| directory.join(path).is_file(),
            folder_exists: &|path| directory.join(path).is_dir(),
            agents: &agents,
        };
        let one = load(file.name.clone(), file.file.clone(), &bytes, &context);
        loaded.diagnostics.extend(one.diagnostics);
        match one.scenario {
            Some(scenario) => loaded.scenarios.push(scenario),
            None => loaded.broken.push(file.name),
        }
    }
    for diagnostic in &loaded.diagnostics {
        output.diagnostic(diagnostic);
    }
    Ok(Ok((loaded, filter)))
}

/// Every file below a path, or the path itself; links and hidden folders are left out.
fn walk(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        anyhow::ensure!(files.len() <= FILES_LIMIT, "more than {FILES_LIMIT} files");
        return Ok(());
    }
    if depth > DEPTH_LIMIT || !path.is_dir() {
        return Ok(());
    }
    let mut entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let left_out = name.to_string_lossy().starts_with('.') || name == "node_modules" || name == "target";
        if !left_out && !entry.file_type()?.is_symlink() {
            walk(&entry.path(), depth + 1, files)?;
        }
    }
    Ok(())
}
