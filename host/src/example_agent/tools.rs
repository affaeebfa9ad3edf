//! The two tools: what the model is told of them, and running them in the workspace.
//!
//! `shell` is not confined; `write_file` cannot leave the workspace, also not through symbolic links.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

const MAX_OUTPUT_BYTES: usize = 64 * 1024;
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// What `timeout(1)` answers.
const TIMED_OUT_CODE: i32 = 124;

/// A call the agent can carry out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    Shell { command: String },
    WriteFile { path: String, content: String },
}

#[derive(Deserialize)]
struct ShellArguments {
    command: String,
}

#[derive(Deserialize)]
struct WriteFileArguments {
    path: String,
    content: String,
}

/// What a command did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CommandResult {
    /// Standard output, then standard error, at most 64 KiB of both.
    pub output: String,
    /// 128 and the signal's number for a signal, as shells have it; 124 when its time was up.
    pub exit_code: i32,
}

/// The `tools` member of a request.
pub(super) fn definitions() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!([
        {
            "type": "function",
            "name": "shell",
            "description": "Runs a command with /bin/sh in the working folder.",
            "strict": false,
            "parameters": {
                "type": "object",
                "properties": {"command": text("The command line.")},
                "required": ["command"],
                "additionalProperties": false,
            },
        },
        {
            "type": "function",
            "name": "write_file",
            "description": "Writes a file below the working folder, with its parent folders.",
            "strict": false,
            "parameters": {
                "type": "object",
                "properties": {"path": text("Path below the working folder."), "content": text("The whole content.")},
                "required": ["path", "content"],
                "additionalProperties": false,
            },
        },
    ])
}

/// The call a function call asks for.
///
/// # Errors
/// The text that goes back to the model, in codex's words.
pub(super) fn parse(name: &str, arguments: &str) -> Result<Call, String> {
    let unparsable = |error| format!("failed to parse function arguments: {error}");
    match name {
        "shell" => {
            let ShellArguments { command } = serde_json::from_str(arguments).map_err(unparsable)?;
            Ok(Call::Shell { command })
        }
        "write_file" => {
            let WriteFileArguments { path, content } = serde_json::from_str(arguments).map_err(unparsable)?;
            Ok(Call::WriteFile { path, content })
        }
        _ => Err(unsupported(name)),
    }
}

/// The answer to a call of a tool that does not exist.
pub(super) fn unsupported(name: &str) -> String {
    format!("unsupported call: {name}")
}

/// Runs a command to its end, or for 30 seconds.
pub(super) async fn run_command(command: &str, workspace: &Path) -> CommandResult {
    run_command_within(command, workspace, COMMAND_TIMEOUT).await
}

async fn run_command_within(command: &str, workspace: &Path, limit: Duration) -> CommandResult {
    let spawned = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .current_dir(workspace)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            return CommandResult { output: format!("cannot start /bin/sh: {error}"), exit_code: 127 };
        }
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut output, mut errors) = (Captured::default(), Captured::default());
    let ended = timeout(limit, async {
        let (_, _, status) = tokio::join!(output.read(stdout), errors.read(stderr), child.wait());
        status
    })
    .await;
    let exit_code = match ended {
        Ok(Ok(status)) => code_of(status),
        Ok(Err(_)) => 1,
        Err(_) => {
            if let Some(group) = group {
                // Gone already is as good as ended.
                let _ = kill_process_group(group, Signal::KILL);
            }
            // The killed shell is waited for, so that it does not stay behind as a zombie.
            let _ = child.wait().await;
            TIMED_OUT_CODE
        }
    };
    CommandResult { output: join(output, errors), exit_code }
}

/// The beginning of a stream; the rest is read, so that the writer is not held up, and counted.
#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    dropped: u64,
}

impl Captured {
    async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut buffer = vec![0; 8192];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            let kept = count.min(MAX_OUTPUT_BYTES - self.bytes.len());
            self.bytes.extend_from_slice(&buffer[..kept]);
            self.dropped += (count - kept) as u64;
        }
    }
}

