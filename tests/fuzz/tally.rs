//! What was judged how often, how far modules came, and what went wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use wassert::value::{ErrorClass, Verdict};

/// All cases of a run.
#[derive(Default)]
pub struct Tally {
    pub rows: BTreeMap<String, Row>,
    /// Verdicts that the machine's limits made differ, by what they were.
    pub exempt: BTreeMap<String, u64>,
    pub longest: Duration,
    pub mistakes: Vec<String>,
}

/// One kind of question.
#[derive(Default)]
pub struct Row {
    pub judged: u64,
    /// The module fitted its door and was compiled.
    pub opened: u64,
    /// Its `check` was begun.
    pub ran: u64,
    /// How the verdicts ended.
    pub ends: BTreeMap<String, u64>,
}

/// Errors of modules that did not come through their door.
const SHUT: [&str; 3] = ["not-a-module", "contract", "shape"];

impl Row {
    pub fn add(&mut self, verdict: &Verdict) {
        let shut = verdict.error.as_ref().is_some_and(|error| SHUT.contains(&error.code.as_str()));
        let used = verdict.receipt.as_ref().is_some_and(|receipt| receipt.result.fuel > 0);
        self.judged += 1;
        self.opened += u64::from(!shut);
        self.ran += u64::from(used || is_exempt(verdict));
        *self.ends.entry(word(verdict)).or_default() += 1;
    }

    fn join(&mut self, other: Self) {
        self.judged += other.judged;
        self.opened += other.opened;
        self.ran += other.ran;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
    }
}

impl Tally {
    /// Takes what another counted.
    pub fn join(&mut self, other: Self) {
        for (kind, row) in other.rows {
            self.rows.entry(kind).or_default().join(row);
        }
        for (what, count) in other.exempt {
            *self.exempt.entry(what).or_default() += count;
        }
        self.longest = self.longest.max(other.longest);
        self.mistakes.extend(other.mistakes);
    }

    /// Verdicts of all kinds with these words in them.
    pub fn judged(&self, kind: &str, end: &str) -> u64 {
        let rows = self.rows.iter().filter(|(name, _)| name.contains(kind));
        let ends = rows.flat_map(|(_, row)| &row.ends);
        ends.filter(|(name, _)| name.contains(end)).map(|(_, count)| count).sum()
    }
}

/// Stack exhaustion and the wall clock are the machine's, and may differ between two judgings; nothing else may.
pub fn is_exempt(verdict: &Verdict) -> bool {
    let exempt = |code: &str| code == "stack" || code == "wall-clock";
    verdict.error.as_ref().is_some_and(|error| error.class == ErrorClass::Host && exempt(&error.code))
}

/// How a verdict ended, in a word or three.
pub fn word(verdict: &Verdict) -> String {
    match &verdict.error {
        Some(error) => format!("{:?} error {}", error.class, error.code).to_lowercase(),
        None => verdict.outcome.word().to_owned(),
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>8} {:>8} {:>8}  what: how it ended", "judged", "opened", "ran")?;
        for (kind, row) in &self.rows {
            let mut ends: Vec<_> = row.ends.iter().collect();
            ends.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let ends: Vec<_> = ends.iter().map(|(end, count)| format!("{end} {count}")).collect();
            writeln!(f, "{:>8} {:>8} {:>8}  {kind}: {}", row.judged, row.opened, row.ran, ends.join(", "))?;
        }
        for (what, count) in &self.exempt {
            writeln!(f, "{count:>8} not compared: {what}")?;
        }
        writeln!(f, "longest case: {:.2} s", self.longest.as_secs_f64())?;
        for mistake in &self.mistakes {
            writeln!(f, "MISTAKE: {mistake}")?;
        }
        write!(f, "{} mistakes", self.mistakes.len())
    }
}
