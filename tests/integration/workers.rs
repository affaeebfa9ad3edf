//! Judges are processes of their own: what they can reach, what happens when one dies, what a compiler may use up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use wassert::sandbox::{
    BackEnd, EvidenceSource, Judge, JudgeRequest, JudgeSettings, Limits, ModuleSource, WorkerSettings,
};
use wassert::value::{ErrorClass, Outcome, Verdict};

use crate::harness::{Project, root};

const STD: &[u8] = include_bytes!("../../assertions/std/std.wasm");

/// A judge with workers of the program under test, and a document to judge.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder };
        std::fs::create_dir(bench.path("root")).unwrap();
        bench.document("root/run.json");
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn document(&self, below: &str) {
        let document = json!({ "schema": "wassert.run/1", "turns": [{ "turn": 1, "exit": 0 }] });
        std::fs::write(self.path(below), document.to_string()).unwrap();
    }

    fn settings(&self) -> JudgeSettings {
        JudgeSettings {
            cache_directory: Some(self.path("cache")),
            embedded: BTreeMap::from([("std".to_owned(), STD)]),
            workers: Some(WorkerSettings {
                program: env!("CARGO_BIN_EXE_wassert").into(),
                most: 1,
                roots: vec![self.path("root")],
                cross_check: false,
                second_opinion: None,
            }),
            ..JudgeSettings::default()
        }
    }

    fn judge(&self) -> Judge {
        Judge::new(self.settings()).unwrap()
    }

    /// Whether the first turn ended with this exit code.
    fn exit(&self, code: i32) -> JudgeRequest {
        JudgeRequest {
            evidence: EvidenceSource::Document(self.path("root/run.json")),
            module: ModuleSource::Embedded("std".to_owned()),
            name: "std/exit".to_owned(),
            assertion: Some("exit".to_owned()),
            parameters: json!({ "code": code }),
            grant: None,
            may_skip: false,
            limits: Limits::default(),
        }
    }

    /// A hostile guest that loops for as long as its fuel lasts.
    fn endless(&self) -> JudgeRequest {
        let limits = Limits { check_fuel: u64::MAX, wall_clock_ms: 600_000, ..Limits::default() };
        JudgeRequest { limits, ..self.guest("loops-forever") }
    }

    /// A guest that is written with the common prelude.
    fn guest(&self, guest: &str) -> JudgeRequest {
        let read =
            |name: &str| std::fs::read_to_string(root().join(format!("tests/guests/{name}.wat"))).unwrap();
        let text = format!("(module {}\n{})", read("prelude"), read(guest));
        let path = self.path(&format!("{guest}.wasm"));
        std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        let name = format!("./{guest}.wasm");
        JudgeRequest { module: ModuleSource::Path(path), name, assertion: None, ..self.exit(0) }
    }

    /// Its judge's workers, by their root: other tests have workers as well.
    fn workers(&self) -> Vec<i32> {
        let reads = |pid: &i32| {
            let folder = std::fs::read_dir(format!("/proc/{pid}/fd"));
            let mut targets =
                folder.into_iter().flatten().filter_map(|e| std::fs::read_link(e.ok()?.path()).ok());
            targets.any(|target| target.starts_with(self.folder.path()))
        };
        workers().into_iter().filter(reads).collect()
    }

    /// Those that have used half a second of processor time: they are in an endless loop.
    fn busy_workers(&self) -> Vec<i32> {
        let ticks = |pid: &i32| -> Option<u64> {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit(')').next()?.split_whitespace().nth(11)?.parse().ok()
        };
        self.workers().into_iter().filter(|pid| ticks(pid).is_some_and(|ticks| ticks > 50)).collect()
    }

    fn busy_worker(&self) -> i32 {
        loop {
            if let Some(pid) = self.busy_workers().first() {
                return *pid;
            }
            std::thread::yield_now();
        }
    }
}

/// Processes of this test's own that are judge workers now.
fn workers() -> Vec<i32> {
    let this = std::process::id();
    let processes = std::fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let parent =
            read("stat").rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        parent == Some(this) && read("cmdline").ends_with("\0judge-worker\0")
    })
    .collect()
}

fn host_error(verdict: &Verdict) -> (&str, &str) {
    let error = verdict.error.as_ref().unwrap_or_else(|| panic!("{verdict:?}"));
    assert_eq!((verdict.outcome, error.class), (Outcome::Error, ErrorClass::Host), "{verdict:?}");
    assert_eq!(verdict.receipt, None);
    (&error.code, &error.message)
}

