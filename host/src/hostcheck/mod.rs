//! The `run/*` assertions: what must hold in every run, computed from the document alone, so that `run` and `judge`
//! say the same.

mod completed;
mod home_only;
mod no_egress;
mod no_survivors;
mod outcome;
#[cfg(test)]
mod place_tests;
mod repeatable;
mod script_followed;

pub use outcome::outcome;
pub use repeatable::repeatable;

use crate::document::Document;
use crate::value::{
    Digest, ErrorClass, Finding, Outcome, Place, Receipt, ReceiptInputs, ReceiptResult, Unjudged, Verdict,
    excerpt, to_canonical_string,
};

/// The judge's name and version in receipts; it changes when any of these assertions does.
const ENGINE: &str = "wassert-host/2";

/// Whether script and traffic agreed.
const FOLLOWED: &str = "run/script-followed";

/// Every host assertion on a document, in their fixed order; of a script that was served, the one that says something
/// where there was no agent.
pub fn judge(document: &Document) -> Vec<Verdict> {
    let value = serde_json::to_value(document).unwrap_or_default();
    let judged = |assertion: &str, sections: &[&str], findings: Option<Vec<Finding>>| {
        verdict(assertion, sections, &value, findings)
    };
    let followed =
        judged(FOLLOWED, &["script", "requests", "scenario"], Some(script_followed::check(document)));
    if document.scenario.served {
        return vec![followed];
    }
    vec![
        judged("run/completed", &["turns", "scenario"], Some(completed::check(document))),
        followed,
        judged("run/no-survivors", &["processes", "scenario"], no_survivors::check(document)),
        judged("run/no-egress", &["egress", "isolation", "scenario"], no_egress::check(document)),
        judged("run/home-only", &["home", "scenario"], home_only::check(document)),
    ]
}

/// The verdict on some sections, the one that is judged first. Without findings that section is missing: older
/// recordings, and those of others, need not have it, and what was not looked at is neither right nor wrong.
fn verdict(
    assertion: &str,
    sections: &[&str],
    document: &serde_json::Value,
    findings: Option<Vec<Finding>>,
) -> Verdict {
    let error = findings.is_none().then(|| Unjudged {
        class: ErrorClass::Guest,
        code: "not-recorded".to_owned(),
        message: format!("the recording has no section `{}`: it was made without looking", sections[0]),
        place: None,
    });
    let findings = findings.unwrap_or_default();
    let outcome = Outcome::of_all(findings.iter().map(|finding| finding.outcome)).unwrap_or(Outcome::Error);
    let digest = |text: Result<String, serde_json::Error>| Digest::of(text.unwrap_or_default());
    let evidence = sections
        .iter()
        .map(|section| ((*section).to_owned(), digest(to_canonical_string(&document[*section]))))
        .collect();
    let receipt = Receipt {
        inputs: ReceiptInputs {
            evidence,
            pack: Digest::of(ENGINE),
            assertion: assertion.to_owned(),
            parameters: Digest::of("{}"),
            limits: Digest::of("{}"),
            may_skip: false,
            engine: ENGINE.to_owned(),
        },
        result: ReceiptResult { verdict: outcome, findings: digest(to_canonical_string(&findings)), fuel: 0 },
    };
    Verdict {
        assertion: assertion.to_owned(),
        outcome,
        error,
        findings,
        findings_dropped: 0,
        log: Vec::new(),
        attempts: Vec::new(),
        receipt: Some(receipt),
    }
}

fn finding(outcome: Outcome, message: String, path: String, actual: impl Into<Option<String>>) -> Finding {
    let actual = actual.into().map(|actual| excerpt(&actual, 200));
    Finding {
        outcome,
        message,
        at: vec![Place { path, start: None, end: None, actual }],
        expected: None,
        extra: String::new(),
    }
}

fn pass(message: &str, path: &str) -> Finding {
    finding(Outcome::Pass, message.to_owned(), path.to_owned(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_served_script_only_its_traffic_is_judged() {
        let mut document = Document::default();
        document.scenario.served = true;
        let verdicts = judge(&document);
        assert_eq!(verdicts.iter().map(|verdict| verdict.assertion.as_str()).collect::<Vec<_>>(), [FOLLOWED]);
        assert_eq!(verdicts[0].outcome, Outcome::Pass);
    }

    #[test]
    fn a_section_that_was_not_recorded_is_no_verdict() {
        let verdicts = judge(&Document::default());
        let told: Vec<_> = verdicts
            .iter()
            .map(|verdict| {
                (verdict.assertion.as_str(), verdict.error.as_ref().map(|error| error.code.as_str()))
            })
            .collect();
        let missing = Some("not-recorded");
        assert_eq!(
            told,
            [
                ("run/completed", None),
                ("run/script-followed", None),
                ("run/no-survivors", missing),
                ("run/no-egress", missing),
                ("run/home-only", missing),
            ]
        );
        assert!(verdicts[2..].iter().all(|verdict| verdict.outcome == Outcome::Error));
    }
}
