//! Branches, captured values, side lanes and what a schedule waits for, over HTTP.

use super::http::{build, get, post, post_with, send};
use super::*;
use crate::scenario::{Branch, Capture, CaptureForm, Expectation, Source, TextTest};

fn replies(text: &str) -> Reply {
    Reply::Items { reasoning: None, text: Some(text.into()), calls: vec![], manner: Manner::default() }
}
fn when(contains: &str, text: &str) -> Branch {
    let test = TextTest::Contains(contains.into());
    Branch { when: vec![Expectation::ToolResult { call: "a".into(), test }], reply: replies(text) }
}

/// Takes `{{who}}` from a header.
fn who() -> Capture {
    Capture {
        name: "who".into(),
        source: Source::Header("x-who".into()),
        regex: None,
        form: CaptureForm::Text,
        optional: false,
    }
}

/// Calls `a`, sends its result, and returns what the next step answers.
async fn after_result(branches: Vec<Branch>, otherwise: Reply, output_of_a: &str) -> (u16, String) {
    let second = Step { branches, reply: otherwise, ..step(2, vec![], None, &[]) };
    let server = start(vec![step(1, vec![], None, &["a"]), second]).await;
    let mut input = vec![user("go")];
    input.extend(output(&post(&server, &request(&input)).await.events()));
    input.push(result("a", output_of_a));
    let received = post(&server, &request(&input)).await;
    let text = match received.status {
        200 => output(&received.events())[0]["content"][0]["text"].as_str().unwrap().to_owned(),
        _ => received.json()["error"]["message"].as_str().unwrap().to_owned(),
    };
    (received.status, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_branch_is_served_and_no_other() {
    let branches = || vec![when("error", "it failed"), when("ok", "it worked")];
    assert_eq!(after_result(branches(), Reply::Nothing, "all ok").await, (200, "it worked".into()));
    assert_eq!(after_result(branches(), replies("neither"), "?").await, (200, "neither".into()));
    let (status, message) = after_result(branches(), Reply::Nothing, "?").await;
    assert_eq!(status, 400);
    assert!(
        message.contains("step 2: none of the 2 branches fits; the first: transcript item 2"),
        "{message}"
    );
    let (status, message) = after_result(branches(), replies("x"), "ok, an error").await;
    assert_eq!(status, 400);
    assert!(message.ends_with("step 2: branches 1 and 2 both fit it"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_request_go_into_later_replies() {
    let mut first = step(1, vec![], None, &["a"]);
    first.captures = vec![who()];
    let handle = Capture {
        name: "handle".into(),
        source: Source::ToolResult("a".into()),
        regex: Some("session ([0-9]+)".into()),
        form: CaptureForm::Number,
        optional: false,
    };
    let call = Call {
        id: "b".into(),
        tool: "shell".into(),
        input: json!({"session": "{{handle}}", "command": "echo {{who}} {{handle}}"}),
        pieces: 1,
        unoffered: false,
        span: 0..0,
    };
    let reply = Reply::Items { reasoning: None, text: None, calls: vec![call], manner: Manner::default() };
    let second = Step { captures: vec![handle], reply, ..step(2, vec![overloaded()], None, &[]) };
    let server = start(vec![first, second]).await;
    let mut input = vec![user("go")];
    let headers = [("x-who", "a \"b\" \\c")];
    input.extend(output(&post_with(&server, &headers, &request(&input)).await.events()));
    input.push(result("a", "session 42 is running"));
    assert_eq!(post(&server, &request(&input)).await.status, 503);
    let items = output(&post(&server, &request(&input)).await.events());
    let arguments: Value = serde_json::from_str(items[0]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({"session": 42, "command": "echo a \"b\" \\c 42"}));
    input.push(items[0].clone());
    let traffic = server.finish().await;
    assert_eq!(places(&traffic), [("main", 1, 1, 1), ("main", 1, 2, 1), ("main", 1, 2, 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_the_value_fits_no_step() {
    let server = start(vec![Step { captures: vec![who()], ..step(1, vec![], Some("hi"), &[]) }]).await;
    let received = post(&server, &request(&[user("go")])).await;
    assert_eq!(received.status, 400);
    let message = received.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.ends_with("the request does not bring the value `who`, which the step captures"),
        "{message}"
    );
    assert_eq!(server.finish().await.script.unused.len(), 1, "the step has not been used");
}

#[tokio::test(flavor = "multi_thread")]
async fn side_lanes_can_be_scripted() {
    let models = |number, faults| Step { lane: "models".into(), number, faults, ..Step::default() };
    let server = start(vec![models(1, vec![overloaded()])]).await;
    assert_eq!(get(&server, "/v1/models").await.status, 503);
    assert_eq!(get(&server, "/v1/models").await.json()["object"], "list");
    let third = get(&server, "/v1/models").await;
    assert_eq!(third.status, 400);
    let traffic = server.finish().await;
    assert_eq!(places(&traffic), [("models", 0, 0, 0), ("models", 0, 1, 1), ("models", 0, 1, 2)]);
    assert_eq!(traffic.script.unmatched.len(), 1);
    assert!(traffic.script.unused.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_meant_to_be_unknown_is_no_mistake() {
    let mut unoffered = step(1, vec![], None, &["a"]);
    if let Reply::Items { calls, .. } = &mut unoffered.reply {
        calls[0].tool = "none".into();
        calls[0].unoffered = true;
    }
    let server = start(vec![unoffered]).await;
    post(&server, &request(&[user("go")])).await;
    assert!(server.finish().await.script.not_offered.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_lanes_without_conversations_expect_and_capture_too() {
    let expects =
        |name: &str| Expectation::Header { name: name.into(), test: TextTest::Contains("yes".into()) };
    let models = Step {
        lane: "models".into(),
        number: 1,
        reply: Reply::Default,
        expect: vec![expects("x-there"), expects("x-never")],
        captures: vec![who()],
        ..Step::default()
    };
    let server = start(vec![models, step(1, vec![], Some("hello {{who}}"), &[])]).await;
    let asked =
        send(&server, build("GET", "/v1/models", &[("x-there", "yes"), ("x-who", "you")], vec![])).await;
    assert_eq!(asked.status, 200);
    let said = post(&server, &request(&[user("go")])).await;
    assert_eq!(output(&said.events())[0]["content"][0]["text"], "hello you");
    let traffic = server.finish().await;
    let [unexpected] = &traffic.script.unexpected[..] else { panic!("{:?}", traffic.script) };
    assert!(unexpected.difference.contains("expected header `x-never`"), "{unexpected:?}");
    assert_eq!(traffic.requests[unexpected.request].lane, "models");
}
