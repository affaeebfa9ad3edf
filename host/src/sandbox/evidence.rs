//! Evidence: a run document and the bytes it names, from a recording's folder or from one JSON file.
//!
//! `recording` opens it and takes nothing on trust. What a module may see of it all is [`Granted`], made once per set of
//! grants and shared by every judging.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::Answers;
use super::grant::Grant;
use super::shown::Shown;
use crate::recording::{Opened, ReadError, open, open_below};
use crate::value::{Digest, Hasher, canonical};

/// Blobs kept in memory between two judgings, together.
const KEPT_BLOBS_LIMIT_BYTES: usize = 64 << 20;

/// Sets of grants, and digests of prefixes, that are kept.
const KEPT_GRANTS: usize = 64;
const KEPT_DIGESTS: usize = 256;

/// Where evidence is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceSource {
    /// A recording's folder.
    Recording(PathBuf),
    /// One `wassert.run/1` JSON file; its blobs are the texts in it.
    Document(PathBuf),
}

impl EvidenceSource {
    /// The same place, whatever the current folder is.
    pub(super) fn absolute(self) -> Self {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        match self {
            Self::Recording(path) => Self::Recording(absolute(path)),
            Self::Document(path) => Self::Document(absolute(path)),
        }
    }

    /// The folder or file.
    pub(super) fn path(&self) -> &Path {
        let (Self::Recording(path) | Self::Document(path)) = self;
        path
    }
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// It is no recording, or not any more.
    #[error(transparent)]
    Recording(#[from] ReadError),
    /// A folder where a file should be, or the other way round.
    #[error("`{path}` is no {expected}")]
    Kind {
        /// Which.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
}

/// A run document and its bytes.
pub(super) struct Evidence {
    opened: Opened,
    granted: Mutex<BTreeMap<Vec<String>, Arc<Granted>>>,
    /// By prefix: several grants have it in common.
    digests: Mutex<BTreeMap<String, Digest>>,
    blobs: Mutex<KeptBlobs>,
    /// Queries that were answered.
    pub answers: Answers,
    /// Sets of grants so far.
    grants: AtomicUsize,
}

#[derive(Default)]
struct KeptBlobs {
    by_digest: BTreeMap<Digest, Arc<[u8]>>,
    bytes: usize,
    /// Those that are in somebody's hands, so that they are in memory once.
    open: BTreeMap<Digest, Weak<[u8]>>,
}

impl KeptBlobs {
    fn get(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        let open = || self.open.get(digest).and_then(Weak::upgrade);
        self.by_digest.get(digest).cloned().or_else(open)
    }

    fn put(&mut self, digest: Digest, bytes: &Arc<[u8]>) {
        if self.by_digest.contains_key(&digest) {
            return;
        }
        if self.bytes + bytes.len() <= KEPT_BLOBS_LIMIT_BYTES {
            self.bytes += bytes.len();
            self.by_digest.insert(digest, Arc::clone(bytes));
        } else {
            self.open.retain(|_, bytes| bytes.strong_count() > 0);
            self.open.insert(digest, Arc::downgrade(bytes));
        }
    }
}

/// What a module may see, and what of it stands in the receipt.
pub(super) struct Granted {
    /// Prefix to digest: of the granted part's canonical JSON, and of the names and digests of its blobs.
    pub digests: BTreeMap<String, Digest>,
    pub grant: Grant,
    /// Which of this evidence's, counted as they were made.
    pub number: usize,
}

impl Evidence {
    pub fn load(source: &EvidenceSource) -> Result<Self, EvidenceError> {
        let (path, is_recording, expected) = match source {
            EvidenceSource::Recording(path) => (path, true, "folder"),
            EvidenceSource::Document(path) => (path, false, "file"),
        };
        if path.exists() && path.is_dir() != is_recording {
            return Err(EvidenceError::Kind { path: path.clone(), expected });
        }
        Ok(Self::of(open(path)?))
    }

    /// The same, through a root's handle and the way from there.
    pub fn load_below(
        root: &cap_std::fs::Dir,
        below: &Path,
        source: &EvidenceSource,
    ) -> Result<Self, EvidenceError> {
        let (is_recording, expected) = match source {
            EvidenceSource::Recording(_) => (true, "folder"),
            EvidenceSource::Document(_) => (false, "file"),
        };
        let path = source.path();
        if root.metadata(below).is_ok_and(|there| there.is_dir() != is_recording) {
            return Err(EvidenceError::Kind { path: path.to_owned(), expected });
        }
        Ok(Self::of(open_below(root, below, path)?))
    }

    fn of(opened: Opened) -> Self {
        Self {
            opened,
            granted: Mutex::default(),
            digests: Mutex::default(),
            blobs: Mutex::default(),
            answers: Answers::default(),
            grants: AtomicUsize::new(0),
        }
    }

    /// The part of the document that some path prefixes name; `schema` always is.
    pub fn granted(&self, prefixes: &[String]) -> Arc<Granted> {
        let mut prefixes = prefixes.to_vec();
        prefixes.sort();
        prefixes.dedup();
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = granted.get(&prefixes) {
            return Arc::clone(made);
        }
        let grant = Grant::new(prefixes.iter().map(String::as_str).chain(["schema"]));
        let digests = prefixes.iter().map(|prefix| (prefix.clone(), self.digest(prefix))).collect();
        let number = self.grants.fetch_add(1, Ordering::Relaxed);
        let made = Arc::new(Granted { digests, grant, number });
        if granted.len() == KEPT_GRANTS {
            granted.clear();
        }
        granted.insert(prefixes, Arc::clone(&made));
        made
    }

    /// The document as a grant shows it.
    pub fn shown<'e>(&'e self, granted: &'e Granted) -> Shown<'e> {
        Shown::new(&self.opened.document, &granted.grant)
    }

    fn digest(&self, prefix: &str) -> Digest {
        if let Some(known) = self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(prefix) {
            return *known;
        }
        let grant = Grant::new([prefix]);
        let mut hasher = Hasher::default();
        Shown::new(&self.opened.document, &grant).canonical_pieces(&mut |piece| hasher.update(piece));
        let names = self.opened.blob_digests().into_iter().flatten();
        for (name, digest) in names.filter(|(name, _)| grant.allows_blob(name)) {
            hasher.update(&format!("\n{} {digest}", canonical(&Value::String(name.clone()))));
        }
        let digest = hasher.finish();
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if digests.len() == KEPT_DIGESTS {
            digests.clear();
        }
        digests.insert(prefix.to_owned(), digest);
        digest
    }

    /// The bytes of a name; `None` when there are none or they are not granted.
    pub fn blob(&self, granted: &Granted, name: &str) -> Result<Option<Arc<[u8]>>, EvidenceError> {
        if !granted.grant.allows_blob(name) {
            return Ok(None);
        }
        let Some(names) = self.opened.blob_digests() else {
            return Ok(text_in_document(&self.opened.document, name).map(Arc::from));
        };
        let Some(digest) = names.get(name) else { return Ok(None) };
        let kept = || self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept().get(digest) {
            return Ok(Some(kept));
        }
        let Some(bytes) = self.opened.blob(name)? else { return Ok(None) };
        let bytes: Arc<[u8]> = bytes.into();
        kept().put(*digest, &bytes);
        Ok(Some(bytes))
    }
}

/// A bare document has only the texts in it.
fn text_in_document(document: &Value, name: &str) -> Option<Vec<u8>> {
    let (section, rest) = name.split_once('/')?;
    let value = match section {
        "files" => {
            let (path, moment) = rest.rsplit_once('/')?;
            if !matches!(moment, "before" | "after") {
                return None;
            }
            document.get("files")?.get(path)?.get(moment)?.get("text")?
        }
        "stdout" | "stderr" => element(document.get(section)?, rest)?.get("text")?,
        "requests" => {
            let body = element(document.get(section)?, rest.strip_suffix("/body")?)?.get("body")?;
            match body {
                Value::Null | Value::String(_) => body,
                json => return Some(canonical(json).into_bytes()),
            }
        }
        _ => return None,
    };
    value.as_str().map(|text| text.as_bytes().to_vec())
}

fn element<'v>(array: &'v Value, position: &str) -> Option<&'v Value> {
    let index: usize = position.parse().ok()?;
    // One name for one place: `0`, not `00` or `+0`.
    (index.to_string() == position).then(|| array.get(index)).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::{Document, Request};
    use crate::recording::Writer;

