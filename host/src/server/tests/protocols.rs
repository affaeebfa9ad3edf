//! Every protocol: what goes over the wire, and that one script is followed over each of them.

use serde_json::{Value, json};

use super::http::{Received, build, send};
use super::*;
use crate::document::Item;
use crate::profile::{Protocol, Stop};
use crate::scenario::{Usage, WireEvent};

/// The data of each frame of a stream, with the name of its `event:` line where it has one.
pub(super) fn frames(received: &Received) -> Vec<(Option<String>, String)> {
    let text = std::str::from_utf8(&received.bytes).unwrap();
    assert!(text.ends_with("\n\n"), "the last frame has its blank line: {text}");
    text.split_terminator("\n\n")
        .map(|frame| match frame.split_once('\n') {
            Some((event, data)) => (
                Some(event.strip_prefix("event: ").unwrap().to_owned()),
                data.strip_prefix("data: ").unwrap().to_owned(),
            ),
            None => (None, frame.strip_prefix("data: ").unwrap().to_owned()),
        })
        .collect()
}

/// The data of each frame, as JSON; sentinels are left out.
pub(super) fn data(received: &Received) -> Vec<Value> {
    frames(received).iter().filter_map(|(_, data)| serde_json::from_str(data).ok()).collect()
}

/// Where a protocol asks for a reply.
pub(super) fn target(protocol: Protocol, streams: bool) -> &'static str {
    match (protocol, streams) {
        (Protocol::Responses, _) => "/v1/responses",
        (Protocol::Chat, _) => "/v1/chat/completions",
        (Protocol::Messages, _) => "/v1/messages?beta=true",
        (Protocol::Gemini, true) => "/v1beta/models/m:streamGenerateContent?alt=sse",
        (Protocol::Gemini, false) => "/v1beta/models/m:generateContent",
    }
}

/// A request that begins a conversation, and offers `shell`.
pub(super) fn opening(protocol: Protocol, streams: bool) -> Value {
    match protocol {
        Protocol::Responses => json!({"model": "m", "stream": streams, "input": [user("go")],
            "tools": [{"type": "function", "name": "shell", "parameters": {}}]}),
        Protocol::Chat => json!({"model": "m", "stream": streams, "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": "go"}],
            "tools": [{"type": "function", "function": {"name": "shell"}}]}),
        Protocol::Messages => json!({"model": "m", "max_tokens": 9, "stream": streams,
            "messages": [{"role": "user", "content": "go"}], "tools": [{"name": "shell", "input_schema": {}}]}),
        Protocol::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": "go"}]}],
            "tools": [{"functionDeclarations": [{"name": "shell"}]}]}),
    }
}

/// The same with the reply that was received, and results of its calls.
fn continued(protocol: Protocol, mut body: Value, events: &[Value], results: &[(&str, &str)]) -> Value {
    let push = |list: &mut Value, item: Value| list.as_array_mut().unwrap().push(item);
    match protocol {
        Protocol::Responses => {
            output(events).into_iter().for_each(|item| push(&mut body["input"], item));
            results.iter().for_each(|(call, text)| push(&mut body["input"], result(call, text)));
        }
        Protocol::Chat => {
            let calls: Vec<Value> = results
                .iter()
                .map(|(call, _)| json!({"id": call, "type": "function", "function": {"name": "shell", "arguments": "{}"}}))
                .collect();
            push(
                &mut body["messages"],
                json!({"role": "assistant", "content": "looking", "tool_calls": calls}),
            );
            for (call, text) in results {
                push(&mut body["messages"], json!({"role": "tool", "tool_call_id": call, "content": text}));
            }
        }
        Protocol::Messages => {
            let mut blocks = vec![
                json!({"type": "thinking", "thinking": "why", "signature": "sig_main_1_0"}),
                json!({"type": "text", "text": "looking"}),
            ];
            blocks.extend(
                results
                    .iter()
                    .map(|(call, _)| json!({"type": "tool_use", "id": call, "name": "shell", "input": {}})),
            );
            push(&mut body["messages"], json!({"role": "assistant", "content": blocks}));
            let answers: Vec<Value> = results
                .iter()
                .map(|(call, text)| json!({"type": "tool_result", "tool_use_id": call, "content": text}))
                .collect();
            push(&mut body["messages"], json!({"role": "user", "content": answers}));
        }
        Protocol::Gemini => {
            let mut parts = vec![json!({"text": "looking"})];
            parts.extend(
                results
                    .iter()
                    .map(|(call, _)| json!({"functionCall": {"id": call, "name": "shell", "args": {}}})),
            );
            push(&mut body["contents"], json!({"role": "model", "parts": parts}));
            let answers: Vec<Value> = results
                .iter()
                .map(|(call, text)| json!({"functionResponse": {"id": call, "name": "shell", "response": {"output": text}}}))
                .collect();
            push(&mut body["contents"], json!({"role": "user", "parts": answers}));
        }
    }
    body
}

pub(super) async fn ask(server: &Server, protocol: Protocol, streams: bool, body: &Value) -> Received {
    let bytes = body.to_string().into_bytes();
    send(server, build("POST", target(protocol, streams), &[], bytes)).await
}

