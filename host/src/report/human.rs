//! Results for people: a line a scenario as it ends, then every failure once more with its grounds, then the sum.

use std::fmt::Write as _;
use std::path::Path;

use super::normalized::short;
use super::{Count, ScenarioResult, Style};
use crate::value::{ErrorClass, Finding, Outcome, Place, Verdict, escape_terminal, excerpt};

/// Findings told for one verdict; the rest is counted.
const FINDINGS_TOLD: usize = 10;

/// The line of one scenario.
pub fn scenario_line(result: &ScenarioResult, style: Style) -> String {
    let word =
        if result.is_not_applicable() { "n/a".to_owned() } else { result.outcome.word().to_uppercase() };
    let word = format!("{word:>5}");
    let agent = if result.agent.is_empty() { String::new() } else { format!("@{}", result.agent) };
    format!(
        "{} {} {}{}",
        style.outcome(result.outcome, &word),
        style.faint(&format!("[{:>7.3}s]", result.duration_ms as f64 / 1000.0)),
        style.strong(&escape_terminal(&result.name)),
        style.faint(&escape_terminal(&agent)),
    )
}

/// Everything that did not pass, with its grounds, and the sum.
pub fn summary(results: &[ScenarioResult], duration_ms: u64, style: Style) -> String {
    let mut text = String::new();
    for result in results.iter().filter(|result| result.outcome != Outcome::Pass) {
        let _ = writeln!(text, "\n{}", scenario_line(result, style));
        if let Some(problem) = &result.problem {
            let id = if result.is_not_applicable() {
                style.faint(problem.id)
            } else {
                style.outcome(Outcome::Error, problem.id)
            };
            let _ = writeln!(text, "  {}: {}", id, escape_terminal(&problem.message));
            help(&mut text, problem.help.as_deref(), style);
        }
        for judged in result.verdicts.iter().filter(|judged| judged.verdict.outcome != Outcome::Pass) {
            let recording = result.recording.as_deref();
            tell_verdict(&mut text, &judged.verdict, judged.asked_at.as_deref(), recording, style);
        }
        if let Some(recording) = &result.recording {
            let _ = writeln!(
                text,
                "  look: {}",
                style.place(&escape_terminal(&format!(
                    "wassert show {}",
                    quoted(&recording.display().to_string())
                )))
            );
        }
    }
    for result in results.iter().filter(|result| !result.notes.is_empty()) {
        let _ = writeln!(text);
        for note in &result.notes {
            let name = format!("{}@{}", result.name, result.agent);
            let line = format!("note: {}: {}", escape_terminal(&name), escape_terminal(note));
            let _ = writeln!(text, "{}", style.faint(&line));
        }
    }
    let scenarios = Count::of_scenarios(results);
    let verdicts =
        Count::of(results.iter().flat_map(|result| &result.verdicts).map(|judged| judged.verdict.outcome));
    let _ = writeln!(
        text,
        "\n{} {} scenarios: {}; {} verdicts: {}",
        style.faint(&format!("[{:>7.3}s]", duration_ms as f64 / 1000.0)),
        scenarios.total(),
        counted(scenarios, style),
        verdicts.total(),
        counted(verdicts, style),
    );
    text
}

