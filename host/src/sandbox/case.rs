//! One judging: what may be read, what was used, what was said, and what of that is kept.

use std::sync::Arc;

use super::attempts::Attempts;
use super::door::bindings::wassert::pack::{evidence, report};
use super::door::json_is_within;
use super::evidence::{Evidence, EvidenceError, Granted};
use super::excerpt;
use super::last_call::LastCall;
use super::limits::{Limits, WORK_UNITS_PER_CALL, grouped, size};
use super::stop::Stop;
use crate::query::Budget;
use crate::value::{Finding, Outcome, Place, Unjudged, excerpt as excerpt_of};

/// One judging: what may be read, what was used, what was said.
pub(super) struct Case {
    pub evidence: Arc<Evidence>,
    pub granted: Arc<Granted>,
    pub limits: Limits,
    pub work: Budget,
    pub reads: u64,
    pub said: Said,
    pub last_call: LastCall,
}

/// What a module said so far.
#[derive(Default)]
pub(super) struct Said {
    pub findings: Vec<Finding>,
    pub dropped: u32,
    pub passes: u64,
    pub fails: u64,
    pub skips: u64,
    pub log: Vec<String>,
    pub attempts: Attempts,
    findings_bytes: usize,
    log_bytes: usize,
    log_full: bool,
}

impl Case {
    /// Nothing was said or used yet.
    pub fn new(evidence: Arc<Evidence>, granted: Arc<Granted>, limits: Limits) -> Self {
        let work = Budget::new(limits.host_work);
        Self {
            evidence,
            granted,
            limits,
            work,
            reads: 0,
            said: Said::default(),
            last_call: LastCall::default(),
        }
    }

    /// What stopped it, with how far it had come.
    pub fn stopped(&self, mut unjudged: Unjudged) -> Unjudged {
        let kept = self.said.findings.len();
        if kept > 0 {
            let s = if kept == 1 { "" } else { "s" };
            unjudged.message.push_str(&format!("; {} finding{s} kept", grouped(kept as u64)));
        }
        if let Some(call) = self.last_call.told() {
            unjudged.message.push_str(&format!("; the last host call was {call}"));
        }
        unjudged
    }

    pub fn charge(&mut self, units: u64) -> Result<(), Stop> {
        self.work.charge(units).map_err(|_| self.exhausted())
    }

    pub fn exhausted(&self) -> Stop {
        let message = format!(
            "asked the host for more than {} units of work: bytes read and searched, parts of the run document \
             visited (limits.host_work)",
            grouped(self.limits.host_work)
        );
        Stop::guest("host-work", message)
    }
}

pub(super) fn refused(code: &str, detail: impl ToString) -> evidence::Refusal {
    evidence::Refusal { code: code.to_owned(), detail: detail.to_string() }
}

/// Evidence that can't be read is the machine's doing.
pub(super) fn unreadable(error: &EvidenceError) -> Stop {
    Stop::host("evidence", error.to_string())
}

impl Said {
    pub fn log(&mut self, line: String, most_bytes: usize) {
        if self.log_full {
            return;
        }
        self.log_bytes += line.len();
        if self.log_bytes > most_bytes {
            self.log_full = true;
            self.log.push(format!("… the rest of the log is beyond {most_bytes} bytes (limits.log_bytes)"));
        } else {
            self.log.push(line);
        }
    }
}

impl Case {
    pub fn emit(&mut self, finding: report::Finding) -> Result<(), Stop> {
        let text =
            finding.message.len() + finding.extra.len() + finding.expected.as_ref().map_or(0, String::len);
        self.charge(text as u64)?;
        let message = shortened(finding.message, self.limits.message_bytes);
        let expected = finding.expected.map(|expected| shortened(expected, self.limits.message_bytes));
        if finding.extra.len() > self.limits.extra_bytes {
            let most = size(self.limits.extra_bytes as u64);
            return Err(Stop::guest(
                "output",
                format!("the `extra` of a finding is larger than {most} (limits.extra_bytes)"),
            ));
        }
        if !finding.extra.is_empty() && serde_json::from_str::<serde::de::IgnoredAny>(&finding.extra).is_err()
        {
            return Err(Stop::guest("output", "the `extra` of a finding is neither empty nor JSON"));
        }
        if !json_is_within(&finding.extra, self.limits.json_depth) {
            let most = self.limits.json_depth;
            return Err(Stop::guest(
                "output",
                format!("the `extra` of a finding is nested deeper than {most} (limits.json_depth)"),
            ));
        }
        let named = excerpt_of(&message, 80);
        if finding.at.is_empty() {
            return Err(Stop::guest(
                "no-place",
                format!("the finding \"{named}\" points at nothing in the evidence"),
            ));
        }
        if finding.at.len() > self.limits.places {
            let most = self.limits.places;
            return Err(Stop::guest(
                "output",
                format!("the finding \"{named}\" points at more than {most} places (limits.places)"),
            ));
        }
        let at =
            finding.at.into_iter().map(|place| self.resolve(&named, place)).collect::<Result<Vec<_>, _>>()?;
        let outcome = match finding.outcome {
            report::Outcome::Pass => Outcome::Pass,
            report::Outcome::Fail => Outcome::Fail,
            report::Outcome::Skip => Outcome::Skip,
        };
        let said = &mut self.said;
        match outcome {
            Outcome::Fail => said.fails += 1,
            Outcome::Skip => said.skips += 1,
            Outcome::Pass | Outcome::Error => said.passes += 1,
        }
        said.findings_bytes += text + places_bytes(&at);
        let fits = said.findings.len() < self.limits.findings as usize
            && said.findings_bytes <= self.limits.findings_bytes;
        if fits {
            said.findings.push(Finding { outcome, message, at, expected, extra: finding.extra });
        } else {
            said.dropped = said.dropped.saturating_add(1);
        }
        Ok(())
    }

    fn resolve(&mut self, named: &str, place: report::Place) -> Result<Place, Stop> {
        self.charge(WORK_UNITS_PER_CALL + place.path.len() as u64)?;
        excerpt::resolve(&self.evidence, &self.granted, &place.path, place.start, place.end)
            .map_err(|error| unreadable(&error))?
            .ok_or_else(|| {
                self.said.attempts.name(&place.path, &self.granted.grant);
                let path = excerpt_of(&place.path, 200);
                let range = match (place.start, place.end) {
                    (None, None) => String::new(),
                    (start, end) => format!(
                        " from byte {} to {}",
                        start.unwrap_or(0),
                        end.map_or("the end".to_owned(), |end| end.to_string())
                    ),
                };
                let message = format!(
                    "the finding \"{named}\" points at `{path}`{range}, which is not in the granted evidence"
                );
                Stop::guest("unresolved-place", message)
            })
    }
}

fn places_bytes(places: &[Place]) -> usize {
    places.iter().map(|place| place.path.len() + place.actual.as_ref().map_or(0, String::len)).sum()
}

/// At most so many bytes; what is cut off is counted.
fn shortened(mut text: String, most_bytes: usize) -> String {
    if text.len() > most_bytes {
        let kept = (0..=most_bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let cut = text.len() - kept;
        text.truncate(kept);
        text.push_str(&format!("… ({cut} more bytes)"));
    }
    text
}
