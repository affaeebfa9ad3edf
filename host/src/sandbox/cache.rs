//! What is kept between two processes: compiled code and verdicts, each file with a code made from a secret key.
//!
//! A file may hold native code, or a verdict that is believed, so it counts only when its code fits: keyed BLAKE3 over
//! its name and its bytes, over the very bytes that are used afterwards. Nothing here ever fails: what can't be read,
//! verified or written is made again.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{channel, sync_channel};

use blake3::Hasher;
use rustix::process::geteuid;
use rustix::rand::{GetRandomFlags, getrandom};

use super::code::{CHUNK_BYTES, Code};

const KEY_BYTES: usize = 32;
const KEY_FILE: &str = "key";

/// Chunks that were read and are not yet hashed.
const CHUNKS_AHEAD: usize = 4;

/// What bytes are, for looking them up: BLAKE3 takes a third of the time of the SHA-256 that stands in receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Content([u8; 32]);

impl Content {
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).into())
    }

    /// Of all that a reader gives, never in memory together, and how much that is.
    pub fn of_reader(reader: impl io::Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::new();
        hasher.update_reader(reader)?;
        Ok((Self(hasher.finalize().into()), hasher.count()))
    }

    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

/// A folder of files that count only with the key.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    /// Files kept; the oldest go first.
    most_files: usize,
}

impl Cache {
    /// With a key of this machine, made when there is none. `None` when the folder is not this user's alone, or its key
    /// can be neither read nor made.
    pub fn open(folder: &Path, most_files: usize) -> Option<Self> {
        let metadata = made(folder)?;
        // Somebody else's key would make somebody else's code count.
        if metadata.uid() != geteuid().as_raw() || metadata.mode() & 0o077 != 0 {
            return None;
        }
        let path = folder.join(KEY_FILE);
        let key = read_key(&path).or_else(|| make_key(folder, &path))?;
        Some(Self { folder: folder.to_owned(), key, most_files })
    }

    /// With a key that was given: then others may write to the folder, and nothing of theirs counts.
    pub fn open_with_key(folder: &Path, secret: &str, most_files: usize) -> Option<Self> {
        made(folder)?;
        let key = blake3::derive_key("wassert 2026-11 WASSERT_CACHE_KEY", secret.as_bytes());
        Some(Self { folder: folder.to_owned(), key, most_files })
    }

    /// The code of this name.
    pub fn code(&self, name: &str, most_bytes: u64) -> Option<Code> {
        let mut file = File::open(self.folder.join(name)).ok()?;
        let mut expected = [0; KEY_BYTES];
        file.read_exact(&mut expected).ok()?;
        let mut hasher = self.hasher(name);
        // Hashing goes on beside reading: large code takes both a while.
        let (code, hash) = std::thread::scope(|scope| {
            let (show, shown) = sync_channel::<(Vec<u8>, usize)>(CHUNKS_AHEAD);
            let (give_back, free) = channel();
            let hash = move || {
                for (chunk, length) in shown {
                    hasher.update(&chunk[..length]);
                    let _ = give_back.send(chunk);
                }
                hasher.finalize()
            };
            let hashing = std::thread::Builder::new().spawn_scoped(scope, hash).ok()?;
            // A hash of less than everything fits nothing.
            let code = Code::read(&mut file, most_bytes, |chunk, length| {
                let _ = show.send((chunk, length));
                free.try_recv().unwrap_or_else(|_| vec![0; CHUNK_BYTES])
            });
            drop(show);
            Some((code, hashing.join()))
        })?;
        // `blake3::Hash` compares in constant time.
        (hash.ok()? == blake3::Hash::from_bytes(expected)).then_some(code.ok()?)
    }

    /// The bytes of this name.
    pub fn bytes(&self, name: &str, most_bytes: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.folder.join(name))
            .ok()?
            .take(most_bytes.saturating_add(KEY_BYTES as u64))
            .read_to_end(&mut bytes)
            .ok()?;
        let (expected, kept) = bytes.split_first_chunk::<KEY_BYTES>()?;
        let fits = self.hasher(name).update(kept).finalize() == blake3::Hash::from_bytes(*expected);
        fits.then(|| kept.to_vec())
    }

    /// Keeps bytes under a name. A failed write leaves them to be made again.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let code = self.hasher(name).update(bytes).finalize();
        let _ = write_whole(&self.folder, &self.folder.join(name), &[code.as_bytes(), bytes]);
    }

    /// Leaves at most so many files as were said.
    pub fn prune(&self) {
        let _ = forget_oldest(&self.folder, self.most_files);
    }

    /// A name that nobody can guess what it is for without the key.
    pub fn name(&self, prefix: &str, of: &str) -> String {
        let hash = Hasher::new_keyed(&self.key).update(b"name\0").update(of.as_bytes()).finalize();
        format!("{prefix}{}", hash.to_hex())
    }

    /// Over the name too, so that one file can't stand in for another.
    fn hasher(&self, name: &str) -> Hasher {
        let mut hasher = Hasher::new_keyed(&self.key);
        hasher.update(b"file\0").update(name.as_bytes()).update(&[0]);
        hasher
    }
}

