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

    for (what, scenario) in [("without git", "plain"), ("with git", "edit-file")] {
        let scenario = root.join(format!("scenarios/quickstart/{scenario}.toml"));
        let runs: Vec<_> = (0..ROUNDS).map(|_| run(folder.path(), &[scenario.to_str().unwrap()])).collect();
        report(&format!("example agent, {what}"), &runs);
    }
    let codex = root.join(
        "tests/real-agents/node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
    );
    if codex.is_file() {
        let scenario = root.join("scenarios/codex/plain.toml");
        let program = format!("codex={}", codex.display());
        for agent in ["codex-http", "codex-websocket"] {
            let arguments = [scenario.to_str().unwrap(), "--agent", agent, "--agent-bin", &program];
            let runs: Vec<_> = (0..ROUNDS).map(|_| run(folder.path(), &arguments)).collect();
            report(&format!("{agent}, plain"), &runs);
        }
    } else {
        println!("codex: SKIPPED, install it with `npm ci --prefix tests/real-agents`");
    }
    judge(root, folder.path());
}

/// One run: the scenario's time, the agent processes' time in it, and the peak memory of wassert.
struct Run {
    scenario_ms: f64,
    agent_ms: f64,
    recording: PathBuf,
    peak_kib: u64,
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = wassert(folder);
    command.args(["run", "--format", "json"]).args(arguments);
    let (output, peak_kib) = watched(&mut command);
    let results: Value = serde_json::from_slice(&output).unwrap();
    let scenario = &results["scenarios"][0];
    assert_eq!(scenario["outcome"], "pass", "{results:#}");
    let recording = folder.join(scenario["recording"].as_str().unwrap());
    let document: Value =
        serde_json::from_slice(&std::fs::read(recording.join("run.json")).unwrap()).unwrap();
    let agent_ms =
        document["timing"]["turns_ms"].as_array().unwrap().iter().map(|turn| turn.as_f64().unwrap()).sum();
    Run { scenario_ms: scenario["duration_ms"].as_f64().unwrap(), agent_ms, recording, peak_kib }
}

fn report(what: &str, runs: &[Run]) {
    let scenario = median(runs.iter().map(|run| run.scenario_ms));
    let agent = median(runs.iter().map(|run| run.agent_ms));
    let overhead = median(runs.iter().map(|run| run.scenario_ms - run.agent_ms));
    let peak = runs.iter().map(|run| run.peak_kib).max().unwrap();
    println!(
        "{what}: scenario {scenario:.0} ms, agent {agent:.0} ms, overhead {overhead:.0} ms, ratio {:.2}, peak {:.0} MiB",
        scenario / agent,
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
