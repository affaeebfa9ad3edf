//! What judging costs: one fresh evaluation beside bare wasmtime doing the same, many assertions on one recording, and
//! queries on small and large recordings: `cargo bench -p wassert --bench sandbox`.
//!
//! Not a test: it prints the quickest of many rounds, which other work on the machine disturbs least, and judges nothing.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and may stop where it is"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wassert::sandbox::{
    EvidenceSource, Judge, JudgeRequest, JudgeSettings, Limits, ModuleSource, on_big_stack,
};
use wassert::value::Outcome;

mod one_worker;

/// The same module in wasmtime alone: pool, fuel and epochs as the judge has them, imports that answer with one canned
/// node, no limits, no evidence, no verdict.
mod bare {
    use wasmtime::component::{Component, HasSelf, Linker, Resource};
    use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

    wasmtime::component::bindgen!({
        path: "../guest-sdk/wit",
        world: "wassert:pack/pack",
        imports: { default: trappable },
        with: { "wassert:pack/evidence.blob": NoBlob },
    });

    use self::wassert::pack::{evidence, report};

    pub struct NoBlob;

    #[derive(Default)]
    pub struct State {
        findings: usize,
    }

    impl evidence::Host for State {
        fn query(
            &mut self,
            _: String,
            _: u32,
            _: u32,
        ) -> wasmtime::Result<Result<Vec<evidence::Node>, evidence::Refusal>> {
            let node = evidence::Node {
                path: "$['turns'][0]".to_owned(),
                json: r#"{"end":"exited","exit":0,"turn":1}"#.to_owned(),
            };
            Ok(Ok(vec![node]))
        }

        fn count(&mut self, _: String) -> wasmtime::Result<Result<u32, evidence::Refusal>> {
            Ok(Ok(1))
        }
    }

    impl evidence::HostBlob for State {
        fn open(&mut self, _: String) -> wasmtime::Result<Result<Resource<NoBlob>, evidence::Refusal>> {
            Ok(Err(evidence::Refusal { code: String::new(), detail: String::new() }))
        }

        fn size(&mut self, _: Resource<NoBlob>) -> wasmtime::Result<u64> {
            Ok(0)
        }

        fn read(&mut self, _: Resource<NoBlob>, _: u64, _: u32) -> wasmtime::Result<Vec<u8>> {
            Ok(Vec::new())
        }

        fn find(&mut self, _: Resource<NoBlob>, _: Vec<u8>, _: u64) -> wasmtime::Result<Option<u64>> {
            Ok(None)
        }

        fn drop(&mut self, _: Resource<NoBlob>) -> wasmtime::Result<()> {
            Ok(())
        }
    }

    impl report::Host for State {
        fn emit(&mut self, _: report::Finding) -> wasmtime::Result<()> {
            self.findings += 1;
            Ok(())
        }

        fn log(&mut self, _: report::Level, _: String) -> wasmtime::Result<()> {
            Ok(())
        }
    }

    pub struct Bare {
        engine: Engine,
        pre: PackPre<State>,
    }

    impl Bare {
        pub fn new(wasm: &[u8]) -> Self {
            let mut config = Config::new();
            let mut pool = PoolingAllocationConfig::new();
            pool.total_memories(16).linear_memory_keep_resident(128 << 10).table_keep_resident(16 << 10);
            config
                .concurrency_support(false)
                .consume_fuel(true)
                .epoch_interruption(true)
                .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
            let engine = Engine::new(&config).unwrap();
            let mut linker = Linker::new(&engine);
            Pack::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).unwrap();
            let component = Component::from_binary(&engine, wasm).unwrap();
            let pre = linker.instantiate_pre(&component).and_then(PackPre::new).unwrap();
            Self { engine, pre }
        }

        pub fn check(&self, name: &str, parameters: &str) {
            let mut store = Store::new(&self.engine, State::default());
            store.set_fuel(1_000_000_000).unwrap();
            store.set_epoch_deadline(1_000);
            let pack = self.pre.instantiate(&mut store).unwrap();
            pack.wassert_pack_assertions().call_check(&mut store, name, parameters).unwrap().unwrap();
            assert_eq!(store.data().findings, 1);
        }
    }
}

/// The machine is never quiet: the quickest of many rounds is the one that was disturbed least.
const ROUNDS: usize = 5_000;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = wassert::pack::embedded("std").unwrap();
    let judge = Judge::new(JudgeSettings {
        embedded: BTreeMap::from([("std".to_owned(), embedded.module)]),
        ..JudgeSettings::default()
    })
    .unwrap();
    on_big_stack(|| {
        one_evaluation(&judge, embedded.module, folder.path());
        queries(&judge, folder.path());
    })
    .unwrap();
    many_assertions(folder.path());
}

