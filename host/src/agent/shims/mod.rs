//! Commands that stand in for real ones: written as POSIX shell scripts, so that they run wherever the agent does, and
//! found first on PATH. Each call leaves a folder with its arguments, its standard input and what was answered.
//!
//! What a scenario says is data to the script and never code: every text is quoted.

mod calls;
mod laid;
mod script;

use std::ffi::OsStr;

use cap_std::fs::{MetadataExt as _, OpenOptions, OpenOptionsExt as _};

pub use calls::calls;
pub use laid::Laid;
use script::script;

use super::plain_file;
use super::root::Root;
use crate::scenario::Shim;

/// The folder beside home and workspace.
pub(super) const FOLDER: &str = "shims";

/// Where the agent finds them; for PATH.
pub fn bin(root: &Root) -> String {
    format!("{}/bin", root.seen(FOLDER))
}

/// Writes the scripts. Nothing is made where there are none. What they call is found on `tools_path`, the agent's PATH
/// without them.
///
/// # Errors
/// When they can't be written.
pub fn lay(root: &Root, shims: &[Shim], tools_path: &OsStr) -> std::io::Result<Laid> {
    let mut laid = Laid::default();
    if shims.is_empty() {
        return Ok(laid);
    }
    root.whole.create_dir_all(format!("{FOLDER}/bin"))?;
    root.whole.create_dir_all(format!("{FOLDER}/calls"))?;
    let bin = root.whole.open_dir(format!("{FOLDER}/bin"))?;
    for shim in shims {
        root.whole.create_dir_all(format!("{FOLDER}/state/{}", shim.name))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o755);
        let mut file = bin.open_with(&shim.name, &options)?;
        let text = script(shim, &root.seen(FOLDER), &root.seen("workspace"), &tools_path.to_string_lossy());
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        let mode = file.metadata()?.mode();
        laid.scripts.insert(shim.name.clone(), laid::Script { text, mode });
    }
    Ok(laid)
}

/// Says which turn calls belong to from now on.
pub fn begin_turn(root: &Root, turn: u32) {
    // Without it a call has no turn; that is told as 0.
    if root.whole.is_dir(FOLDER) {
        let _ =
            plain_file::replace(&root.whole, format!("{FOLDER}/turn").as_ref(), turn.to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::scenario::ShimAnswer;

    /// What a stand-in keeps of a socket that is its standard input, and that somebody still holds open.
    fn kept_of_a_socket(reads_sockets: bool, is_closed: bool) -> Option<String> {
        let root = Root::create().unwrap();
        let otherwise = Some(ShimAnswer::default());
        let shim =
            Shim { name: "tool".into(), reads_stdin: true, reads_sockets, otherwise, ..Shim::default() };
        let path = std::env::var_os("PATH").unwrap();
        lay(&root, std::slice::from_ref(&shim), &path).unwrap();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"said").unwrap();
        let ours = (!is_closed).then_some(ours);
        // The shell reads it: a file that was just written here can't always be executed.
        let status = Command::new("sh")
            .arg(root.path(FOLDER).join("bin/tool"))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .status()
            .unwrap();
        assert!(status.success());
        drop(ours);
        calls(&root, &[shim]).0.remove(0).stdin
    }

    #[test]
    fn a_socket_is_read_where_that_was_asked_for_and_never_waited_for_otherwise() {
        assert_eq!(kept_of_a_socket(true, true).as_deref(), Some("said"));
        assert_eq!(kept_of_a_socket(false, false), None);
    }
}
