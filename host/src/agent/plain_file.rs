//! Files in folders that an agent may write: it may have put anything in their place. Links are not followed, and
//! nobody waits for a pipe.

use std::io::{Read as _, Write as _};
use std::path::Path;

use cap_std::fs::{Dir, File, Metadata, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;

/// Names tried for a file that is to be put in another's place.
const NAMES: u32 = 16;

/// A file opened for reading; `None` when something else is there. `folder` may be anything, `name` has no folders
/// but such as are the host's own.
///
/// # Errors
/// When nothing is there, or it may not be read.
pub(super) fn open(folder: &Dir, name: &Path) -> std::io::Result<Option<(Metadata, File)>> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    let file = folder.open_with(name, &options)?;
    let metadata = file.metadata()?;
    Ok(metadata.is_file().then_some((metadata, file)))
}

/// The first bytes of a file.
///
/// # Errors
/// As [`open`]; and when something else than a file is there.
pub(super) fn read(folder: &Dir, name: &Path, limit_bytes: u64) -> std::io::Result<Vec<u8>> {
    let (_, file) = open(folder, name)?.ok_or_else(|| std::io::Error::other("is no file"))?;
    let mut bytes = Vec::new();
    file.take(limit_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts a new file at `path`, in the place of whatever is there: nothing that is there is opened.
///
/// # Errors
/// When it can't be written.
pub fn replace(folder: &Dir, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    for number in 0..NAMES {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".new-{number}"));
        let mut file = match folder.open_with(&beside, &options) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            opened => opened?,
        };
        let placed = file.write_all(bytes).and_then(|()| {
            folder.rename(&beside, folder, path).or_else(|_| {
                // A folder is not replaced by a file.
                folder.remove_dir_all(path)?;
                folder.rename(&beside, folder, path)
            })
        });
        if placed.is_err() {
            let _ = folder.remove_file(&beside);
        }
        return placed;
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    /// A folder with everything in it that is no file: a pipe, a link to a file, a folder with something in it.
    fn strange() -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), kind, mode, 0).unwrap();
        std::fs::write(at("target"), "kept").unwrap();
        std::os::unix::fs::symlink("target", at("link")).unwrap();
        std::fs::create_dir_all(at("folder/below")).unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        (folder, dir)
    }

    #[test]
    fn what_is_no_file_is_not_read_and_nobody_waits_for_it() {
        let (_folder, dir) = strange();
        assert_eq!(read(&dir, "target".as_ref(), 3).unwrap(), b"kep");
        for name in ["pipe", "link", "folder", "nothing"] {
            assert!(read(&dir, name.as_ref(), 3).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_takes_the_place_of_whatever_is_there() {
        let (folder, dir) = strange();
        std::fs::write(folder.path().join("pipe.new-0"), "in the way").unwrap();
        for name in ["pipe", "link", "folder", "nothing", "pipe"] {
            replace(&dir, name.as_ref(), b"new").unwrap();
            assert_eq!(read(&dir, name.as_ref(), 9).unwrap(), b"new", "{name}");
        }
        assert_eq!(std::fs::read(folder.path().join("target")).unwrap(), b"kept", "no link is followed");
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 6, "nothing is left over");
    }
}
