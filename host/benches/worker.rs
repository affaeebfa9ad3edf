//! What judging in processes costs: memory of a worker, loading a large component from the cache, one verdict.
//! `WASSERT_BENCH_COMPONENT=OUT.wasm cargo bench -p wassert --bench worker`; `component.mjs` builds that component.
//!
//! Not a test: it prints what was measured and judges nothing.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and may stop where it is"
)]

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use wassert::sandbox::{EvidenceSource, JudgeRequest, Limits, ModuleSource};
use wassert::value::Verdict;

mod one_worker;

use one_worker::judge;

const ROUNDS: usize = 11;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    for megabytes in [0, 1, 10, 100] {
        let path = folder.path().join(format!("{megabytes}.json"));
        std::fs::write(&path, document(megabytes).to_string()).unwrap();
        let judge = judge(folder.path());
        let verdict = judge.judge(&standard(&path));
        assert!(verdict.error.is_none(), "{verdict:?}");
        let peak = worker_peak_kib() as f64 / 1024.0;
        let aim = 60.0 + 2.5 * f64::from(megabytes);
        println!("worker, recording of {megabytes} MB: peak {peak:.0} MiB, aim {aim:.0} MiB");
    }

    let small = folder.path().join("0.json");
    let first = median(|| first_verdict(folder.path(), &standard(&small)));
    println!("a judge, its worker and a first verdict by the standard pack: {first:.1} ms");
    let running = judge(folder.path());
    let one = median(|| timed(|| running.judge(&standard(&small))));
    println!("one more verdict, there and back: {:.0} µs", one * 1000.0);
    match std::env::var_os("WASSERT_BENCH_COMPONENT") {
        None => println!("a large component: SKIPPED, name one in WASSERT_BENCH_COMPONENT"),
        Some(component) => {
            let own = JudgeRequest {
                module: ModuleSource::Path(component.into()),
                name: "./component.wasm".to_owned(),
                assertion: None,
                parameters: json!({}),
                ..standard(&small)
            };
            let cold = first_verdict(folder.path(), &own);
            let cached = median(|| first_verdict(folder.path(), &own));
            println!(
                "a large component: compiled {cold:.0} ms, cached {:.1} ms more than the standard pack",
                cached - first
            );
        }
    }
}

fn standard(path: &Path) -> JudgeRequest {
    JudgeRequest {
        evidence: EvidenceSource::Document(path.to_owned()),
        module: ModuleSource::Embedded("std".to_owned()),
        name: "std/exit".to_owned(),
        assertion: Some("exit".to_owned()),
        parameters: json!({ "code": 0 }),
        grant: None,
        may_skip: false,
        limits: Limits::default(),
    }
}

/// A run document of about this size: requests with transcripts.
fn document(megabytes: u32) -> Value {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(22);
    let item = json!({ "kind": "message", "role": "user", "text": text });
    let request = json!({ "lane": "main", "transcript": vec![item; 100] });
    let requests = vec![request; megabytes as usize * 10];
    json!({ "schema": "wassert.run/1", "turns": [{ "turn": 1, "exit": 0 }], "requests": requests })
}

/// Without the end of the worker, which nobody waits for a verdict for.
fn first_verdict(folder: &Path, request: &JudgeRequest) -> f64 {
    let mut judged_by = None;
    timed(|| judged_by.insert(judge(folder)).judge(request))
}

fn timed(judged: impl FnOnce() -> Verdict) -> f64 {
    let started = Instant::now();
    let verdict = judged();
    let elapsed = started.elapsed().as_secs_f64() * 1000.0;
    assert!(verdict.error.is_none(), "{verdict:?}");
    elapsed
}

fn median(mut measure: impl FnMut() -> f64) -> f64 {
    let mut values: Vec<f64> = (0..ROUNDS).map(|_| measure()).collect();
    values.sort_by(f64::total_cmp);
    values[ROUNDS / 2]
}

/// Of the only worker there is.
fn worker_peak_kib() -> u64 {
    let this = std::process::id();
    let tasks = std::fs::read_dir(format!("/proc/{this}/task")).unwrap();
    let children = tasks.flat_map(|task| {
        let children = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        children.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    });
    let peak = |pid: String| -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
    };
    children.filter_map(peak).max().unwrap_or(0)
}
