//! Every guest of `tests/guests`, and every made one, against the table of what must come of it: the same bytes on both
//! back ends and in both of two judgings, host errors apart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::limits::Limits;
use super::tests::{Bench, text};
use super::{Answer, BackEnd, Judge, JudgeSettings, Request, made_guests};
use crate::value::{ErrorClass, Outcome, Verdict};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    guest: Vec<Entry>,
}

/// What must come of a guest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    outcome: Outcome,
    #[serde(default)]
    class: Option<ErrorClass>,
    /// The error's code.
    #[serde(default)]
    code: Option<String>,
    /// What the error, or else the first finding, says; all of it has these words.
    #[serde(default)]
    says: String,
    /// Findings kept.
    #[serde(default)]
    findings: usize,
    /// Findings dropped.
    #[serde(default)]
    dropped: Option<u32>,
    #[serde(default)]
    may_skip: bool,
    /// Limits other than the tests' own, as in `--limit`.
    #[serde(default)]
    limits: Vec<String>,
}

fn table() -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/expected.toml");
    toml::from_str::<Table>(&std::fs::read_to_string(path).unwrap()).unwrap().guest
}

/// The bytes of every guest there is.
fn guests() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests");
    let names = std::fs::read_dir(folder).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".wat").filter(|name| !name.starts_with("prelude")).map(str::to_owned)
    });
    let kept = names.map(|name| {
        let bytes = wat::parse_str(text(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, bytes)
    });
    kept.chain(made_guests::all().into_iter().map(|(name, bytes)| (name.to_owned(), bytes))).collect()
}

impl Entry {
    fn difference(&self, verdict: &Verdict) -> Option<String> {
        let error = verdict.error.as_ref();
        let said = match (error, verdict.findings.first()) {
            (Some(error), _) => error.message.as_str(),
            (None, Some(finding)) => finding.message.as_str(),
            (None, None) => "",
        };
        let same = self.outcome == verdict.outcome
            && self.class == error.map(|error| error.class)
            && self.code.as_deref() == error.map(|error| error.code.as_str())
            && said.contains(&self.says)
            && self.findings == verdict.findings.len()
            && self.dropped.is_none_or(|dropped| dropped == verdict.findings_dropped)
            && verdict.receipt.is_some() == (self.class != Some(ErrorClass::Host));
        (!same).then(|| {
            format!(
                "{}: {:?}, {:?}, {} findings and {} dropped: {said:?}",
                self.name,
                verdict.outcome,
                error.map(|error| (error.class, error.code.as_str())),
                verdict.findings.len(),
                verdict.findings_dropped
            )
        })
    }
}

#[test]
fn every_guest_ends_as_the_table_says_on_both_back_ends() {
    let (table, guests) = (table(), guests());
    let listed: BTreeSet<&str> = table.iter().map(|entry| entry.name.as_str()).collect();
    let present: BTreeSet<&str> = guests.keys().map(String::as_str).collect();
    assert_eq!(listed, present, "a guest without an entry, or an entry without a guest");
    assert_eq!(listed.len(), table.len(), "a guest stands in the table twice");
    assert!(table.len() >= 50);

    let bench = Bench::new();
    let settings = JudgeSettings { back_end: BackEnd::Interpreter, ..JudgeSettings::default() };
    let interpreter = Judge::new(settings).unwrap();
    let mut differences = Vec::new();
    for entry in &table {
        let mut request = bench.request(&guests[&entry.name]);
        request.limits = Limits { setup_fuel: 50_000_000, ..request.limits };
        for setting in &entry.limits {
            request.limits = request.limits.with(setting).unwrap();
        }
        request.may_skip = entry.may_skip;
        let line = Request::Judge(Box::new(request)).line();
        let native = bench.judge.answer(&line);
        let Ok(Answer::Verdict(verdict)) = Answer::parse(&native) else { panic!("{}: {native}", entry.name) };
        differences.extend(entry.difference(&verdict));
        if entry.class != Some(ErrorClass::Host) {
            for (what, answer) in
                [("again", bench.judge.answer(&line)), ("by the interpreter", interpreter.answer(&line))]
            {
                if answer != native {
                    differences.push(format!("{}: judged {what}: {native}\nbut {answer}", entry.name));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
