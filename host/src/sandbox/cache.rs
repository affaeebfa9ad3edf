//! Compiled modules on disk. A file holds native code, so it counts only with a code made from this machine's key.
//!
//! Nothing here ever fails: what can't be read, verified or written is compiled again.

use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::process::geteuid;
use rustix::rand::{GetRandomFlags, getrandom};
use sha2::Sha256;
use wasmtime::component::Component;
use wasmtime::{Engine, Module, Precompiled};

use super::door::Compiled;
use crate::value::Digest;

const MAC_BYTES: usize = 32;
const KEY_BYTES: usize = 32;
const KEY_FILE: &str = "key";

/// Compiled modules kept; the oldest go first.
const KEPT_FILES: usize = 256;

pub(super) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
}

impl Cache {
    /// `None` when the folder is not this user's alone, or its key can be neither read nor made.
    pub fn open(folder: &Path) -> Option<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
        let metadata = fs::metadata(folder).ok()?;
        // Somebody else's key would make somebody else's code count.
        if metadata.uid() != geteuid().as_raw() || metadata.mode() & 0o077 != 0 {
            return None;
        }
        let path = folder.join(KEY_FILE);
        let key = read_key(&path).or_else(|| make_key(folder, &path))?;
        Some(Self { folder: folder.to_owned(), key })
    }

    pub fn get(&self, engine: &Engine, module: &Digest) -> Option<Compiled> {
        let name = file_name(engine, module);
        let bytes = fs::read(self.folder.join(&name)).ok()?;
        let (mac, compiled) = bytes.split_at_checked(MAC_BYTES)?;
        self.mac(&name, compiled).verify_slice(mac).ok()?;
        deserialize(engine, compiled)
    }

    pub fn put(&self, engine: &Engine, module: &Digest, made: &Compiled) {
        let Ok(compiled) = made.serialize() else { return };
        let name = file_name(engine, module);
        let mac = self.mac(&name, &compiled).finalize().into_bytes();
        // A failed write leaves the next judging to compile again.
        let _ = write_whole(&self.folder, &self.folder.join(&name), &[&mac, &compiled]);
        let _ = forget_oldest(&self.folder, KEPT_FILES);
    }

    /// Over the name too, so that one file can't stand in for another.
    fn mac(&self, name: &str, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(compiled);
        mac
    }
}

fn file_name(engine: &Engine, module: &Digest) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}", module.hex(), hasher.finish())
}

fn read_key(path: &Path) -> Option<[u8; KEY_BYTES]> {
    fs::read(path).ok()?.try_into().ok()
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
fn write_whole(folder: &Path, path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
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

/// Leaves at most so many compiled modules.
fn forget_oldest(folder: &Path, most: usize) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != KEY_FILE {
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    files.sort();
    let surplus = files.len().saturating_sub(most);
    files.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
}

/// Turns compiled bytes back into a component.
#[expect(unsafe_code, reason = "wasmtime runs these bytes as native code and can't check them")]
fn deserialize(engine: &Engine, compiled: &[u8]) -> Option<Compiled> {
    // SAFETY: `compiled` was written by `Cache::put` from `Compiled::serialize`: the caller verified its HMAC, made
    // with a key only this user can read. wasmtime itself refuses bytes of another version or configuration.
    unsafe {
        match Engine::detect_precompiled(compiled)? {
            Precompiled::Component => Component::deserialize(engine, compiled).ok().map(Compiled::Component),
            Precompiled::Module => Module::deserialize(engine, compiled).ok().map(Compiled::Module),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_others_may_write_to_is_no_cache() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        assert!(Cache::open(&path).is_some());
        assert_eq!(fs::metadata(path.join(KEY_FILE)).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Cache::open(&path).is_none());
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
