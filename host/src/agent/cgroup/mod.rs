//! Control groups of version 2: limits of all processes of a turn together, where the system hands a group to this
//! program.
//!
//! `delegated` finds and prepares that group, `turn` is the group of one turn, `launch` starts an agent in it. Groups are only made for turns that ask
//! for such limits: nothing else changes where processes are. Limits of single processes are in `limits`.

mod delegated;
mod launch;
mod turn;

pub use delegated::Delegated;
pub(super) use launch::{Gate, INTO_GROUP, main as into_group};
pub use turn::{GroupUsed, TotalLimits, TurnGroup};

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether this system holds limits of all processes together, tried with one process; and what it does not tell of
/// them.
///
/// # Errors
/// When it does not, with the reason.
pub fn probe_groups() -> Result<Option<&'static str>, String> {
    let text = |error: std::io::Error| error.to_string();
    let delegated = Delegated::take()?;
    let limits = TotalLimits { memory_bytes: Some(1 << 28), tasks: Some(64), cpu_percent: Some(100) };
    let group = delegated.turn(&limits).map_err(text)?;
    // It says that it is there, and ends when its standard input does.
    let [door, _] = group.doors().map_err(text)?;
    let mut child = Command::new("/bin/sh")
        .args(["-c", "echo 0 >&2 && echo in; read line"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(door)
        .spawn()
        .map_err(text)?;
    let mut said = [0; 2];
    let went = child.stdout.as_mut().is_some_and(|stdout| stdout.read_exact(&mut said).is_ok());
    let is_in = i32::try_from(child.id()).is_ok_and(|pid| group.members().contains(&pid));
    drop(child.stdin.take());
    child.wait().map_err(text)?;
    let used = group.used();
    probed(went && is_in, &used, group.end())
}

/// What a trial says: whether a process was in a group, what that used, and whether the group is gone.
fn probed(was_in: bool, used: &GroupUsed, is_gone: bool) -> Result<Option<&'static str>, String> {
    match (was_in, is_gone) {
        (false, _) => Err("a process could not go into a group".to_owned()),
        (true, false) => Err("a group could not be removed".to_owned()),
        // Limits hold without it.
        (true, true) => Ok(used
            .peak_memory_bytes
            .is_none()
            .then_some("this kernel does not tell the peak of memory (`memory.peak`, Linux 5.19)")),
    }
}

/// The words of a file of the kernel; none where it can't be read.
fn words(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

/// The processes of a group.
fn processes(folder: &Path) -> Vec<i32> {
    words(&folder.join("cgroup.procs")).iter().filter_map(|word| word.parse().ok()).collect()
}

/// Gives a file of the kernel a value; the error names the file.
fn put(folder: &Path, file: &str, value: &str) -> std::io::Result<()> {
    std::fs::write(folder.join(file), value)
        .map_err(|error| std::io::Error::new(error.kind(), format!("`{value}` to {file}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_that_is_not_told_is_a_remark_and_no_refusal() {
        let known = GroupUsed { peak_memory_bytes: Some(1), ..GroupUsed::default() };
        assert_eq!(probed(true, &known, true), Ok(None));
        let remark = probed(true, &GroupUsed::default(), true).unwrap().unwrap();
        assert!(remark.contains("`memory.peak`"), "{remark}");
        assert!(probed(false, &known, true).is_err());
        assert!(probed(true, &known, false).is_err());
    }
}
