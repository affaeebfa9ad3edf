//! `manifest.json`: every file of a recording with its size and digest, and which names there can be.

use std::collections::BTreeMap;
use std::path::Path;

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use super::{BLOB_FOLDER, LOG_FOLDER, MANIFEST, MODULE_FOLDER, ReadError, VERDICTS};
use crate::value::{Digest, excerpt};

/// What the manifest says it is.
const SCHEMA: &str = "wassert.manifest/1";

/// The largest manifest or index of blobs that is read; each file takes some 100 bytes.
pub(super) const INDEX_LIMIT_BYTES: u64 = 64 << 20;

/// The files of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    schema: String,
    /// Name to entry; `blobs/…` and `modules/…` carry their digest in their name.
    pub(super) files: BTreeMap<String, Entry>,
}

/// One file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Size.
    pub(super) bytes: u64,
    /// Digest, where the name does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<Digest>,
}

/// The digest in the name of a blob or module; none for other names.
pub(super) fn digest_of_name(name: &str) -> Option<Digest> {
    let (folder, hex) = name.split_once('/')?;
    let digest: Digest = format!("sha256:{hex}").parse().ok()?;
    // One name for one digest: lower case, no signs.
    (matches!(folder, BLOB_FOLDER | MODULE_FOLDER) && digest.hex() == hex).then_some(digest)
}

/// Whether a recording may list a file of that name: nothing that climbs, nothing hidden, no folder that is unknown.
/// A later version may add plain files.
pub(super) fn is_file_name(name: &str) -> bool {
    let plain = |name: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        (1..=64).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('.')
    };
    match name.split_once('/') {
        None => plain(name) && !matches!(name, MANIFEST | VERDICTS),
        Some((LOG_FOLDER, log)) => plain(log),
        Some(_) => digest_of_name(name).is_some(),
    }
}

impl Manifest {
    pub(super) fn new(files: BTreeMap<String, Entry>) -> Self {
        Self { schema: SCHEMA.to_owned(), files }
    }

    /// Reads the manifest, and compares names and sizes with what lies there; bytes are not read.
    pub(super) fn read(folder: &Dir, path: &Path) -> Result<Self, ReadError> {
        if !folder.exists(MANIFEST) {
            return Err(ReadError::Incomplete { path: path.to_owned() });
        }
        let bytes = bounded(folder, MANIFEST, path, INDEX_LIMIT_BYTES)?;
        let at = path.join(MANIFEST);
        let shape = |reason: String| ReadError::Shape { path: at.clone(), what: "manifest", reason };
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| shape(error.to_string()))?;
        if manifest.schema != SCHEMA {
            let found = excerpt(&manifest.schema, 40);
            return Err(shape(format!("its schema is `{found}`, this program reads `{SCHEMA}`")));
        }
        if let Some(name) = manifest.files.keys().find(|name| !is_file_name(name)) {
            return Err(ReadError::Name { path: at, name: excerpt(name, 100) });
        }
        for (name, entry) in &manifest.files {
            let size = size(folder, name, path)?;
            if size != entry.bytes {
                let reason = format!("it has {size} bytes, it had {}", entry.bytes);
                return Err(ReadError::Changed { path: path.join(name), reason });
            }
        }
        for below in [BLOB_FOLDER, MODULE_FOLDER] {
            manifest.refuse_surplus(folder, below, path)?;
        }
        Ok(manifest)
    }

    fn refuse_surplus(&self, folder: &Dir, below: &str, path: &Path) -> Result<(), ReadError> {
        if !folder.exists(below) {
            return Ok(());
        }
        let io = |source| ReadError::Io { path: path.join(below), source };
        for entry in folder.read_dir(below).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            let listed =
                name.to_str().is_some_and(|name| self.files.contains_key(&format!("{below}/{name}")));
            if !listed {
                return Err(ReadError::Surplus { path: path.join(below).join(name) });
            }
        }
        Ok(())
    }

    /// Compares bytes with the digest they were recorded with.
    pub(super) fn check(&self, name: &str, bytes: &[u8], path: &Path) -> Result<(), ReadError> {
        let entry = self.files.get(name).ok_or_else(|| ReadError::Missing { path: path.join(name) })?;
        match entry.sha256.or_else(|| digest_of_name(name)) {
            Some(digest) if digest == Digest::of(bytes) => Ok(()),
            _ => Err(changed(name, path)),
        }
    }

    /// Reads every file and compares it with the digest it was recorded with.
    pub(super) fn check_all(&self, folder: &Dir, path: &Path) -> Result<(), ReadError> {
        for (name, entry) in &self.files {
            let io = |source| ReadError::Io { path: path.join(name), source };
            let found = Digest::of_reader(folder.open(name).map_err(io)?).map_err(io)?;
            if entry.sha256.or_else(|| digest_of_name(name)) != Some(found) {
                return Err(changed(name, path));
            }
        }
        Ok(())
    }
}

fn changed(name: &str, path: &Path) -> ReadError {
    let reason = "its bytes do not have the digest they were recorded with".to_owned();
    ReadError::Changed { path: path.join(name), reason }
}

/// Size of a regular file; a link is none, wherever it leads.
fn size(folder: &Dir, name: &str, path: &Path) -> Result<u64, ReadError> {
    let at = path.join(name);
    match folder.symlink_metadata(name) {
        Ok(metadata) if metadata.is_file() => Ok(metadata.len()),
        Ok(_) => Err(ReadError::Changed { path: at, reason: "it is no regular file".to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(ReadError::Missing { path: at }),
        Err(source) => Err(ReadError::Io { path: at, source }),
    }
}

/// A file's bytes; its size is looked at before it is opened.
pub(super) fn bounded(folder: &Dir, name: &str, path: &Path, limit_bytes: u64) -> Result<Vec<u8>, ReadError> {
    let bytes = size(folder, name, path)?;
    let at = path.join(name);
    if bytes > limit_bytes {
        return Err(ReadError::TooLarge { path: at, bytes, limit_bytes });
    }
    let read = || {
        use std::io::Read as _;
        let mut kept = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
        // A file that grows meanwhile is cut, and then has another digest.
        folder.open(name)?.take(bytes).read_to_end(&mut kept)?;
        Ok(kept)
    };
    read().map_err(|source| ReadError::Io { path: at, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_a_recording_are_taken() {
        let hex = Digest::of("x").hex();
        for name in ["run.json", "log/stdout-1", &format!("blobs/{hex}"), &format!("modules/{hex}")] {
            assert!(is_file_name(name), "{name}");
        }
        for name in [
            "",
            "/etc/passwd",
            "../run.json",
            "blobs/../run.json",
            "blobs/x",
            "log/",
            "log/..",
            "log/a/b",
            "log/a\n",
            "manifest.json",
            &format!("blobs/{}", hex.to_uppercase()),
            &format!("log/{hex}/{hex}"),
        ] {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