/// The worker that had this question was killed.
fn assert_killed(verdict: &Verdict, asked: &JudgeRequest) {
    assert_eq!(host_error(verdict), ("worker", "the judge ended unexpectedly: signal 9; no verdict"));
    assert_eq!(verdict.assertion, asked.name);
}

#[test]
fn a_worker_says_what_a_judge_in_this_process_says() {
    let bench = Bench::new();
    let judge = bench.judge();
    let here = Judge::new(JudgeSettings { workers: None, ..bench.settings() }).unwrap();
    for (code, outcome) in [(0, Outcome::Pass), (7, Outcome::Fail)] {
        let verdict = judge.judge(&bench.exit(code));
        assert_eq!(verdict.outcome, outcome, "{verdict:?}");
        assert_eq!(verdict, here.judge(&bench.exit(code)));
    }
    let module = ModuleSource::Embedded("std".to_owned());
    assert_eq!(judge.describe(&module).unwrap(), here.describe(&module).unwrap());
}

#[test]
fn a_worker_that_is_killed_takes_one_verdict_with_it() {
    let bench = Bench::new();
    let judge = bench.judge();
    assert_eq!(judge.judge(&bench.exit(0)).outcome, Outcome::Pass);
    let request = bench.endless();
    std::thread::scope(|scope| {
        let judged = scope.spawn(|| judge.judge(&request));
        // Until the guest runs, the worker uses hardly any processor time; then it uses nothing else.
        kill(bench.busy_worker());
        let verdict = judged.join().unwrap();
        assert_killed(&verdict, &request);
    });
    for code in [0, 1, 2] {
        let expected = if code == 0 { Outcome::Pass } else { Outcome::Fail };
        assert_eq!(judge.judge(&bench.exit(code)).outcome, expected);
    }
}

