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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    use super::*;

    #[test]
    fn who_is_confined_reads_below_the_root_and_does_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |below: &str| folder.path().join(below);
        std::fs::create_dir(path("root")).unwrap();
        for file in ["root/inside", "outside"] {
            std::fs::write(path(file), "text").unwrap();
        }
        std::os::unix::fs::symlink(path("outside"), path("root/link")).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let roots = [path("root")];
        // Both fences are a thread's own, so the rest of the tests stay free.
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    assert!(File::open(path("outside")).is_ok() && TcpStream::connect(address).is_ok());
                    let Confinement { files, calls } = confine(&roots);
                    let refused = |what: &str, kind: ErrorKind| {
                        assert_eq!(kind, ErrorKind::PermissionDenied, "{what}: {files:?}, {calls:?}");
                    };
                    assert_eq!(std::fs::read_to_string(path("root/inside")).unwrap(), "text");
                    refused("outside", File::open(path("outside")).unwrap_err().kind());
                    refused("link", File::open(path("root/link")).unwrap_err().kind());
                    refused("write", File::create(path("root/new")).unwrap_err().kind());
                    refused("remove", std::fs::remove_file(path("root/inside")).unwrap_err().kind());
                    refused("connect", TcpStream::connect(address).unwrap_err().kind());
                    refused("socket", UnixStream::pair().unwrap_err().kind());
                    refused("start", Command::new("/bin/true").spawn().unwrap_err().kind());
                    let thread = std::thread::spawn(|| File::open("/etc/passwd").is_err());
                    assert!(thread.join().unwrap(), "its threads are confined like itself");
                })
                .join()
                .unwrap();
        });
        assert!(File::open(path("outside")).is_ok());
    }
}
