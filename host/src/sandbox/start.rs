//! Starts processes of this very program: workers and forges. Only here does the sandbox start anything.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
pub(super) use std::process::{Child, ChildStdin, ExitStatus, Stdio};

/// Starts the program with one word as its arguments, without an environment but for what is said, in a process group
/// of its own: an interrupt at the terminal is the supervisor's to handle.
pub(super) fn start(
    program: &Path,
    word: &str,
    environment: &[(&str, &str)],
    input: Stdio,
    output: Stdio,
    errors: Stdio,
) -> io::Result<Child> {
    Command::new(program)
        .arg0("wassert")
        .arg(word)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(input)
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
}
