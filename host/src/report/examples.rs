//! What became of a pack's examples, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Style;
use super::human::tell_verdict;
use crate::value::{ExitStatus, Outcome, Verdict, escape_terminal};

/// The schema's name and major version.
pub const EXAMPLES_SCHEMA: &str = "wassert.examples/1";

/// What became of one example.
#[derive(Clone, Debug)]
pub struct ExampleResult {
    /// The assertion's name.
    pub assertion: String,
    /// The example's name: `pass`, `fail-signal`.
    pub name: String,
    /// What its name promises; absent for a file whose name promises nothing.
    pub expected: Option<Outcome>,
    /// The verdict, or why there is none: a sentence about the example.
    pub judged: Result<Verdict, String>,
}

impl ExampleResult {
    /// Whether it is what its name promises, and says where in the evidence.
    pub fn is_as_promised(&self) -> bool {
        self.status() == ExitStatus::Passed
    }

    /// The exit code it stands for.
    pub fn status(&self) -> ExitStatus {
        match &self.judged {
            Err(_) => ExitStatus::Usage,
            Ok(verdict) if verdict.outcome == Outcome::Error => ExitStatus::NotJudged,
            Ok(verdict) if Some(verdict.outcome) == self.expected => ExitStatus::Passed,
            Ok(_) => ExitStatus::Failed,
        }
    }
}

/// One line an example, with grounds where it is not what its name promises, and the sum.
pub fn examples_for_people(pack: &str, results: &[ExampleResult], style: Style) -> String {
    let mut text = String::new();
    for result in results {
        let (word, outcome) =
            if result.is_as_promised() { ("ok", Outcome::Pass) } else { ("WRONG", Outcome::Fail) };
        let name = format!("{}/{}", result.assertion, result.name);
        let _ =
            writeln!(text, "{} {}", style.outcome(outcome, &format!("{word:>5}")), escape_terminal(&name));
        if result.is_as_promised() {
            continue;
        }
        match &result.judged {
            Err(reason) => {
                let _ = writeln!(text, "  {}", escape_terminal(reason));
            }
            Ok(verdict) => {
                if let (Some(expected), true) = (result.expected, verdict.outcome != Outcome::Error) {
                    let _ = writeln!(text, "  expected {}, the verdict is:", expected.word());
                }
                tell_verdict(&mut text, verdict, None, None, style);
            }
        }
    }
    let as_promised = results.iter().filter(|result| result.is_as_promised()).count();
    let _ = writeln!(
        text,
        "\n{as_promised} of {} examples of `{}` are judged as their names say",
        results.len(),
        escape_terminal(pack)
    );
    text
}

/// All of it as one object; members are only ever added.
pub fn examples_json(pack: &str, results: &[ExampleResult]) -> Value {
    let examples: Vec<_> = results
        .iter()
        .map(|result| {
            json!({
                "assertion": result.assertion,
                "name": result.name,
                "expected": result.expected,
                "as_promised": result.is_as_promised(),
                "verdict": result.judged.as_ref().ok(),
                "problem": result.judged.as_ref().err(),
            })
        })
        .collect();
    json!({
        "schema": EXAMPLES_SCHEMA,
        "pack": pack,
        "summary": {
            "examples": results.len(),
            "as_promised": results.iter().filter(|result| result.is_as_promised()).count(),
        },
        "examples": examples,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{ErrorClass, Finding, Place, Unjudged};

    fn example(name: &str, judged: Result<Outcome, &str>) -> ExampleResult {
        let judged = judged.map_err(str::to_owned).map(|outcome| Verdict {
            assertion: "std/exit".into(),
            outcome,
            error: (outcome == Outcome::Error).then(|| Unjudged {
                class: ErrorClass::Guest,
                code: "trap".into(),
                message: "unreachable".into(),
                place: None,
            }),
            findings: vec![Finding {
                outcome,
                message: "the exit code is 0".into(),
                at: vec![Place { path: "$['turns'][0]['exit']".into(), ..Place::default() }],
                expected: None,
                extra: String::new(),
            }],
            findings_dropped: 0,
            attempts: Vec::new(),
            log: vec![],
            receipt: None,
        });
        let expected = if name.starts_with("pass") { Outcome::Pass } else { Outcome::Fail };
        ExampleResult { assertion: "exit".into(), name: name.into(), expected: Some(expected), judged }
    }

    #[test]
    fn an_example_that_does_not_keep_its_promise_is_told_with_grounds() {
        let results = [
            example("pass", Ok(Outcome::Pass)),
            example("fail", Ok(Outcome::Pass)),
            example("fail-b", Err("it is not JSON")),
            example("pass-c", Ok(Outcome::Error)),
        ];
        assert_eq!(
            examples_for_people("std", &results, Style::Plain),
            "   ok exit/pass
WRONG exit/fail
  expected fail, the verdict is:
  std/exit passed
    the exit code is 0
      at $['turns'][0]['exit']
WRONG exit/fail-b
  it is not JSON
WRONG exit/pass-c
  std/exit could not be judged
    trap: unreachable
    the exit code is 0
      at $['turns'][0]['exit']

1 of 4 examples of `std` are judged as their names say
"
        );
        assert_eq!(
            results.map(|result| result.status()),
            [ExitStatus::Passed, ExitStatus::Failed, ExitStatus::Usage, ExitStatus::NotJudged]
        );
    }

    #[test]
    fn programs_get_the_same() {
        let json = examples_json("std", &[example("pass", Ok(Outcome::Pass)), example("fail", Err("gone"))]);
        assert_eq!(json["summary"], json!({ "examples": 2, "as_promised": 1 }));
        assert_eq!(json["examples"][0]["verdict"]["outcome"], "pass");
        assert_eq!(json["examples"][1]["problem"], "gone");
    }
}
