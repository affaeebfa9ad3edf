//! What is running, on standard error, when that is a terminal. Lines of results are printed in scenario order, each
//! as soon as those before it are known.

use std::collections::{BTreeMap, BTreeSet};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use crate::report::{ScenarioResult, scenario_line};
use crate::value::escape_terminal;

/// Names shown as running.
const NAMED: usize = 4;

/// The display of one run.
pub(super) struct Progress<'a> {
    output: &'a Output,
    bar: ProgressBar,
    order: Vec<(String, String)>,
    next: usize,
    ended: BTreeMap<(String, String), ScenarioResult>,
    running: Vec<String>,
    /// What was said of agents, whatever the scenario.
    told: BTreeSet<String>,
    quiet: bool,
}

impl<'a> Progress<'a> {
    /// For jobs that will be reported in this order; `quiet`: no lines, because the results are printed as a whole.
    pub(super) fn new(output: &'a Output, order: Vec<(String, String)>, quiet: bool) -> Self {
        // Draws nothing unless standard error is a terminal.
        let bar = ProgressBar::with_draw_target(Some(order.len() as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self {
            output,
            bar,
            order,
            next: 0,
            ended: BTreeMap::new(),
            running: Vec::new(),
            told: BTreeSet::new(),
            quiet,
        }
    }

    pub(super) fn started(&mut self, name: &str, agent: &str) {
        self.running.push(format!("{name}@{agent}"));
        self.draw();
    }

    /// Says something about a job that runs.
    pub(super) fn noticed(&mut self, name: Option<&str>, agent: &str, notice: &str) {
        let place = name.map_or(agent.to_owned(), |name| format!("{name}@{agent}"));
        let note = format!("note: {place}: {}", escape_terminal(notice));
        if name.is_none() && !self.told.insert(note.clone()) {
            return;
        }
        self.bar.suspend(|| self.output.note(&note));
    }

    pub(super) fn ended(&mut self, result: ScenarioResult) {
        let name = format!("{}@{}", result.name, result.agent);
        self.running.retain(|running| *running != name);
        self.ended.insert((result.name.clone(), result.agent.clone()), result);
        while let Some(result) = self.order.get(self.next).and_then(|key| self.ended.get(key)) {
            if !self.quiet {
                let line = scenario_line(result, self.output.style());
                self.bar.suspend(|| self.output.line(&line));
            }
            self.next += 1;
        }
        self.bar.inc(1);
        self.draw();
    }

    /// Prints the lines of those that ended but were waiting, or were never started.
    pub(super) fn finish(mut self, results: &[ScenarioResult]) {
        self.bar.finish_and_clear();
        for result in results.iter().skip(self.next) {
            if !self.quiet {
                self.output.line(&scenario_line(result, self.output.style()));
            }
            self.next += 1;
        }
    }

    fn draw(&self) {
        let more = self.running.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named: Vec<_> = self.running.iter().take(NAMED).map(String::as_str).collect();
        self.bar.set_message(format!("{}{more}", named.join(", ")));
    }
}
