//! The folder of one run: `home`, `workspace` and `tmp` side by side, and the environment that goes with it.
//!
//! They are siblings because codex won't use a home that lies below the temporary folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

/// By this variable every process of a run is found, whatever group or session it has moved to.
pub(super) const MARKER_VARIABLE: &str = "WASSERT_RUN";

/// The marker of processes that are the host's own, so that nobody takes them for an agent's orphans.
pub(super) const HOST_MARKER: &str = "host";

/// The folder of one run; removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct Root {
    folder: tempfile::TempDir,
    host: tempfile::TempDir,
    /// Where the agent sees the folder, when that is elsewhere.
    seen: Option<PathBuf>,
    /// Unique to the run.
    pub marker: String,
    /// The agent's working directory.
    pub workspace: Dir,
    /// The agent's home.
    pub home: Dir,
    /// The folder itself.
    pub whole: Dir,
}

impl Root {
    /// A new, empty one below the system's temporary folder.
    ///
    /// # Errors
    /// When folders can't be made there.
    pub fn create() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("wassert-").tempdir()?;
        let host = tempfile::Builder::new().prefix("wassert-host-").tempdir()?;
        let marker =
            folder.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let open = |name: &str| {
            std::fs::create_dir(folder.path().join(name))?;
            Dir::open_ambient_dir(folder.path().join(name), ambient_authority())
        };
        open("tmp")?;
        let whole = Dir::open_ambient_dir(folder.path(), ambient_authority())?;
        Ok(Self {
            workspace: open("workspace")?,
            home: open("home")?,
            whole,
            marker,
            folder,
            host,
            seen: None,
        })
    }

    /// The folder's own path.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the host keeps what is no business of the agent's: not beside its workspace.
    pub fn host(&self) -> &Path {
        self.host.path()
    }

    /// Absolute path of a part: `workspace`, `home`, `tmp`.
    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }

    /// The same as the agent sees it, as text; temporary folders with other names are not supported by the agents
    /// either.
    pub fn seen(&self, part: &str) -> String {
        let seen = self.seen.as_deref().unwrap_or(self.folder.path());
        seen.join(part).to_string_lossy().into_owned()
    }

    /// From now on the agent sees the folder at another path; absent: where it is.
    pub fn is_seen_at(&mut self, path: Option<PathBuf>) {
        self.seen = path;
    }
}

/// The environment every agent gets: nothing of the caller's but `PATH`; `proxy` is the address of the one that
/// refuses. What a profile or scenario adds comes on top.
pub fn environment(root: &Root, proxy: &str, path_variable: &OsString) -> BTreeMap<OsString, OsString> {
    let home = root.seen("home");
    let mut variables: BTreeMap<OsString, OsString> = [
        ("HOME", home.clone()),
        ("XDG_CONFIG_HOME", format!("{home}/.config")),
        ("XDG_DATA_HOME", format!("{home}/.local/share")),
        ("XDG_STATE_HOME", format!("{home}/.local/state")),
        ("XDG_CACHE_HOME", format!("{home}/.cache")),
        ("TMPDIR", root.seen("tmp")),
        ("LANG", "C.UTF-8".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("TERM", "dumb".to_owned()),
        ("NO_COLOR", "1".to_owned()),
        (MARKER_VARIABLE, root.marker.clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value.into()))
    .collect();
    // Whatever honours these variables reaches nothing but the server. curl knows `http_proxy` in small letters only.
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        variables.insert(name.into(), proxy.into());
    }
    for name in ["NO_PROXY", "no_proxy"] {
        variables.insert(name.into(), "127.0.0.1,localhost".into());
    }
    variables.insert("PATH".into(), path_variable.clone());
    variables
}
