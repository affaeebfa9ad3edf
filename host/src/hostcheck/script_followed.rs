//! `run/script-followed`: the agent and the script fitted each other exactly. No request without a step, no step
//! without a request, no attempt too many, no failed expectation, no call of a tool that was not offered.

use super::{finding, pass};
use crate::document::Document;
use crate::value::{Finding, Outcome};

pub(super) fn check(document: &Document) -> Vec<Finding> {
    let script = &document.script;
    let fail =
        |message: String, path: String, actual: Option<String>| finding(Outcome::Fail, message, path, actual);
    let place = |request: usize| format!("$['requests'][{request}]");
    let lane =
        |request: usize| document.requests.get(request).map_or("unknown", |request| request.lane.as_str());
    let step = |request: usize| document.requests.get(request).map_or(0, |request| request.step);

    let mut findings = Vec::new();
    for unmatched in &script.unmatched {
        let message = format!("a request in lane `{}` fitted no step", lane(unmatched.request));
        findings.push(fail(message, place(unmatched.request), Some(unmatched.difference.clone())));
    }
    for unexpected in &script.unexpected {
        let message =
            format!("the request that reached step {} is not what the step expects", unexpected.nearest_step);
        findings.push(fail(message, place(unexpected.request), Some(unexpected.difference.clone())));
    }
    for &surplus in &script.surplus {
        let message =
            format!("step {} of lane `{}` was asked for again after its reply", step(surplus), lane(surplus));
        findings.push(fail(message, place(surplus), None));
    }
    for (index, unused) in script.unused.iter().enumerate() {
        let attempts = match unused.attempts {
            0 => "no request reached it".to_owned(),
            1 => "1 attempt reached it, and not its reply".to_owned(),
            attempts => format!("{attempts} attempts reached it, and not its reply"),
        };
        let message = format!("step {} of lane `{}` was not used up: {attempts}", unused.step, unused.lane);
        findings.push(fail(message, format!("$['script']['unused'][{index}]"), None));
    }
    for (index, call) in script.not_offered.iter().enumerate() {
        let message = format!("the script called `{}`, which the agent had not offered", call.tool);
        findings.push(fail(message, format!("$['script']['not_offered'][{index}]"), None));
    }
    if findings.is_empty() {
        findings.push(pass("every step was used, every request had its step", "$['script']"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Request, Script, ToolNotOffered, UnmatchedRequest, UnusedStep};

    #[test]
    fn each_way_of_leaving_the_script_is_a_failure_with_a_place() {
        let unmatched = UnmatchedRequest { request: 0, nearest_step: 2, difference: "item 3: …".into() };
        for (script, expected) in [
            (
                Script { unmatched: vec![unmatched.clone()], ..Script::default() },
                "a request in lane `main` fitted no step",
            ),
            (Script { unexpected: vec![unmatched], ..Script::default() }, "step 2 is not what"),
            (Script { surplus: vec![0], ..Script::default() }, "step 1 of lane `main` was asked for again"),
            (
                Script {
                    unused: vec![UnusedStep { lane: "main".into(), step: 2, attempts: 1 }],
                    ..Script::default()
                },
                "1 attempt reached it",
            ),
            (
                Script {
                    not_offered: vec![ToolNotOffered { request: 0, tool: "rm".into() }],
                    ..Script::default()
                },
                "`rm`",
            ),
        ] {
            let request = Request { lane: "main".into(), step: 1, ..Request::default() };
            let found = check(&Document { requests: vec![request], script, ..Document::default() });
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].outcome, Outcome::Fail);
            assert!(found[0].message.contains(expected), "{}", found[0].message);
        }
    }

    #[test]
    fn a_followed_script_passes() {
        assert_eq!(check(&Document::default())[0].outcome, Outcome::Pass);
    }
}
