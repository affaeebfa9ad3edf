//! Ctrl-C.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{PLAIN, Project};

#[test]
fn an_interrupt_ends_the_agents_prints_the_summary_and_leaves_nothing_running() {
    let project = Project::new();
    let (ready, left) = (project.path().join("ready"), project.path().join("pids"));
    std::process::Command::new("mkfifo").arg(&ready).status().unwrap();
    let agent = project.program(
        "agent.sh",
        &format!("#!/bin/sh\nsetsid sleep 1000 &\necho $! > {}\nsleep 1000 &\necho $! >> {0}\necho $$ >> {0}\necho go > {}\nwait\n", left.display(), ready.display()),
    );
    project.write("scenarios/endless.toml", PLAIN).write("scenarios/waiting.toml", PLAIN);
    let mut child = project
        .command(&[
            "run",
            "--isolation",
            "group",
            "--jobs",
            "1",
            "--agent-bin",
            &format!("example={}", agent.display()),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Opens once the agent is up.
    assert_eq!(BufReader::new(std::fs::File::open(&ready).unwrap()).lines().next().unwrap().unwrap(), "go");
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stdout}");
    assert!(stdout.contains("2 scenarios") && stdout.contains("interrupted"), "{stdout}");
    for pid in std::fs::read_to_string(&left).unwrap().lines() {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "process {pid} is still running: {state}");
    }
}
