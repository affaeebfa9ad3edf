//! Opens a recording, or a bare run document, with everything that can be known to be wrong with it.
//!
//! What it gives is JSON as assertions see it: repeated history filled in, long texts still references. `read` makes
//! the typed document of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde_json::Value;

use super::blobs::Blobs;
use super::manifest::{Manifest, bounded};
use super::{DOCUMENT, ReadError, SCENARIO, stored};
use crate::document::{Document, SCHEMA};
use crate::value::{Digest, excerpt, parse_piecewise};

/// A run document larger than this is not read: no agent's run comes near it.
const DOCUMENT_LIMIT_BYTES: u64 = 256 << 20;

/// An open recording.
#[derive(Debug)]
pub struct Opened {
    /// The run document, its schema checked and its history filled in.
    pub document: Value,
    /// The scenario as it was run; a bare document has none.
    pub scenario: Option<String>,
    path: PathBuf,
    /// None for a bare document.
    folder: Option<Folder>,
}

#[derive(Debug)]
pub(super) struct Folder {
    folder: Dir,
    manifest: Manifest,
    blobs: Blobs,
}

/// Opens a folder or a bare run document.
///
/// # Errors
/// When it is incomplete, was changed, is not a run document, or of another major version.
pub fn open(path: &Path) -> Result<Opened, ReadError> {
    let (document, scenario, folder) = opened(path, parse)?;
    Ok(Opened { document, scenario, path: path.to_owned(), folder })
}

/// Opens a folder or a bare run document through the handle of a folder it is in: nothing outside is read, whatever
/// links say. `shown` is the path for messages.
///
/// # Errors
/// As [`open`].
pub fn open_below(root: &Dir, below: &Path, shown: &Path) -> Result<Opened, ReadError> {
    let io = |source| ReadError::Io { path: shown.to_owned(), source };
    let (document, scenario, folder) = if root.metadata(below).map_err(io)?.is_dir() {
        in_folder(root.open_dir(below).map_err(io)?, shown, parse)?
    } else {
        (checked(shown, &|| bare_in(root, below, shown), parse)?, None, None)
    };
    Ok(Opened { document, scenario, path: shown.to_owned(), folder })
}

/// The bytes go while the document comes, so that both are never there in full.
fn parse(bytes: Vec<u8>, again: Load<'_>) -> Result<(Value, String), String> {
    let mut document = match parse_piecewise(bytes) {
        Some(document) => document,
        None => {
            let bytes = again().map_err(|error| error.to_string())?;
            serde_json::from_slice(&bytes).map_err(|error| error.to_string())?
        }
    };
    stored::fill_in(&mut document)?;
    let schema = document.get("schema").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((document, schema))
}

/// Reads the bytes of a document.
pub(super) type Load<'l> = &'l dyn Fn() -> Result<Vec<u8>, ReadError>;

/// Reads every file of a recording and compares it with its digest; a bare document has none.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(path: &Path) -> Result<(), ReadError> {
    if !path.is_dir() {
        return Ok(());
    }
    let folder = Dir::open_ambient_dir(path, ambient_authority())
        .map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    Manifest::read(&folder, path)?.check_all(&folder, path)
}

