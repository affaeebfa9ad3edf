//! What holds between the steps of a lane: which of them are of one conversation, and which repeat.

use std::collections::BTreeMap;

use crate::scenario::findings::Findings;
use crate::scenario::{Reply, Step};

/// Fills in `repeat` along each conversation, and reports conversations that could take each other's steps.
pub(super) fn conversations(steps: &mut [Step], findings: &Findings) {
    let mut last: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for step in steps {
        let (repeats, goes_on) = last.get(&step.lane).copied().unwrap_or((false, false));
        let begins = step.opened_by.is_some() || !last.contains_key(&step.lane);
        if begins || (step.repeat && !goes_on) {
            // Whether it repeats is its own to say.
        } else if step.repeat && !repeats {
            findings.error_with_help(
                "bad-repeat",
                "the conversation begins with an earlier step, which does not repeat",
                step.span.clone(),
                "goes on with it",
                "write `repeat = true` on the first step of the conversation",
            );
        } else {
            step.repeat = repeats;
        }
        if step.repeat && !(step.faults.is_empty() && step.branches.is_empty()) {
            findings.error(
                "bad-repeat",
                "a step that repeats can't tell attempts apart and has no branches",
                step.span.clone(),
                "repeats",
            );
        }
        if step.lane == "subagent" && !begins && !goes_on && !step.repeat {
            findings.error_with_help(
                "who-opens",
                "this step begins another conversation of the lane, and nothing says which",
                step.span.clone(),
                "begins a conversation",
                "add `opened-by = \"…\"`, the prompt that its spawner sent, or `opened-by = { call = \"…\" }`",
            );
        }
        let goes_on = step.replies().any(|reply| match reply {
            Reply::Items { calls, .. } => !calls.is_empty(),
            Reply::Events(_) | Reply::Fail(_) | Reply::Default | Reply::Nothing => false,
        });
        last.insert(step.lane.clone(), (step.repeat, goes_on));
    }
}
