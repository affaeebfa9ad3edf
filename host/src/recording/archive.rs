//! A recording in one file: an uncompressed tar archive (POSIX.1-2017 `pax`, section "ustar Interchange Format"), the
//! same bytes whenever and wherever it is written.
//!
//! Names are short and files are plain, so the format's oldest part is enough and no crate is needed. Reading trusts
//! nothing: only names that a recording can have, no links, bounded sizes.

use std::io::{Read, Write};
use std::path::Path;

use cap_std::fs::{Dir, OpenOptions};

use super::manifest::is_file_name;
use super::{MANIFEST, Opened, ReadError, VERDICTS};
use crate::value::excerpt;

const BLOCK_BYTES: usize = 512;

/// The largest file in an archive, which is also what eleven octal digits can say.
const FILE_LIMIT_BYTES: u64 = 8 << 30;

/// All files of an archive together.
const ARCHIVE_LIMIT_BYTES: u64 = 16 << 30;

/// Files in an archive.
const FILES_LIMIT: usize = 200_000;

/// Verdicts are small; a larger file is left out.
const VERDICTS_LIMIT_BYTES: u64 = 256 << 20;

/// A recording can't become an archive, or an archive no recording.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The recording.
    #[error(transparent)]
    Recording(#[from] ReadError),
    /// A bare document has nothing beside it.
    #[error("a run document alone can't be exported: copy it")]
    Bare,
    /// Reading or writing.
    #[error("{name}: {source}")]
    Io {
        /// What was being read or written.
        name: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The archive ends where it should go on.
    #[error("the archive is truncated in `{name}`")]
    Truncated {
        /// The file it ends in.
        name: String,
    },
    /// Not a header of a tar archive.
    #[error("the archive is damaged after `{name}`: {reason}")]
    Header {
        /// The file before it.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A name that no recording has, twice the same, or a link.
    #[error("the archive holds `{name}`, which is {what}")]
    Entry {
        /// The name, shortened and safe to print.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Larger than this program reads.
    #[error("the archive is larger than {} GiB, or holds more than {FILES_LIMIT} files", ARCHIVE_LIMIT_BYTES >> 30)]
    TooLarge,
}

/// Writes a recording as an archive: its files by name, the manifest and the verdicts after them. Every byte is
/// compared with its digest first.
///
/// # Errors
/// When the recording was changed, or something can't be read or written.
pub fn export(opened: &Opened, out: &mut impl Write) -> Result<(), ArchiveError> {
    let folder = opened.folder().ok_or(ArchiveError::Bare)?;
    opened.check_all()?;
    let verdicts = folder
        .symlink_metadata(VERDICTS)
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() <= VERDICTS_LIMIT_BYTES);
    for name in opened.files().chain([MANIFEST]).chain(verdicts.then_some(VERDICTS)) {
        add(folder, name, out).map_err(|source| ArchiveError::Io { name: name.to_owned(), source })?;
    }
    let end = |source| ArchiveError::Io { name: "the archive".to_owned(), source };
    out.write_all(&[0; 2 * BLOCK_BYTES]).and_then(|()| out.flush()).map_err(end)
}

fn add(folder: &Dir, name: &str, out: &mut impl Write) -> std::io::Result<()> {
    let file = folder.open(name)?;
    let bytes = file.metadata()?.len();
    out.write_all(&header(name, bytes)?)?;
    if std::io::copy(&mut file.take(bytes), out)? != bytes {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    out.write_all(&[0; BLOCK_BYTES][..padding(bytes)])
}

fn header(name: &str, bytes: u64) -> std::io::Result<[u8; BLOCK_BYTES]> {
    if name.len() > 100 || bytes >= FILE_LIMIT_BYTES {
        return Err(std::io::Error::other("its name or size does not fit an archive"));
    }
    let mut header = [0; BLOCK_BYTES];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{bytes:011o}\0"));
    put(136, "00000000000\0");
    put(156, "0");
    put(257, "ustar\x0000");
    put(329, "0000000\0");
    put(337, "0000000\0");
    let sum = checksum(&header);
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

/// The sum of all bytes, with spaces in place of the sum itself.
fn checksum(header: &[u8; BLOCK_BYTES]) -> u32 {
    let summed = |(at, byte): (usize, &u8)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte });
    header.iter().enumerate().map(summed).sum()
}

fn padding(bytes: u64) -> usize {
    (bytes.wrapping_neg() % BLOCK_BYTES as u64) as usize
}

/// Whether a file begins as an archive does.
pub fn is_archive(path: &Path) -> bool {
    let mut header = [0; BLOCK_BYTES];
    path.is_file()
        && std::fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut header).is_ok())
        && header[257..262] == *b"ustar"
}

/// Unpacks an archive into an empty folder.
///
/// # Errors
/// When it is no archive of a recording, too large, or something can't be read or written.
pub fn unpack(archive: &mut impl Read, into: &Dir) -> Result<(), ArchiveError> {
    let mut last = "the beginning".to_owned();
    let mut left_bytes = ARCHIVE_LIMIT_BYTES;
    for _ in 0..FILES_LIMIT {
        let mut header = [0; BLOCK_BYTES];
        archive.read_exact(&mut header).map_err(|_| ArchiveError::Truncated { name: last.clone() })?;
        if header == [0; BLOCK_BYTES] {
            return Ok(());
        }
        let damaged = |reason| ArchiveError::Header { name: last.clone(), reason };
        let told_sum = octal(&header[148..156]).ok_or_else(|| damaged("its checksum is no number"))?;
        if header[257..262] != *b"ustar" || told_sum != u64::from(checksum(&header)) {
            return Err(damaged("what follows is no header, or its checksum is wrong"));
        }
        let name = text(&header[..100]).ok_or_else(|| damaged("a name is not UTF-8"))?;
        let bytes = octal(&header[124..136]).ok_or_else(|| damaged("a size is no number"))?;
        left_bytes = left_bytes.checked_sub(bytes).ok_or(ArchiveError::TooLarge)?;
        let name = name.strip_prefix("./").unwrap_or(name);
        match header[156] {
            b'0' | 0 => file(name, &header, bytes, archive, into)?,
            // Folders are made where files need them.
            b'5' if bytes == 0 => {}
            _ => return Err(entry(name, "neither a file nor a folder")),
        }
        last = excerpt(name, 100);
    }
    Err(ArchiveError::TooLarge)
}

