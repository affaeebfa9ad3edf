//! What an agent's process gets and does not get, and how it is ended: each of these would go unnoticed elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::limits::Limits;
use super::root::MARKER_VARIABLE;
use super::running::Surroundings;
use super::spawn::{Command, Ended, Watching, run};
use crate::document::EndCause;

const LONG: Duration = Duration::from_secs(60);
/// Long enough for a shell to set its traps.
const SHORT: Duration = Duration::from_secs(1);

async fn ended(name: &str, script: &str, limit: Duration) -> Ended {
    let marker = format!("wassert-start-{}-{name}", std::process::id());
    let command = Command {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        environment: BTreeMap::from([
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("ONLY".into(), "this".into()),
            (MARKER_VARIABLE.into(), marker.clone().into()),
        ]),
        directory: "/usr".into(),
        marker,
        folder: PathBuf::new(),
        deadline: Instant::now() + limit,
        stdin: Vec::new(),
        keeps_stdin_open: false,
        limits: Limits::default(),
        cgroup: None,
    };
    let (_sender, stop) = watch::channel(false);
    run(&command, &mut Surroundings::Group, Watching::default(), stop).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn the_environment_is_what_was_named_and_nothing_of_the_hosts() {
    let ended = ended("environment", "env", LONG).await;
    let told = text(&ended.stdout.0);
    let names: BTreeSet<_> = told.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    // A shell adds some of its own.
    let own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let given: Vec<_> = names.into_iter().filter(|name| !own.contains(name)).collect();
    assert_eq!(given, ["ONLY", "PATH", MARKER_VARIABLE]);
}

#[tokio::test]
async fn it_starts_in_its_directory_in_a_group_of_its_own_without_input() {
    let script = "pwd; readlink /proc/self/fd/0; cut -d' ' -f5 /proc/$$/stat; echo $$";
    let told = text(&ended("place", script, LONG).await.stdout.0);
    let [directory, input, group, process] = told.lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
    assert_eq!((directory, input), ("/usr", "/dev/null"));
    assert_eq!(group, process);
}

#[tokio::test]
async fn it_is_asked_to_end_before_it_is_killed() {
    let ended = ended("asked", "trap 'exit 7' TERM; while :; do sleep 0.01; done", SHORT).await;
    assert_eq!((ended.cause, ended.exit, ended.signal), (EndCause::Timeout, Some(7), None));
}

#[tokio::test]
async fn what_shares_the_group_of_one_that_was_ended_was_not_left_behind() {
    let ended = ended("group", "(trap '' TERM; sleep 1002; sleep 1002) & wait", SHORT).await;
    assert_eq!(ended.cause, EndCause::Timeout);
    assert!(ended.left.is_empty(), "{:?}", ended.left);
}

#[tokio::test]
async fn a_flood_of_errors_ends_it_too() {
    let ended = ended("errors", "yes flood >&2", LONG).await;
    assert_eq!((ended.cause, ended.stdout.1), (EndCause::OutputLimit, 0));
}

#[tokio::test]
async fn processor_time_of_what_was_left_behind_counts() {
    let busy = "n=0; while [ $n -lt 300000 ]; do n=$((n+1)); done; touch \"$0\"; while :; do sleep 1; done";
    let flag = std::env::temp_dir().join(format!("wassert-start-{}", std::process::id()));
    let script = format!(
        "setsid sh -c '{busy}' {0} >/dev/null 2>&1 & while [ ! -e {0} ]; do sleep 0.05; done",
        flag.display()
    );
    let ended = ended("left", &script, LONG).await;
    let _ = std::fs::remove_file(flag);
    assert_eq!((ended.cause, !ended.left.is_empty()), (EndCause::Exited, true), "{:?}", ended.left);
    assert!(ended.used.cpu_ms >= 50, "{} ms", ended.used.cpu_ms);
}
