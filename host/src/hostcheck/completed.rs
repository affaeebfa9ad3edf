//! `run/completed`: every turn ended as the scenario says, which is by itself and successfully unless it says
//! otherwise. Exit codes are not looked at unless the scenario names one: some agents exit with 0 when they failed.

use super::{finding, pass};
use crate::document::{Completed, Document, EndCause, Terminal, Turn};
use crate::value::{Finding, Outcome};

pub(super) fn check(document: &Document) -> Vec<Finding> {
    let planned = document.scenario.completed;
    let Some(last) = document.turns.len().checked_sub(1) else {
        return vec![finding(Outcome::Fail, "no turn was started".to_owned(), "$['turns']".to_owned(), None)];
    };
    let mut findings = Vec::new();
    for (index, turn) in document.turns.iter().enumerate() {
        let expected = if index == last { planned } else { Completed::Completed };
        let ended = how_it_ended(turn);
        if let Some(interrupt) = &turn.interrupt {
            if !interrupt.sent {
                let message = format!("turn {} ended before it could be interrupted", turn.turn);
                findings.push(finding(
                    Outcome::Fail,
                    message,
                    format!("$['turns'][{index}]['interrupt']"),
                    None,
                ));
                continue;
            }
            // What is interrupted and followed by another turn only has to end in its time.
            if index != last && interrupt.ended {
                continue;
            }
        }
        if ended != Some(expected) {
            let message =
                format!("turn {} was expected to {}, but it {}", turn.turn, demand(expected), told(turn));
            let mut failed = finding(Outcome::Fail, message, format!("$['turns'][{index}]"), None);
            failed.expected = Some(demand(expected).to_owned());
            findings.push(failed);
        }
    }
    if let (Some(wanted), Some(turn)) = (document.scenario.exit, document.turns.last())
        && turn.exit != Some(wanted)
    {
        let told = turn.exit.map_or("had none".to_owned(), |code| format!("was {code}"));
        let message =
            format!("turn {} was expected to exit with {wanted}, but its exit code {told}", turn.turn);
        findings.push(finding(Outcome::Fail, message, format!("$['turns'][{last}]['exit']"), None));
    }
    let missing = (document.scenario.turns as usize).saturating_sub(document.turns.len());
    if missing > 0 && findings.is_empty() {
        let message = format!("{missing} of {} turns were not started", document.scenario.turns);
        findings.push(finding(Outcome::Fail, message, "$['turns']".to_owned(), None));
    }
    if findings.is_empty() {
        findings.push(pass(
            if planned == Completed::Completed {
                "every turn completed"
            } else {
                "the run ended as expected"
            },
            "$['turns']",
        ));
    }
    findings
}

/// `None`: in a way no scenario can expect.
fn how_it_ended(turn: &Turn) -> Option<Completed> {
    if turn.exceeded.is_some() {
        return Some(Completed::BudgetExhausted);
    }
    match (turn.end, turn.terminal) {
        (EndCause::Exited, Some(Terminal::Completed)) => Some(Completed::Completed),
        (EndCause::Exited, Some(Terminal::Failed)) => Some(Completed::Failed),
        (EndCause::Exited, None) => Some(Completed::Silent),
        (EndCause::Timeout, _) => Some(Completed::Timeout),
        (EndCause::Signal, _) => Some(Completed::Signal),
        (EndCause::Stalled, _) => Some(Completed::Stalled),
        (EndCause::OutputLimit, _) => Some(Completed::OutputLimit),
        (EndCause::BudgetExhausted, _) => Some(Completed::BudgetExhausted),
        (EndCause::Interrupted | EndCause::NotStarted, _) => None,
    }
}

fn demand(expected: Completed) -> &'static str {
    match expected {
        Completed::Completed => "complete",
        Completed::Failed => "fail with a terminal event",
        Completed::Silent => "exit without a terminal event",
        Completed::Timeout => "run into the time limit",
        Completed::Signal => "be ended by a signal",
        Completed::Stalled => "be silent for too long",
        Completed::OutputLimit => "run into the output limit",
        Completed::BudgetExhausted => "pass a budget",
    }
}

