//! What agents write around the output of tools becomes fields, after symbols were put in place of what differs: a field
//! and the text it is from say the same.

use crate::document::{Document, Item, Phase, Role, ToolFacts, ToolOutput};
use crate::profile::Profile;

/// Fills in `requests[*].outputs` and `events[*].facts`.
pub(super) fn read_tool_facts(document: &mut Document, profile: &dyn Profile) {
    for request in &mut document.requests {
        request.outputs = new_outputs(&request.transcript, profile);
    }
    for event in &mut document.events {
        if let (Phase::Completed | Phase::Failed, Some(output)) = (event.phase, &event.output) {
            event.facts = Some(profile.read_output(output)).filter(|facts| *facts != ToolFacts::default());
        }
    }
}

/// The results after the model's last word.
fn new_outputs(transcript: &[Item], profile: &dyn Profile) -> Vec<ToolOutput> {
    let is_models = |item: &Item| match item {
        Item::Message { role, .. } => *role == Role::Assistant,
        Item::Call { .. } | Item::Reasoning { .. } => true,
        Item::Result { .. } | Item::Other { .. } => false,
    };
    let begin = transcript.iter().rposition(is_models).map_or(0, |last| last + 1);
    (0..)
        .zip(transcript)
        .skip(begin)
        .filter_map(|(position, item)| match item {
            Item::Result { call, output } => {
                Some(ToolOutput { item: position, call: call.clone(), facts: profile.read_output(output) })
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Event, Request};
    use crate::profile::by_name;

    #[test]
    fn what_a_request_tells_for_the_first_time_is_taken_apart() {
        let call = |call: &str| Item::Call { call: call.into(), tool: "exec".into(), input: "x".into() };
        let result = |call: &str, code: i32| Item::Result {
            call: call.into(),
            output: format!("Exit code: {code}\nWall time: 0.2 seconds\nOutput:\n"),
        };
        let said = Item::Message { role: Role::User, text: "go on".into() };
        let transcript =
            vec![call("a"), result("a", 1), call("b"), call("c"), result("b", 2), said, result("c", 3)];
        let failed =
            Event { phase: Phase::Failed, output: Some("Exit code: 4\n".into()), ..Event::default() };
        let begun = Event { phase: Phase::Started, ..failed.clone() };
        let mut document = Document {
            requests: vec![Request { transcript, ..Request::default() }],
            events: vec![
                failed,
                begun,
                Event { output: Some("x".into()), phase: Phase::Completed, ..Event::default() },
            ],
            ..Document::default()
        };
        read_tool_facts(&mut document, by_name("codex").unwrap());
        let told: Vec<_> = document.requests[0]
            .outputs
            .iter()
            .map(|output| (output.item, output.call.as_str(), output.facts.exit))
            .collect();
        assert_eq!(told, [(4, "b", Some(2)), (6, "c", Some(3))]);
        let exits: Vec<_> =
            document.events.iter().map(|event| event.facts.as_ref().map(|facts| facts.exit)).collect();
        assert_eq!(exits, [Some(Some(4)), None, None]);
    }
}
