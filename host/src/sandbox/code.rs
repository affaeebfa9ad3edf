//! Compiled code in a file without a name that nobody can change any more: what is checked is what is run, and workers
//! share its memory.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use wasmtime::component::Component;
use wasmtime::{Engine, Module, Precompiled};

use super::door::Compiled;

/// Moved at a time: little enough to be in the processor's cache still when it is written and hashed.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

const SEALS: SealFlags =
    SealFlags::SEAL.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::WRITE);

/// Sealed bytes.
#[derive(Debug)]
pub(super) struct Code {
    file: File,
}

impl Code {
    /// Reads to the end. More than `most` is an error. `seen` gets every chunk on its way, with how much of it counts, and
    /// gives one to be used next.
    pub fn read(
        from: &mut impl Read,
        most: u64,
        mut seen: impl FnMut(Vec<u8>, usize) -> Vec<u8>,
    ) -> io::Result<Self> {
        let mut file =
            File::from(memfd_create("wassert-code", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut bytes = 0_u64;
        loop {
            let read = match from.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read == 0 {
                break;
            }
            bytes += read as u64;
            if bytes > most {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            file.write_all(&chunk[..read]).map_err(not_written)?;
            chunk = seen(chunk, read);
        }
        fcntl_add_seals(&file, SEALS)?;
        Ok(Self { file })
    }

    /// Takes a descriptor that was handed over, if it is sealed.
    pub fn take(descriptor: OwnedFd) -> io::Result<Self> {
        if !fcntl_get_seals(&descriptor)?.contains(SEALS) {
            return Err(io::Error::other("the code that was handed over is not sealed"));
        }
        Ok(Self { file: descriptor.into() })
    }

    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// A path to this very file for as long as `self` lives: it names the descriptor, not a place in a folder.
    fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    /// What the compiler made; `None` where the engine can't take it.
    #[expect(unsafe_code, reason = "wasmtime runs these bytes as native code and can't check them")]
    pub fn load(&self, engine: &Engine) -> Option<Compiled> {
        let kind = self.kind();
        // SAFETY: the bytes are sealed, so they are now and later what they were when they were taken in: what a forge
        // of this very program wrote into its pipe, or what the cache compared with its keyed hash. wasmtime itself
        // refuses bytes of another version or configuration. The path names the open descriptor: no other file can
        // stand in for it. Where there is no `/proc`, the same bytes are copied.
        unsafe {
            let mapped = match kind? {
                Precompiled::Component => {
                    Component::deserialize_file(engine, self.path()).ok().map(Compiled::Component)
                }
                Precompiled::Module => {
                    Module::deserialize_file(engine, self.path()).ok().map(Compiled::Module)
                }
            };
            mapped.or_else(|| {
                let bytes = self.bytes().ok()?;
                match kind? {
                    Precompiled::Component => {
                        Component::deserialize(engine, bytes).ok().map(Compiled::Component)
                    }
                    Precompiled::Module => Module::deserialize(engine, bytes).ok().map(Compiled::Module),
                }
            })
        }
    }

    fn kind(&self) -> Option<Precompiled> {
        // Where there is no `/proc`, the bytes tell.
        match Engine::detect_precompiled_file(self.path()) {
            Ok(kind) => kind,
            Err(_) => Engine::detect_precompiled(&self.bytes().ok()?),
        }
    }

    /// All bytes.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        use std::os::unix::fs::FileExt as _;
        let mut bytes = vec![0; usize::try_from(self.file.metadata()?.len()).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }
}

/// A file without a name is a file to the system, and may be no larger than others.
fn not_written(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::FileTooLarge => io::Error::new(
            io::ErrorKind::QuotaExceeded,
            format!("{error}: `ulimit -f` is too small for a compiled module"),
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_stays_as_it_is() {
        let mut seen = Vec::new();
        let code = Code::read(&mut b"code".as_slice(), 4, |chunk, length| {
            seen.extend_from_slice(&chunk[..length]);
            chunk
        })
        .unwrap();
        assert_eq!(
            (seen.as_slice(), code.bytes().unwrap().as_slice()),
            (b"code".as_slice(), b"code".as_slice())
        );
        assert!((&code.file).write_all(b"x").is_err());
        assert!(
            File::options().write(true).open(code.path()).and_then(|mut file| file.write_all(b"x")).is_err()
        );
        assert!(code.file.set_len(0).is_err());
        assert!(Code::read(&mut b"code".as_slice(), 3, |chunk, _| chunk).is_err());
        assert!(Code::take(tempfile::tempfile().unwrap().into()).is_err());
        assert!(Code::take(code.file.into()).is_ok());
    }
}