fn told(turn: &Turn) -> String {
    if let Some(exceeded) = &turn.exceeded {
        return format!("passed {exceeded}");
    }
    let exit = turn.exit.map(|code| format!(" with exit code {code}")).unwrap_or_default();
    match (turn.end, turn.terminal) {
        (EndCause::Exited, Some(Terminal::Completed)) => format!("completed{exit}"),
        (EndCause::Exited, Some(Terminal::Failed)) => format!("failed{exit}"),
        (EndCause::Exited, None) => format!("ended without a terminal event{exit}"),
        (EndCause::Timeout, _) => "was ended at the time limit".to_owned(),
        (EndCause::Signal, _) => format!("was ended by {}", turn.signal.as_deref().unwrap_or("a signal")),
        (EndCause::Stalled, _) => "was ended because it was silent for too long".to_owned(),
        (EndCause::OutputLimit, _) => "was ended for writing too much".to_owned(),
        (EndCause::BudgetExhausted, _) => "passed a budget".to_owned(),
        (EndCause::Interrupted, _) => "was interrupted".to_owned(),
        (EndCause::NotStarted, _) => "was not started".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(completed: Completed, turns: &[(EndCause, Option<Terminal>)]) -> Document {
        let mut document = Document::default();
        document.scenario.completed = completed;
        document.turns = turns
            .iter()
            .zip(1..)
            .map(|(&(end, terminal), turn)| Turn { turn, end, terminal, exit: Some(1), ..Turn::default() })
            .collect();
        document
    }

    fn outcome(completed: Completed, turns: &[(EndCause, Option<Terminal>)]) -> Outcome {
        Outcome::of_all(check(&document(completed, turns)).iter().map(|finding| finding.outcome)).unwrap()
    }

    #[test]
    fn a_run_is_green_only_when_it_ends_as_expected() {
        use Completed::{Completed as Done, Failed, Silent, Timeout};
        let completed = (EndCause::Exited, Some(Terminal::Completed));
        let failed = (EndCause::Exited, Some(Terminal::Failed));
        let silent = (EndCause::Exited, None);
        let late = (EndCause::Timeout, None);
        for (expected, turns, outcome_expected) in [
            (Done, &[completed, completed][..], Outcome::Pass),
            (Done, &[], Outcome::Fail),
            (Done, &[completed, failed], Outcome::Fail),
            (Failed, &[completed, failed], Outcome::Pass),
            (Failed, &[failed, failed], Outcome::Fail),
            (Failed, &[completed], Outcome::Fail),
            (Done, &[silent], Outcome::Fail),
            (Silent, &[silent], Outcome::Pass),
            (Done, &[late], Outcome::Fail),
            (Timeout, &[late], Outcome::Pass),
            (Timeout, &[completed], Outcome::Fail),
            (Silent, &[(EndCause::Interrupted, None)], Outcome::Fail),
            (Silent, &[(EndCause::NotStarted, None)], Outcome::Fail),
        ] {
            assert_eq!(outcome(expected, turns), outcome_expected, "{expected:?} {turns:?}");
        }
    }

    #[test]
    fn a_turn_that_was_never_started_is_missed() {
        let mut early = document(Completed::Failed, &[(EndCause::Exited, Some(Terminal::Failed))]);
        early.scenario.turns = 2;
        assert_eq!(check(&early)[0].message, "1 of 2 turns were not started");
    }

    #[test]
    fn an_exit_code_is_looked_at_only_where_the_scenario_names_it() {
        let mut named = document(Completed::Failed, &[(EndCause::Exited, Some(Terminal::Failed))]);
        named.scenario.exit = Some(1);
        assert_eq!(check(&named)[0].outcome, Outcome::Pass);
        named.scenario.exit = Some(0);
        assert_eq!(check(&named)[0].message, "turn 1 was expected to exit with 0, but its exit code was 1");
    }

    #[test]
    fn the_message_says_what_happened_instead() {
        let found = check(&document(Completed::Completed, &[(EndCause::Exited, Some(Terminal::Failed))]));
        assert_eq!(found[0].message, "turn 1 was expected to complete, but it failed with exit code 1");
    }
}
