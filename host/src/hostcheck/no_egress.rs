//! `run/no-egress`: the agent tried to reach nothing but the server, unless the scenario names what it tries. What
//! the run's isolation could not see is said in the message, never taken for nothing.

use std::collections::BTreeSet;

use super::{finding, pass};
use crate::document::{Document, EgressProtocol};
use crate::value::{Finding, Outcome, excerpt};

/// `None` when the recording does not say what was tried.
pub(super) fn check(document: &Document) -> Option<Vec<Finding>> {
    let attempts = document.egress.as_ref()?;
    let expected: BTreeSet<&str> = document.scenario.egress.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    for (index, attempt) in attempts.iter().enumerate() {
        if attempt.protocol != EgressProtocol::Other && expected.contains(attempt.destination.as_str()) {
            continue;
        }
        let destination = match (attempt.protocol, attempt.destination.as_str()) {
            (EgressProtocol::Other, _) | (_, "") => "something it did not name".to_owned(),
            (_, destination) => format!("`{}`", excerpt(destination, 100)),
        };
        let times = if attempt.count == 1 { String::new() } else { format!(", {} times", attempt.count) };
        let message = format!("turn {} tried to reach {destination}{times}", attempt.turn);
        findings.push(finding(Outcome::Fail, message, format!("$['egress'][{index}]"), None));
    }
    for destination in expected {
        if !attempts.iter().any(|attempt| attempt.destination == destination) {
            let message = format!("`{destination}` was expected to be tried, and was not");
            let mut missed = finding(Outcome::Fail, message, "$['egress']".to_owned(), None);
            missed.expected = Some(destination.to_owned());
            findings.push(missed);
        }
    }
    if findings.is_empty() {
        let seen =
            if attempts.is_empty() { "no attempt was seen" } else { "only what was expected was tried" };
        let blind = if document.isolation.direct_connections_seen || document.isolation.no_network {
            String::new()
        } else {
            format!("; direct connections are not observed at level {}", document.isolation.level.word())
        };
        findings.push(pass(&format!("{seen}{blind}"), "$['egress']"));
    }
    Some(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{EgressAttempt, IsolationLevel};

    /// What is tried, what is expected, and what is said of it; a pass also says what was not seen.
    type Case =
        (&'static [(EgressProtocol, &'static str, u32)], &'static [&'static str], Outcome, &'static str);

    fn messages(attempts: &[(EgressProtocol, &str, u32)], expected: &[&str]) -> Vec<(Outcome, String)> {
        let mut document = Document::default();
        document.isolation.level = IsolationLevel::Group;
        document.scenario.egress = expected.iter().map(|name| (*name).to_owned()).collect();
        let attempt = |(protocol, destination, count): &(EgressProtocol, &str, u32)| EgressAttempt {
            turn: 2,
            protocol: *protocol,
            destination: (*destination).to_owned(),
            count: *count,
        };
        document.egress = Some(attempts.iter().map(attempt).collect());
        check(&document).unwrap().into_iter().map(|finding| (finding.outcome, finding.message)).collect()
    }

    #[test]
    fn what_is_tried_is_what_is_named() {
        use EgressProtocol::{Connect, Http, Other};
        use Outcome::{Fail, Pass};
        let cases: [Case; 6] = [
            (&[], &[], Pass, "no attempt was seen"),
            (&[(Connect, "a.b:443", 1)], &[], Fail, "turn 2 tried to reach `a.b:443`"),
            (&[(Http, "a.b:80", 3)], &[], Fail, "turn 2 tried to reach `a.b:80`, 3 times"),
            (&[(Connect, "a.b:443", 2)], &["a.b:443"], Pass, "only what was expected was tried"),
            (&[], &["a.b:443"], Fail, "`a.b:443` was expected to be tried, and was not"),
            (&[(Other, "", 1)], &[], Fail, "turn 2 tried to reach something it did not name"),
        ];
        for (attempts, expected, outcome, said) in cases {
            let blind = match outcome {
                Pass => "; direct connections are not observed at level group",
                _ => "",
            };
            let told = [(outcome, format!("{said}{blind}"))];
            assert_eq!(messages(attempts, expected), told, "{attempts:?} {expected:?}");
        }
    }

    #[test]
    fn a_run_without_network_has_no_blind_spot() {
        let mut document = Document { egress: Some(Vec::new()), ..Document::default() };
        document.isolation.no_network = true;
        assert_eq!(check(&document).unwrap()[0].message, "no attempt was seen");
        assert_eq!(check(&Document::default()), None);
    }
}