fn kill(worker: i32) {
    let pid = rustix::process::Pid::from_raw(worker).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn questions_asked_together_are_answered_as_each_alone() {
    let bench = Bench::new();
    bench.document("root/other.json");
    let none = JudgeRequest { module: ModuleSource::Embedded("none".to_owned()), ..bench.exit(0) };
    let unknown = JudgeRequest { assertion: Some("nothing".to_owned()), ..bench.exit(0) };
    let hidden = JudgeRequest { grant: Some(vec!["agent".to_owned()]), ..bench.exit(0) };
    let poor = JudgeRequest { limits: Limits { check_fuel: 10, ..Limits::default() }, ..bench.exit(0) };
    let other = EvidenceSource::Document(bench.path("root/other.json"));
    let other = JudgeRequest { evidence: other, ..bench.exit(0) };
    let lost = EvidenceSource::Document(bench.path("root/lost.json"));
    let lost = JudgeRequest { evidence: lost, ..bench.exit(0) };
    let mut requests =
        vec![bench.exit(0), bench.exit(1), none.clone(), bench.exit(2), unknown, hidden, bench.exit(0)];
    requests.extend([poor, bench.exit(0), other, lost, none]);
    requests.extend((0..150).map(|code| bench.exit(code)));
    let here = Judge::new(JudgeSettings { workers: None, ..bench.settings() }).unwrap();
    let expected: Vec<_> = requests.iter().map(|request| here.judge(request)).collect();
    assert_eq!(bench.judge().judge_all(&requests), expected);
    let folder = Some(bench.path("verdicts"));
    let keeping =
        || Judge::new(JudgeSettings { verdict_directory: folder.clone(), ..bench.settings() }).unwrap();
    assert_eq!(keeping().judge_all(&requests), expected);
    assert_eq!(keeping().judge_all(&requests), expected, "most of them are known now");
    assert_eq!(keeping().judge_all(&requests[..0]), []);
}

#[test]
fn of_questions_asked_together_a_dead_worker_takes_one() {
    let bench = Bench::new();
    let judge = bench.judge();
    // One set of limits, so that they go together.
    let endless = bench.endless();
    let alike = |code| JudgeRequest { limits: endless.limits.clone(), ..bench.exit(code) };
    let requests = [alike(0), endless.clone(), alike(1), alike(0)];
    std::thread::scope(|scope| {
        let judged = scope.spawn(|| judge.judge_all(&requests));
        kill(bench.busy_worker());
        let verdicts = judged.join().unwrap();
        assert_killed(&verdicts[1], &requests[1]);
        let outcomes: Vec<_> = verdicts.iter().map(|verdict| verdict.outcome).collect();
        assert_eq!(outcomes, [Outcome::Pass, Outcome::Error, Outcome::Fail, Outcome::Pass]);
    });
}

/// Before any of them is judged, a worker is asked what goes into the verdicts: a module may end it there.
#[test]
fn a_worker_that_dies_before_it_judges_takes_one_question_too() {
    let bench = Bench::new();
    let settings = JudgeSettings { verdict_directory: Some(bench.path("verdicts")), ..bench.settings() };
    let judge = Judge::new(settings).unwrap();
    let limits = Limits { setup_fuel: u64::MAX, wall_clock_ms: 600_000, ..Limits::default() };
    let endless = JudgeRequest { limits: limits.clone(), ..bench.guest("loops-in-describe") };
    let alike = |code| JudgeRequest { limits: limits.clone(), ..bench.exit(code) };
    let requests = [alike(0), endless, alike(1)];
    std::thread::scope(|scope| {
        let judged = scope.spawn(|| judge.judge_all(&requests));
        while !judged.is_finished() {
            bench.busy_workers().into_iter().for_each(kill);
            std::thread::yield_now();
        }
        let verdicts = judged.join().unwrap();
        assert_killed(&verdicts[1], &requests[1]);
        let outcomes: Vec<_> = verdicts.iter().map(|verdict| verdict.outcome).collect();
        assert_eq!(outcomes, [Outcome::Pass, Outcome::Error, Outcome::Fail]);
    });
}

#[test]
fn a_worker_has_nothing_but_its_socket() {
    let bench = Bench::new();
    let judge = bench.judge();
    assert_eq!(judge.judge(&bench.exit(0)).outcome, Outcome::Pass);
    let own = bench.workers();
    assert_eq!(own.len(), 1);
    for pid in own {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
                assert!(status.contains(line), "{line}: {status}");
            }
        }
        assert_eq!(read("environ"), "");
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
            let Ok(target) = std::fs::read_link(entry.unwrap().path()) else { continue };
            let target = target.display().to_string();
            let is_its_own = target.starts_with("socket:") || target == "/dev/null";
            let is_root = target.starts_with(bench.folder.path().to_str().unwrap())
                || target.starts_with(judge.scratch().to_str().unwrap());
            let is_code = target.contains("memfd:wassert-code") || target.starts_with("/tmp/");
            assert!(is_its_own || is_root || is_code, "{target}");
        }
    }
}

#[test]
fn evidence_outside_the_roots_is_refused() {
    let bench = Bench::new();
    bench.document("outside.json");
    std::os::unix::fs::symlink("../outside.json", bench.path("root/link.json")).unwrap();
    let judge = bench.judge();
    for (path, code) in [
        ("outside.json", "outside-root"),
        ("root/../outside.json", "evidence"),
        ("root/link.json", "evidence"),
    ] {
        let evidence = EvidenceSource::Document(bench.path(path));
        let verdict = judge.judge(&JudgeRequest { evidence, ..bench.exit(0) });
        assert_eq!(host_error(&verdict).0, code, "{path}: {verdict:?}");
    }
    assert_eq!(judge.judge(&bench.exit(0)).outcome, Outcome::Pass);
}

/// Functions with as many locals and nested loops as are allowed: seconds of work in kilobytes.
fn slow_to_compile() -> Vec<u8> {
    const NESTED: usize = 300;
    let open: String = (0..NESTED)
        .map(|n| format!("(loop (local.set {n} (i64.add (local.get {n}) (local.get {}))) (br_if 0 (i64.eqz (local.get {n})))", (n * 7) % NESTED))
        .collect();
    let function = format!("(func (local {}) {open} {})", "i64 ".repeat(NESTED), ")".repeat(NESTED));
    let read = |name: &str| std::fs::read_to_string(root().join(format!("tests/guests/{name}.wat"))).unwrap();
    let text = format!("(module {}\n{}\n{})", read("prelude"), read("right-pass"), function.repeat(16));
    wat::parse_str(text).unwrap()
}

