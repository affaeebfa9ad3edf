//! A run after the other of an agent that leaves daemons, double-forked children, deaf children and open sockets: nothing
//! of them is left, and nothing of this program. `WASSERT_SOAK_RUNS=200` for more than the usual few.

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{PLAIN, Project};
use crate::stand_ins::stand_in;

#[test]
fn at_level_full_nothing_is_left_of_agents_that_leave_everything() {
    soak("full");
}

#[test]
fn at_level_group_nothing_is_left_of_agents_that_leave_everything() {
    soak("group");
}

fn soak(level: &str) {
    let runs: usize =
        std::env::var("WASSERT_SOAK_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20);
    let project = Project::new();
    let program = stand_in(&project, "leaves-everything.sh");
    // A number of seconds that nothing else on the machine sleeps for.
    let mark = format!("{}.{}", 86_400 + std::process::id(), level.len());
    let scenarios = runs.min(20);
    for number in 0..scenarios {
        project.write(
            &format!("scenarios/soak-{number}.toml"),
            &format!("agents = [\"odd\"]\n{PLAIN}\n[agent.odd]\nextends = \"example\"\nenv = {{ SOAK_MARK = \"{mark}\" }}\n"),
        );
    }
    let temporary = project.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut ran = 0;
    while ran < runs {
        let program = format!("odd={}", program.display());
        let said: crate::harness::Said = project
            .command(&["run", "--format", "json", "--isolation", level, "--agent-bin", &program])
            .env("TMPDIR", &temporary)
            .output()
            .unwrap()
            .into();
        let results: Value = serde_json::from_str(&said.stdout).unwrap();
        for scenario in results["scenarios"].as_array().unwrap() {
            let document = project.document(scenario);
            let left = document["processes"].as_array().unwrap();
            assert!(left.len() >= 4, "{left:?}");
            ran += 1;
        }
    }
    let alive: Vec<_> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| line.contains(&mark))
        .collect();
    assert_eq!(alive, [""; 0], "after {ran} runs");
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "after {ran} runs");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(temporary.to_str().unwrap()), "{mounts}");
}
