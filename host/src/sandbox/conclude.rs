//! The host decides the verdict: from what a module said and did, by fixed rules.

use super::case::Said;
use super::stop::Stop;
use crate::value::{Outcome, Unjudged};

/// Rules in order: what stopped the module; any failing finding; a skip nobody allowed; nothing said; a pass that
/// looked at nothing.
pub(super) fn outcome(
    stopped: Option<Unjudged>,
    said: &Said,
    reads: u64,
    may_skip: bool,
) -> (Outcome, Option<Unjudged>) {
    let error = |code: &str, message: &str| (Outcome::Error, Some(Stop::guest(code, message).0));
    if stopped.is_some() {
        (Outcome::Error, stopped)
    } else if said.fails > 0 {
        (Outcome::Fail, None)
    } else if said.skips > 0 && !may_skip {
        error("skip-not-allowed", "skipped, which its manifest does not allow (may-skip)")
    } else if said.passes == 0 && said.skips == 0 {
        error("no-finding", "ended without a finding: a check that says nothing proves nothing")
    } else if said.passes > 0 && reads == 0 {
        error("no-read", "passed without reading any evidence: a check that looks at nothing proves nothing")
    } else if said.passes > 0 {
        (Outcome::Pass, None)
    } else {
        (Outcome::Skip, None)
    }
}
