//! `wassert import`: scenarios of other tools, written as scenarios of this one. What is not carried over is told line by
//! line. Nothing that somebody changed is overwritten.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::arguments::{Import, ImportVerb};
use super::output::Output;
use crate::import::{Beside, Copy, Imported, SCRIPT_AGENT, code_exec_harness, workgraph};
use crate::value::{ExitStatus, escape_terminal};

/// Files that are read whole are at most this large.
const FILE_LIMIT_BYTES: u64 = 4 << 20;

/// Files copied for one scenario, and folders in folders.
const FILES_LIMIT: usize = 2000;
const DEPTH_LIMIT: usize = 16;

/// Imports what was named.
pub(super) fn import(arguments: &Import, output: &Output) -> anyhow::Result<ExitStatus> {
    match &arguments.verb {
        ImportVerb::CodeExecHarness { files, to, agent } => {
            let mut seen = std::collections::BTreeSet::new();
            for file in files {
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                let imported = code_exec_harness(&read(file)?, &stem, agent)
                    .with_context(|| format!("`{}`", file.display()))?;
                ensure!(
                    seen.insert(imported.slug.clone()),
                    "`{}`: another file is called `{}` too",
                    file.display(),
                    imported.slug
                );
                write(&imported, file, to, output)?;
            }
        }
        ImportVerb::Workgraph { manifest, to } => {
            let imported =
                workgraph(&read(manifest)?).with_context(|| format!("`{}`", manifest.display()))?;
            for scenario in &imported {
                write(scenario, manifest, &to.join("scenarios"), output)?;
            }
            let settings = to.join("wassert.toml");
            let wanted = format!("[agent.{SCRIPT_AGENT}]\nextends = \"command\"\nprogram = \"/bin/sh\"\n");
            if settings.exists() {
                let known = read(&settings)?.contains(&format!("[agent.{SCRIPT_AGENT}]"));
                ensure!(known, "`{}` has no `[agent.{SCRIPT_AGENT}]`; add:\n{wanted}", settings.display());
            } else {
                std::fs::write(&settings, wanted).with_context(|| format!("`{}`", settings.display()))?;
            }
        }
    }
    Ok(ExitStatus::Passed)
}

fn read(file: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let opened = std::fs::File::open(file).with_context(|| format!("`{}`", file.display()))?;
    opened
        .take(FILE_LIMIT_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("`{}`", file.display()))?;
    ensure!(
        text.len() as u64 <= FILE_LIMIT_BYTES,
        "`{}` is larger than {} MiB",
        file.display(),
        FILE_LIMIT_BYTES >> 20
    );
    Ok(text)
}

/// Writes one scenario, copies what belongs to it, and tells what is missing.
fn write(imported: &Imported, source: &Path, to: &Path, output: &Output) -> anyhow::Result<()> {
    let path = match imported.copies.is_empty() {
        true => to.join(format!("{}.toml", imported.slug)),
        false => to.join(&imported.slug).join("scenario.toml"),
    };
    let folder = path.parent().unwrap_or(to);
    std::fs::create_dir_all(folder).with_context(|| format!("`{}`", folder.display()))?;
    place(&path, imported.toml.as_bytes())?;
    output.line(&path.display().to_string());
    for sentence in &imported.not_carried {
        output.line(&format!("  not carried over: {}", escape_terminal(sentence)));
    }
    for copy in &imported.copies {
        let workspace = folder.join("workspace");
        std::fs::create_dir_all(&workspace).with_context(|| format!("`{}`", workspace.display()))?;
        if let Err(error) = lay(copy, source, &workspace) {
            output.line(&format!(
                "  not carried over: {} was not copied: {}",
                escape_terminal(&copy.source),
                escape_terminal(&format!("{error:#}"))
            ));
        }
    }
    Ok(())
}

/// Writes a file that is not there yet, or is there with the same bytes.
fn place(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Ok(there) = std::fs::read(path) {
        ensure!(
            there == bytes,
            "`{}` is there already and says something else; nothing is overwritten",
            path.display()
        );
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| format!("`{}`", path.display()))
}

fn lay(copy: &Copy, imported: &Path, workspace: &Path) -> anyhow::Result<()> {
    let beside = imported.parent().unwrap_or(Path::new("."));
    let base = match copy.beside {
        Beside::File | Beside::Skills | Beside::Script => beside.to_owned(),
        Beside::Repository => repository(beside),
    };
    let source = base.join(expanded(&copy.source));
    let target = workspace.join(&copy.target);
    let mut files = 0;
    match copy.beside {
        Beside::Skills if source.join("SKILL.md").is_file() => {
            let name = source.file_name().context("the skill has no name")?;
            tree(&source, &target.join(name), 0, &mut files)
        }
        Beside::Script => {
            tree(&source, &target, 0, &mut files)?;
            let (from, to) = (source.parent().unwrap_or(beside), target.parent().unwrap_or(workspace));
            for entry in std::fs::read_dir(from)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with('_') && entry.file_type()?.is_file() {
                    tree(&entry.path(), &to.join(entry.file_name()), 0, &mut files)?;
                }
            }
            Ok(())
        }
        _ => tree(&source, &target, 0, &mut files),
    }
}

/// The repository around a folder; the folder itself where there is none.
fn repository(folder: &Path) -> PathBuf {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let found = absolute.ancestors().find(|folder| folder.join(".git").exists());
    found.map_or(absolute.clone(), Path::to_owned)
}

/// `~` and `$NAME` at the beginning, as the harness expands them.
fn expanded(source: &str) -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (first, rest) = source.split_once('/').unwrap_or((source, ""));
    let name = first.strip_prefix('$').map(|name| name.trim_matches(['{', '}']));
    let base = match (first, name) {
        ("~", _) => variable("HOME"),
        (_, Some(name)) => variable(name),
        _ => None,
    };
    base.map_or_else(|| PathBuf::from(source), |base| base.join(rest))
}

/// Copies a file or a folder; links are left out, for what they lead to is elsewhere.
fn tree(from: &Path, to: &Path, depth: usize, files: &mut usize) -> anyhow::Result<()> {
    *files += 1;
    ensure!(
        *files <= FILES_LIMIT && depth <= DEPTH_LIMIT,
        "it has more than {FILES_LIMIT} files or {DEPTH_LIMIT} folders in folders"
    );
    let kind = from.symlink_metadata().with_context(|| format!("`{}`", from.display()))?.file_type();
    if kind.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_name() != ".git" {
                tree(&entry.path(), &to.join(entry.file_name()), depth + 1, files)?;
            }
        }
    } else if kind.is_file() {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(from, to)?;
    }
    Ok(())
}
