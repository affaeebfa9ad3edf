//! Writes small files on a thread of its own, while the one that hands them over hashes and searches the next.
//!
//! It is told at the end, or at a later file, what went wrong: a recording is complete with its manifest only, which is
//! written after [`Behind::finish`]. Large files are not for it: it holds the bytes of those that wait.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use cap_std::fs::Dir;

/// Larger files are written where they are.
pub(super) const LARGEST_BYTES: usize = 256 * 1024;
/// So many files may wait.
const MOST_WAITING: usize = 16;

/// A file that could not be written, below the folder, and why.
pub(super) type Failed = (String, std::io::Error);

/// The thread, once there is something to write.
#[derive(Debug, Default)]
pub(super) struct Behind(Option<Running>);

#[derive(Debug)]
struct Running {
    files: SyncSender<(String, Vec<u8>)>,
    thread: JoinHandle<Result<(), Failed>>,
}

impl Behind {
    /// Writes a file in a folder, now or soon.
    ///
    /// # Errors
    /// What went wrong with this file or with one before it.
    pub(super) fn write(&mut self, folder: &Dir, name: &str, bytes: &[u8]) -> Result<(), Failed> {
        let failed = |source| (name.to_owned(), source);
        let running = match &mut self.0 {
            Some(running) => running,
            none => none.insert(start(folder).map_err(failed)?),
        };
        match running.files.send((name.to_owned(), bytes.to_vec())) {
            Ok(()) => Ok(()),
            // The thread ended at a file before this one.
            Err(_) => self.finish(),
        }
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// The first file that could not be.
    pub(super) fn finish(&mut self) -> Result<(), Failed> {
        let Some(Running { files, thread }) = self.0.take() else { return Ok(()) };
        drop(files);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn start(folder: &Dir) -> std::io::Result<Running> {
    let folder = folder.try_clone()?;
    let (files, waiting) = sync_channel::<(String, Vec<u8>)>(MOST_WAITING);
    let thread = std::thread::Builder::new().name("recording".to_owned()).spawn(move || {
        for (name, bytes) in waiting {
            if let Err(source) = folder.write(&name, bytes) {
                return Err((name, source));
            }
        }
        Ok(())
    })?;
    Ok(Running { files, thread })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn a_file_that_can_not_be_written_is_named_later() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let mut behind = Behind::default();
        behind.write(&dir, "first", b"1").unwrap();
        let soon = behind.write(&dir, "missing/second", b"2").and_then(|()| behind.finish());
        let (name, source) = soon.unwrap_err();
        assert_eq!((name.as_str(), source.kind()), ("missing/second", std::io::ErrorKind::NotFound));
        assert_eq!(std::fs::read(folder.path().join("first")).unwrap(), b"1");
        assert_eq!(behind.finish().map_err(|(name, _)| name), Ok(()), "nothing waits any more");
    }

    #[test]
    fn what_comes_after_a_failure_is_told_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let mut behind = Behind::default();
        let told = (0..1000).find_map(|number| behind.write(&dir, &format!("missing/{number}"), b"").err());
        assert_eq!(told.map(|(name, _)| name).as_deref(), Some("missing/0"));
    }
}
