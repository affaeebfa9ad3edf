//! The standard pack over every recording the repository can make gives the same bytes on both engines, in any order,
//! on any number of threads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use wassert::sandbox::{
    BackEnd, EvidenceSource, Judge, JudgeRequest, JudgeSettings, Limits, ModuleSource, Request,
};

use crate::harness::{Project, root};

#[test]
fn verdicts_are_the_same_bytes_in_any_order_on_any_thread_and_either_engine() {
    let (_project, recordings) = recordings();
    let lines = lines(&recordings);
    assert!(lines.len() > 200, "{} questions", lines.len());
    let once = answers(&judge(BackEnd::Native), &lines, 1, false);
    assert!(once.iter().any(|answer| answer.contains(r#""outcome":"pass""#)));
    assert!(once.iter().any(|answer| answer.contains(r#""outcome":"fail""#)));
    for (how, back_end, threads, backwards) in [
        ("four threads, from the end", BackEnd::Native, 4, true),
        ("the interpreter, two threads", BackEnd::Interpreter, 2, false),
    ] {
        let again = answers(&judge(back_end), &lines, threads, backwards);
        for (number, line) in lines.iter().enumerate() {
            assert_eq!(again[number], once[number], "{how}: {line}");
        }
    }
}

fn judge(back_end: BackEnd) -> Judge {
    let embedded = BTreeMap::from([("std".to_owned(), wassert::pack::embedded("std").unwrap().module)]);
    Judge::new(JudgeSettings { embedded, back_end, ..JudgeSettings::default() }).unwrap()
}

/// Every question once, each thread taking the next.
fn answers(judge: &Judge, lines: &[String], threads: usize, backwards: bool) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let given = Mutex::new(vec![String::new(); lines.len()]);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let taken = next.fetch_add(1, Ordering::Relaxed);
                    let Some(left) = lines.len().checked_sub(taken + 1) else { return };
                    let number = if backwards { left } else { taken };
                    let answer = judge.answer(&lines[number]);
                    given.lock().unwrap()[number] = answer;
                }
            });
        }
    });
    given.into_inner().unwrap()
}

/// Every standard assertion with its example's parameters, on every recording and every example document.
fn lines(recordings: &[PathBuf]) -> Vec<String> {
    let examples = root().join("assertions/std/examples");
    let mut evidence: Vec<_> = recordings.iter().cloned().map(EvidenceSource::Recording).collect();
    let manifest = wassert::pack::embedded("std").unwrap().manifest;
    for assertion in &manifest.assertions {
        evidence.push(EvidenceSource::Document(examples.join(assertion.name.get_ref()).join("pass.json")));
    }
    let mut lines = Vec::new();
    for evidence in evidence {
        for assertion in &manifest.assertions {
            let name = assertion.name.get_ref().clone();
            let with = std::fs::read(examples.join(&name).join("with.json")).unwrap();
            let request = JudgeRequest {
                evidence: evidence.clone(),
                module: ModuleSource::Embedded("std".to_owned()),
                name: format!("std/{name}"),
                assertion: Some(name),
                parameters: serde_json::from_slice(&with).unwrap(),
                grant: None,
                may_skip: false,
                limits: Limits::default(),
            };
            lines.push(Request::Judge(Box::new(request)).line());
        }
    }
    lines
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
    assert!(recordings.len() > 5, "{results:#}");
    (project, recordings)
}
