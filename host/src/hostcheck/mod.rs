//! The `run/*` assertions: what must hold in every run, computed from the document alone, so that `run` and `judge`
//! say the same.

mod completed;
mod repeatable;
mod script_followed;

pub use repeatable::repeatable;

use crate::document::Document;
use crate::value::{
    Digest, Finding, Outcome, Place, Receipt, ReceiptInputs, ReceiptResult, Verdict, excerpt,
    to_canonical_string,
};

/// The judge's name and version in receipts; it changes when any of these assertions does.
const ENGINE: &str = "wassert-host/1";

/// Every host assertion on a document, in their fixed order.
pub fn judge(document: &Document) -> Vec<Verdict> {
    vec![
        verdict("run/completed", &["scenario", "turns"], document, completed::check(document)),
        verdict(
            "run/script-followed",
            &["requests", "scenario", "script"],
            document,
            script_followed::check(document),
        ),
    ]
}

fn verdict(assertion: &str, sections: &[&str], document: &Document, findings: Vec<Finding>) -> Verdict {
    let outcome = Outcome::of_all(findings.iter().map(|finding| finding.outcome)).unwrap_or(Outcome::Error);
    let digest = |text: Result<String, serde_json::Error>| Digest::of(text.unwrap_or_default());
    let value = serde_json::to_value(document).unwrap_or_default();
    let evidence = sections
        .iter()
        .map(|section| ((*section).to_owned(), digest(to_canonical_string(&value[*section]))))
        .collect();
    let receipt = Receipt {
        inputs: ReceiptInputs {
            evidence,
            pack: Digest::of(ENGINE),
            assertion: assertion.to_owned(),
            parameters: Digest::of("{}"),
            limits: Digest::of("{}"),
            engine: ENGINE.to_owned(),
        },
        result: ReceiptResult { verdict: outcome, findings: digest(to_canonical_string(&findings)), fuel: 0 },
    };
    Verdict {
        assertion: assertion.to_owned(),
        outcome,
        error: None,
        findings,
        findings_dropped: 0,
        log: Vec::new(),
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