fn one_evaluation(judge: &Judge, module: &[u8], folder: &Path) {
    let path = folder.join("small.json");
    write(&path, 1);
    let request = asked(&path, "exit", json!({ "code": 0 }));
    assert_eq!(judge.judge(&request).outcome, Outcome::Pass);
    let bare = bare::Bare::new(module);
    let (mut alone, mut judged) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        alone = alone.min(time(|| bare.check("exit", r#"{"code":0}"#)));
        judged = judged.min(time(|| judge.judge(&request)));
    }
    println!(
        "one verdict by std/exit, from question to receipt: {:.1} µs (aim 35), bare wasmtime {:.1} µs, ratio {:.2} (aim 1.5)",
        micros(judged),
        micros(alone),
        micros(judged) / micros(alone),
    );
}

/// In one worker process, there and back.
fn many_assertions(folder: &Path) {
    let path = folder.join("1-mb.json");
    let bytes = write(&path, 1 << 20);
    let worker = || {
        let judge = one_worker::judge(folder);
        // It has loaded the recording and the pack, and answered no other question.
        let loaded = judge.judge(&asked(&path, "exit", json!({ "code": 0 })));
        assert_eq!(loaded.outcome, Outcome::Pass, "{loaded:?}");
        judge
    };
    let judge = worker();
    for request in &ten(&path, 7) {
        let verdict = judge.judge(request);
        assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
        let each = (0..20).map(|_| time(|| judge.judge(request))).min().unwrap();
        println!("  {} again and again: {:.0} µs", request.name, micros(each));
    }
    let repeated: Vec<_> = (0..100).flat_map(|_| ten(&path, 7)).collect();
    let different: Vec<_> = (0..100).flat_map(|number| ten(&path, number)).collect();
    for (what, requests) in
        [("ten of them a hundred times", repeated), ("each looks for a text of its own", different)]
    {
        let all = (0..10)
            .map(|_| {
                let judge = worker();
                time(|| judge.judge_all(&requests))
            })
            .min()
            .unwrap();
        println!(
            "1,000 standard assertions on {bytes} bytes in one worker, {what}: {:.0} ms (aim 150)",
            micros(all) / 1e3
        );
    }
}

/// Ten standard assertions that pass; some look for texts that differ by a number.
fn ten(path: &Path, number: usize) -> Vec<JudgeRequest> {
    let output = format!("output of the command {number}");
    let common = if number == 7 { "Change notes.txt" } else { &output };
    [
        ("exit", json!({ "code": 0 })),
        ("final-message", json!({ "contains": "done" })),
        ("file", json!({ "path": "notes.txt", "equals": "after\n" })),
        ("event-count", json!({ "kind": "message", "count": 1 })),
        ("request-count", json!({ "min": 2 })),
        ("request-contains", json!({ "text": common })),
        ("request-omits", json!({ "text": format!("not there at all: {number}") })),
        ("transcript-paired", json!({})),
        ("workspace-changes", json!({ "modified": ["notes.txt"] })),
        ("tool-output", json!({ "call": format!("call-{number}"), "contains": output })),
    ]
    .into_iter()
    .map(|(name, with)| asked(path, name, with))
    .collect()
}

fn queries(judge: &Judge, folder: &Path) {
    let mut took = Vec::new();
    for size in [1 << 20, 100 << 20] {
        let path = folder.join(format!("{size}.json"));
        let bytes = write(&path, size);
        let module = folder.join("one-request.wasm");
        std::fs::write(&module, one_request()).unwrap();
        let request = JudgeRequest {
            module: ModuleSource::Path(module),
            assertion: None,
            parameters: json!({}),
            ..asked(&path, "one-request", json!({}))
        };
        let loading = time(|| assert_eq!(judge.judge(&request).outcome, Outcome::Pass));
        let each = (0..ROUNDS).map(|_| time(|| judge.judge(&request))).min().unwrap();
        println!(
            "a query of one request on {bytes} bytes: {:.1} µs once loaded; the first {:.0} ms",
            micros(each),
            micros(loading) / 1e3
        );
        took.push(micros(each));
    }
    println!("  on 100 MB as on 1 MB: ratio {:.2} (aim 1)", took[1] / took[0]);
}

/// A module of the flat ABI that reads one request's lane, and points there.
fn one_request() -> Vec<u8> {
    let prelude =
        include_str!("../../tests/guests/prelude-flat.wat").replace("$.turns[0].exit", "$.requests[1].x");
    let prelude = prelude.replace("[\\\"turns\\\",\\\"stdout\\\"]", "[\\\"requests\\\"]      ");
    let check = "(func $checking (result i64) (call $read) (call $say) (i64.const 0))";
    wat::parse_str(format!("(module {prelude} {check})")).unwrap()
}

fn asked(path: &Path, assertion: &str, parameters: Value) -> JudgeRequest {
    JudgeRequest {
        evidence: EvidenceSource::Document(PathBuf::from(path)),
        module: ModuleSource::Embedded("std".to_owned()),
        name: format!("std/{assertion}"),
        assertion: Some(assertion.to_owned()),
        parameters,
        grant: None,
        may_skip: false,
        limits: Limits::default(),
    }
}

/// A run document of at least so many bytes: many requests, each with a transcript of its own.
fn write(path: &Path, bytes: usize) -> usize {
    let turn = |text: &str| json!({ "kind": "text", "role": "user", "text": text });
    let filler = "What was said earlier in this conversation. ".repeat(90);
    let mut requests = Vec::new();
    let mut size = 0;
    while requests.is_empty() || size < bytes {
        let number = requests.len();
        let call = format!("call-{number}");
        requests.push(json!({
            "turn": 1, "x": 1, "lane": "main", "conversation": "main", "step": number + 1, "attempt": 1,
            "transcript": [
                turn("Change notes.txt from before to after."),
                turn(&filler),
                { "kind": "call", "call": call, "tool": "shell", "input": { "command": "ls" } },
                { "kind": "result", "call": call, "output": format!("output of the command {number}") },
            ],
        }));
        size += filler.len() + 400;
    }
    let document = json!({
        "schema": "wassert.run/1",
        "turns": [{ "turn": 1, "exit": 0, "end": "exited", "final_message": "done" }],
        "events": [{ "turn": 1, "kind": "message", "text": "done" }],
        "files": { "notes.txt": { "change": "modified", "before": { "text": "before\n" }, "after": { "text": "after\n" } } },
        "requests": requests,
    });
    let text = document.to_string();
    std::fs::write(path, &text).unwrap();
    text.len()
}

fn time<T>(run: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    let result = run();
    let taken = started.elapsed();
    drop(result);
    taken
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