#[test]
fn compiling_is_stopped_by_each_limit_and_says_so() {
    let bench = Bench::new();
    let path = bench.path("slow.wasm");
    std::fs::write(&path, slow_to_compile()).unwrap();
    let judge = bench.judge();
    let judged = |limits: Limits| {
        let (module, name) = (ModuleSource::Path(path.clone()), "./slow.wasm".to_owned());
        judge.judge(&JudgeRequest { module, name, assertion: None, limits, ..bench.exit(0) })
    };
    let verdict = judged(Limits { compile_cpu_seconds: 1, ..Limits::default() });
    let (code, message) = host_error(&verdict);
    assert_eq!(code, "compile");
    assert!(message.contains("compiling stopped after 1 s of processor time"), "{message}");
    let verdict = judged(Limits { compile_memory_bytes: 160 << 20, ..Limits::default() });
    let message = host_error(&verdict).1;
    assert!(message.contains("needed more than 160 MiB of memory"), "{message}");
    let verdict = judged(Limits { compile_output_bytes: 64 << 10, ..Limits::default() });
    let message = host_error(&verdict).1;
    assert!(message.contains("the compiled code is larger than"), "{message}");
    assert_eq!(judge.judge(&bench.exit(0)).outcome, Outcome::Pass, "the judge goes on");
}

#[test]
fn two_engines_are_compared_and_a_planted_difference_is_told() {
    let bench = Bench::new();
    let crossed = |second_opinion: Option<fn(&mut Verdict)>| {
        let mut settings = bench.settings();
        let workers = settings.workers.as_mut().unwrap();
        (workers.cross_check, workers.second_opinion) = (true, second_opinion);
        Judge::new(settings).unwrap().judge(&bench.exit(0))
    };
    assert_eq!(crossed(None), bench.judge().judge(&bench.exit(0)));
    let verdict = crossed(Some(|verdict| verdict.receipt.as_mut().unwrap().result.fuel += 1));
    let fuel = crossed(None).receipt.unwrap().result.fuel;
    let (code, message) = host_error(&verdict);
    assert_eq!(code, "cross-check");
    assert!(message.contains(&format!("fuel: machine code {fuel}, interpreter {}", fuel + 1)), "{message}");
}

#[test]
fn a_verdict_that_is_known_is_not_made_again() {
    let bench = Bench::new();
    let judge = |folder: &Path| {
        let settings = JudgeSettings { verdict_directory: Some(folder.to_owned()), ..bench.settings() };
        Judge::new(settings).unwrap()
    };
    let kept = |folder: &Path| {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.file_name().unwrap() != "key").collect::<Vec<_>>()
    };
    let folder = bench.path("verdicts");
    let first = judge(&folder).judge(&bench.exit(0));
    assert_eq!(kept(&folder).len(), 1);
    let renamed = JudgeRequest { name: "mine".to_owned(), ..bench.exit(0) };
    assert_eq!(judge(&folder).judge(&renamed), Verdict { assertion: "mine".to_owned(), ..first.clone() });
    assert_eq!(kept(&folder).len(), 1, "the same inputs");
    assert_ne!(judge(&folder).judge(&bench.exit(1)).outcome, first.outcome);
    assert_eq!(kept(&folder).len(), 2, "other parameters");
    judge(&folder).judge(&JudgeRequest { may_skip: true, ..bench.exit(0) });
    assert_eq!(kept(&folder).len(), 3, "what may skip is another question");
    for path in kept(&folder) {
        let mut bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes[32..]).replace("\"pass\"", "\"fail\"");
        bytes.truncate(32);
        bytes.extend(text.into_bytes());
        std::fs::write(&path, bytes).unwrap();
    }
    assert_eq!(judge(&folder).judge(&bench.exit(0)), first, "an edited verdict is none");
    let outside = EvidenceSource::Document(bench.path("outside.json"));
    judge(&folder).judge(&JudgeRequest { evidence: outside, ..bench.exit(0) });
    assert_eq!(kept(&folder).len(), 3, "host errors are not kept");
}