fn join(output: Captured, errors: Captured) -> String {
    let mut bytes = output.bytes;
    let room = MAX_OUTPUT_BYTES - bytes.len();
    let kept = errors.bytes.len().min(room);
    bytes.extend_from_slice(&errors.bytes[..kept]);
    let dropped = output.dropped + errors.dropped + (errors.bytes.len() - kept) as u64;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if dropped > 0 {
        text.push_str(&format!("\n[{dropped} bytes omitted]"));
    }
    text
}

fn code_of(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

/// Whether a file is there already: `update`, otherwise `add`.
pub(super) fn change_kind(path: &str, workspace: &Path) -> &'static str {
    let exists = open(workspace).is_ok_and(|folder| folder.exists(relative(path, workspace)));
    if exists { "update" } else { "add" }
}

/// Writes a file below the workspace.
///
/// # Errors
/// A sentence for the model: outside the workspace, or what the system said.
pub(super) fn write_file(path: &str, content: &str, workspace: &Path) -> Result<(), String> {
    let write = || {
        let folder = open(workspace)?;
        let path = relative(path, workspace);
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            folder.create_dir_all(parent)?;
        }
        folder.write(path, content)
    };
    write().map_err(|error: std::io::Error| format!("failed to write {path}: {error}"))
}

fn open(workspace: &Path) -> std::io::Result<Dir> {
    Dir::open_ambient_dir(workspace, ambient_authority())
}

/// Models like to name files by their whole path.
fn relative<'a>(path: &'a str, workspace: &Path) -> &'a Path {
    let path = Path::new(path);
    path.strip_prefix(workspace).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test]
    async fn a_command_gives_its_output_and_exit_code() {
        let folder = tempfile::tempdir().unwrap();
        let result = run_command("echo err >&2; echo out; pwd; exit 3", folder.path()).await;
        let here = folder.path().canonicalize().unwrap();
        assert_eq!(result.output, format!("out\n{}\nerr\n", here.display()));
        assert_eq!(result.exit_code, 3);
        assert_eq!(run_command("kill -9 $$", folder.path()).await.exit_code, 137);
    }

    #[tokio::test]
    async fn long_output_is_cut_and_the_command_still_ends() {
        let folder = tempfile::tempdir().unwrap();
        let result = run_command("head -c 100000 /dev/zero | tr '\\0' x; echo e >&2", folder.path()).await;
        assert_eq!(result.exit_code, 0);
        assert!(result.output.ends_with(&format!("x\n[{} bytes omitted]", 100_000 - MAX_OUTPUT_BYTES + 2)));
    }

    #[tokio::test]
    async fn a_command_that_does_not_end_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let command = "echo before; sleep 1000 & wait";
        let result = run_command_within(command, folder.path(), Duration::from_secs(2)).await;
        assert_eq!(result, CommandResult { output: "before\n".into(), exit_code: TIMED_OUT_CODE });
    }

    #[test]
    fn a_file_is_written_below_the_workspace_only() {
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        let dangling = folder.path().join("dangling");
        std::os::unix::fs::symlink(outside.path().join("new"), dangling).unwrap();
        assert_eq!(change_kind("a/b.txt", folder.path()), "add");
        write_file("a/b.txt", "one", folder.path()).unwrap();
        let absolute = folder.path().join("a/b.txt");
        assert_eq!(change_kind(absolute.to_str().unwrap(), folder.path()), "update");
        write_file(absolute.to_str().unwrap(), "two", folder.path()).unwrap();
        assert_eq!(fs::read_to_string(absolute).unwrap(), "two");
        for path in ["../x", "link/x", "dangling", "/x", ""] {
            assert!(write_file(path, "no", folder.path()).is_err(), "{path}");
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_called_is_answered_in_words() {
        assert_eq!(parse("grep", "{}"), Err("unsupported call: grep".into()));
        for arguments in ["{", "{}", "[]", "{\"command\":1}"] {
            let refusal = parse("shell", arguments).unwrap_err();
            assert!(refusal.starts_with("failed to parse function arguments: "), "{refusal}");
        }
        assert_eq!(parse("shell", "{\"command\":\"ls\"}"), Ok(Call::Shell { command: "ls".into() }));
    }
}
