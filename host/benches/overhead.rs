//! What wassert costs over the agent alone, measured side by side in one run: `cargo bench -p wassert`.
//!
//! Not a test: it prints medians and ratios and judges nothing.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and may stop where it is"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const ROUNDS: usize = 21;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wassert.toml"), "").unwrap();

    // Aims, on 2 quiet cores: 30 ms a turn with namespaces and git, 15 ms without both, over the bare command.
    for (scenario, level, aim) in
        [("edit-file", "full", 30), ("edit-file", "group", 30), ("plain", "full", 30), ("plain", "group", 15)]
    {
        let file = root.join(format!("scenarios/quickstart/{scenario}.toml"));
        let arguments = ["--agent", "example", "--isolation", level, file.to_str().unwrap()];
        // Taking turns, so that whatever else the machine does is the same for both.
        let (bares, runs): (Vec<_>, Vec<_>) =
            (0..ROUNDS).map(|_| (bare(folder.path(), &file), run(folder.path(), &arguments))).unzip();
        let bare = median(bares.into_iter());
        report(&format!("example agent, {scenario}, isolation {level}"), &runs, bare, aim);
    }
    let modules = root.join("tests/real-agents/node_modules");
    let codex = modules.join("@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex");
    if codex.is_file() {
        let scenario = root.join("scenarios/codex/plain.toml");
        let program = format!("codex={}", codex.display());
        for agent in ["codex-http", "codex-websocket"] {
            let arguments = [scenario.to_str().unwrap(), "--agent", agent, "--agent-bin", &program];
            let runs: Vec<_> = (0..ROUNDS).map(|_| run(folder.path(), &arguments)).collect();
            let wall = median(runs.iter().map(|run| run.wall_ms));
            let agent_ms = median(runs.iter().map(|run| run.agent_ms));
            println!("{agent}, plain: whole process {wall:.0} ms (aim 300), agent {agent_ms:.0} ms");
        }
        suite(root);
    } else {
        println!(
            "codex, the portable suite: SKIPPED, install the agents with `npm ci --prefix tests/real-agents`"
        );
    }
    judge(root, folder.path());
}

/// One run: the scenario's time, the agent processes' time in it, and the peak memory of wassert.
struct Run {
    scenario_ms: f64,
    agent_ms: f64,
    wall_ms: f64,
    recording: PathBuf,
    peak_kib: u64,
}

/// The agent's own command against a server that listens already: what the agent alone takes, in milliseconds.
fn bare(folder: &Path, script: &Path) -> f64 {
    let home = tempfile::tempdir().unwrap();
    let workspace = tempfile::tempdir().unwrap();
    std::fs::write(workspace.path().join("notes.txt"), "before\n").unwrap();
    let mut serving = wassert(folder).arg("serve").arg(script).stderr(Stdio::null()).spawn().unwrap();
    let mut said = String::new();
    let mut stdout = std::io::BufReader::new(serving.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut said).unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    let mut agent = wassert(workspace.path());
    agent.args(["example-agent", "exec", "--json", "--base-url", said["base_url"].as_str().unwrap()]);
    agent.args(["--", "Do what is asked."]).stdin(Stdio::null());
    agent.env("HOME", home.path()).env("EXAMPLE_AGENT_HOME", home.path());
    let started = Instant::now();
    let output = agent.output().unwrap();
    let taken = started.elapsed().as_secs_f64() * 1000.0;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let _ = serving.kill();
    serving.wait().unwrap();
    taken
}

/// All portable scenarios on all five agents, once.
fn suite(root: &Path) {
    let recordings = tempfile::tempdir().unwrap();
    let mut command = wassert(root);
    command.args(["run", "scenarios/portable", "--agent", "all", "--format", "json", "--recordings"]);
    let started = Instant::now();
    let output = command.arg(recordings.path()).output().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("portable suite, five agents: {seconds:.0} s (aim 180), {}", results["summary"]["scenarios"]);
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = wassert(folder);
    command.args(["run", "--format", "json"]).args(arguments);
    let started = Instant::now();
    let (output, peak_kib) = watched(&mut command);
    let wall_ms = started.elapsed().as_secs_f64() * 1000.0;
    let results: Value = serde_json::from_slice(&output).unwrap();
    let scenario = &results["scenarios"][0];
    assert_eq!(scenario["outcome"], "pass", "{results:#}");
    let recording = folder.join(scenario["recording"].as_str().unwrap());
    let document: Value =
        serde_json::from_slice(&std::fs::read(recording.join("run.json")).unwrap()).unwrap();
    let agent_ms =
        document["timing"]["turns_ms"].as_array().unwrap().iter().map(|turn| turn.as_f64().unwrap()).sum();
    Run { scenario_ms: scenario["duration_ms"].as_f64().unwrap(), agent_ms, wall_ms, recording, peak_kib }
}

/// `bare_ms`: what the agent takes without wassert.
fn report(what: &str, runs: &[Run], bare_ms: f64, aim_ms: u32) {
    let scenario = median(runs.iter().map(|run| run.scenario_ms));
    let agent = median(runs.iter().map(|run| run.agent_ms));
    let peak = runs.iter().map(|run| run.peak_kib).max().unwrap();
    println!(
        "{what}: scenario {scenario:.0} ms, agent in it {agent:.0} ms, bare agent {bare_ms:.0} ms, overhead {:.0} ms \
         (aim {aim_ms}), peak {:.0} MiB",
        scenario - bare_ms,
        peak as f64 / 1024.0
    );
}

/// `wassert judge` on one recording with ten standard assertions: the whole process, warm.
fn judge(root: &Path, folder: &Path) {
    let scenario = root.join("scenarios/quickstart/edit-file.toml");
    let recording = run(folder, &[scenario.to_str().unwrap()]).recording;
    let ten = [
        ("exit", r#"{"code":0}"#),
        ("final-message", r#"{"contains":"after"}"#),
        ("file", r#"{"path":"notes.txt","equals":"after\n"}"#),
        ("workspace-changes", r#"{"modified":["notes.txt"]}"#),
        ("request-count", r#"{"count":2}"#),
        ("request-contains", r#"{"text":"Change notes.txt"}"#),
        ("request-omits", r#"{"text":"nothing of the kind"}"#),
        ("event-count", r#"{"kind":"message","count":1}"#),
        ("tool-output", r#"{"call":"edit","contains":"edited"}"#),
        ("transcript-paired", "{}"),
    ];
    let mut command = wassert(folder);
    command.arg("judge").arg(recording);
    for (name, with) in ten {
        command.args(["--use", &format!("std/{name}"), "--with", with]);
    }
    let times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            started.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    println!("judge, ten standard assertions, whole process, warm: {:.1} ms", median(times.into_iter()));
}

fn wassert(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wassert"));
    command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}

/// Runs to the end; the peak is sampled from the kernel's high-water mark, which only grows.
fn watched(command: &mut Command) -> (Vec<u8>, u64) {
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut stdout, &mut bytes).unwrap();
        bytes
    });
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let mark = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok());
        peak = peak.max(mark.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    (reader.join().unwrap(), peak)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