/// What is opened, whatever is made of the document. `parse` may ask for the bytes again; it also returns what it says its schema is.
pub(super) fn opened<T>(
    path: &Path,
    parse: impl FnOnce(Vec<u8>, Load<'_>) -> Result<(T, String), String>,
) -> Result<(T, Option<String>, Option<Folder>), ReadError> {
    if !path.is_dir() {
        return Ok((checked(path, &|| bare(path), parse)?, None, None));
    }
    let folder = Dir::open_ambient_dir(path, ambient_authority())
        .map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    in_folder(folder, path, parse)
}

fn in_folder<T>(
    folder: Dir,
    path: &Path,
    parse: impl FnOnce(Vec<u8>, Load<'_>) -> Result<(T, String), String>,
) -> Result<(T, Option<String>, Option<Folder>), ReadError> {
    let manifest = Manifest::read(&folder, path)?;
    let blobs = Blobs::read(&folder, &manifest, path)?;
    let listed = |name: &str| -> Result<Vec<u8>, ReadError> {
        let bytes = bounded(&folder, name, path, DOCUMENT_LIMIT_BYTES)?;
        manifest.check(name, &bytes, path)?;
        Ok(bytes)
    };
    let document = checked(&path.join(DOCUMENT), &|| listed(DOCUMENT), parse)?;
    let scenario = match manifest.files.contains_key(SCENARIO) {
        true => String::from_utf8(listed(SCENARIO)?).ok(),
        false => None,
    };
    Ok((document, scenario, Some(Folder { folder, manifest, blobs })))
}

fn checked<T>(
    path: &Path,
    load: Load<'_>,
    parse: impl FnOnce(Vec<u8>, Load<'_>) -> Result<(T, String), String>,
) -> Result<T, ReadError> {
    /// The schema alone, for what can't be parsed.
    #[derive(Default, serde::Deserialize)]
    struct Head {
        schema: String,
    }
    let parsed = parse(load()?, load);
    let schema = match &parsed {
        Ok((_, schema)) => schema.clone(),
        Err(_) => serde_json::from_slice::<Head>(&load()?).unwrap_or_default().schema,
    };
    if schema != SCHEMA && schema.starts_with("wassert.run/") {
        return Err(ReadError::Version { path: path.to_owned(), schema: excerpt(&schema, 40) });
    }
    let reason = match parsed {
        Ok((document, _)) if schema == SCHEMA => return Ok(document),
        Ok(_) => format!("it has no member `schema` that says `{SCHEMA}`"),
        Err(reason) => reason,
    };
    Err(ReadError::Shape { path: path.to_owned(), what: "run document", reason })
}

/// The bytes of a file the user named; its size is looked at first.
fn bare(path: &Path) -> Result<Vec<u8>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = Dir::open_ambient_dir(parent, ambient_authority()).map_err(io)?;
    bare_in(&folder, Path::new(path.file_name().unwrap_or_default()), path)
}

fn bare_in(folder: &Dir, name: &Path, path: &Path) -> Result<Vec<u8>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let metadata = folder.metadata(name).map_err(io)?;
    if !metadata.is_file() {
        // A pipe would block, a device never end.
        return Err(io(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file")));
    }
    let bytes = metadata.len();
    if bytes > DOCUMENT_LIMIT_BYTES {
        let (path, limit_bytes) = (path.to_owned(), DOCUMENT_LIMIT_BYTES);
        return Err(ReadError::TooLarge { path, bytes, limit_bytes });
    }
    folder.read(name).map_err(io)
}

impl Opened {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The document as [`super::read`] gives it, without reading it again.
    ///
    /// # Errors
    /// When it has what no run document has.
    pub fn typed(&self) -> Result<Document, ReadError> {
        super::read::of_opened(&self.document).map_err(|reason| {
            let path = if self.folder.is_some() { self.path.join(DOCUMENT) } else { self.path.clone() };
            ReadError::Shape { path, what: "run document", reason }
        })
    }

    /// The folder; none for a bare document.
    pub(super) fn folder(&self) -> Option<&Dir> {
        self.folder.as_ref().map(|folder| &folder.folder)
    }

    /// Name to digest of every blob; none for a bare document, which has only the texts in it.
    pub fn blob_digests(&self) -> Option<&BTreeMap<String, Digest>> {
        self.folder.as_ref().map(|folder| &folder.blobs.names)
    }

    /// The bytes of a blob, checked against its digest; `None` when no blob has that name.
    ///
    /// # Errors
    /// When they can't be read, were changed, or are too large.
    pub fn blob(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(Folder { folder, manifest, blobs }) = &self.folder else { return Ok(None) };
        blobs.names.get(name).map(|digest| blobs.bytes(digest, folder, manifest, &self.path)).transpose()
    }

    /// Reads every file and compares it with its digest.
    ///
    /// # Errors
    /// The first that was changed.
    pub fn check_all(&self) -> Result<(), ReadError> {
        match &self.folder {
            Some(Folder { folder, manifest, .. }) => manifest.check_all(folder, &self.path),
            None => Ok(()),
        }
    }

    /// Names of the files that the recording consists of, in order; none for a bare document.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.folder.iter().flat_map(|folder| folder.manifest.files.keys().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{BLOBS, MANIFEST, Writer};

    fn recorded() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a@b");
        let mut writer = Writer::create(&path).unwrap();
        writer.blob("stdout/0".to_owned(), b"out").unwrap();
        writer.log("stdout-1", b"out").unwrap();
        writer.scenario("summary = \"s\"\n").unwrap();
        writer.document(&Document { schema: SCHEMA.to_owned(), ..Document::default() }).unwrap();
        (root, path)
    }

    fn blob(path: &Path) -> PathBuf {
        path.join("blobs").join(Digest::of("out").hex())
    }

    #[test]
    fn a_whole_recording_opens() {
        let (_root, path) = recorded();
        let opened = open(&path).unwrap();
        assert_eq!(opened.blob("stdout/0").unwrap().as_deref(), Some(&b"out"[..]));
        assert_eq!(opened.blob("stdout/1").unwrap(), None);
        assert_eq!(opened.scenario.as_deref(), Some("summary = \"s\"\n"));
        opened.check_all().unwrap();
        assert_eq!(opened.files().count(), 5);
    }

    /// What opening, or else reading everything, says after something was done to a recording.
    fn after(change: impl FnOnce(&Path)) -> ReadError {
        let (_root, path) = recorded();
        change(&path);
        open(&path).and_then(|opened| opened.check_all()).unwrap_err()
    }

    #[test]
    fn whatever_was_changed_is_named() {
        use std::fs;
        let edit = |name: &'static str| {
            move |path: &Path| {
                let mut bytes = fs::read(path.join(name)).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(path.join(name), bytes).unwrap();
            }
        };
        for name in [DOCUMENT, BLOBS, SCENARIO, "log/stdout-1"] {
            let error = after(edit(name));
            assert!(matches!(&error, ReadError::Changed { path, .. } if path.ends_with(name)), "{error}");
        }
        let error = after(|path| fs::write(blob(path), "tuo").unwrap());
        assert!(matches!(&error, ReadError::Changed { .. }), "{error}");
        let error = after(|path| fs::write(path.join(DOCUMENT), "{").unwrap());
        assert!(matches!(&error, ReadError::Changed { .. }), "{error}");
        let error = after(|path| fs::remove_file(blob(path)).unwrap());
        assert!(matches!(&error, ReadError::Missing { .. }), "{error}");
        let error = after(|path| fs::write(path.join("blobs/more"), "").unwrap());
        assert!(matches!(&error, ReadError::Surplus { path } if path.ends_with("blobs/more")), "{error}");
        let error = after(|path| fs::remove_file(path.join(MANIFEST)).unwrap());
        assert!(matches!(&error, ReadError::Incomplete { .. }), "{error}");
        let error = after(|path| {
            fs::remove_file(path.join(DOCUMENT)).unwrap();
            std::os::unix::fs::symlink("/etc/hostname", path.join(DOCUMENT)).unwrap();
        });
        assert!(error.to_string().contains("no regular file"), "{error}");
        let error = after(|path| {
            let text = fs::read_to_string(path.join(MANIFEST)).unwrap();
            fs::write(path.join(MANIFEST), text.replace("log/stdout-1", "log/../../../x")).unwrap();
        });
        assert!(matches!(&error, ReadError::Name { .. }), "{error}");
    }

    #[test]
    fn a_document_of_many_gigabytes_is_refused_unread() {
        let huge = |path: &Path| {
            std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(10 << 30).unwrap();
        };
        let (_root, path) = recorded();
        huge(&path.join(DOCUMENT));
        assert!(
            matches!(open(&path.join(DOCUMENT)), Err(ReadError::TooLarge { bytes, .. }) if bytes == 10 << 30)
        );
        assert!(matches!(open(&path), Err(ReadError::Changed { .. })));
        huge(&path.join(MANIFEST));
        assert!(matches!(open(&path), Err(ReadError::TooLarge { .. })));
    }
}
