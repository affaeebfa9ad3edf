//! Cases and their judging: each is judged twice by machine code and once by the interpreter, each time in fresh stores,
//! and all three answers must be the same bytes; only stack exhaustion and the wall clock are not compared.

#[path = "calls.rs"]
mod calls;
#[path = "documents.rs"]
mod documents;
#[path = "guests.rs"]
pub mod guests;
#[path = "random.rs"]
pub mod random;
#[path = "tally.rs"]
pub mod tally;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wassert::sandbox::{
    Answer, BackEnd, EvidenceSource, Judge, JudgeRequest, JudgeSettings, Limits, ModuleSource, Request,
};
use wassert::value::Verdict;

use random::Random;
use tally::{Tally, is_exempt, word};

/// Far above what any case may take by its limits, on a busy machine.
const TOO_LONG: Duration = Duration::from_secs(60);

/// Compiled modules stay in a judge: it is made anew after so many cases.
const CASES_PER_JUDGE: u64 = 200;

/// Makes a module: what kind, and its bytes.
pub type MakeModule = fn(&mut Random) -> (String, Vec<u8>);

/// Judges the cases of a seed on some threads, and tells `at` of each before it begins.
pub fn run(
    seed: u64,
    cases: Range<u64>,
    threads: u64,
    make_module: MakeModule,
    at: impl Fn(u64) + Sync,
) -> Tally {
    let next = AtomicU64::new(cases.start);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let folder = tempfile::tempdir().unwrap();
                let corpus = documents::Corpus::load();
                let mut bench = Bench::new(folder.path());
                let mut judged = 0;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= cases.end {
                        return;
                    }
                    if judged % CASES_PER_JUDGE == CASES_PER_JUDGE - 1 {
                        bench = Bench::new(folder.path());
                    }
                    judged += 1;
                    at(number);
                    let found = bench.case(number, &mut Random::new(seed, number), &corpus, make_module);
                    tally.lock().unwrap().join(found);
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

struct Bench<'f> {
    folder: &'f Path,
    native: Judge,
    interpreter: Judge,
}

impl<'f> Bench<'f> {
    fn new(folder: &'f Path) -> Self {
        let std = wassert::pack::embedded("std").unwrap();
        let judge = |back_end| {
            let embedded = BTreeMap::from([("std".to_owned(), std.module)]);
            Judge::new(JudgeSettings { embedded, back_end, ..JudgeSettings::default() }).unwrap()
        };
        Self { folder, native: judge(BackEnd::Native), interpreter: judge(BackEnd::Interpreter) }
    }

    /// Every second case is a module, the others are documents.
    fn case(
        &self,
        number: u64,
        random: &mut Random,
        corpus: &documents::Corpus,
        make_module: MakeModule,
    ) -> Tally {
        let started = Instant::now();
        let mut found = Tally::default();
        if random.one_in(2) {
            let (kind, bytes) = make_module(random);
            let document = self.write("run.json", corpus.plain().to_string().as_bytes());
            let module = self.write("guest.wasm", &bytes);
            let request = JudgeRequest {
                name: "./guest.wasm".to_owned(),
                ..request(document, ModuleSource::Path(module), None, json!({}))
            };
            self.judge(&kind, &request, &mut found);
        } else {
            // A name of its own: a judge keeps evidence by path, time and size.
            let document = self.write(&format!("run-{number}.json"), &corpus.mutated(random));
            for (assertion, parameters) in corpus.assertions() {
                let module = ModuleSource::Embedded("std".to_owned());
                let parameters = corpus.parameters(random, parameters);
                let request = request(document.clone(), module, Some(assertion.clone()), parameters);
                self.judge(&format!("std/{assertion}"), &request, &mut found);
            }
            std::fs::remove_file(document).unwrap();
        }
        found.longest = started.elapsed();
        if found.longest > TOO_LONG {
            found.mistakes.push(format!("took {:?}", found.longest));
        }
        found.mistakes.iter_mut().for_each(|mistake| *mistake = format!("case {number}: {mistake}"));
        found
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.join(format!("{:?}-{name}", std::thread::current().id()));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn judge(&self, kind: &str, request: &JudgeRequest, found: &mut Tally) {
        let line = Request::Judge(Box::new(request.clone())).line();
        let answers = [self.native.answer(&line), self.native.answer(&line), self.interpreter.answer(&line)];
        let verdicts = answers.each_ref().map(|answer| verdict(answer));
        for verdict in &verdicts {
            match verdict {
                Ok(verdict) if panicked(verdict) => found.mistakes.push(format!("{kind}: {verdict:?}")),
                Ok(_) => {}
                Err(answer) => found.mistakes.push(format!("{kind}: answered {answer}")),
            }
        }
        let [Ok(first), Ok(again), Ok(interpreted)] = &verdicts else { return };
        found.rows.entry(kind.to_owned()).or_default().add(first);
        for (how, other, answer) in [("again", again, 1), ("interpreted", interpreted, 2)] {
            if is_exempt(first) || is_exempt(other) {
                let ends = format!("{kind}: {}, and {how} {}", word(first), word(other));
                *found.exempt.entry(ends).or_default() += 1;
            } else if answers[0] != answers[answer] {
                found.mistakes.push(format!("{kind}: {how}: {} and then {}", answers[0], answers[answer]));
            }
        }
    }
}

fn request(
    document: PathBuf,
    module: ModuleSource,
    assertion: Option<String>,
    parameters: Value,
) -> JudgeRequest {
    JudgeRequest {
        evidence: EvidenceSource::Document(document),
        module,
        name: format!("std/{}", assertion.clone().unwrap_or_default()),
        assertion,
        parameters,
        grant: None,
        may_skip: true,
        limits: Limits {
            setup_fuel: 5_000_000,
            check_fuel: 10_000_000,
            host_work: 20_000_000,
            wall_clock_ms: 20_000,
            ..Limits::default()
        },
    }
}

fn verdict(answer: &str) -> Result<Verdict, String> {
    match Answer::parse(answer) {
        Ok(Answer::Verdict(verdict)) => Ok(*verdict),
        _ => Err(answer.to_owned()),
    }
}

fn panicked(verdict: &Verdict) -> bool {
    verdict.error.as_ref().is_some_and(|error| error.message.contains("panicked"))
}
