//! Two judgements of the same thing, by machine code and by an interpreter: they must not differ by a byte.

use crate::sandbox::stop::Stop;
use crate::value::{ErrorClass, Outcome, Verdict, excerpt, to_canonical_string};

/// The verdict both agree on. Host errors are the machine's and may differ; anything else that differs is an error of
/// its own, with both values.
pub(super) fn compare(native: Verdict, interpreted: &Verdict) -> Verdict {
    let is_host_error =
        |verdict: &Verdict| verdict.error.as_ref().is_some_and(|error| error.class == ErrorClass::Host);
    if is_host_error(&native) || native == *interpreted {
        return native;
    }
    if is_host_error(interpreted) {
        // There is no second opinion, so there is none to be given.
        return Verdict { assertion: native.assertion, ..interpreted.clone() };
    }
    let message =
        format!("two engines disagree, so there is no verdict: {}", difference(&native, interpreted));
    Verdict {
        outcome: Outcome::Error,
        error: Some(Stop::host("cross-check", message).0),
        receipt: None,
        ..native
    }
}

/// The first thing that differs, and both values of it.
fn difference(native: &Verdict, interpreted: &Verdict) -> String {
    let fuel = |verdict: &Verdict| verdict.receipt.as_ref().map(|receipt| receipt.result.fuel);
    let both = |what: &str, one: String, other: String| {
        format!("{what}: machine code {}, interpreter {}", excerpt(&one, 300), excerpt(&other, 300))
    };
    if native.outcome != interpreted.outcome {
        return both("outcome", native.outcome.word().to_owned(), interpreted.outcome.word().to_owned());
    }
    if fuel(native) != fuel(interpreted) {
        let said = |fuel: Option<u64>| fuel.map_or_else(|| "none".to_owned(), |fuel| fuel.to_string());
        return both("fuel", said(fuel(native)), said(fuel(interpreted)));
    }
    let json = |verdict: &Verdict| to_canonical_string(verdict).unwrap_or_default();
    let (one, other) = (json(native), json(interpreted));
    let at = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let from = |text: &str| {
        text.chars().skip(text.get(..at).map_or(0, |s| s.chars().count()).saturating_sub(40)).collect()
    };
    both("verdict", from(&one), from(&other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Finding, Unjudged};

    fn verdict(outcome: Outcome, message: &str) -> Verdict {
        let finding = Finding {
            outcome,
            message: message.to_owned(),
            at: Vec::new(),
            expected: None,
            extra: String::new(),
        };
        Verdict {
            assertion: "std/exit".to_owned(),
            outcome,
            error: None,
            findings: vec![finding],
            findings_dropped: 0,
            log: Vec::new(),
            attempts: Vec::new(),
            receipt: None,
        }
    }

    #[test]
    fn what_differs_is_told_with_both_values() {
        let native = verdict(Outcome::Pass, "found");
        assert_eq!(compare(native.clone(), &native), native);
        let other = compare(native.clone(), &verdict(Outcome::Fail, "found"));
        let error = other.error.unwrap();
        assert_eq!(
            (other.outcome, error.class, error.code.as_str()),
            (Outcome::Error, ErrorClass::Host, "cross-check")
        );
        assert!(error.message.contains("machine code pass, interpreter fail"), "{}", error.message);
        let other = compare(native, &verdict(Outcome::Pass, "lost"));
        let message = other.error.unwrap().message;
        assert!(message.contains("found") && message.contains("lost"), "{message}");
    }

    #[test]
    fn host_errors_are_not_compared() {
        let host = |code: &str| Verdict {
            outcome: Outcome::Error,
            error: Some(Unjudged {
                class: ErrorClass::Host,
                code: code.to_owned(),
                message: String::new(),
                place: None,
            }),
            findings: Vec::new(),
            ..verdict(Outcome::Pass, "")
        };
        let pass = verdict(Outcome::Pass, "found");
        assert_eq!(compare(host("stack"), &pass), host("stack"));
        assert_eq!(compare(pass, &host("stack")), host("stack"));
    }
}
