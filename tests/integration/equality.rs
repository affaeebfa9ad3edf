//! The standard pack over every recording the repository holds or can make gives the same bytes on both engines, in any
//! order, in any number of worker processes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use wassert::pack::read_examples;
use wassert::sandbox::{
    BackEnd, EvidenceSource, Judge, JudgeRequest, JudgeSettings, Limits, ModuleSource, Request,
    WorkerSettings,
};

use crate::fuzzing::Random;
use crate::harness::{Project, root};

const SEED: u64 = 20_261_121;

/// Assertions that judge an example beside its own.
const OTHERS: usize = 2;

#[test]
fn verdicts_are_the_same_bytes_in_any_order_in_any_process_and_on_either_engine() {
    let (project, recordings) = recordings();
    let recordings: Vec<_> = recordings.into_iter().map(EvidenceSource::Recording).collect();
    let examples = examples(&project);
    assert!(recordings.len() > 20 && examples.len() > 50, "{}, {}", recordings.len(), examples.len());
    let lines = lines(&recordings, &examples);
    let in_order: Vec<usize> = (0..lines.len()).collect();
    let once = answers(&judge(&project, BackEnd::Native, 1), &lines, &in_order, 1);
    for outcome in ["pass", "fail", "error"] {
        assert!(once.iter().any(|answer| answer.contains(&format!(r#""outcome":"{outcome}""#))), "{outcome}");
    }
    for (number, (how, back_end, workers)) in [
        ("machine code, four processes", BackEnd::Native, 4),
        ("the interpreter, four processes", BackEnd::Interpreter, 4),
    ]
    .into_iter()
    .enumerate()
    {
        let order = shuffled(lines.len(), number as u64);
        assert_ne!(order, in_order);
        let again = answers(&judge(&project, back_end, workers), &lines, &order, workers);
        for (number, line) in lines.iter().enumerate() {
            assert_eq!(again[number], once[number], "{how}: {line}");
        }
    }
}

/// A judge with so many workers of the program under test, and nothing kept of earlier verdicts.
fn judge(project: &Project, back_end: BackEnd, workers: usize) -> Judge {
    let embedded = BTreeMap::from([("std".to_owned(), wassert::pack::embedded("std").unwrap().module)]);
    Judge::new(JudgeSettings {
        embedded,
        back_end,
        workers: Some(WorkerSettings {
            program: env!("CARGO_BIN_EXE_wassert").into(),
            most: workers,
            roots: vec![project.path().to_owned()],
            cross_check: false,
            second_opinion: None,
        }),
        ..JudgeSettings::default()
    })
    .unwrap()
}

/// Positions in an order of a seed's own (Fisher and Yates).
fn shuffled(count: usize, turn: u64) -> Vec<usize> {
    let mut random = Random::new(SEED, turn);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}

/// Every question once in that order, each thread taking the next; answers by the question's position.
fn answers(judge: &Judge, lines: &[String], order: &[usize], threads: usize) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let given = Mutex::new(vec![String::new(); lines.len()]);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(&number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let answer = judge.answer(&lines[number]);
                    given.lock().unwrap()[number] = answer;
                }
            });
        }
    });
    given.into_inner().unwrap()
}

/// Every standard assertion on every recording; on the document of every example its own assertion and some others, as
/// all pairs would take minutes.
fn lines(recordings: &[EvidenceSource], examples: &[(String, EvidenceSource)]) -> Vec<String> {
    let folder = root().join("assertions/std/examples");
    let manifest = &wassert::pack::embedded("std").unwrap().manifest;
    let names: Vec<&str> =
        manifest.assertions.iter().map(|assertion| assertion.name.get_ref().as_str()).collect();
    let mut random = Random::new(SEED, u64::MAX);
    let mut asked: Vec<(&str, &EvidenceSource)> = Vec::new();
    for evidence in recordings {
        asked.extend(names.iter().map(|name| (*name, evidence)));
    }
    for (own, evidence) in examples {
        asked.push((own, evidence));
        asked.extend((0..OTHERS).map(|_| (*random.pick(&names), evidence)));
    }
    let line = |(name, evidence): (&str, &EvidenceSource)| {
        let with = std::fs::read(folder.join(name).join("with.json")).unwrap_or_else(|_| b"{}".to_vec());
        let request = JudgeRequest {
            evidence: evidence.clone(),
            module: ModuleSource::Embedded("std".to_owned()),
            name: format!("std/{name}"),
            assertion: Some(name.to_owned()),
            parameters: serde_json::from_slice(&with).unwrap(),
            grant: None,
            may_skip: manifest.assertion(name).is_some_and(|assertion| assertion.may_skip),
            limits: Limits::default(),
        };
        Request::Judge(Box::new(request)).line()
    };
    asked.into_iter().map(line).collect()
}

/// The recordings of all scenarios that the built-in agent can run.
fn recordings() -> (Project, Vec<PathBuf>) {
    let project = Project::new();
    let folders =
        ["quickstart", "protocols"].map(|area| root().join("scenarios").join(area).display().to_string());
    let (_, results) = project.run_json(&[folders[0].as_str(), &folders[1]]);
    let recorded = results["scenarios"].as_array().unwrap().iter();
    let recordings: Vec<_> =
        recorded.filter_map(|scenario| Some(project.path().join(scenario["recording"].as_str()?))).collect();
    (project, recordings)
}

/// The documents of every example of every pack, those that are told as a difference too, with their assertions.
fn examples(project: &Project) -> Vec<(String, EvidenceSource)> {
    let mut found = Vec::new();
    for pack in std::fs::read_dir(root().join("assertions")).unwrap() {
        let pack = pack.unwrap().path();
        if !pack.join("examples").is_dir() {
            continue;
        }
        let examples = read_examples(&Dir::open_ambient_dir(&pack, ambient_authority()).unwrap()).unwrap();
        for example in examples.sound {
            let path = project.path().join(format!("example-{}.json", found.len()));
            std::fs::write(&path, example.document.to_string()).unwrap();
            found.push((example.assertion, EvidenceSource::Document(path)));
        }
    }
    found
}