    fn recording() -> (tempfile::TempDir, Evidence) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a@b");
        let mut writer = Writer::create(&path).unwrap();
        writer.blob("requests/0/body".to_owned(), b"the body").unwrap();
        let schema = crate::document::SCHEMA.to_owned();
        let requests = vec![Request::default()];
        writer.document(&Document { schema, requests, ..Document::default() }).unwrap();
        (root, Evidence::load(&EvidenceSource::Recording(path)).unwrap())
    }

    #[test]
    fn a_blob_is_read_where_it_is_granted() {
        let (_folder, evidence) = recording();
        let granted = evidence.granted(&["requests".to_owned()]);
        assert_eq!(
            evidence.blob(&granted, "requests/0/body").unwrap().as_deref(),
            Some(b"the body".as_slice())
        );
        assert_eq!(evidence.blob(&granted, "requests/1/body").unwrap(), None);
        let granted = evidence.granted(&["turns".to_owned(), "requests.transcript".to_owned()]);
        assert_eq!(evidence.blob(&granted, "requests/0/body").unwrap(), None);
    }

    #[test]
    fn large_bytes_are_in_memory_once_while_somebody_has_them() {
        let mut kept = KeptBlobs::default();
        let large: Arc<[u8]> = vec![0; KEPT_BLOBS_LIMIT_BYTES + 1].into();
        let digest = Digest::of("large");
        kept.put(digest, &large);
        assert!(kept.get(&digest).is_some_and(|again| Arc::ptr_eq(&again, &large)));
        drop(large);
        assert!(kept.get(&digest).is_none());
    }

    #[test]
    fn changed_bytes_are_noticed() {
        let (root, evidence) = recording();
        let blob = root.path().join("a@b/blobs").join(Digest::of("the body").hex());
        std::fs::write(blob, "THE BODY").unwrap();
        let granted = evidence.granted(&["requests".to_owned()]);
        let error = evidence.blob(&granted, "requests/0/body").unwrap_err();
        assert!(error.to_string().contains("was changed since it was recorded"), "{error}");
    }

    #[test]
    fn a_digest_covers_the_granted_part_alone() {
        let (_folder, evidence) = recording();
        let part = evidence.granted(&["requests.transcript".to_owned()]);
        assert_eq!(part.digests["requests.transcript"], Digest::of(r#"{"requests":[{"transcript":[]}]}"#));
        let whole = evidence.granted(&["requests".to_owned()]);
        let line = format!("\"requests/0/body\" {}", Digest::of("the body"));
        let text = canonical(&json!({ "requests": evidence.opened.document["requests"] }));
        assert_eq!(whole.digests["requests"], Digest::of(format!("{text}\n{line}")));
    }

    #[test]
    fn a_bare_document_has_the_texts_in_it() {
        let document = json!({
            "files": { "a/b.txt": { "after": { "text": "new" } } },
            "stdout": [{ "text": "out" }],
            "requests": [{ "body": { "b": 1, "a": 2 } }, { "body": "text" }, { "body": null }],
        });
        for (name, expected) in [
            ("files/a/b.txt/after", Some("new")),
            ("files/a/b.txt/before", None),
            ("files/a/b.txt/text", None),
            ("stdout/0", Some("out")),
            ("stdout/00", None),
            ("requests/0/body", Some(r#"{"a":2,"b":1}"#)),
            ("requests/1/body", Some("text")),
            ("requests/2/body", None),
            ("schema", None),
        ] {
            assert_eq!(text_in_document(&document, name).as_deref(), expected.map(str::as_bytes), "{name}");
        }
    }

    #[test]
    fn a_document_of_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        std::fs::write(&path, r#"{"schema":"wassert.run/2"}"#).unwrap();
        assert!(matches!(
            Evidence::load(&EvidenceSource::Document(path)),
            Err(EvidenceError::Recording(ReadError::Version { .. }))
        ));
    }
}