fn thinking(text: &str, calls: &[&str]) -> Step {
    let mut step = step(1, vec![], Some(text), calls);
    if let Reply::Items { reasoning, .. } = &mut step.reply {
        *reasoning = Some("why".into());
    }
    step
}

#[tokio::test(flavor = "multi_thread")]
async fn one_script_is_followed_over_every_protocol() {
    for protocol in Protocol::ALL {
        let server = start(vec![thinking("looking", &["a", "b"]), step(2, vec![], Some("done"), &[])]).await;
        let first = opening(protocol, true);
        let received = ask(&server, protocol, true, &first).await;
        assert_eq!((received.status, received.whole), (200, true), "{protocol:?}");
        assert_eq!(received.headers["content-type"], "text/event-stream");
        assert_eq!(received.headers["cache-control"], "no-cache");
        let second = continued(protocol, first, &data(&received), &[("a", "listed"), ("b", "more")]);
        let received = ask(&server, protocol, true, &second).await;
        assert_eq!(received.status, 200, "{protocol:?}: {}", String::from_utf8_lossy(&received.bytes));
        let traffic = server.finish().await;
        assert_eq!(places(&traffic), [("main", 1, 1, 1), ("main", 1, 2, 1)], "{protocol:?}");
        assert!(traffic.requests.iter().all(|request| request.protocol == protocol.word()));
        let wrong: Vec<_> = traffic.requests.iter().flat_map(|request| &request.violations).collect();
        assert!(wrong.is_empty(), "{protocol:?}: {wrong:?}");
        assert!(traffic.script.not_offered.is_empty(), "{protocol:?}");
        let results: Vec<_> = traffic.requests[1]
            .transcript
            .iter()
            .filter(|item| matches!(item, Item::Result { .. }))
            .cloned()
            .collect();
        assert_eq!(
            results,
            [
                Item::Result { call: "a".into(), output: "listed".into() },
                Item::Result { call: "b".into(), output: "more".into() }
            ],
            "{protocol:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_no_step_is_refused_in_the_protocols_own_shape() {
    for protocol in Protocol::ALL {
        let server = start(vec![]).await;
        let received = ask(&server, protocol, true, &opening(protocol, true)).await;
        assert_eq!(received.status, 400, "{protocol:?}");
        let error = received.json();
        assert!(
            error["error"]["message"].as_str().unwrap().starts_with("no step of the script fits"),
            "{error}"
        );
        match protocol {
            Protocol::Responses | Protocol::Chat => {
                assert_eq!(error["error"]["type"], "invalid_request_error")
            }
            Protocol::Messages => {
                assert_eq!(
                    (&error["type"], &error["error"]["type"]),
                    (&json!("error"), &json!("invalid_request_error"))
                );
                assert!(received.headers.contains_key("request-id"));
            }
            Protocol::Gemini => {
                assert_eq!(
                    (&error["error"]["code"], &error["error"]["status"]),
                    (&json!(400), &json!("INVALID_ARGUMENT"))
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_stream_is_an_attempt_in_every_protocol() {
    for protocol in Protocol::ALL {
        let server = start(vec![step(1, vec![Fault::Cut], Some("done"), &[])]).await;
        let received = ask(&server, protocol, true, &opening(protocol, true)).await;
        assert!(!received.whole, "{protocol:?}");
        let text = String::from_utf8(received.bytes).unwrap();
        assert!(text.contains("\"do\"") && !text.contains("\"ne\""), "{protocol:?}: {text}");
        // Some agents come again without a stream.
        let received = ask(&server, protocol, false, &opening(protocol, false)).await;
        assert_eq!(received.headers["content-type"], "application/json", "{protocol:?}");
        assert!(received.json().is_object());
        let traffic = server.finish().await;
        assert_eq!(places(&traffic), [("main", 1, 1, 1), ("main", 1, 1, 2)], "{protocol:?}");
        let part = Item::Message { role: crate::document::Role::Assistant, text: "do".into() };
        assert_eq!(traffic.requests[0].reply.items, [part], "{protocol:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_counted_and_models_listed_for_whoever_asks() {
    let server = start(vec![]).await;
    let counted = send(
        &server,
        build(
            "POST",
            "/v1/messages/count_tokens",
            &[],
            opening(Protocol::Messages, false).to_string().into_bytes(),
        ),
    )
    .await;
    assert_eq!(counted.json(), json!({"input_tokens": 100}));
    let body = opening(Protocol::Gemini, false).to_string().into_bytes();
    let counted = send(&server, build("POST", "/v1beta/models/m:countTokens", &[], body)).await;
    assert_eq!(counted.json(), json!({"totalTokens": 100}));
    let anthropic = [("anthropic-version", "2023-06-01")];
    let models = send(&server, build("GET", "/v1/models?limit=1000", &anthropic, vec![])).await.json();
    assert_eq!((&models["data"][0]["type"], &models["has_more"]), (&json!("model"), &json!(false)));
    let models = send(&server, build("GET", "/v1beta/models", &[], vec![])).await.json();
    assert!(models["models"][0]["name"].as_str().unwrap().starts_with("models/"));
    let traffic = server.finish().await;
    let lanes: Vec<_> = traffic.requests.iter().map(|request| request.lane.as_str()).collect();
    assert_eq!(lanes, ["count-tokens", "count-tokens", "models", "models"]);
    assert!(traffic.script.unmatched.is_empty());
}

fn codes(traffic: &Traffic, request: usize) -> Vec<&str> {
    traffic.requests[request].violations.iter().map(|found| found.code.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_breaks_is_noted_and_the_request_is_answered() {
    let begun = || json!([{"role": "user", "content": "go"}]);
    let reply = |signature: &str| {
        json!({"role": "assistant", "content": [
            {"type": "thinking", "thinking": "why", "signature": signature}, {"type": "text", "text": "looking"},
            {"type": "tool_use", "id": "a", "name": "shell", "input": {}}]})
    };
    let answer =
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]});
    for (system, signature, expected) in [
        ("rules", "sig_main_1_0", &[][..]),
        ("rules", "another", &["signature-changed", "signature-lost"]),
        ("changed rules", "sig_main_1_0", &["item-lost"]),
    ] {
        let server = start(vec![thinking("looking", &["a"]), step(2, vec![], Some("done"), &[])]).await;
        let mut body = opening(Protocol::Messages, true);
        body["system"] = "rules".into();
        body["messages"] = begun();
        ask(&server, Protocol::Messages, true, &body).await;
        body["system"] = system.into();
        body["messages"] = json!([begun()[0], reply(signature), answer]);
        assert_eq!(ask(&server, Protocol::Messages, true, &body).await.status, 200);
        let traffic = server.finish().await;
        assert_eq!(codes(&traffic, 1), expected, "{system} {signature}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_written_out_go_over_the_wire_as_they_are() {
    let data = |data: Value| WireEvent::Data(data);
    let done = WireEvent::Raw("data: [DONE]\n\n".into());
    let chat = |delta: Value| data(json!({"choices": [{"index": 0, "delta": delta}]}));
    let gemini = |part: Value| data(json!({"candidates": [{"content": {"role": "model", "parts": [part]}}]}));
    let block = |at: u32, block: Value| {
        data(json!({"type": "content_block_start", "index": at, "content_block": block}))
    };
    let call = json!({"type": "function_call", "call_id": "a", "name": "shell", "arguments": "{\"x\":1}"});
    for (protocol, events) in [
        (Protocol::Responses, vec![data(json!({"type": "response.output_item.done", "item": call}))]),
        (
            Protocol::Chat,
            vec![
                chat(
                    json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "shell", "arguments": "{\"x\":"}}]}),
                ),
                chat(json!({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]})),
                done,
            ],
        ),
        (
            Protocol::Messages,
            vec![
                block(0, json!({"type": "tool_use", "id": "a", "name": "shell", "input": {}})),
                data(json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": "{\"x\":1}"}})),
            ],
        ),
        (
            Protocol::Gemini,
            vec![gemini(json!({"functionCall": {"id": "a", "name": "shell", "args": {"x": 1}}}))],
        ),
    ] {
        let mut written = step(1, vec![], None, &[]);
        written.reply = Reply::Events(events.clone());
        let server = start(vec![written]).await;
        let received = ask(&server, protocol, true, &opening(protocol, true)).await;
        assert_eq!(frames(&received).len(), events.len(), "{protocol:?}");
        let named = matches!(protocol, Protocol::Responses | Protocol::Messages);
        assert!(frames(&received).iter().all(|(name, _)| name.is_some() == named), "{protocol:?}");
        let traffic = server.finish().await;
        let called = Item::Call { call: "a".into(), tool: "shell".into(), input: json!({"x": 1}) };
        assert_eq!(traffic.requests[0].reply.items, [called], "{protocol:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn portions_tokens_and_the_stop_are_as_scripted() {
    for protocol in Protocol::ALL {
        let mut scripted = step(1, vec![], Some("héllo"), &[]);
        if let Reply::Items { manner, .. } = &mut scripted.reply {
            manner.text_portions = vec![2];
            manner.usage = Some(Usage { input: 70, cached: 7, output: 5, reasoning: 0 });
            manner.stop = Stop::Length;
        }
        let server = start(vec![scripted]).await;
        let received = ask(&server, protocol, true, &opening(protocol, true)).await;
        let text = String::from_utf8(received.bytes).unwrap();
        assert!(text.contains("\"hé\"") && text.contains("\"llo\""), "{protocol:?}: {text}");
        assert!(
            text.contains(&format!("\"{}\"", protocol.stop_word(Stop::Length, false).unwrap())),
            "{text}"
        );
        let counts = match protocol {
            Protocol::Responses => "\"cached_tokens\":7",
            Protocol::Chat => "\"prompt_tokens\":70",
            Protocol::Messages => "\"cache_read_input_tokens\":7",
            Protocol::Gemini => "\"cachedContentTokenCount\":7",
        };
        assert!(text.contains(counts) && text.contains(":70"), "{protocol:?}: {text}");
    }
}
