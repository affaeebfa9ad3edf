//! What every request must keep, seen at the server in each protocol that has a word for it: the second request of a
//! conversation, built from the reply as it was received, and then spoilt in one way.

use serde_json::{Value, json};

use super::protocols::{ask, opening};
use super::*;
use crate::profile::Protocol::{self, Chat, Gemini, Messages, Responses};

/// How a request is spoilt, in which protocol, and what is said of it.
type Row = (&'static str, Protocol, fn(&mut Value), &'static str);

/// The conversation in a body.
fn list(body: &mut Value) -> &mut Vec<Value> {
    let name = ["input", "messages", "contents"].into_iter().find(|name| body.get(name).is_some()).unwrap();
    body[name].as_array_mut().unwrap()
}

fn last(body: &mut Value) -> &mut Value {
    list(body).last_mut().unwrap()
}

fn repeat_last(body: &mut Value) {
    let again = last(body).clone();
    list(body).push(again);
}

/// Repeats the call inside the message that makes it.
fn repeat_call(body: &mut Value, at: usize, member: &str) {
    let calls = list(body)[at][member].as_array_mut().unwrap();
    let again = calls.last().unwrap().clone();
    calls.push(again);
}

/// Leaves the result out and says something else.
fn unanswered(body: &mut Value, said: Value) {
    *last(body) = said;
}

const ROWS: &[Row] = &[
    // Nothing is wrong with what was not spoilt.
    ("nothing", Responses, |_| {}, ""),
    ("nothing", Chat, |_| {}, ""),
    ("nothing", Messages, |_| {}, ""),
    ("nothing", Gemini, |_| {}, ""),
    // Call and output paired.
    ("no result", Responses, |body| unanswered(body, user("next")), "call-without-result"),
    (
        "no result",
        Chat,
        |body| unanswered(body, json!({"role": "user", "content": "next"})),
        "call-without-result",
    ),
    (
        "no result",
        Messages,
        |body| unanswered(body, json!({"role": "user", "content": "next"})),
        "call-without-result",
    ),
    (
        "no result",
        Gemini,
        |body| unanswered(body, json!({"role": "user", "parts": [{"text": "next"}]})),
        "call-without-result",
    ),
    ("no such call", Responses, |body| last(body)["call_id"] = "other".into(), "result-without-call"),
    ("no such call", Chat, |body| last(body)["tool_call_id"] = "other".into(), "result-without-call"),
    (
        "no such call",
        Messages,
        |body| last(body)["content"][0]["tool_use_id"] = "other".into(),
        "result-without-call",
    ),
    (
        "no such call",
        Gemini,
        |body| last(body)["parts"][0]["functionResponse"]["id"] = "other".into(),
        "result-without-call",
    ),
    // Identifiers unique.
    ("two results", Responses, repeat_last, "duplicate-result"),
    ("two results", Chat, repeat_last, "duplicate-result"),
    ("two results", Messages, |body| repeat_call(body, 2, "content"), "duplicate-result"),
    ("two results", Gemini, |body| repeat_call(body, 2, "parts"), "duplicate-result"),
    (
        "two calls",
        Responses,
        |body| {
            let call = list(body).iter().find(|item| item["type"] == "function_call").unwrap().clone();
            list(body).insert(2, call);
        },
        "duplicate-call",
    ),
    ("two calls", Chat, |body| repeat_call(body, 2, "tool_calls"), "duplicate-call"),
    ("two calls", Messages, |body| repeat_call(body, 1, "content"), "duplicate-call"),
    ("two calls", Gemini, |body| repeat_call(body, 1, "parts"), "duplicate-call"),
    // Roles alternate, results stand where they belong.
    (
        "two of the user",
        Messages,
        |body| list(body).insert(0, json!({"role": "user", "content": "x"})),
        "roles-do-not-alternate",
    ),
    ("the model first", Messages, |body| drop(list(body).remove(0)), "roles-do-not-alternate"),
    (
        "something between call and result",
        Chat,
        |body| list(body).insert(3, json!({"role": "user", "content": "x"})),
        "result-out-of-place",
    ),
    (
        "something before the result",
        Messages,
        |body| {
            let content = last(body)["content"].as_array_mut().unwrap();
            content.insert(0, json!({"type": "text", "text": "x"}));
        },
        "result-out-of-place",
    ),
    ("a call after the model", Gemini, |body| drop(list(body).remove(0)), "call-out-of-place"),
    // The mark comes back, unchanged.
    (
        "another mark",
        Responses,
        |body| {
            list(body)
                .iter_mut()
                .filter(|item| item["type"] == "reasoning")
                .for_each(|item| item["encrypted_content"] = "x".into())
        },
        "signature-changed",
    ),
    ("no mark", Responses, |body| list(body).retain(|item| item["type"] != "reasoning"), "signature-lost"),
    (
        "another mark",
        Messages,
        |body| list(body)[1]["content"][0]["signature"] = "x".into(),
        "signature-changed",
    ),
    (
        "no mark",
        Messages,
        |body| drop(list(body)[1]["content"].as_array_mut().unwrap().remove(0)),
        "signature-lost",
    ),
    (
        "another mark",
        Gemini,
        |body| marks(body).for_each(|part| part["thoughtSignature"] = "x".into()),
        "signature-changed",
    ),
    (
        "no mark",
        Gemini,
        |body| marks(body).for_each(|part| drop(part.as_object_mut().unwrap().remove("thoughtSignature"))),
        "signature-lost",
    ),
    // Nothing lost since the request before.
    ("no instructions", Responses, |body| drop(list(body).remove(0)), "item-lost"),
    ("no instructions", Chat, |body| drop(list(body).remove(0)), "item-lost"),
    ("no instructions", Messages, |body| drop(body.as_object_mut().unwrap().remove("system")), "item-lost"),
    (
        "no instructions",
        Gemini,
        |body| drop(body.as_object_mut().unwrap().remove("systemInstruction")),
        "item-lost",
    ),
];

