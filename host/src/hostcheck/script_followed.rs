//! `run/script-followed`: the agent and the script fitted each other exactly. No request without a step, no step
//! without a request, no attempt too many, no failed expectation, no call of a tool that was not offered, and no call
//! of a command that stands in for a real one that went untold.

use super::{finding, pass};
use crate::document::{Document, ExpectedAttempts, ReplyKind, Request};
use crate::value::{Finding, Outcome, excerpt};

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
    // How often a step is tried that is named there is counted below.
    let is_counted = |position: usize| {
        let named =
            |expected: &ExpectedAttempts| expected.lane == lane(position) && expected.step == step(position);
        document.scenario.attempts.iter().any(named)
    };
    for &surplus in script.surplus.iter().filter(|surplus| !is_counted(**surplus)) {
        let message =
            format!("step {} of lane `{}` was asked for again after its reply", step(surplus), lane(surplus));
        findings.push(fail(message, place(surplus), None));
    }
    for expected in &document.scenario.attempts {
        let arrived = arrived(document, expected);
        if arrived != expected.attempts {
            let message = format!(
                "step {} of lane `{}` was expected to be tried {} times, and was {arrived} times",
                expected.step, expected.lane, expected.attempts
            );
            findings.push(fail(message, "$['requests']".to_owned(), None));
        }
    }
    for (index, unused) in script.unused.iter().enumerate() {
        let same =
            |expected: &&ExpectedAttempts| expected.lane == unused.lane && expected.step == unused.step;
        if document.scenario.attempts.iter().any(|expected| same(&expected)) {
            continue;
        }
        let attempts = match unused.attempts {
            0 => "no request reached it".to_owned(),
            1 => "1 attempt reached it, and not its reply".to_owned(),
            attempts => format!("{attempts} attempts reached it, and not its reply"),
        };
        let message = format!("step {} of lane `{}` was not used up: {attempts}", unused.step, unused.lane);
        findings.push(fail(message, format!("$['script']['unused'][{index}]"), None));
    }
    for (index, refused) in script.refused_connections.iter().enumerate() {
        let message = format!("a connection was refused: {}", refused.message);
        let path = format!("$['script']['refused_connections'][{index}]");
        findings.push(fail(message, path, Some(refused.code.clone())));
    }
    if let Some(reason) = &script.calls_unread {
        let message = format!("not every call of a stand-in is told: {reason}");
        findings.push(fail(message, "$['script']['calls_unread']".to_owned(), None));
    }
    let expected = &document.scenario.not_offered;
    for tool in expected.iter().filter(|tool| !script.not_offered.iter().any(|call| call.tool == **tool)) {
        let message = format!("`{}` was expected to be called though it is not offered", excerpt(tool, 80));
        findings.push(fail(message, "$['script']['not_offered']".to_owned(), None));
    }
    for (index, call) in script.not_offered.iter().enumerate() {
        if expected.contains(&call.tool) {
            continue;
        }
        let message = format!("the script called `{}`, which the agent had not offered", call.tool);
        findings.push(fail(message, format!("$['script']['not_offered'][{index}]"), None));
    }
    if findings.is_empty() {
        let foreign = |request: &Request| request.reply.kind == ReplyKind::Foreign;
        for (index, _) in document.requests.iter().enumerate().filter(|(_, request)| foreign(request)) {
            let message = "a request without the run's key is not the agent's, and used up nothing";
            findings.push(pass(message, &place(index)));
        }
        findings.push(pass("every step was used, every request had its step", "$['script']"));
    }
    findings
}

/// How many attempts of a step there were.
fn arrived(document: &Document, expected: &ExpectedAttempts) -> u32 {
    let is_of = |request: &&Request| request.lane == expected.lane && request.step == expected.step;
    u32::try_from(document.requests.iter().filter(is_of).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Reply, Script, ToolNotOffered, UnmatchedRequest, UnusedStep, Violation};

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
            (
                Script {
                    refused_connections: vec![Violation {
                        code: "slow-client".into(),
                        message: "too slow".into(),
                    }],
                    ..Script::default()
                },
                "a connection was refused: too slow",
            ),
            (
                Script { calls_unread: Some("call 2 is missing".into()), ..Script::default() },
                "not every call of a stand-in is told: call 2 is missing",
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
    fn what_an_agent_does_otherwise_is_expected_to_happen() {
        let requests = vec![Request { lane: "main".into(), step: 1, ..Request::default() }];
        let mut document = Document { requests, ..Document::default() };
        document.script.unused = vec![UnusedStep { lane: "main".into(), step: 1, attempts: 1 }];
        document.script.not_offered = vec![ToolNotOffered { request: 0, tool: "nothing".into() }];
        let outcomes =
            |document: &Document| check(document).iter().map(|found| found.outcome).collect::<Vec<_>>();
        assert_eq!(outcomes(&document), [Outcome::Fail, Outcome::Fail]);
        document.scenario.attempts = vec![ExpectedAttempts { lane: "main".into(), step: 1, attempts: 1 }];
        document.scenario.not_offered = vec!["nothing".into()];
        assert_eq!(outcomes(&document), [Outcome::Pass]);
        document.scenario.attempts[0].attempts = 2;
        document.scenario.not_offered.push("more".into());
        assert_eq!(outcomes(&document), [Outcome::Fail, Outcome::Fail]);
    }

    #[test]
    fn a_request_that_is_not_the_agents_is_told_and_fails_nothing() {
        let reply = Reply { kind: ReplyKind::Foreign, status: 400, ..Reply::default() };
        let found = check(&Document {
            requests: vec![Request { lane: "foreign".into(), reply, ..Request::default() }],
            ..Document::default()
        });
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|finding| finding.outcome == Outcome::Pass));
        assert_eq!(found[0].at[0].path, "$['requests'][0]");
    }

    #[test]
    fn more_attempts_than_the_script_has_are_right_where_so_many_are_expected() {
        let request = Request { lane: "main".into(), step: 1, ..Request::default() };
        let mut document = Document { requests: vec![request.clone(), request], ..Document::default() };
        document.script.surplus = vec![1];
        assert_eq!(check(&document)[0].outcome, Outcome::Fail);
        let expected = |attempts| vec![ExpectedAttempts { lane: "main".into(), step: 1, attempts }];
        document.scenario.attempts = expected(2);
        assert_eq!(check(&document)[0].outcome, Outcome::Pass);
        document.scenario.attempts = expected(3);
        let found = check(&document);
        assert_eq!((found.len(), found[0].outcome), (1, Outcome::Fail));
    }

    #[test]
    fn a_followed_script_passes() {
        assert_eq!(check(&Document::default())[0].outcome, Outcome::Pass);
    }
}
