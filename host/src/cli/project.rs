//! Where things lie: the project's root, its recordings, and the user's cache.

use std::path::{Path, PathBuf};

/// The nearest folder at or above the current one that holds `wassert.toml` or `.git`; else the current one.
pub(super) fn root() -> std::io::Result<PathBuf> {
    let current = std::env::current_dir()?;
    let marked = |folder: &&Path| folder.join("wassert.toml").exists() || folder.join(".git").exists();
    Ok(current.ancestors().find(marked).unwrap_or(&current).to_owned())
}

/// Where recordings of all runs are kept.
pub(super) fn recordings(root: &Path) -> PathBuf {
    root.join(".wassert").join("runs")
}

/// The user's cache for this program; none when there is no home.
pub(super) fn cache() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
        .map(|cache| cache.join("wassert"))
}
