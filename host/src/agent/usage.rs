//! What an agent says it used, added up: reports of a step, of a turn, or of all of the session so far become the usage
//! of one turn. What was not said stays unknown.

use crate::document::Usage;
use crate::profile::{UsageReport, UsageScope};

/// The reports of one turn, added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageTally {
    /// What was reported, of the turn or of the session.
    pub total: Usage,
    /// Whether that is the usage of the session so far, with earlier turns.
    pub is_of_session: bool,
}

impl UsageTally {
    /// One more report.
    pub fn count(&mut self, report: UsageReport) {
        let before = match report.scope {
            UsageScope::Step => std::mem::take(&mut self.total),
            UsageScope::Turn | UsageScope::Session => Usage::default(),
        };
        self.is_of_session = report.scope == UsageScope::Session;
        self.total = Usage {
            reported: true,
            input_tokens: before.input_tokens.saturating_add(report.input_tokens),
            output_tokens: before.output_tokens.saturating_add(report.output_tokens),
            cost_microdollars: match (before.cost_microdollars, report.cost_microdollars) {
                (Some(before), Some(cost)) => Some(before.saturating_add(cost)),
                // A part without a price makes the whole unknown, unless it is the first.
                (None, cost) if !before.reported => cost,
                _ => None,
            },
        };
    }

    /// What the turn used. `session_before` is what its session had used when it began; absent: the session is new.
    pub fn of_turn(&self, session_before: Option<&Usage>) -> Usage {
        match session_before {
            Some(before) if self.is_of_session => since(&self.total, before),
            _ => self.total.clone(),
        }
    }
}

/// The difference. It is unknown when one of both is, or when there is less now than before.
fn since(now: &Usage, before: &Usage) -> Usage {
    let less = |now: u64, before: u64| now.checked_sub(before);
    match (less(now.input_tokens, before.input_tokens), less(now.output_tokens, before.output_tokens)) {
        (Some(input_tokens), Some(output_tokens)) if now.reported && before.reported => Usage {
            reported: true,
            input_tokens,
            output_tokens,
            cost_microdollars: now
                .cost_microdollars
                .zip(before.cost_microdollars)
                .and_then(|(now, before)| less(now, before)),
        },
        _ => Usage::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_transcript;
    use super::*;
    use crate::profile::by_name;

    fn read(agent: &str, lines: &str) -> UsageTally {
        read_transcript(by_name(agent).unwrap(), 1, lines.as_bytes()).usage
    }

    fn usage(input_tokens: u64, output_tokens: u64, cost_microdollars: Option<u64>) -> Usage {
        Usage { reported: true, input_tokens, output_tokens, cost_microdollars }
    }

    #[test]
    fn reports_of_steps_add_up() {
        let step = r#"{"type":"step_finish","sessionID":"s","part":{"reason":"stop","tokens":{"input":7,"output":3},"cost":0.5}}"#;
        let tally = read("opencode", &format!("{step}\n{step}\n"));
        assert_eq!((tally.total.clone(), tally.is_of_session), (usage(14, 6, Some(1_000_000)), false));
        assert_eq!(tally.of_turn(Some(&usage(100, 100, None))), tally.total);
        let unpriced = step.replace(r#","cost":0.5"#, "");
        assert_eq!(read("opencode", &format!("{step}\n{unpriced}\n")).total, usage(14, 6, None));
    }

    #[test]
    fn of_reports_of_the_session_a_turn_is_the_difference() {
        let total = r#"{"type":"turn.completed","usage":{"input_tokens":9,"output_tokens":2}}"#;
        let tally = read("codex", total);
        assert!(tally.is_of_session);
        assert_eq!(tally.of_turn(None), usage(9, 2, None));
        assert_eq!(tally.of_turn(Some(&usage(4, 2, None))), usage(5, 0, None));
    }

    #[test]
    fn what_is_not_known_stays_unknown() {
        let unknown = Usage::default();
        let tally = UsageTally { total: usage(4, 2, Some(9)), is_of_session: true };
        assert_eq!(tally.of_turn(Some(&usage(9, 2, None))), unknown, "less than before is no answer");
        assert_eq!(tally.of_turn(Some(&unknown)), unknown, "nobody knows what the turn before used");
        assert_eq!(tally.of_turn(Some(&usage(1, 1, None))), usage(3, 1, None), "nor what it cost");
        assert_eq!(tally.of_turn(Some(&usage(1, 1, Some(4)))), usage(3, 1, Some(5)));
        assert_eq!(UsageTally::default().of_turn(None), unknown);
    }
}
