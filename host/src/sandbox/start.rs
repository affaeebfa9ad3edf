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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_started_sees_no_variables_but_those_that_are_said() {
        // `env` prints what it was given and what its argument adds.
        let said = |environment: &[(&str, &str)]| {
            let child = start(
                Path::new("/usr/bin/env"),
                "A=1",
                environment,
                Stdio::null(),
                Stdio::piped(),
                Stdio::null(),
            );
            String::from_utf8(child.unwrap().wait_with_output().unwrap().stdout).unwrap()
        };
        assert!(std::env::vars_os().count() > 0);
        assert_eq!(said(&[]), "A=1\n");
        assert_eq!(said(&[("B", "2")]), "B=2\nA=1\n");
    }
}
