//! A process gives up what judging doesn't need, for good: files outside some folders, and system calls.
//!
//! What a kernel can't do is told, never assumed: the rest of the sandbox stands without it.

use std::path::PathBuf;

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;

/// How far one fence reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// All of it stands; with what it is made of.
    Whole(String),
    /// A part of it stands; with what is missing.
    Partial(String),
    /// It doesn't stand; with the reason.
    Missing(String),
}

/// What keeps a judge worker in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// Only files below its roots, and only for reading (Landlock).
    pub files: Fence,
    /// Only the system calls that judging needs: no network, no other process, no new program (seccomp).
    pub calls: Fence,
}

/// Confines the calling thread and those it will start; for a whole process, call it before any other thread is there.
#[cfg(target_os = "linux")]
pub(super) fn confine(roots: &[PathBuf]) -> Confinement {
    // Files first: afterwards the system calls that set up Landlock are gone.
    Confinement { files: files::confine(roots), calls: calls::confine() }
}

/// Other systems have neither.
#[cfg(not(target_os = "linux"))]
pub(super) fn confine(_roots: &[PathBuf]) -> Confinement {
    let missing = || Fence::Missing("only Linux has it".to_owned());
    Confinement { files: missing(), calls: missing() }
}

/// What this kernel gives, tried out on a thread that ends afterwards.
pub fn confinement() -> Confinement {
    std::thread::spawn(|| confine(&[])).join().unwrap_or_else(|_| {
        let failed = || Fence::Missing("it could not be tried".to_owned());
        Confinement { files: failed(), calls: failed() }
    })
}
