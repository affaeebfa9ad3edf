//! Where things lie: the project's root, its settings, its recordings, and the user's cache.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;

use crate::profile::{AgentSettings, Known};
use crate::recording::Keep;
use crate::sandbox::Limits;

/// The file that marks a project's root and holds its settings.
const SETTINGS: &str = "wassert.toml";

/// The nearest folder at or above the current one that holds `wassert.toml` or `.git`; else the current one.
pub(super) fn root() -> std::io::Result<PathBuf> {
    let current = std::env::current_dir()?;
    let marked = |folder: &&Path| folder.join(SETTINGS).exists() || folder.join(".git").exists();
    Ok(current.ancestors().find(marked).unwrap_or(&current).to_owned())
}

/// What `wassert.toml` says.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// How many recordings are kept.
    #[serde(default)]
    pub(super) recordings: Recordings,
    /// What modules may use.
    #[serde(default)]
    pub(super) limits: Limits,
    /// What may be used, by level.
    #[serde(default)]
    pub(super) budget: BTreeMap<String, BTreeMap<String, f64>>,
    /// Agents of the project's own, and other programs for known ones.
    #[serde(default)]
    agent: BTreeMap<String, AgentSettings>,
}

/// `[recordings]`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Recordings {
    keep_runs: Option<u32>,
    keep_days: Option<u32>,
    keep_bytes: Option<u64>,
}

impl Recordings {
    /// How much is kept; what is not said is as by default.
    pub(super) fn keep(&self) -> Keep {
        let default = Keep::default();
        Keep {
            runs: self.keep_runs.map_or(default.runs, |runs| runs as usize),
            age: self.keep_days.map_or(default.age, |days| Duration::from_secs(u64::from(days) * 86_400)),
            bytes: self.keep_bytes.unwrap_or(default.bytes),
        }
    }
}

/// The agents that a project describes.
pub(super) fn agents(root: &Path) -> anyhow::Result<Vec<Known>> {
    let described = settings(root)?.agent;
    described
        .iter()
        .map(|(name, settings)| {
            settings.profile(name).map_err(|error| anyhow::anyhow!("`{SETTINGS}`: {error}"))
        })
        .collect()
}

/// The settings of a project; one without the file has the defaults.
pub(super) fn settings(root: &Path) -> anyhow::Result<Settings> {
    let path = root.join(SETTINGS);
    match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).with_context(|| format!("`{}`", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(error) => Err(error).with_context(|| format!("`{}`", path.display())),
    }
}

/// Where recordings of all runs are kept. The folder keeps itself out of git.
pub(super) fn recordings(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join(".wassert");
    let ignored = || {
        std::fs::create_dir_all(&folder)?;
        match std::fs::File::create_new(folder.join(".gitignore")) {
            Ok(mut file) => file.write_all(b"*\n"),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    };
    ignored().with_context(|| format!("`{}`", folder.display()))?;
    Ok(folder.join("runs"))
}

/// The user's cache for this program; none when there is no home.
pub(super) fn cache() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
        .map(|cache| cache.join("wassert"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_unknown_keys_are_errors() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(settings(root.path()).unwrap().recordings.keep(), Keep::default());
        let read = |text: &str| {
            std::fs::write(root.path().join(SETTINGS), text).unwrap();
            settings(root.path())
        };
        let keep = read("[recordings]\nkeep-runs = 3\nkeep-days = 1\n").unwrap().recordings.keep();
        assert_eq!(keep, Keep { runs: 3, age: Duration::from_secs(86_400), ..Keep::default() });
        let limits = read("[limits]\ncheck_fuel = 7\nshape.functions = 8\n").unwrap().limits;
        assert_eq!((limits.check_fuel, limits.shape.functions), (7, 8));
        assert_eq!(limits.setup_fuel, Limits::default().setup_fuel);
        for (text, named) in [
            ("[limits]\ncheck_fule = 3\n", "check_fule"),
            ("[limits]\ncheck_fuel = -3\n", "-3"),
            ("[recordings]\nkeep-run = 3\n", "keep-run"),
            ("[recording]\n", "recording"),
            ("[recordings]\nkeep-runs = -1\n", "-1"),
            ("[recordings\n", "]"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(named) && error.contains(SETTINGS), "{error}");
        }
    }

    #[test]
    fn recordings_keep_themselves_out_of_git() {
        let root = tempfile::tempdir().unwrap();
        let ignore = root.path().join(".wassert/.gitignore");
        recordings(root.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&ignore).unwrap(), "*\n");
        std::fs::write(&ignore, "mine").unwrap();
        recordings(root.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&ignore).unwrap(), "mine");
    }
}
