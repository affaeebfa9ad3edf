//! `run/no-survivors`: when the agent of a turn has ended, nothing it started is left, unless the scenario names what
//! is. What is named must be left behind: a scenario asserts the fact differently, it does not leave it out.

use std::collections::BTreeSet;

use super::{finding, pass};
use crate::document::{Document, LeftProcess, ProcessEnd};
use crate::value::{Finding, Outcome};

/// `None` when the recording does not say what was left behind.
pub(super) fn check(document: &Document) -> Option<Vec<Finding>> {
    let processes = document.processes.as_ref()?;
    let expected: BTreeSet<&str> = document.scenario.survivors.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    for (index, process) in processes.iter().enumerate() {
        let path = format!("$['processes'][{index}]");
        let place = |message| finding(Outcome::Fail, message, path.clone(), process.command.clone());
        if process.end == ProcessEnd::Remains {
            findings.push(place(format!(
                "turn {} left {} behind, and it could not be ended",
                process.turn,
                called(process)
            )));
        } else if !expected.contains(process.name.as_str()) {
            findings.push(place(format!("turn {} left {} behind", process.turn, called(process))));
        }
    }
    for name in expected {
        if !processes.iter().any(|process| process.name == name) {
            let message = format!("`{name}` was expected to be left behind, and was not");
            let mut missed = finding(Outcome::Fail, message, "$['processes']".to_owned(), None);
            missed.expected = Some(name.to_owned());
            findings.push(missed);
        }
    }
    if findings.is_empty() {
        findings.push(pass(
            if processes.is_empty() {
                "nothing was left behind"
            } else {
                "what was left behind is what was expected"
            },
            "$['processes']",
        ));
    }
    Some(findings)
}

fn called(process: &LeftProcess) -> String {
    format!("`{}`", crate::value::excerpt(&process.name, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left, what is expected, and what is said of it.
    type Case =
        (&'static [(&'static str, ProcessEnd)], &'static [&'static str], &'static [(Outcome, &'static str)]);

    fn messages(left: &[(&str, ProcessEnd)], expected: &[&str]) -> Vec<(Outcome, String)> {
        let mut document = Document::default();
        document.scenario.survivors = expected.iter().map(|name| (*name).to_owned()).collect();
        let process = |(name, end): &(&str, ProcessEnd)| LeftProcess {
            turn: 1,
            name: (*name).to_owned(),
            command: format!("{name} 1000"),
            end: *end,
        };
        document.processes = Some(left.iter().map(process).collect());
        check(&document).unwrap().into_iter().map(|finding| (finding.outcome, finding.message)).collect()
    }

    #[test]
    fn what_is_left_is_what_is_named() {
        use Outcome::{Fail, Pass};
        use ProcessEnd::{Killed, Remains, Terminated};
        let cases: [Case; 6] = [
            (&[], &[], &[(Pass, "nothing was left behind")]),
            (&[("sleep", Terminated)], &[], &[(Fail, "turn 1 left `sleep` behind")]),
            (
                &[("sleep", Killed), ("sleep", Terminated)],
                &["sleep"],
                &[(Pass, "what was left behind is what was expected")],
            ),
            (&[], &["sleep"], &[(Fail, "`sleep` was expected to be left behind, and was not")]),
            (
                &[("a\nb", Terminated)],
                &["sleep"],
                &[
                    (Fail, "turn 1 left `a\\nb` behind"),
                    (Fail, "`sleep` was expected to be left behind, and was not"),
                ],
            ),
            (
                &[("sleep", Remains)],
                &["sleep"],
                &[(Fail, "turn 1 left `sleep` behind, and it could not be ended")],
            ),
        ];
        for (left, expected, told) in cases {
            let told: Vec<_> = told.iter().map(|(outcome, text)| (*outcome, (*text).to_owned())).collect();
            assert_eq!(messages(left, expected), told, "{left:?} {expected:?}");
        }
    }

    #[test]
    fn a_recording_that_does_not_say_is_not_judged() {
        assert_eq!(check(&Document::default()), None);
    }
}
