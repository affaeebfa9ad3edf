//! Over HTTP.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::document::{Item, ReplyKind, Role};
use crate::scenario::{Expectation, TextTest};

pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Vec<u8>,
    /// Whether the body came to its end.
    pub(super) whole: bool,
}

impl Received {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }
    pub(super) fn events(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.bytes).unwrap();
        let frames = text.split_terminator("\n\n").map(|frame| {
            let (event, data) = frame.split_once("\ndata: ").unwrap();
            let data: Value = serde_json::from_str(data).unwrap();
            assert_eq!(event.strip_prefix("event: "), data["type"].as_str());
            data
        });
        frames.collect()
    }
}

pub(super) async fn send(server: &Server, request: Request<Full<Bytes>>) -> Received {
    send_to(address(server), request).await
}

async fn send_to(address: &str, request: Request<Full<Bytes>>) -> Received {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (head, mut body) = sender.send_request(request).await.unwrap().into_parts();
    let mut bytes = Vec::new();
    let mut whole = true;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(frame.data_ref().unwrap()),
            Err(_) => {
                whole = false;
                break;
            }
        }
    }
    Received { status: head.status.as_u16(), headers: head.headers, bytes, whole }
}

pub(super) fn build(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(target).header("host", "server");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

pub(super) async fn post(server: &Server, body: &Value) -> Received {
    post_to(address(server), body).await
}

pub(super) async fn post_to(address: &str, body: &Value) -> Received {
    send_to(address, build("POST", "/v1/responses", &[], body.to_string().into_bytes())).await
}

pub(super) async fn post_with(server: &Server, headers: &[(&str, &str)], body: &Value) -> Received {
    send(server, build("POST", "/v1/responses", headers, body.to_string().into_bytes())).await
}

pub(super) async fn get(server: &Server, target: &str) -> Received {
    send(server, build("GET", target, &[], vec![])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_round_trip_reaches_both_steps() {
    let mut first = step(1, vec![], Some("looking"), &["a"]);
    if let Reply::Items { reasoning, calls, .. } = &mut first.reply {
        *reasoning = Some("why".into());
        calls.push(Call {
            id: "b".into(),
            tool: "patch".into(),
            input: json!("text"),
            pieces: 1,
            unoffered: false,
            span: 0..0,
        });
    }
    let server = start(vec![first, step(2, vec![], Some("done"), &[])]).await;
    let mut input = vec![user("context"), user("go on")];
    let received = post(&server, &request(&input)).await;
    assert_eq!((received.status, received.whole), (200, true));
    assert_eq!(received.headers["content-type"], "text/event-stream");
    let events = received.events();
    let names: Vec<_> =
        types(&events).into_iter().map(|name| name.strip_prefix("response.").unwrap()).collect();
    let expected = "created in_progress \
        output_item.added reasoning_summary_part.added reasoning_summary_text.delta reasoning_summary_text.done \
        reasoning_summary_part.done output_item.done \
        output_item.added content_part.added output_text.delta output_text.done content_part.done output_item.done \
        output_item.added function_call_arguments.delta function_call_arguments.done output_item.done \
        output_item.added custom_tool_call_input.delta custom_tool_call_input.done output_item.done \
        completed";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    assert_eq!(events[0]["response"]["id"], "resp_main_1_1");
    let completed = &events.last().unwrap()["response"];
    assert_eq!(completed["usage"]["total_tokens"], 240);
    let items = output(&events);
    assert_eq!(items[1]["id"], "msg_main_1_1");
    assert_eq!(items[2]["arguments"], r#"{"command":"ls"}"#);
    assert_eq!(
        items[3],
        json!({"type": "custom_tool_call", "id": "ctc_main_1_3", "status": "completed",
        "call_id": "b", "name": "patch", "input": "text"})
    );

    input.extend(items);
    input.extend([result("b", "patched"), result("a", "listed")]);
    let events = post(&server, &request(&input)).await.events();
    assert_eq!(output(&events)[0]["content"][0]["text"], "done");

    let traffic = server.finish().await;
    assert_eq!(places(&traffic), [("main", 1, 1, 1), ("main", 1, 2, 1)]);
    assert_eq!(traffic.script.not_offered.len(), 1);
    assert_eq!(traffic.script.not_offered[0].tool, "patch");
    assert_eq!(traffic.requests[0].tools, ["shell"]);
    assert_eq!(traffic.requests[0].reply.items.len(), 4);
    assert_eq!(
        traffic.requests[1].transcript[6],
        Item::Result { call: "b".into(), output: "patched".into() }
    );
    assert!(traffic.requests[1].violations.is_empty());
    let body: Value = serde_json::from_slice(&traffic.bodies[1].to_vec()).unwrap();
    assert_eq!(body, traffic.requests[1].body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_a_status_is_an_attempt_of_the_same_step() {
    let server = start(vec![step(1, vec![overloaded()], Some("done"), &[])]).await;
    let body = request(&[user("go")]);
    let refused = post(&server, &body).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(
        refused.json()["error"],
        json!({"message": "later", "type": "server_error", "param": null,
        "code": "server_error"})
    );
    output(&post(&server, &body).await.events());
    output(&post(&server, &body).await.events());
    let traffic = server.finish().await;
    assert_eq!(places(&traffic), [("main", 1, 1, 1), ("main", 1, 1, 2), ("main", 1, 1, 3)]);
    let kinds: Vec<_> = traffic.requests.iter().map(|request| request.reply.kind).collect();
    assert_eq!(kinds, [ReplyKind::Fault, ReplyKind::Step, ReplyKind::Step]);
    assert_eq!(traffic.requests[0].reply.detail, "status 503 server_error");
    assert_eq!(traffic.script.surplus, [2]);
    assert!(traffic.script.unused.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_reply_closes_the_connection_in_good_order() {
    let server = start(vec![step(1, vec![failed()], Some("done"), &[])]).await;
    let body = request(&[user("go")]);
    let received = post(&server, &body).await;
    assert_eq!((received.status, received.whole), (200, true));
    assert_eq!(received.headers["connection"], "close");
    let events = received.events();
    assert_eq!(types(&events), ["response.created", "response.in_progress", "response.failed"]);
    assert_eq!(events[2]["response"]["error"], json!({"code": "server_error", "message": "boom"}));
    assert_eq!(events[2]["response"]["status"], "failed");
    output(&post(&server, &body).await.events());
    assert_eq!(places(&server.finish().await), [("main", 1, 1, 1), ("main", 1, 1, 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_reply_never_ends_and_its_part_may_come_back() {
    let server = start(vec![step(1, vec![Fault::Cut], Some("done"), &["a"])]).await;
    let received = post(&server, &request(&[user("go")])).await;
    assert!(!received.whole, "the body ended in good order");
    let events = received.events();
    assert_eq!(types(&events).last(), Some(&"response.output_text.delta"));
    assert_eq!(events.last().unwrap()["delta"], "do");
    output(&post(&server, &request(&[user("go"), said("do")])).await.events());
    let traffic = server.finish().await;
    assert_eq!(places(&traffic), [("main", 1, 1, 1), ("main", 1, 1, 2)]);
    let part = Item::Message { role: Role::Assistant, text: "do".into() };
    assert_eq!(traffic.requests[0].reply.items, [part]);
    assert_eq!(traffic.requests[0].reply.detail, "cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_no_step_gets_a_terminal_error_that_says_why() {
    let optional = Step { optional: true, ..step(3, vec![], Some("more"), &[]) };
    let server =
        start(vec![step(1, vec![], None, &["edit"]), step(2, vec![], Some("done"), &[]), optional]).await;
    post(&server, &request(&[user("go")])).await;
    let call = json!({"type": "function_call", "call_id": "edit", "name": "shell", "arguments": "{}"});
    let received = post(&server, &request(&[user("go"), call, user("hello"), result("x", "")])).await;
    assert_eq!(received.status, 400);
    assert_eq!(
        received.json()["error"]["message"],
        "no step of the script fits: lane main, nearest step 2: \
         transcript item 3: expected the result of call `edit`, got result `` of call `x`"
    );
    let traffic = server.finish().await;
    assert_eq!(places(&traffic), [("main", 0, 0, 0), ("main", 1, 1, 1)]);
    let unmatched = &traffic.script.unmatched;
    assert_eq!((unmatched.len(), unmatched[0].request, unmatched[0].nearest_step), (1, 0, 2));
    let codes: Vec<_> = traffic.requests[0].violations.iter().map(|found| found.code.as_str()).collect();
    assert_eq!(codes, ["result-without-call", "call-without-result"]);
    let unused: Vec<_> = traffic.script.unused.iter().map(|unused| (unused.step, unused.attempts)).collect();
    assert_eq!(unused, [(2, 0)]);
    assert_eq!(traffic.arrival, [1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_decoded_or_refused() {
    let server = start(vec![step(1, vec![], Some("done"), &[])]).await;
    let body = request(&[user("go")]).to_string();
    let raw = compress_to_vec(body.as_bytes(), CompressionLevel::Fastest);
    let zstd = [("content-encoding", "zstd")];
    output(&send(&server, build("POST", "/v1/responses", &zstd, raw)).await.events());
    let gzip = [("content-encoding", "gzip")];
    assert_eq!(send(&server, build("POST", "/v1/responses", &gzip, b"x".to_vec())).await.status, 400);
    assert_eq!(send(&server, build("POST", "/v1/responses", &[], b"[".to_vec())).await.status, 400);
    // Nothing in it repeats, or it would be kept once.
    let large: String = (0..200_000).map(|number| format!("{number:>7}")).collect();
    assert_eq!(send(&server, build("POST", "/v1/responses", &[], large.into_bytes())).await.status, 400);
    let traffic = server.finish().await;
    let codes: Vec<_> =
        traffic.requests.iter().flat_map(|request| &request.violations).map(|v| &v.code).collect();
    assert_eq!(codes, ["body-not-decodable", "body-not-json", "body-not-json", "capture-limit"]);
    assert_eq!(traffic.requests[1].body, json!("["));
    assert_eq!(traffic.bodies.iter().filter(|kept| kept.to_vec() == body.as_bytes()).count(), 1);
    assert_eq!(traffic.script.unmatched.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_limit_is_refused() {
    let server = start(vec![]).await;
    let body = vec![b' '; settings(vec![]).reception.request_bytes + 1];
    assert_eq!(send(&server, build("POST", "/v1/responses", &[], body)).await.status, 400);
    let traffic = server.finish().await;
    assert_eq!(traffic.requests[0].violations[0].code, "body-too-large");
    assert!(traffic.bodies[0].is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn side_requests_use_up_no_step() {
    let settings = ServerSettings { accept_websocket: false, ..settings(vec![]) };
    let server = Server::start(settings).await.unwrap();
    let get = |target: &'static str| send(&server, build("GET", target, &[], vec![]));
    assert_eq!(get("/v1/models?client_version=1").await.json(), json!({"models": []}));
    assert_eq!(get("/v1/models").await.json()["object"], "list");
    assert_eq!(send(&server, build("HEAD", "/", &[], vec![])).await.status, 200);
    let unknown = get("/v1/other").await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.json()["error"]["message"].as_str().unwrap().ends_with("no route for GET `/v1/other`"));
    let upgrade = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "k")];
    assert_eq!(send(&server, build("GET", "/v1/responses", &upgrade, vec![])).await.status, 426);
    let traffic = server.finish().await;
    let lanes: Vec<_> = traffic.requests.iter().map(|request| request.lane.as_str()).collect();
    assert_eq!(lanes, ["models", "models", "probe", "unknown", "upgrade"]);
    assert_eq!(traffic.script.unmatched.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_of_two_lanes_interleave() {
    let of_subagent = |step: Step| Step { lane: "subagent".into(), ..step };
    let server = start(vec![
        step(1, vec![], None, &["spawn"]),
        step(2, vec![], Some("main done"), &[]),
        of_subagent(step(1, vec![overloaded()], None, &["child"])),
        of_subagent(step(2, vec![], Some("child done"), &[])),
    ])
    .await;
    let as_child = async |input: &[Value]| {
        let body = request(input).to_string().into_bytes();
        send(&server, build("POST", "/v1/responses", &[("x-subagent", "1")], body)).await
    };
    let mut main = vec![user("go")];
    let mut child = vec![user("do a part")];
    main.extend(output(&post(&server, &request(&main)).await.events()));
    assert_eq!(as_child(&child).await.status, 503);
    child.extend(output(&as_child(&child).await.events()));
    main.push(result("spawn", "spawned"));
    child.push(result("child", "x"));
    let (main, child) =
        tokio::join!(async { output(&post(&server, &request(&main)).await.events()) }, async {
            output(&as_child(&child).await.events())
        },);
    assert_eq!(main[0]["content"][0]["text"], "main done");
    assert_eq!(child[0]["content"][0]["text"], "child done");
    let expected = [
        ("main", 1, 1, 1),
        ("main", 1, 2, 1),
        ("subagent", 1, 1, 1),
        ("subagent", 1, 1, 2),
        ("subagent", 1, 2, 1),
    ];
    assert_eq!(places(&server.finish().await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expectation_is_a_check_and_no_selector() {
    let expect = |contains: &str| {
        vec![Expectation::ToolResult { call: "a".into(), test: TextTest::Contains(contains.into()) }]
    };
    let second =
        Step { expect: [expect("listed"), expect("absent")].concat(), ..step(2, vec![], Some("done"), &[]) };
    let server = start(vec![step(1, vec![], None, &["a"]), second]).await;
    let mut input = vec![user("go")];
    input.extend(output(&post(&server, &request(&input)).await.events()));
    input.push(result("a", "listed"));
    output(&post(&server, &request(&input)).await.events());
    let unexpected = server.finish().await.script.unexpected;
    assert_eq!((unexpected.len(), unexpected[0].request, unexpected[0].nearest_step), (1, 1, 2));
    let difference = "transcript item 2: expected the result of call `a` to contain `absent`, got `listed`";
    assert_eq!(unexpected[0].difference, difference);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_stream_gets_the_response_alone() {
    let server = start(vec![step(1, vec![], Some("done"), &[])]).await;
    let received = post(&server, &json!({"input": "go", "model": "m"})).await;
    assert_eq!(received.json()["output"][0]["content"][0]["text"], "done");
    assert_eq!(received.json()["usage"]["input_tokens"], 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_holds_nothing_up() {
    let server = start(vec![]).await;
    let mut half = TcpStream::connect(address(&server)).await.unwrap();
    half.write_all(b"POST /v1/responses HTTP/1.1\r\nhost: server\r\ncontent-length: 9\r\n\r\n{")
        .await
        .unwrap();
    let _idle = TcpStream::connect(address(&server)).await.unwrap();
    let probe = send(&server, build("GET", "/", &[], vec![])).await;
    assert_eq!(probe.status, 200);
    assert_eq!(server.finish().await.requests.len(), 1);
    assert!(matches!(half.read(&mut [0]).await, Ok(0) | Err(_)), "its connection has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_the_agent_cannot_follow_is_refused_at_the_start() {
    let mut wrong = step(1, vec![], None, &["a"]);
    if let Reply::Items { calls, .. } = &mut wrong.reply {
        calls[0].tool = "missing".into();
    }
    assert_eq!(Server::start(settings(vec![wrong])).await.err().unwrap().to_string(), "no such tool");
}