/// One verdict with its grounds; where there is a recording, each finding with the command that shows its place.
pub(super) fn tell_verdict(
    text: &mut String,
    verdict: &Verdict,
    asked_at: Option<&str>,
    recording: Option<&Path>,
    style: Style,
) {
    let said = match verdict.outcome {
        Outcome::Fail => "failed",
        Outcome::Skip => "was skipped",
        Outcome::Error => "could not be judged",
        Outcome::Pass => "passed",
    };
    let _ = writeln!(
        text,
        "  {} {said}{}",
        style.outcome(verdict.outcome, &escape_terminal(&verdict.assertion)),
        asked_at
            .map(|place| format!(", asked at {}", style.place(&escape_terminal(place))))
            .unwrap_or_default(),
    );
    if let Some(error) = &verdict.error {
        let host =
            if error.class == ErrorClass::Host { "; no verdict, another try may end otherwise" } else { "" };
        let _ = writeln!(text, "    {}: {}{host}", error.code, escape_terminal(&error.message));
        if let Some(place) = &error.place {
            let _ = writeln!(text, "        in {}", escape_terminal(place));
        }
    }
    let telling: Vec<_> = verdict
        .findings
        .iter()
        .filter(|finding| finding.outcome == verdict.outcome || finding.outcome == Outcome::Fail)
        .collect();
    for finding in telling.iter().take(FINDINGS_TOLD) {
        tell_finding(text, finding, recording, style);
    }
    let left_out = telling.len().saturating_sub(FINDINGS_TOLD) + verdict.findings_dropped as usize;
    if left_out > 0 {
        let _ = writeln!(text, "    … and {left_out} more findings");
    }
    if let Some(receipt) = &verdict.receipt {
        let prefixes: Vec<&str> = receipt.inputs.evidence.keys().map(String::as_str).collect();
        let granted =
            if prefixes.is_empty() { "nothing".to_owned() } else { excerpt(&prefixes.join(", "), 200) };
        let _ = writeln!(text, "    {}", style.faint(&format!("granted:  {granted}")));
    }
    for attempt in &verdict.attempts {
        let _ = writeln!(text, "    asked for `{}`, which it was not granted", escape_terminal(attempt));
    }
    for line in &verdict.log {
        let _ = writeln!(text, "    {}", style.faint(&format!("log: {}", excerpt(line, 200))));
    }
}

fn tell_finding(text: &mut String, finding: &Finding, recording: Option<&Path>, style: Style) {
    let _ = writeln!(text, "    {}", escape_terminal(&finding.message).replace('\n', "\n    "));
    for place in &finding.at {
        let range = match (place.start, place.end) {
            (Some(start), Some(end)) => format!(" bytes {start}..{end}"),
            (Some(start), None) => format!(" from byte {start}"),
            _ => String::new(),
        };
        let _ = writeln!(text, "      at {}{range}", style.place(&escape_terminal(&place.path)));
        if let Some(actual) = &place.actual {
            let _ = writeln!(text, "      actual:   {}", escape_terminal(actual));
        }
    }
    if let Some(expected) = &finding.expected {
        let _ = writeln!(text, "      expected: {}", excerpt(expected, 200));
    }
    if let (Some(recording), Some(place)) = (recording, finding.at.first()) {
        let command = look(&recording.display().to_string(), place);
        let _ = writeln!(text, "      look:     {}", style.place(&escape_terminal(&command)));
    }
}

/// The command that shows a place.
fn look(recording: &str, place: &Place) -> String {
    let bytes = match (place.start, place.end) {
        (Some(start), Some(end)) => format!(" --bytes {start}..{end}"),
        (Some(start), None) => format!(" --bytes {start}.."),
        _ => String::new(),
    };
    format!("wassert show {} --at {}{bytes}", quoted(recording), quoted(&short(&place.path)))
}

fn help(text: &mut String, help: Option<&str>, style: Style) {
    if let Some(help) = help {
        let _ = writeln!(text, "  {} {}", style.strong("help:"), escape_terminal(help));
    }
}

fn counted(count: Count, style: Style) -> String {
    let part = |outcome, number, word: &str| {
        let text = format!("{number} {word}");
        if number == 0 { text } else { style.outcome(outcome, &text) }
    };
    let mut parts = vec![
        part(Outcome::Pass, count.passed, "passed"),
        part(Outcome::Fail, count.failed, "failed"),
        part(Outcome::Skip, count.skipped, "skipped"),
        part(Outcome::Error, count.errors, "errors"),
    ];
    if count.not_applicable > 0 {
        parts.push(format!("{} not applicable", count.not_applicable));
    }
    parts.join(", ")
}

