//! The folders a worker may read, as open handles: a path leads below one of them, or nowhere.

use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::stop::Stop;
use crate::value::excerpt;

/// Folders, and files that stand alone.
pub(super) struct Roots {
    open: Vec<Root>,
}

struct Root {
    path: PathBuf,
    /// The folder itself, or the folder of a file.
    handle: Dir,
    is_file: bool,
}

impl Roots {
    /// Opens what is there; the rest can't be read later either.
    pub fn open(paths: &[PathBuf]) -> Self {
        let open = paths.iter().filter_map(|path| Root::open(path).ok()).collect();
        Self { open }
    }

    /// The handle to go through, and the way from there.
    pub fn find(&self, path: &Path) -> Result<(&Dir, PathBuf), Stop> {
        let found = self.open.iter().find_map(|root| {
            let below = path.strip_prefix(&root.path).ok()?;
            match (root.is_file, below.as_os_str().is_empty()) {
                (true, true) => Some((&root.handle, PathBuf::from(path.file_name()?))),
                (true, false) => None,
                (false, true) => Some((&root.handle, PathBuf::from("."))),
                (false, false) => Some((&root.handle, below.to_owned())),
            }
        });
        found.ok_or_else(|| {
            let path = excerpt(&path.display().to_string(), 300);
            Stop::host("outside-root", format!("`{path}` is not below the root"))
        })
    }
}

impl Root {
    fn open(path: &Path) -> io::Result<Self> {
        let is_file = !path.metadata()?.is_dir();
        let folder = if is_file { path.parent().unwrap_or(Path::new("/")) } else { path };
        let handle = Dir::open_ambient_dir(folder, ambient_authority())?;
        Ok(Self { path: path.to_owned(), handle, is_file })
    }
}
