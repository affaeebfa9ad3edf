//! What a reader of a result should know though it changes no verdict.

use crate::document::{Document, ReplyKind};
use crate::value::excerpt;

/// One sentence each.
pub fn notes(document: &Document) -> Vec<String> {
    let mut notes = Vec::new();
    for (lane, endpoint) in &document.scenario.upstream {
        notes.push(format!(
            "lane `{}` was answered by {}: what follows from its replies is not repeatable",
            excerpt(lane, 40),
            excerpt(endpoint, 200)
        ));
    }
    let foreign = |request: &&crate::document::Request| request.reply.kind == ReplyKind::Foreign;
    match document.requests.iter().filter(foreign).count() {
        0 => {}
        count => notes.push(format!(
            "{count} {} not the agent's, for want of the run's key: recorded in lane `foreign`, used up nothing",
            if count == 1 { "request was" } else { "requests were" }
        )),
    }
    notes
}