fn made(folder: &Path) -> Option<fs::Metadata> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
    fs::metadata(folder).ok().filter(fs::Metadata::is_dir)
}

/// A key that others can read is no secret.
fn read_key(path: &Path) -> Option<[u8; KEY_BYTES]> {
    let mut file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if metadata.mode() & 0o077 != 0 || metadata.len() != KEY_BYTES as u64 {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key).ok()?;
    Some(key)
}

fn make_key(folder: &Path, path: &Path) -> Option<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    if getrandom(&mut key[..], GetRandomFlags::empty()).ok()? != KEY_BYTES {
        return None;
    }
    write_whole(folder, path, &[&key]).ok()?;
    // Another process may have been first or last: whatever stands there now is everybody's key.
    read_key(path)
}

/// Readers see all of a file or nothing.
fn write_whole(folder: &Path, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut mark = [0_u8; 8];
    getrandom(&mut mark[..], GetRandomFlags::empty())?;
    let unfinished = folder.join(format!(".{:016x}", u64::from_ne_bytes(mark)));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| parts.iter().try_for_each(|part| file.write_all(part)))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Looks at the files one by one only where they are too many, and then makes room for a while.
fn forget_oldest(folder: &Path, most: usize) -> io::Result<()> {
    let entries: Vec<_> = fs::read_dir(folder)?
        .filter(|entry| entry.as_ref().map_or(true, |entry| entry.file_name() != KEY_FILE))
        .collect::<io::Result<_>>()?;
    if entries.len() <= most {
        return Ok(());
    }
    // Another process may have forgotten some of them meanwhile.
    let age = |entry: &fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
    let mut files: Vec<_> = entries.iter().filter_map(age).collect();
    files.sort();
    let surplus = files.len().saturating_sub(most - most / 4);
    // Another process may forget the same ones.
    files.iter().take(surplus).for_each(|(_, path)| drop(fs::remove_file(path)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn cache(folder: &Path) -> Cache {
        Cache::open(folder, 8).unwrap()
    }

    #[test]
    fn a_folder_others_may_write_to_is_no_cache() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        assert!(Cache::open(&path, 1).is_some());
        assert_eq!(fs::metadata(path.join(KEY_FILE)).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Cache::open(&path, 1).is_none());
    }

    #[test]
    fn only_what_was_put_there_with_the_key_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let own = cache(&path);
        let found = |cache: &Cache, name: &str| {
            let code = cache.code(name, 1 << 20).map(|code| code.bytes().unwrap());
            assert_eq!(code, cache.bytes(name, 1 << 20));
            code
        };
        let sound = || {
            own.put("a", b"native code");
            assert_eq!(found(&own, "a").as_deref(), Some(b"native code".as_slice()));
            fs::read(path.join("a")).unwrap()
        };
        let whole = sound();
        for at in [0, KEY_BYTES, whole.len() - 1] {
            let mut edited = sound();
            edited[at] ^= 1;
            fs::write(path.join("a"), edited).unwrap();
            assert_eq!(found(&own, "a"), None, "edited at byte {at}");
        }
        for length in [0, KEY_BYTES - 1, KEY_BYTES, whole.len() - 1] {
            fs::write(path.join("a"), &sound()[..length]).unwrap();
            assert_eq!(found(&own, "a"), None, "truncated to {length} bytes");
        }
        fs::write(path.join("b"), sound()).unwrap();
        assert_eq!(found(&own, "b"), None, "another name");
        sound();
        let foreign = Cache::open_with_key(&path, "another machine's key", 8).unwrap();
        assert_eq!(found(&foreign, "a"), None, "another key");
        foreign.put("c", b"foreign");
        assert_eq!(found(&own, "c"), None);
        let shared = Cache::open_with_key(&path, "another machine's key", 8).unwrap();
        assert_eq!(found(&shared, "c").as_deref(), Some(b"foreign".as_slice()));
        assert!(own.code("a", 3).is_none() && own.bytes("a", 3).is_none(), "larger than allowed");
    }

    #[test]
    fn a_key_that_others_can_read_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        cache(&path).put("a", b"old");
        fs::set_permissions(path.join(KEY_FILE), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(cache(&path).bytes("a", 9).is_none());
        assert_eq!(fs::metadata(path.join(KEY_FILE)).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_key_outlives_what_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        for name in [KEY_FILE, "a", "b", "c"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        forget_oldest(folder.path(), 1).unwrap();
        assert!(folder.path().join(KEY_FILE).exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