#[test]
fn compiled_code_that_was_changed_is_made_again() {
    let bench = Bench::new();
    let first = bench.judge().judge(&bench.exit(0));
    let files = std::fs::read_dir(bench.path("cache")).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> = files.filter(|path| path.file_name().unwrap() != "key").collect();
    assert_eq!(kept.len(), 2, "the code of one module, and an account of it");
    let sound: Vec<_> = kept.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let edits: [fn(&mut Vec<u8>); 3] =
        [|bytes| bytes[40] ^= 1, |bytes| bytes.truncate(bytes.len() / 2), Vec::clear];
    for (path, sound) in kept.iter().zip(&sound) {
        for edit in edits {
            let mut bytes = sound.clone();
            edit(&mut bytes);
            std::fs::write(path, bytes).unwrap();
            assert_eq!(bench.judge().judge(&bench.exit(0)), first);
            assert_eq!(std::fs::read(path).unwrap(), *sound);
        }
    }
    let mut settings = bench.settings();
    settings.cache_key = Some("a key of somebody else's".to_owned());
    let shared = Judge::new(settings).unwrap();
    assert_eq!(shared.judge(&bench.exit(0)), first);
    for (path, sound) in kept.iter().zip(&sound) {
        assert_ne!(std::fs::read(path).unwrap()[..32], sound[..32], "made again, under the other key");
    }
}

#[test]
fn the_standard_packs_examples_are_the_same_with_any_number_of_workers_and_on_both_engines() {
    let pack =
        cap_std::fs::Dir::open_ambient_dir(root().join("assertions/std"), cap_std::ambient_authority())
            .unwrap();
    let examples = wassert::pack::read_examples(&pack).unwrap().sound;
    let bench = Bench::new();
    let requests: Vec<_> = examples
        .iter()
        .enumerate()
        .map(|(number, example)| {
            let path = bench.path(&format!("root/{number}.json"));
            std::fs::write(&path, example.document.to_string()).unwrap();
            JudgeRequest {
                evidence: EvidenceSource::Document(path),
                name: format!("std/{}", example.assertion),
                assertion: Some(example.assertion.clone()),
                parameters: example.parameters.clone(),
                ..bench.exit(0)
            }
        })
        .collect();
    let judge = |most: usize, back_end: BackEnd, cross_check: bool| {
        let mut settings = JudgeSettings { back_end, ..bench.settings() };
        let workers = settings.workers.as_mut().unwrap();
        (workers.most, workers.cross_check) = (most, cross_check);
        Judge::new(settings).unwrap()
    };
    let one = judge(1, BackEnd::Native, false);
    let expected: Vec<_> = requests.iter().map(|request| one.judge(request)).collect();
    assert!(expected.len() >= 24 && expected.iter().all(|verdict| verdict.error.is_none()));
    for (what, other) in [
        ("three workers", judge(3, BackEnd::Native, false)),
        ("the interpreter", judge(2, BackEnd::Interpreter, false)),
        ("both engines", judge(1, BackEnd::Native, true)),
    ] {
        // Every third, from the end: another order, by three askers at a time.
        let told: Vec<Vec<(usize, Verdict)>> = std::thread::scope(|scope| {
            let askers: Vec<_> = (0..3)
                .map(|first| {
                    let (requests, other) = (&requests, &other);
                    scope.spawn(move || {
                        let mine = (0..requests.len()).rev().filter(|number| number % 3 == first);
                        mine.map(|number| (number, other.judge(&requests[number]))).collect()
                    })
                })
                .collect();
            askers.into_iter().map(|asker| asker.join().unwrap()).collect()
        });
        for (number, verdict) in told.into_iter().flatten() {
            assert_eq!(verdict, expected[number], "{what}: {}", examples[number].name);
        }
    }
}

#[test]
fn a_cache_key_that_is_too_short_is_refused() {
    let project = Project::new();
    let said = project.command(&["pack", "list"]).env("WASSERT_CACHE_KEY", "short").output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("WASSERT_CACHE_KEY is shorter than 16 bytes"));
}

#[test]
fn doctor_says_how_judges_are_kept_in() {
    let said = Project::new().wassert(&["doctor"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("judge workers\n  files"), "{}", said.stdout);
}

/// Compiled code is handed over in a file without a name, which counts as a file.
#[test]
fn where_files_may_not_grow_a_sentence_says_so() {
    let project = Project::new();
    project.write(
        "scenarios/plain.toml",
        "summary = \"Says hello.\"\nagents = [\"example\"]\n[[turn]]\nprompt = \"Hi\"\n[[step]]\ntext = \"Hello\"\n\
         [[assert]]\nuse = \"std/exit\"\nwith = { code = 0 }\n",
    );
    let script = format!("ulimit -f 100; exec {} run", env!("CARGO_BIN_EXE_wassert"));
    let mut command = std::process::Command::new("bash");
    let output = command.args(["-c", &script]).current_dir(project.path()).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{:?} {said}", output.status);
    assert!(said.contains("File too large") && said.contains("ulimit -f"), "{said}");
}