/// A word for a shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+:=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Judged, Problem};
    use crate::value::Unjudged;

    fn verdict(outcome: Outcome, error: Option<Unjudged>, findings: Vec<Finding>) -> Judged {
        let verdict = Verdict {
            assertion: "std/file".into(),
            outcome,
            error,
            findings,
            findings_dropped: 0,
            attempts: Vec::new(),
            log: vec![],
            receipt: None,
        };
        Judged { verdict, asked_at: Some("a.toml:7".into()) }
    }

    fn result(verdicts: Vec<Judged>, problem: Option<Problem>) -> ScenarioResult {
        ScenarioResult {
            notes: Vec::new(),
            name: "area/slug".into(),
            agent: "codex".into(),
            outcome: ScenarioResult::outcome_of(&verdicts, problem.as_ref()),
            recording: Some("runs/it's/one".into()),
            duration_ms: 1234,
            verdicts,
            notices: Vec::new(),
            problem,
        }
    }

    #[test]
    fn a_failure_is_told_with_its_grounds() {
        let finding = Finding {
            outcome: Outcome::Fail,
            message: "the file \x1b[31mdiffers".into(),
            at: vec![Place {
                path: "$['files']['a']".into(),
                actual: Some("\"x\"".into()),
                ..Place::default()
            }],
            expected: Some("y\n".into()),
            extra: String::new(),
        };
        let text =
            summary(&[result(vec![verdict(Outcome::Fail, None, vec![finding])], None)], 1500, Style::Plain);
        assert_eq!(
            text,
            r#"
 FAIL [  1.234s] area/slug@codex
  std/file failed, asked at a.toml:7
    the file \u{1b}[31mdiffers
      at $['files']['a']
      actual:   "x"
      expected: y\n
      look:     wassert show 'runs/it'\''s/one' --at '$.files.a'
  look: wassert show 'runs/it'\''s/one'

[  1.500s] 1 scenarios: 0 passed, 1 failed, 0 skipped, 0 errors; 1 verdicts: 0 passed, 1 failed, 0 skipped, 0 errors
"#
        );
    }

    #[test]
    fn an_error_is_neither_pass_nor_fail() {
        let error = Unjudged {
            class: ErrorClass::Host,
            code: "stack".into(),
            message: "recursion too deep".into(),
            place: None,
        };
        let problem =
            Problem { id: "agent-missing", message: "no codex".into(), help: Some("install it".into()) };
        let text = summary(
            &[result(vec![verdict(Outcome::Error, Some(error), vec![])], Some(problem))],
            0,
            Style::Plain,
        );
        for expected in [
            "ERROR",
            "agent-missing: no codex",
            "help: install it",
            "could not be judged",
            "no verdict, another try",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }

    #[test]
    fn nothing_that_is_told_drives_the_terminal() {
        let odd = "a\x1b[2Jb";
        let place =
            |start, end| Place { path: format!("requests/0/{odd}"), start, end, actual: Some(odd.into()) };
        let finding = Finding {
            outcome: Outcome::Fail,
            message: format!("first {odd}\nsecond"),
            at: vec![place(Some(3), None), place(Some(3), Some(9))],
            expected: Some(odd.into()),
            extra: String::new(),
        };
        let mut judged = verdict(Outcome::Fail, None, vec![finding]);
        judged.verdict.log = vec![odd.into()];
        judged.asked_at = Some(odd.into());
        let problem = Problem { id: "x", message: odd.into(), help: Some(odd.into()) };
        let text = summary(&[result(vec![judged], Some(problem))], 0, Style::Plain);
        assert!(!text.contains('\x1b'), "{text}");
        for expected in [
            "    first a\\u{1b}[2Jb\n    second\n",
            "b from byte 3\n",
            "b bytes 3..9\n",
            " --bytes 3..\n",
            "log: a\\u{1b}",
        ] {
            assert!(text.contains(expected), "{expected:?} in {text}");
        }
    }

    #[test]
    fn what_is_left_out_is_counted_and_a_failure_beside_an_error_is_told() {
        let finding = |number: usize| Finding {
            outcome: Outcome::Fail,
            message: format!("finding {number}."),
            at: Vec::new(),
            expected: None,
            extra: String::new(),
        };
        let error = Unjudged {
            class: ErrorClass::Guest,
            code: "trap".into(),
            message: "unreachable".into(),
            place: None,
        };
        let mut judged = verdict(Outcome::Error, Some(error), (0..FINDINGS_TOLD + 2).map(finding).collect());
        judged.verdict.findings_dropped = 5;
        let text = summary(&[result(vec![judged], None)], 0, Style::Plain);
        assert!(text.contains("finding 9.") && !text.contains("finding 10."), "{text}");
        assert!(text.contains("… and 7 more findings"), "{text}");
        assert!(!text.contains("another try"), "a guest's error stays: {text}");
    }
}