fn file(
    name: &str,
    header: &[u8; BLOCK_BYTES],
    bytes: u64,
    archive: &mut impl Read,
    into: &Dir,
) -> Result<(), ArchiveError> {
    let known = is_file_name(name) || matches!(name, MANIFEST | VERDICTS);
    if !known || header[345] != 0 {
        return Err(entry(name, "no file of a recording"));
    }
    let io = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => entry(name, "there twice"),
        std::io::ErrorKind::UnexpectedEof => ArchiveError::Truncated { name: name.to_owned() },
        _ => ArchiveError::Io { name: name.to_owned(), source },
    };
    if let Some((folder, _)) = name.split_once('/') {
        into.create_dir_all(folder).map_err(io)?;
    }
    let mut to = into.open_with(name, OpenOptions::new().write(true).create_new(true)).map_err(io)?;
    if std::io::copy(&mut archive.take(bytes), &mut to).map_err(io)? != bytes {
        return Err(io(std::io::ErrorKind::UnexpectedEof.into()));
    }
    archive.read_exact(&mut [0; BLOCK_BYTES][..padding(bytes)]).map_err(io)
}

fn entry(name: &str, what: &'static str) -> ArchiveError {
    ArchiveError::Entry { name: excerpt(name, 100), what }
}

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field.split(|byte| *byte == 0).next()?).ok()
}

fn octal(field: &[u8]) -> Option<u64> {
    u64::from_str_radix(text(field)?.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;
    use crate::document::Document;
    use crate::recording::{Writer, open};

    fn archived() -> Vec<u8> {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a@b");
        let mut writer = Writer::create(&path).unwrap();
        writer.blob("stdout/0".to_owned(), &[7; 1000]).unwrap();
        writer.log("stdout-1", b"out").unwrap();
        writer.document(&Document { schema: "wassert.run/1".to_owned(), ..Document::default() }).unwrap();
        writer.verdicts(&[]).unwrap();
        let mut archive = Vec::new();
        export(&open(&path).unwrap(), &mut archive).unwrap();
        archive
    }

    fn unpacked(archive: &[u8]) -> Result<tempfile::TempDir, ArchiveError> {
        let root = tempfile::tempdir().unwrap();
        let folder = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        unpack(&mut &*archive, &folder).map(|()| root)
    }

    #[test]
    fn an_archive_is_the_same_bytes_and_the_same_recording() {
        let archive = archived();
        assert_eq!(archive, archived());
        let root = unpacked(&archive).unwrap();
        let opened = open(root.path()).unwrap();
        opened.check_all().unwrap();
        assert_eq!(opened.blob("stdout/0").unwrap().unwrap(), [7; 1000]);
        let mut again = Vec::new();
        export(&opened, &mut again).unwrap();
        assert_eq!(archive, again);
    }

    #[test]
    fn every_truncated_archive_is_refused() {
        let archive = archived();
        for end in (0..archive.len() - 2 * BLOCK_BYTES + 1).step_by(100) {
            let error = unpacked(&archive[..end]).unwrap_err();
            assert!(matches!(error, ArchiveError::Truncated { .. }), "{end}: {error}");
        }
    }

    /// The archive with its first header changed and summed again.
    fn with_header(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut archive = archived();
        change(&mut archive[..BLOCK_BYTES]);
        let header: [u8; BLOCK_BYTES] = archive[..BLOCK_BYTES].try_into().unwrap();
        let sum = checksum(&header);
        archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive
    }

    #[test]
    fn names_that_climb_and_links_are_refused() {
        let named = |name: &str| {
            with_header(|header| {
                header[..100].fill(0);
                header[..name.len()].copy_from_slice(name.as_bytes());
            })
        };
        for name in ["../x", "/etc/x", "blobs/../../x", "blobs/x", ".hidden", "a/b/c", "x\n"] {
            let error = unpacked(&named(name)).unwrap_err();
            assert!(error.to_string().contains("no file of a recording"), "{name}: {error}");
        }
        for kind in [b'1', b'2', b'3', b'x', b'L'] {
            let error = unpacked(&with_header(|header| header[156] = kind)).unwrap_err();
            assert!(error.to_string().contains("neither a file nor a folder"), "{error}");
        }
        let error = unpacked(&with_header(|header| header[345] = b'x')).unwrap_err();
        assert!(matches!(error, ArchiveError::Entry { .. }), "{error}");
        let error = unpacked(&named("run.json")).unwrap_err();
        assert!(error.to_string().contains("there twice"), "{error}");
    }

    #[test]
    fn a_damaged_header_is_refused() {
        let mut archive = archived();
        archive[0] ^= 1;
        assert!(matches!(unpacked(&archive), Err(ArchiveError::Header { .. })));
        let huge = with_header(|header| header[124..136].copy_from_slice(b"77777777777\0"));
        assert!(unpacked(&huge).is_err());
    }
}