/// The parts that carry a mark.
fn marks(body: &mut Value) -> impl Iterator<Item = &mut Value> {
    let parts = list(body)[1]["parts"].as_array_mut().unwrap();
    parts.iter_mut().filter(|part| part.get("thoughtSignature").is_some())
}

/// The first request with instructions in it.
fn first(protocol: Protocol) -> Value {
    let mut body = opening(protocol, false);
    match protocol {
        Responses => list(&mut body).insert(0, json!({"role": "developer", "content": "be brief"})),
        Chat => list(&mut body).insert(0, json!({"role": "system", "content": "be brief"})),
        Messages => body["system"] = "be brief".into(),
        Gemini => body["systemInstruction"] = json!({"parts": [{"text": "be brief"}]}),
    }
    body
}

/// The second one: the reply as it came, and the result of its call.
fn second(protocol: Protocol, mut body: Value, reply: &Value) -> Value {
    let more = match protocol {
        Responses => [reply["output"].as_array().unwrap().clone(), vec![result("a", "x")]].concat(),
        Chat => vec![
            reply["choices"][0]["message"].clone(),
            json!({"role": "tool", "tool_call_id": "a", "content": "x"}),
        ],
        Messages => vec![
            json!({"role": "assistant", "content": reply["content"]}),
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]}),
        ],
        Gemini => vec![
            reply["candidates"][0]["content"].clone(),
            json!({"role": "user", "parts": [
                {"functionResponse": {"id": "a", "name": "shell", "response": {"output": "x"}}}]}),
        ],
    };
    list(&mut body).extend(more);
    body
}

fn thinking(protocol: Protocol) -> Step {
    let mut step = step(1, vec![], Some("looking"), &["a"]);
    if let Reply::Items { reasoning, manner, .. } = &mut step.reply {
        *reasoning = Some("why".into());
        manner.signature = matches!(protocol, Messages | Gemini).then(|| "signed".into());
        manner.encrypted = (protocol == Responses).then(|| "sealed".into());
    }
    step
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_noted_in_every_protocol() {
    for (how, protocol, spoil, code) in ROWS {
        let server = start(vec![thinking(*protocol), step(2, vec![], Some("done"), &[])]).await;
        let body = first(*protocol);
        let reply = ask(&server, *protocol, false, &body).await.json();
        let mut body = second(*protocol, body, &reply);
        spoil(&mut body);
        ask(&server, *protocol, false, &body).await;
        let traffic = server.finish().await;
        let noted = traffic.arrival.last().map(|at| &traffic.requests[*at]).unwrap();
        let codes: Vec<&str> = noted.violations.iter().map(|violation| violation.code.as_str()).collect();
        let holds = if code.is_empty() { codes.is_empty() } else { codes.contains(code) };
        assert!(holds, "{protocol:?}, {how}: {codes:?}\n{body:#}");
    }
}
