//! Processes that outlive their agent. Shell tools run in groups and sessions of their own, so ending the agent's
//! process group is not enough: every process that carries the run's marker in its environment is ended.

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::root::MARKER_VARIABLE;

/// Rounds of looking for processes that others started while being ended.
const ROUNDS: usize = 20;

/// Makes orphans children of this process, so that they are seen and reaped. Only Linux can; elsewhere nothing
/// happens.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Ends every process with this marker.
pub(super) fn end_strays(marker: &str) {
    for _ in 0..ROUNDS {
        let strays = marked(marker);
        if strays.is_empty() {
            return;
        }
        for pid in &strays {
            let _ = kill_process(*pid, Signal::KILL);
        }
        // Reaps those that have become our children; of others this is refused, and theirs to do.
        for pid in strays {
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

/// Live processes whose environment holds the marker. Where there is no `/proc`, none are seen.
fn marked(marker: &str) -> Vec<Pid> {
    let needle = format!("{MARKER_VARIABLE}={marker}").into_bytes();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
        .filter(|pid| {
            // A zombie's environment is empty, so it is not seen.
            std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).is_ok_and(|environment| {
                environment.split(|byte| *byte == 0).any(|variable| variable == needle)
            })
        })
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_in_a_session_of_its_own_is_found_and_ended() {
        let marker = format!("wassert-test-{}", std::process::id());
        let mut child = std::process::Command::new("setsid")
            .args(["sleep", "1000"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env(MARKER_VARIABLE, &marker)
            .spawn()
            .unwrap();
        end_strays(&marker);
        assert!(marked(&marker).is_empty());
        // Already reaped by `end_strays`, or reported as killed.
        assert!(child.wait().is_err() || !child.wait().unwrap().success());
    }
}
